//! A MISP feed that pymisp wrote: pulled, changed, pulled again, and read by `feed check`.

#![expect(clippy::unwrap_used, reason = "what a test makes is there")]

use std::{fs, path::Path, process::Command};

use sensor_fetch::{
    Client, Endpoint, Hosts, Limits,
    misp::{self, Pulled, Timestamps},
};
use sensor_tests::{command, kept::Kept, peer::Peer, require, requires};
use serde_json::{Value, json};

fn pull(port: u16, known: &Timestamps, folder: &Path) -> Pulled {
    fs::create_dir(folder).unwrap();
    let endpoint = Endpoint::new(&format!("http://127.0.0.1:{port}/")).unwrap();
    let hosts = Hosts::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let client = Client::new(endpoint, hosts, Limits::default()).unwrap();
    misp::pull(&client, known, folder, &mut |_| {}).unwrap()
}

/// What `feed check` says of a folder.
fn check(folder: &Path) -> Value {
    let mut check = Command::new(requires::binary());
    let printed = command::run(check.args(["feed", "check", "--json"]).arg(folder));
    assert_eq!(printed.status, Some(0), "{}", printed.whole());
    serde_json::from_str(&printed.stdout).unwrap()
}

/// Whether so many addresses would be watched, and so many events had one that would not.
fn is_watched(checked: &Value, prefixes: u64, events: u64) {
    assert_eq!(checked["prefixes"], prefixes, "{checked}");
    assert_eq!(checked["refused"], json!({ "not-for-detection": events }));
    assert_eq!(checked["not_expressible"], json!({ "domain": events }));
}

fn counts(pulled: &Pulled) -> [usize; 4] {
    [
        &pulled.new,
        &pulled.changed,
        &pulled.unchanged,
        &pulled.removed,
    ]
    .map(Vec::len)
}

#[test]
fn a_feed_of_pymisp_is_pulled_and_then_what_changed() {
    let python = require!(python);
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("written");
    let mut server = Peer::new(&python, "misp_feed.py", &[written.to_str().unwrap()]);

    let one = folder.path().join("one");
    let first = pull(server.port, &Timestamps::new(), &one);
    assert_eq!(counts(&first), [30, 0, 0, 0]);
    for entry in fs::read_dir(&written).unwrap() {
        let name = entry.unwrap().file_name();
        let same = command::run(
            Command::new("cmp")
                .arg(written.join(&name))
                .arg(one.join(&name)),
        );
        assert_eq!(same.status, Some(0), "{}", same.whole());
    }
    // Of each event two addresses; a domain, which no match says; an address that is no indicator.
    is_watched(&check(&one), 60, 30);

    let nothing = pull(
        server.port,
        &first.timestamps,
        &folder.path().join("nothing"),
    );
    assert_eq!(counts(&nothing), [0, 0, 30, 0]);

    assert_eq!(server.ask("change"), "changed\n");
    let two = folder.path().join("two");
    let second = pull(server.port, &first.timestamps, &two);
    assert_eq!(counts(&second), [1, 1, 28, 1]);
    assert_eq!(fs::read_dir(&two).unwrap().count(), 3);
    assert!(
        second
            .removed
            .iter()
            .all(|uuid| !second.timestamps.contains_key(uuid))
    );
    is_watched(&check(&two), 5, 2);
}

#[test]
fn a_feed_of_pymisp_is_kept_and_only_what_changed_is_fetched_again() {
    let python = require!(python);
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("written");
    let mut server = Peer::new(&python, "misp_feed.py", &[written.to_str().unwrap()]);
    let kept = Kept::new(folder.path(), server.port);
    kept.well(&format!(
        "add misp http://127.0.0.1:{}/ --misp",
        server.port
    ));
    assert_eq!(
        kept.well("pull"),
        "feed misp: 60 prefixes, 60 new, 0 gone\n"
    );
    assert_eq!(kept.well("pull"), "feed misp: unchanged\n");
    assert_eq!(kept.files("misp", 1).len(), 31);
    assert_eq!(server.ask("change"), "changed\n");
    let told = kept.well("pull");
    assert!(told.starts_with("feed misp: 6"), "{told}");
    assert!(!told.ends_with(", 0 new, 0 gone\n"), "{told}");
    // One event is gone, one is new, and the manifest.
    assert_eq!(kept.files("misp", 2).len(), 31);
    assert_eq!(kept.well("pull misp"), "feed misp: unchanged\n");
}
