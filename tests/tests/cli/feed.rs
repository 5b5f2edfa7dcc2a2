//! `sekisho feed check`: what is counted is what others count, and what is said helps.

use std::{fs, path::Path};

use sensor_tests::require;
use serde_json::Value;

use crate::{failed_plainly, in_folder, sekisho};

/// What is expected of the feeds of the shared data, by `tests/expected/feeds.py`.
const EXPECTED: &str = include_str!("../../expected/feeds.tsv");

fn counts(value: &Value) -> String {
    let each = value.as_object().unwrap().iter();
    let each: Vec<String> = each
        .map(|(name, count)| format!("{name}={count}"))
        .collect();
    if each.is_empty() {
        "-".into()
    } else {
        each.join(",")
    }
}

fn check(path: &Path, more: &[&str]) -> Value {
    let path = path.display().to_string();
    let printed = sekisho(&[&["feed", "check", "--json", &path], more].concat());
    assert_eq!(printed.status, Some(0), "{}", printed.whole());
    serde_json::from_str(&printed.stdout).unwrap()
}

fn as_expected(folder: &str, data: &Path) {
    let rows = EXPECTED
        .lines()
        .filter(|row| row.starts_with(&format!("{folder}/")));
    let mut read = 0;
    for row in rows {
        let (file, expected) = row.split_once('\t').unwrap();
        let name = file.split_once('/').unwrap().1;
        let found = check(&data.join(name), &[]);
        let told = [
            found["format"].as_str().unwrap().to_owned(),
            found["prefixes"].to_string(),
            counts(&found["refused"]),
            counts(&found["not_expressible"]),
        ];
        assert_eq!(told.join("\t"), expected, "{file}");
        read += 1;
    }
    let there = data.read_dir().unwrap().count();
    assert_eq!(read, there, "every file of {folder} is expected");
}

#[test]
fn lists_give_what_others_count() {
    as_expected("feeds", &require!(data "feeds"));
}

#[test]
fn bundles_give_what_others_count() {
    as_expected("stix", &require!(data "stix"));
}

#[test]
fn events_give_what_others_count() {
    as_expected("misp", &require!(data "misp"));
}

#[test]
fn what_is_refused_is_told_with_file_line_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.csv");
    let text = "ip,port\n8.8.8.8,53\n8.8.8.8,54\n10.0.0.1,1\nx.example,1\n0.0.0.0/0,\n9.9.9.9,\n";
    fs::write(&list, text).unwrap();
    let path = list.display().to_string();
    let printed = sekisho(&["feed", "check", &path]);
    assert_eq!(printed.status, Some(0), "{}", printed.whole());
    insta::assert_snapshot!(in_folder(&printed.stdout, folder.path()), @r#"
    feed [FOLDER]/list.csv: csv
             2  would be watched, 1 of them on some ports only
             1  repeated
             1  refused: bogon
             1  refused: default-route
             1  not expressible: domain
    [FOLDER]/list.csv:4: 10.0.0.1/32 is or holds private use (10.0.0.0/8, RFC 1918), where no server of the Internet is; leave it out [bogon]
    [FOLDER]/list.csv:6: 0.0.0.0/0 is every address; name what to watch for [default-route]
    [FOLDER]/list.csv:5: a domain or host name [domain]
    "#);
    let found = check(&list, &["--own", "9.9.0.0/16", "--class", "transit"]);
    assert_eq!(found["refused"]["own-network"], 1);
    assert_eq!(found["prefixes"], 1);
}

#[test]
fn several_feeds_are_told_together_and_a_folder_is_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "8.8.8.8\n9.9.9.9\n").unwrap();
    fs::write(folder.path().join("b.csv"), "ip,x\n8.8.8.8,y\nbad!,y\n").unwrap();
    let found = check(folder.path(), &[]);
    assert_eq!(
        (&found["format"], &found["prefixes"]),
        (&"several".into(), &2.into())
    );
    assert_eq!(found["files"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_no_feed_is_said_plainly() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("page.html"), "<!DOCTYPE html><html></html>").unwrap();
    fs::write(path("cut.json"), "{\"objects\": [").unwrap();
    failed_plainly(&sekisho(&["feed", "check", &path("page.html")]), 9);
    failed_plainly(&sekisho(&["feed", "check", &path("cut.json")]), 9);
    failed_plainly(&sekisho(&["feed", "check", &path("missing")]), 7);
}

#[test]
fn packets_of_a_capture_are_counted_and_nothing_else_is_told() {
    require!(privilege);
    let captures = require!(data "pcap");
    let list = tempfile::NamedTempFile::new().unwrap();
    fs::write(list.path(), "8.8.8.8\n").unwrap();
    let capture = captures
        .read_dir()
        .unwrap()
        .filter_map(Result::ok)
        .map(|file| file.path());
    let capture = capture
        .filter(|path| path.extension().is_some_and(|end| end == "pcap"))
        .min();
    let capture = capture.unwrap().display().to_string();
    let found = check(list.path(), &["--replay", &capture]);
    assert!(found["matched_packets"].is_u64(), "{found}");
}
