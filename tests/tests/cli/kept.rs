//! `sekisho feed` add, list, show, pull and remove: what they say, and how they end.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    thread::{self, JoinHandle},
};

use sekisho::capped;
use sensor_tests::{
    command::{self, Printed},
    requires,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::failed_plainly;

/// A folder with lists, in which commands about the feeds in `kept` run.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn feed(&self, words: &str) -> Printed {
        let mut command = Command::new(requires::binary());
        command.arg("feed").args(words.split_whitespace());
        command.args(["--feeds", "kept"]).current_dir(self.path());
        command.env("http_proxy", "http://127.0.0.1:9/");
        command::run(&mut command)
    }

    fn over(&self) -> String {
        capped::read_to_string(self.path().join("kept/over.tsv"), 1 << 20).unwrap()
    }

    /// What a command prints that succeeds.
    fn well(&self, words: &str) -> String {
        let printed = self.feed(words);
        assert_eq!(printed.status, Some(0), "{words}: {}", printed.whole());
        printed.stdout
    }

    fn json(&self, words: &str) -> Value {
        serde_json::from_str(&self.well(&format!("{words} --json"))).unwrap()
    }
}

fn filtered() -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "[TIME]");
    settings.add_filter(r"/tmp/[^/ ]+/", "[FOLDER]/");
    settings.add_filter(r" +\d+ (ms|s)\b", " [AGE]");
    settings.bind_to_scope()
}

