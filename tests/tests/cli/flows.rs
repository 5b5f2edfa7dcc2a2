//! `sekisho flows`: what it prints of a store, and what others read of its files.

use std::{fs, path::Path, process::Command, sync::Arc};

use sekisho::{
    capped,
    records::{
        Address, End, Matched, Notice, Pseudonym, Record, RecordId, Under,
        store::{Batch, Store},
    },
    watchlist::{ApprovalId, Handling},
};
use sensor_common::{Class, Direction, Fields, Fragment, SlotMask, TunnelKind};
use sensor_tests::{
    command::{self, Printed},
    require, requires,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::failed_plainly;

const SECOND: u64 = 1_000_000_000;

/// 2026-11-22T12:00:00Z.
const NOON: u64 = 1_795_348_800 * SECOND;

fn under(name: &str) -> Under {
    let retention = String::from("P7D").try_into().ok();
    Under {
        slot: 0,
        id: ApprovalId(name.into()),
        fields: Fields::ALL,
        handling: Arc::new(Handling {
            retention,
            recipients: None,
        }),
    }
}

fn foreign(text: &str) -> Address {
    Address::Foreign(text.parse().unwrap())
}

/// A row of a flow that began so many seconds after noon.
fn row(id: u64, approval: &str, (source, destination): (Address, Address), after: u64) -> Record {
    let indicator = Matched {
        end: End::Source,
        prefix: "192.0.2.0/24".parse().ok(),
        feed: "list, of \"ours\".txt".into(),
        line: 3,
        named_by: SlotMask::of(0),
    };
    let start = NOON + after * SECOND;
    Record {
        id: RecordId(id),
        notice: Notice {
            approvals: vec![under(approval)],
            class: Class::Relay,
            direction: Direction::Inbound,
            interface: "eth0".into(),
            vlan: Some(vec![6, 7]),
            tunnel: Some((TunnelKind::Vxlan, 42)),
            source,
            destination,
            protocol: Some(6),
            ports: Some((443, 50_000)),
            fragment: Some(Fragment::Whole),
            start,
            indicators: vec![indicator],
        },
        end: start + 2 * SECOND,
        packets: 3,
        octets: 1500,
        tcp_flags: Some(27),
        ttl: Some((57, 58)),
    }
}

/// A store with a flow under two approvals, its answer, and a flow of IPv6 that tells little.
fn filled() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pseudonym = |byte| Address::Pseudonym(Pseudonym([byte; 16]));
    let there = foreign("192.0.2.7");
    let mut answer = row(2, "a", (pseudonym(0xaa), there), 1);
    answer.notice.direction = Direction::Outbound;
    answer.notice.ports = Some((50_000, 443));
    answer.octets = 60;
    let ends = (foreign("2001:db8::1"), foreign("2001:db8::2"));
    let mut bare = row(3, "b", ends, 3600);
    bare.notice.class = Class::Transit;
    bare.notice.direction = Direction::Through;
    bare.notice.indicators.clear();
    bare.notice.tunnel = None;
    (bare.notice.vlan, bare.notice.protocol, bare.notice.ports) = (None, None, None);
    (bare.notice.fragment, bare.tcp_flags, bare.ttl) = (None, None, None);
    let rows = [
        row(1, "a", (there, pseudonym(0xaa)), 0),
        row(1, "b", (there, Address::Withheld), 0),
        answer,
        bare,
    ];
    let mut store = Store::open(folder.path()).unwrap();
    store
        .commit(&Batch {
            rows: &rows,
            ..Batch::default()
        })
        .unwrap();
    folder
}

fn flows(folder: &Path, words: &[&str]) -> Printed {
    let mut command = Command::new(requires::binary());
    command.arg("flows").arg("--store").arg(folder).args(words);
    command::run(&mut command)
}

fn well(folder: &Path, words: &[&str]) -> String {
    let printed = flows(folder, words);
    assert_eq!(printed.status, Some(0), "{}", printed.whole());
    printed.stdout
}

