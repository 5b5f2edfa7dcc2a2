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
    insta::assert_snapshot!(well(folder.path(), &[]), @r##"
    START                    SOURCE                                            DESTINATION                                       PROTO  PACKETS  OCTETS  CLASS    APPROVAL  INDICATORS
    2026-11-22 12:00:00 UTC  192.0.2.7:443                                     pseudonym:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:50000  tcp          3    1500  relay    a         src=192.0.2.0/24@list, of "ours".txt:3
    2026-11-22 12:00:00 UTC  192.0.2.7:443                                     domestic:50000                                    tcp          3    1500  relay    b         src=192.0.2.0/24@list, of "ours".txt:3
    2026-11-22 12:00:01 UTC  pseudonym:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:50000  192.0.2.7:443                                     tcp          3      60  relay    a         src=192.0.2.0/24@list, of "ours".txt:3
    2026-11-22 13:00:00 UTC  2001:db8::1                                       2001:db8::2                                       -            3    1500  transit  b
    3 flows, 9 packets, 3060 octets, each counted once whatever its approvals
    "##);
    insta::assert_snapshot!(well(folder.path(), &["--biflow"]), @r##"
    START                    SOURCE         DESTINATION                                       PROTO  PACKETS >  OCTETS >  < PACKETS  < OCTETS  CLASS    APPROVAL
    2026-11-22 12:00:00 UTC  192.0.2.7:443  pseudonym:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:50000  tcp            3      1500          3        60  relay    a
    2026-11-22 12:00:00 UTC  192.0.2.7:443  domestic:50000                                    tcp            3      1500          0         0  relay    b
    2026-11-22 13:00:00 UTC  2001:db8::1    2001:db8::2                                       -              3      1500          0         0  transit  b
    "##);
    insta::assert_snapshot!(well(folder.path(), &["--group-by", "approval"]), @r##"
    APPROVAL  FLOWS  PACKETS  OCTETS
    b             2        6    3000
    a             2        6    1560
    together 3 flows, 9 packets, 3060 octets
    "##);
    insta::assert_snapshot!(well(folder.path(), &["--group-by", "hour"]), @r##"
    HOUR                  FLOWS  PACKETS  OCTETS
    2026-11-22T12:00:00Z      2        6    1560
    2026-11-22T13:00:00Z      1        3    1500
    together 3 flows, 9 packets, 3060 octets
    from the sums that are kept, also of flows that are kept no longer
    "##);
    insta::assert_snapshot!(well(folder.path(), &["--group-by", "indicator"]), @r##"
    INDICATOR                             FLOWS  PACKETS  OCTETS
    192.0.2.0/24 (list, of "ours".txt:3)      2        6    1560
    together 3 flows, 9 packets, 3060 octets
    "##);
    insta::assert_snapshot!(well(folder.path(), &["--limit", "1"]), @r##"
    START                    SOURCE         DESTINATION                                       PROTO  PACKETS  OCTETS  CLASS  APPROVAL  INDICATORS
    2026-11-22 12:00:00 UTC  192.0.2.7:443  pseudonym:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:50000  tcp          3    1500  relay  a         src=192.0.2.0/24@list, of "ours".txt:3
    1 flow, 3 packets, 1500 octets, each counted once whatever its approvals
    there may be more: --limit ended it here
    "##);
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
    insta::assert_snapshot!(well(folder.path(), &["--json"]), @r##"
    {"type":"flow","class":"relay","direction":"inbound","approvals":["a"],"interface":"eth0","vlan":[6,7],"tunnel":{"type":"vxlan","id":42},"src":"192.0.2.7","dst":"pseudonym:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","src_kind":"foreign","dst_kind":"pseudonym","proto":6,"src_port":443,"dst_port":50000,"packets":3,"octets":1500,"tcp_flags":27,"start":"2026-11-22T12:00:00Z","end":"2026-11-22T12:00:02Z","indicators":[{"prefix":"192.0.2.0/24","end":"src","feed":"list, of \"ours\".txt","line":3}],"fragment":null,"ttl_min":57,"ttl_max":58,"record":1}
    {"type":"flow","class":"relay","direction":"inbound","approvals":["b"],"interface":"eth0","vlan":[6,7],"tunnel":{"type":"vxlan","id":42},"src":"192.0.2.7","dst":"domestic","src_kind":"foreign","dst_kind":"withheld","proto":6,"src_port":443,"dst_port":50000,"packets":3,"octets":1500,"tcp_flags":27,"start":"2026-11-22T12:00:00Z","end":"2026-11-22T12:00:02Z","indicators":[{"prefix":"192.0.2.0/24","end":"src","feed":"list, of \"ours\".txt","line":3}],"fragment":null,"ttl_min":57,"ttl_max":58,"record":1}
    {"type":"flow","class":"relay","direction":"outbound","approvals":["a"],"interface":"eth0","vlan":[6,7],"tunnel":{"type":"vxlan","id":42},"src":"pseudonym:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","dst":"192.0.2.7","src_kind":"pseudonym","dst_kind":"foreign","proto":6,"src_port":50000,"dst_port":443,"packets":3,"octets":60,"tcp_flags":27,"start":"2026-11-22T12:00:01Z","end":"2026-11-22T12:00:03Z","indicators":[{"prefix":"192.0.2.0/24","end":"src","feed":"list, of \"ours\".txt","line":3}],"fragment":null,"ttl_min":57,"ttl_max":58,"record":2}
    {"type":"flow","class":"transit","direction":"through","approvals":["b"],"interface":"eth0","vlan":null,"src":"2001:db8::1","dst":"2001:db8::2","src_kind":"foreign","dst_kind":"foreign","proto":null,"src_port":null,"dst_port":null,"packets":3,"octets":1500,"tcp_flags":null,"start":"2026-11-22T13:00:00Z","end":"2026-11-22T13:00:02Z","indicators":[],"fragment":null,"ttl_min":null,"ttl_max":null,"record":3}
    "##);
    let csv = well(folder.path(), &["--csv"]);
    assert_eq!(csv.matches("\r\n").count(), 5);
    insta::assert_snapshot!(csv.replace('\r', ""), @r##"
    record,approval,class,direction,interface,vlan,tunnel,tunnel_id,src,src_kind,dst,dst_kind,proto,src_port,dst_port,packets,octets,tcp_flags,start,end,fragment,ttl_min,ttl_max,indicators
    1,a,relay,inbound,eth0,6 7,vxlan,42,192.0.2.7,foreign,pseudonym:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,pseudonym,6,443,50000,3,1500,27,2026-11-22T12:00:00Z,2026-11-22T12:00:02Z,,57,58,"src=192.0.2.0/24@list, of ""ours"".txt:3"
    1,b,relay,inbound,eth0,6 7,vxlan,42,192.0.2.7,foreign,domestic,withheld,6,443,50000,3,1500,27,2026-11-22T12:00:00Z,2026-11-22T12:00:02Z,,57,58,"src=192.0.2.0/24@list, of ""ours"".txt:3"
    2,a,relay,outbound,eth0,6 7,vxlan,42,pseudonym:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,pseudonym,192.0.2.7,foreign,6,50000,443,3,60,27,2026-11-22T12:00:01Z,2026-11-22T12:00:03Z,,57,58,"src=192.0.2.0/24@list, of ""ours"".txt:3"
    3,b,transit,through,eth0,,,,2001:db8::1,foreign,2001:db8::2,foreign,,,,3,1500,,2026-11-22T13:00:00Z,2026-11-22T13:00:02Z,,,,
    "##);
    insta::assert_snapshot!(well(folder.path(), &["--json", "--group-by", "pair"]), @r##"
    {"type":"group","by":"pair","key":"192.0.2.7 > pseudonym:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","src_kind":"foreign","dst_kind":"pseudonym","flows":1,"packets":3,"octets":1500}
    {"type":"group","by":"pair","key":"192.0.2.7 > domestic","src_kind":"foreign","dst_kind":"withheld","flows":1,"packets":3,"octets":1500}
    {"type":"group","by":"pair","key":"2001:db8::1 > 2001:db8::2","src_kind":"foreign","dst_kind":"foreign","flows":1,"packets":3,"octets":1500}
    {"type":"group","by":"pair","key":"pseudonym:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa > 192.0.2.7","src_kind":"pseudonym","dst_kind":"foreign","flows":1,"packets":3,"octets":60}
    "##);
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
    insta::assert_snapshot!(printed.stderr, @r##"
    sekisho: approval a: flows that ended before 2026-11-22T12:00:03.000000001Z may be kept no longer
    sekisho: approval b: flows that ended before 2026-11-22T12:00:02.000000001Z may be kept no longer
    "##);
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
    insta::assert_snapshot!(read.stdout, @r##"
    record UBIGINT
    approval VARCHAR
    class VARCHAR
    direction VARCHAR
    interface VARCHAR
    vlan JSON
    tunnel VARCHAR
    tunnel_id BIGINT
    src VARCHAR
    src_kind VARCHAR
    dst VARCHAR
    dst_kind VARCHAR
    proto INTEGER
    src_port INTEGER
    dst_port INTEGER
    packets UBIGINT
    octets UBIGINT
    tcp_flags INTEGER
    start TIMESTAMPTZ_NS
    end TIMESTAMPTZ_NS
    fragment VARCHAR
    ttl_min INTEGER
    ttl_max INTEGER
    indicators JSON
    1, a, relay, inbound, eth0, [6,7], vxlan, 42, 192.0.2.7, foreign, pseudonym:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, pseudonym, 6, 443, 50000, 3, 1500, 27, 1795348800000000000, 1795348802000000000, None, 57, 58, [{"end":"src","feed":"list, of \"ours\".txt","line":3,"prefix":"192.0.2.0/24"}]
    1, b, relay, inbound, eth0, [6,7], vxlan, 42, 192.0.2.7, foreign, domestic, withheld, 6, 443, 50000, 3, 1500, 27, 1795348800000000000, 1795348802000000000, None, 57, 58, [{"end":"src","feed":"list, of \"ours\".txt","line":3,"prefix":"192.0.2.0/24"}]
    2, a, relay, outbound, eth0, [6,7], vxlan, 42, pseudonym:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, pseudonym, 192.0.2.7, foreign, 6, 50000, 443, 3, 60, 27, 1795348801000000000, 1795348803000000000, None, 57, 58, [{"end":"src","feed":"list, of \"ours\".txt","line":3,"prefix":"192.0.2.0/24"}]
    3, b, transit, through, eth0, None, None, None, 2001:db8::1, foreign, 2001:db8::2, foreign, None, None, None, 3, 1500, None, 1795352400000000000, 1795352402000000000, None, None, None, []
    3, 4560
    list, of "ours".txt
    "##);
    // A file that is there is not written over.
    failed_plainly(&flows(folder.path(), &words), 12);
}