#[test]
fn a_feed_is_kept_pulled_shown_and_removed() {
    let (desk, _filtered) = (Desk::new(), filtered());
    desk.write("list.txt", "8.8.8.8\n9.9.9.9 7\nexample.org\n10.0.0.1\n");
    desk.write("other.csv", "ip,port\n8.8.8.8,443\n8.8.8.8,\n");
    insta::assert_snapshot!(desk.well("add ours list.txt --every P1D"), @"feed ours is added; 'sekisho feed pull ours --feeds kept' fetches it");
    desk.well("add other other.csv --map value=1,port=2 --half-life P30D");
    insta::assert_snapshot!(desk.well("list"), @r"
    FEED   STATE              AGE    PREFIXES  SOURCE
    other  never pulled         -           -  [FOLDER]/other.csv
    ours   never pulled         -           -  [FOLDER]/list.txt
    ");
    insta::assert_snapshot!(desk.well("pull"), @r"
    feed other: 1 prefix, 2 new, 0 gone
    feed ours: 2 prefixes, 2 new, 0 gone
    ");
    insta::assert_snapshot!(desk.well("list"), @r"
    FEED   STATE              AGE    PREFIXES  SOURCE
    other  ok [AGE]           1  [FOLDER]/other.csv
    ours   ok [AGE]           2  [FOLDER]/list.txt
    ");
    insta::assert_snapshot!(desk.well("show ours"), @r"
    feed ours: ok
      source           [FOLDER]/list.txt
      pulled every     P1D
      last heard of    [TIME]
      last good copy   of [TIME], [AGE] old
                       plain, 39 bytes
             2  prefixes that could be watched
             1  refused: bogon
             1  not expressible: domain
    ");
    insta::assert_snapshot!(desk.well("show 8.8.8.0/24"), @r"
    8.8.8.8/32, confidence 50
      other  line 3  confidence 50, first seen [TIME], last seen [TIME]
      ours  line 1  confidence 50, first seen [TIME], last seen [TIME]
    8.8.8.8/32 on tcp/443, udp/443, dccp/443, sctp/443, udplite/443, confidence 50
      other  line 2  confidence 50, first seen [TIME], last seen [TIME]
    ");
    insta::assert_snapshot!(desk.well("show 1.1.1.1"), @"no feed names 1.1.1.1/32, or a prefix in or around it");
    desk.write("list.txt", "8.8.8.8\n");
    // Half is no more than half.
    insta::assert_snapshot!(desk.well("pull ours"), @"feed ours: 1 prefix, 0 new, 1 gone");
    assert_eq!(desk.well("pull --due"), "");
    let listed = desk.json("list");
    assert_eq!(listed[1]["name"], "ours");
    assert_eq!(listed[1]["state"], "ok");
    assert_eq!(listed[1]["status"]["copy"]["prefixes"], 1);
    let over = desk.over();
    assert!(over.starts_with("9.9.9.9/32\t"), "{over}");
    let known = desk.json("show 8.8.8.8");
    assert_eq!(known["indicators"].as_array().unwrap().len(), 2);
    insta::assert_snapshot!(desk.well("remove ours"), @"feed ours is removed; what it took back stays taken back");
    let over = desk.over();
    assert!(over.starts_with("9.9.9.9/32\t"), "{over}");
}

#[test]
fn what_shrinks_is_held_back_and_what_fails_keeps_its_last_good_copy() {
    let (desk, _filtered) = (Desk::new(), filtered());
    desk.write("list.txt", "1.1.1.1\n2.2.2.2\n3.3.3.3\n");
    desk.well("add ours list.txt");
    desk.well("pull");
    desk.write("list.txt", "1.1.1.1\n");
    let printed = desk.feed("pull");
    assert_eq!((printed.status, printed.stderr.as_str()), (Some(20), ""));
    insta::assert_snapshot!(printed.stdout, @"feed ours: held back, it has shrunk by more than half, from 3 prefixes to 1; the last good copy of 3 prefixes stays; 'sekisho feed pull ours --confirm' takes it");
    insta::assert_snapshot!(desk.well("show ours"), @r"
    feed ours: held back
      source           [FOLDER]/list.txt
      last heard of    [TIME]
      last good copy   of [TIME], [AGE] old
                       plain, 24 bytes
             3  prefixes that could be watched
      held back        since [TIME]: it has shrunk by more than half, from 3 prefixes to 1
                       'sekisho feed pull ours --confirm' takes it
    ");
    fs::remove_file(desk.path().join("list.txt")).unwrap();
    let printed = desk.feed("pull --json");
    assert_eq!(printed.status, Some(19));
    let told: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(told["outcome"], "failed");
    assert_eq!(told["prefixes"], 3);
    insta::assert_snapshot!(desk.well("list"), @r"
    FEED  STATE              AGE    PREFIXES  SOURCE
    ours  failing [AGE]           3  [FOLDER]/list.txt
    ");
    insta::assert_snapshot!(desk.well("pull ours --confirm"), @"feed ours: 1 prefix, 0 new, 2 gone");
    insta::assert_snapshot!(desk.well("show ours"), @r"
    feed ours: ok
      source           [FOLDER]/list.txt
      last heard of    [TIME]
      last good copy   of [TIME], [AGE] old
                       plain, 8 bytes
             1  prefixes that could be watched
    ");
}

#[test]
fn what_cannot_be_kept_is_refused_plainly() {
    let (desk, _filtered) = (Desk::new(), filtered());
    desk.write("list.txt", "1.1.1.1\n");
    failed_plainly(&desk.feed("list"), 7);
    desk.well("add ours list.txt");
    let mut told = String::new();
    for (words, status) in [
        ("add ours list.txt", 2),
        ("add Ours list.txt", 2),
        ("add x ftp://x.example/", 2),
        ("add x https://x.example/ --user me", 2),
        (
            "add x https://www.spamhaus.org/drop/drop.txt --every PT1M",
            2,
        ),
        ("show nothing", 2),
        ("show 1.2.3", 2),
        ("pull nothing", 2),
        ("remove nothing", 2),
    ] {
        let printed = desk.feed(words);
        failed_plainly(&printed, status);
        told += &printed.stderr;
    }
    fs::write(
        desk.path().join("kept/ours/feed.toml"),
        "source = \"/x\"\nsauce = 1\n",
    )
    .unwrap();
    let printed = desk.feed("list");
    failed_plainly(&printed, 7);
    told += &printed.stderr;
    insta::assert_snapshot!(told, @r"
    sekisho: there is a feed 'ours' already: give this one another name, or remove that one with 'sekisho feed remove ours'
    sekisho: 'Ours' is no name of a feed: use lower-case letters, digits and hyphens, 64 at most
    sekisho: source 'ftp://x.example/' is neither http nor https, nor a path
    sekisho: user and header need a secret: name secret_file or credential
    sekisho: every PT1M is too often: https://www.spamhaus.org/drop/drop.txt asks for an hour at least between two pulls; write PT1H
    sekisho: there is no feed 'nothing'; there are: ours
    sekisho: '1.2.3' is neither a feed nor an address or prefix
    sekisho: there is no feed 'nothing'; there are: ours
    sekisho: there is no feed 'nothing'; there are: ours
    sekisho: kept/ours/feed.toml: line 2: unknown field `sauce`, expected one of `source`, `protocol`, `collection`, `format`, `map`, `least_count`, `least_confidence`, `unsaid_confidence`, `half_life`, `every`, `access`
    ");
}

#[test]
fn nothing_is_fetched_from_a_host_that_is_not_listed() {
    let (desk, _filtered) = (Desk::new(), filtered());
    desk.well("add far https://feeds.example/list.txt");
    let printed = desk.feed("pull");
    assert_eq!(printed.status, Some(19));
    insta::assert_snapshot!(printed.stdout, @"feed far: fetching is off: write each host that may be asked on a line of kept/hosts; there is no copy yet");
    desk.write("kept/hosts", "# ours\nother.example\n");
    let printed = desk.feed("pull");
    assert_eq!(printed.status, Some(19));
    insta::assert_snapshot!(printed.stdout, @"feed far: https://feeds.example/list.txt: the host is not allowed. if it is to be asked, add the line 'feeds.example' to the allowed hosts; there is no copy yet");
    desk.write("kept/hosts", "not a host\n");
    let printed = desk.feed("pull");
    assert_eq!(printed.status, Some(19));
    insta::assert_snapshot!(printed.stdout, @"feed far: kept/hosts: line 1: 'not a host' is no host; write a name or an address, with a port if it is another: feeds.example, feeds.example:8443, or http://feeds.example for plain http; there is no copy yet");
}

/// Answers one connection after the other with these bytes, and says what was asked.
fn serve(answers: Vec<String>) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = thread::spawn(move || {
        let answer = |answer: String| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(head).unwrap().to_ascii_lowercase()
        };
        answers.into_iter().map(answer).collect()
    });
    (port, served)
}

fn ok(headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

#[test]
fn a_host_that_misbehaves_leaves_the_last_good_copy() {
    let desk = Desk::new();
    let list = "1.1.1.1\n2.2.2.2\n";
    let (port, served) = serve(vec![
        ok("ETag: \"a\"\r\n", list),
        // Cut off, so asked again; packed though nobody asked so; a page; nothing new.
        ok("", list).replace("16", "99"),
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into(),
        ok("Content-Encoding: gzip\r\n", list),
        ok("", "<html>please log in</html>\n"),
        "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n".into(),
        ok("ETag: \"b\"\r\n", "2.2.2.2\n3.3.3.3\n"),
    ]);
    fs::write(desk.path().join("secret"), "s3cret\n").unwrap();
    let only_own = fs::Permissions::from_mode(0o600);
    fs::set_permissions(desk.path().join("secret"), only_own).unwrap();
    desk.well(&format!(
        "add far http://127.0.0.1:{port}/list.txt --secret-file secret"
    ));
    desk.write("kept/hosts", &format!("http://127.0.0.1:{port}\n"));
    assert_eq!(desk.well("pull"), "feed far: 2 prefixes, 2 new, 0 gone\n");
    for (status, says) in [(19, "404"), (19, "gzip"), (19, "far: it is a web page")] {
        let printed = desk.feed("pull");
        let whole = printed.whole();
        assert_eq!(printed.status, Some(status), "{whole}");
        assert!(printed.stdout.contains(says), "{says}: {whole}");
        assert!(
            printed
                .stdout
                .contains("the last good copy of 2 prefixes stays"),
            "{whole}"
        );
        assert!(!whole.contains("s3cret"), "{whole}");
        let listed = desk.json("list");
        assert_eq!(listed[0]["status"]["copy"]["prefixes"], 2);
    }
    assert_eq!(desk.well("pull"), "feed far: unchanged\n");
    assert_eq!(desk.json("list")[0]["state"], "ok");
    assert_eq!(desk.well("pull"), "feed far: 2 prefixes, 1 new, 1 gone\n");
    assert_eq!(desk.json("list")[0]["state"], "ok");
    let asked = served.join().unwrap();
    assert!(!asked[0].contains("if-none-match"), "{}", asked[0]);
    for asked in &asked {
        assert!(asked.contains("authorization: bearer s3cret"), "{asked}");
    }
    assert!(asked[6].contains("if-none-match: \"a\""), "{}", asked[6]);
}
