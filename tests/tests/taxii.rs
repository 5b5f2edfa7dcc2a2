//! Collections of a real TAXII server, medallion, with objects that are added meanwhile.

#![expect(clippy::unwrap_used, reason = "what a test makes is there")]

use std::{
    collections::BTreeSet,
    env, fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    time::Duration,
};

use base64ct::{Base64, Encoding as _};
use sekisho::capped;
use sensor_fetch::{
    Client, Credential, Endpoint, Hosts, Limits, Progress, Secret,
    taxii::{self, Pulled},
};
use sensor_tests::{command, kept::Kept, peer::Peer, require};
use serde_json::{Value, json};

const COLLECTION: &str = "91a7b528-80eb-42ed-a74d-c6fbd5a26116";

/// A client of what lies below such a path.
fn client(port: u16, path: &str, password: &str) -> Client {
    let mut endpoint = Endpoint::new(&format!("http://127.0.0.1:{port}{path}")).unwrap();
    endpoint.credential = Some(Credential::Basic {
        user: "sensor".into(),
        password: Secret::new(password),
    });
    let limits = Limits {
        // It looks at all objects before it sends the first.
        idle: Duration::from_mins(2),
        ..Limits::default()
    };
    let hosts = Hosts::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    Client::new(endpoint, hosts, limits).unwrap()
}

fn collection(port: u16) -> Client {
    client(port, &format!("/root/collections/{COLLECTION}/"), "s3cret")
}

/// Pulls, and calls `between` after so many pages.
fn pull(
    client: &Client,
    after: Option<&str>,
    into: &Path,
    mut between: impl FnMut(u64),
) -> (Pulled, Vec<String>) {
    let mut file = fs::File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(into)
        .unwrap();
    let mut progress = |progress: Progress| {
        if let Progress::Page { pages, .. } = progress {
            between(pages);
        }
    };
    let pulled = taxii::pull(client, after, &mut file, &mut progress).unwrap();
    let bundle: Value = serde_json::from_slice(&capped::read(into, 1 << 30).unwrap()).unwrap();
    let objects = bundle["objects"].as_array().unwrap();
    let ids = objects
        .iter()
        .map(|object| object["id"].as_str().unwrap().to_owned());
    (pulled, ids.collect())
}

/// The id of an indicator that is added later.
fn later(number: u32) -> String {
    format!("indicator--00000000-0000-4000-8000-{number:012}")
}

/// Adds indicators to the collection, as a person with the right to does.
fn add(port: u16, numbers: impl Iterator<Item = u32>) {
    let objects: Vec<_> = numbers
        .map(|number| {
            json!({
                "type": "indicator",
                "spec_version": "2.1",
                "id": later(number),
                "created": "2024-06-01T00:00:00.000Z",
                "modified": "2024-06-01T00:00:00.000Z",
                "pattern": format!("[ipv4-addr:value = '203.0.113.{}']", number % 256),
                "pattern_type": "stix",
                "valid_from": "2024-06-01T00:00:00Z",
            })
        })
        .collect();
    let body = json!({ "objects": objects }).to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "POST /root/collections/{COLLECTION}/objects/ HTTP/1.0\r\n\
         Authorization: Basic {}\r\nAccept: application/taxii+json;version=2.1\r\n\
         Content-Type: application/taxii+json;version=2.1\r\nContent-Length: {}\r\n\r\n{body}",
        Base64::encode_string(b"sensor:s3cret"),
        body.len()
    )
    .unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer[9..], b"202", "{}", String::from_utf8_lossy(&answer));
    // Until it has answered, and so added, all of it.
    std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
}

/// Pulls a collection of so many while a hundred are added, then what is new.
fn all_arrive_once(count: u64, page: u64) {
    let python = require!(python);
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle.json");
    let counts = [count, page].map(|number| number.to_string());
    let server = Peer::new(&python, "medallion_server.py", &[&counts[0], &counts[1]]);
    let client = collection(server.port);

    let mut added = 0;
    let (first, ids) = pull(&client, None, &bundle, |pages| {
        if [1, 3, 5, 8].contains(&pages) {
            add(server.port, added..added + 25);
            added += 25;
        }
    });
    assert_eq!(added, 100);
    assert_eq!(first.objects, u64::try_from(ids.len()).unwrap());
    assert_eq!(first.pages, count.div_ceil(page), "{first:?}");
    let mut all: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(all.len(), ids.len(), "an object is there twice");
    // What was there when the pull began is there; what came later may be.
    assert!(
        first.objects >= count && first.objects <= count + 100,
        "{first:?}"
    );

    let after = first.added_after.clone().unwrap();
    let (second, ids) = pull(&client, Some(&after), &bundle, |_| {});
    let again = ids.iter().filter(|id| all.contains(*id)).count();
    // Of the last millisecond only.
    assert!(again <= 25, "{again} objects came again: {second:?}");
    all.extend(ids);
    let expected = usize::try_from(count).unwrap() + 100;
    assert_eq!(all.len(), expected, "{first:?} {second:?}");
    assert!((0..100).all(|number| all.contains(&later(number))));

    // Nothing was added since: what comes is what came last.
    let after = second.added_after.unwrap();
    let (third, ids) = pull(&client, Some(&after), &bundle, |_| {});
    assert!(
        ids.len() <= 25 && ids.iter().all(|id| all.contains(id)),
        "{third:?}"
    );
}