fn objects(folder: &Path, words: &[&str]) -> Vec<Value> {
    let text = well(folder, &[words, &["--json"]].concat());
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_table_shows_rows_and_sums_them_by_record() {
    let folder = filled();
    insta::assert_snapshot!(well(folder.path(), &[]));
    insta::assert_snapshot!(well(folder.path(), &["--biflow"]));
    insta::assert_snapshot!(well(folder.path(), &["--group-by", "approval"]));
    insta::assert_snapshot!(well(folder.path(), &["--group-by", "hour"]));
    insta::assert_snapshot!(well(folder.path(), &["--group-by", "indicator"]));
    insta::assert_snapshot!(well(folder.path(), &["--limit", "1"]));
    assert_eq!(well(folder.path(), &["--approval", "c"]), "no flows\n");
}

#[test]
fn filters_take_what_they_say_and_nothing_else() {
    let folder = filled();
    let numbers = |words: &[&str]| -> Vec<u64> {
        let objects = objects(folder.path(), words);
        objects
            .iter()
            .map(|object| object["record"].as_u64().unwrap())
            .collect()
    };
    let pseudonym = format!("pseudonym:{}", "aa".repeat(16));
    for (words, expected) in [
        (&["--from", "2026-11-22T12:30:00Z"][..], &[3][..]),
        (&["--until", "2026-11-22T12:00:01Z"], &[1, 1]),
        (&["--from", "-1s"], &[]),
        (&["--address", "192.0.2.0/24"], &[1, 1, 2]),
        (&["--src", "192.0.2.7"], &[1, 1]),
        (&["--dst", &pseudonym], &[1]),
        (&["--address", "2001:db8::/32"], &[3]),
        (&["--indicator", "192.0.0.0/16"], &[1, 1, 2]),
        (&["--indicator", "192.0.2.0/25"], &[]),
        (&["--feed", "list, of \"ours\".txt"], &[1, 1, 2]),
        (&["--approval", "b"], &[1, 3]),
        (&["--class", "transit"], &[3]),
        (&["--direction", "outbound"], &[2]),
        (&["--port", "443", "--port", "1"], &[1, 1, 2]),
        (&["--port", "80"], &[]),
        (&["--proto", "tcp"], &[1, 1, 2]),
        (&["--interface", "eth1"], &[]),
        (&["--sort", "start", "--limit", "2"], &[3, 2]),
        (&["--sort", "octets", "--ascending", "--limit", "1"], &[2]),
    ] {
        assert_eq!(numbers(words), expected, "{words:?}");
    }
}

#[test]
fn json_and_csv_have_the_names_of_json_lines() {
    let folder = filled();
    insta::assert_snapshot!(well(folder.path(), &["--json"]));
    let csv = well(folder.path(), &["--csv"]);
    assert_eq!(csv.matches("\r\n").count(), 5);
    insta::assert_snapshot!(csv.replace('\r', ""));
    insta::assert_snapshot!(well(folder.path(), &["--json", "--group-by", "pair"]));
    let biflow = objects(folder.path(), &["--biflow"]);
    assert_eq!(biflow[0]["octets"], 1500);
    assert_eq!(biflow[0]["reverse_octets"], 60);
}

#[test]
fn what_is_kept_no_longer_is_said() {
    let folder = filled();
    let mut store = Store::open(folder.path()).unwrap();
    let week = 7 * 86_400 * SECOND;
    assert_eq!(
        store.erase_expired(NOON + week + 60 * SECOND, 100).unwrap(),
        3
    );
    drop(store);
    let printed = flows(folder.path(), &["--json"]);
    insta::assert_snapshot!(printed.stderr);
    assert!(
        printed
            .stdout
            .starts_with(r#"{"type":"kept","approval":"a","#),
        "{}",
        printed.stdout
    );
    assert_eq!(
        flows(folder.path(), &["--from", "2026-11-22T12:10:00Z"]).stderr,
        ""
    );
    let sums = objects(folder.path(), &["--group-by", "day"]);
    assert_eq!(sums[0]["flows"], 3, "sums stay: {sums:?}");
}

#[test]
fn what_cannot_be_asked_is_refused_with_a_word() {
    let folder = filled();
    for (words, status) in [
        (&["--from", "yesterday"][..], 2),
        (&["--address", "example.org"], 2),
        (&["--class", "domestic"], 2),
        (&["--proto", "300"], 2),
        (&["--sort", "flows"], 2),
        (&["--group-by", "source", "--sort", "start"], 2),
    ] {
        failed_plainly(&flows(folder.path(), words), status);
    }
    let empty = tempfile::tempdir().unwrap();
    let printed = flows(empty.path(), &[]);
    failed_plainly(&printed, 22);
    assert!(
        printed.stderr.contains("there is no store in"),
        "{}",
        printed.stderr
    );
    let noise = empty.path().join("records.sqlite");
    fs::write(&noise, [7; 5000]).unwrap();
    failed_plainly(&flows(empty.path(), &[]), 22);
    assert_eq!(
        capped::read(&noise, 5000).unwrap(),
        [7; 5000],
        "a reader changes nothing"
    );
}

#[test]
fn duckdb_reads_the_parquet() {
    let python = require!(python);
    let folder = filled();
    let file = folder.path().join("flows.parquet");
    let words = ["--parquet", file.to_str().unwrap()];
    let printed = flows(folder.path(), &words);
    assert_eq!(printed.stdout, "", "{}", printed.whole());
    assert_eq!(printed.status, Some(0), "{}", printed.whole());
    let script = "
import duckdb, sys
def rows(query):
    found = duckdb.sql(query).fetchall()
    return [[None if value is None else str(value) for value in row] for row in found]
file = sys.argv[1]
for query in [
    f\"select column_name || ' ' || column_type from (describe select * from '{file}')\",
    f\"select * replace (epoch_ns(start) as start, epoch_ns(\\\"end\\\") as \\\"end\\\") from '{file}'\",
    f\"select count(distinct record), sum(octets) from '{file}'\",
    f\"select indicators->0->>'feed' from '{file}' where record = 2\",
]:
    for row in rows(query):
        print(*row, sep=', ')";
    let mut command = Command::new(python);
    let read = command::run(command.args(["-c", script]).arg(&file));
    assert_eq!(read.status, Some(0), "{}", read.whole());
    insta::assert_snapshot!(read.stdout);
    // A file that is there is not written over.
    failed_plainly(&flows(folder.path(), &words), 12);
}