#[test]
fn fifty_thousand_indicators_arrive_once_while_others_are_added() {
    all_arrive_once(50_000, 1000);
}

/// Without anything of medallion replaced.
#[test]
fn few_indicators_arrive_once_from_medallion_as_it_is() {
    all_arrive_once(300, 30);
}

#[test]
fn collections_are_discovered_and_a_wrong_password_is_told() {
    let python = require!(python);
    let server = Peer::new(&python, "medallion_server.py", &["10", "10"]);
    let found = taxii::discover(&client(server.port, "/", "s3cret"), &mut |_| {}).unwrap();
    assert_eq!(found.title, "Test");
    assert!(found.unread.is_empty(), "{:?}", found.unread);
    let shown: Vec<_> = found
        .collections
        .iter()
        .map(|one| (one.title.as_str(), one.can_read, one.media_types.len()))
        .collect();
    assert_eq!(shown, [("Indicators", true, 1), ("Closed", false, 1)]);
    assert!(
        found.collections[0]
            .url
            .path()
            .ends_with(&format!("/{COLLECTION}/"))
    );

    let error = taxii::discover(&client(server.port, "/", "wr0ng"), &mut |_| {}).unwrap_err();
    assert_eq!(error.kind, sensor_fetch::Kind::Status(401));
    assert!(
        error.to_string().contains("check the credential"),
        "{error}"
    );

    let closed = format!("/root/collections/{}/", found.collections[1].id);
    let mut file = tempfile::tempfile().unwrap();
    let refused = taxii::pull(
        &client(server.port, &closed, "s3cret"),
        None,
        &mut file,
        &mut |_| {},
    );
    assert_eq!(refused.unwrap_err().kind, sensor_fetch::Kind::Status(403));
}

/// Where there are no servers of feeds, a test says so; where CI=true, it fails.
#[test]
fn a_machine_without_servers_of_feeds_is_told_of() {
    let run = |ci: &str| {
        let mut command = Command::new(env::current_exe().unwrap());
        command::run(
            command
                .args(["--exact", "--nocapture"])
                .arg("few_indicators_arrive_once_from_medallion_as_it_is")
                .env("SEKISHO_VENV", "/nonexistent")
                .env("CI", ci),
        )
    };
    let skipped = run("false");
    assert_eq!(skipped.status, Some(0), "{}", skipped.whole());
    let says = "no servers of feeds in /nonexistent ('cargo xtask setup' installs them)";
    assert!(
        skipped.stderr.contains(&format!("skipped: {says}")),
        "{}",
        skipped.whole()
    );
    let failed = run("true");
    assert_eq!(failed.status, Some(101), "{}", failed.whole());
    assert!(
        failed.whole().contains("may not be skipped where CI=true"),
        "{}",
        failed.whole()
    );
}

#[test]
fn a_collection_is_kept_and_only_what_was_added_is_fetched_again() {
    let python = require!(python);
    let folder = tempfile::tempdir().unwrap();
    let server = Peer::new(&python, "medallion_server.py", &["300", "30"]);
    let kept = Kept::new(folder.path(), server.port);
    kept.secret("s3cret");
    kept.well(&format!(
        "add cti http://127.0.0.1:{}/root/ --taxii {COLLECTION} --user sensor --secret-file secret",
        server.port
    ));
    let told = kept.well("pull");
    assert!(told.ends_with(" new, 0 gone\n"), "{told}");
    assert_eq!(kept.files("cti", 1), ["part-0000.json"]);
    add(server.port, 0..25);
    let told = kept.well("pull");
    assert!(told.ends_with(" 25 new, 0 gone\n"), "{told}");
    assert_eq!(kept.files("cti", 2), ["part-0000.json", "part-0001.json"]);
    let shown = kept.well("show 203.0.113.7");
    assert!(shown.contains(&later(7)), "{shown}");
    // What stands at the boundary of time comes again, and is nothing new.
    assert!(!kept.well("pull").contains("1 new"));
}
