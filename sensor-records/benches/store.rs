//! How fast flows are stored, and asked for, beside SQLite alone.
//!
//! The yardstick is the same number of rows of the same columns in one table without an index,
//! in one transaction, on the same disk. `STORE_BENCH_ROWS` takes other numbers than a million
//! flows; `STORE_BENCH_QUERY` fills a store with so many records and asks it.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and ends where anything fails"
)]

use std::{
    env,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
    time::Instant,
};

use rusqlite::{Connection, params};
use sensor_common::{Class, Direction, Fields, FlowKey, FlowValue, Fragment, SlotMask};
use sensor_core::watchlist::{ApprovalId, Handling};
use sensor_records::{
    Address, End, Matched, Notice, Record, RecordId, Under,
    query::{Filter, GroupBy, Reader},
    store::{Batch, Level, Part, Position, Store},
};

const INDICATORS: u32 = 65_536;
const BEGIN: u64 = 1_790_000_000_000_000_000;

fn main() {
    let count = |name, default| {
        env::var(name).map_or(default, |text: String| text.parse().expect("a number"))
    };
    let rows: u32 = count("STORE_BENCH_ROWS", 1_000_000);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let records = records(0, rows);
    let bare = bare(folder.path(), &records);
    println!("{rows} rows in one table without an index: {bare:.2} s");
    let mut store = Store::open(folder.path()).unwrap();
    let told = stored(&mut store, &records);
    println!(
        "ratio to the bare table, without settling: {:.2}",
        told / bare
    );
    drop(store);
    let asked: u32 = count("STORE_BENCH_QUERY", 0);
    if asked > 0 {
        ask(asked);
    }
}

/// Fills a store in commits of a hundred thousand, and asks it.
fn ask(rows: u32) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let (step, mut last) = (100_000, 0.0);
    let begin = Instant::now();
    for from in (0..rows).step_by(100_000) {
        let records = records(from, step.min(rows - from));
        let begin = Instant::now();
        let rows = &records[..];
        store
            .commit(&Batch {
                rows,
                ..Batch::default()
            })
            .unwrap();
        last = seconds(begin);
        store.settle().unwrap();
    }
    println!(
        "{rows} records in commits of {step}: {:.1} s",
        seconds(begin)
    );
    println!("the last of these commits: {last:.2} s");
    drop(store);
    let mut reader = Reader::open(folder.path()).unwrap();
    let prefix = |text: &str| Filter {
        indicator: text.parse().ok(),
        ..Filter::default()
    };
    for (what, filter) in [
        ("an indicator", prefix("11.1.2.0/24")),
        ("another", prefix("11.200.9.0/24")),
        ("256 indicators", prefix("11.7.0.0/16")),
    ] {
        let begin = Instant::now();
        let found = reader.rows(&filter, None, None).unwrap().len();
        println!("rows of {what}: {:.1} ms for {found}", seconds(begin) * 1e3);
        let begin = Instant::now();
        let by = GroupBy::Time(Level::Minute);
        let groups = reader.groups(&filter, by).unwrap();
        let (taken, flows) = (seconds(begin) * 1e3, groups.flows);
        println!(
            "its minutes: {taken:.1} ms, {} of {flows} flows",
            groups.groups.len()
        );
    }
    let begin = Instant::now();
    let minutes = reader
        .groups(&Filter::default(), GroupBy::Time(Level::Minute))
        .unwrap();
    println!(
        "all minutes: {:.1} ms for {}",
        seconds(begin) * 1e3,
        minutes.flows
    );
    let minute = Filter {
        from: Some(BEGIN + 60_000_000_000),
        until: Some(BEGIN + 61_000_000_000),
        ..Filter::default()
    };
    let begin = Instant::now();
    let found = reader.rows(&minute, None, None).unwrap().len();
    println!(
        "rows of a second: {:.1} ms for {found}",
        seconds(begin) * 1e3
    );
    let begin = Instant::now();
    let groups = reader.groups(&Filter::default(), GroupBy::Port).unwrap();
    println!(
        "ports of all, from rows: {:.2} s for {}",
        seconds(begin),
        groups.flows
    );
}

fn seconds(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64()
}

/// Stores parts, and then the rows they became.
fn stored(store: &mut Store, records: &[Record]) -> f64 {
    let parts: Vec<Part> = records.iter().map(part).collect();
    let ended: Vec<RecordId> = records.iter().map(|record| record.id).collect();
    let position = |epoch| {
        Some(Position {
            source: [7; 16],
            epoch,
            ring: 0,
        })
    };
    let begin = Instant::now();
    let (rows, position) = (&[][..], position(1));
    let batch = Batch {
        rows,
        parts: &parts,
        ended: &[],
        position,
    };
    store.commit(&batch).unwrap();
    let with_parts = seconds(begin);
    println!("parts of as many flows: {with_parts:.2} s");
    let begin = Instant::now();
    let batch = Batch {
        rows: records,
        parts: &[],
        ended: &ended,
        position,
    };
    store.commit(&batch).unwrap();
    let with_rows = seconds(begin);
    println!("rows, matches and sums: {with_rows:.2} s");
    let begin = Instant::now();
    store.commit(&Batch::default()).unwrap();
    println!("removing the parts: {:.2} s", seconds(begin));
    let begin = Instant::now();
    store.settle().unwrap();
    println!("settling: {:.2} s", seconds(begin));
    println!("stored: {:.2} s", with_parts + with_rows);
    with_parts + with_rows
}

fn bare(folder: &Path, records: &[Record]) -> f64 {
    let mut connection = Connection::open(folder.join("bare.sqlite")).unwrap();
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .unwrap();
    connection
        .pragma_update(None, "wal_autocheckpoint", 0)
        .unwrap();
    connection
        .pragma_update(None, "synchronous", "FULL")
        .unwrap();
    let columns: Vec<String> = (0..16).map(|number| format!("c{number}")).collect();
    let create = format!("CREATE TABLE flow ({})", columns.join(", "));
    connection.execute(&create, []).unwrap();
    let begin = Instant::now();
    let transaction = connection.transaction().unwrap();
    let insert = format!("INSERT INTO flow VALUES ({})", ["?"; 16].join(", "));
    let mut insert = transaction.prepare(&insert).unwrap();
    for record in records {
        let octets = |address: Address| match address.clear() {
            Some(IpAddr::V4(address)) => address.octets(),
            _ => [0; 4],
        };
        let ports = record.notice.ports.unwrap();
        insert
            .execute(params![
                record.id.0.cast_signed(),
                1,
                1,
                record.notice.start.cast_signed(),
                record.end.cast_signed(),
                0,
                0,
                octets(record.notice.source),
                octets(record.notice.destination),
                record.notice.protocol,
                ports.0,
                ports.1,
                record.packets.cast_signed(),
                record.octets.cast_signed(),
                record.tcp_flags,
                64,
            ])
            .unwrap();
    }
    drop(insert);
    transaction.commit().unwrap();
    seconds(begin)
}

fn part(record: &Record) -> Part {
    Part {
        record: record.id,
        key: FlowKey::default(),
        value: FlowValue {
            packets: record.packets,
            octets: record.octets,
            ..FlowValue::default()
        },
    }
}

fn records(from: u32, rows: u32) -> Vec<Record> {
    let retention = String::from("P6M").try_into().ok();
    let handling = Arc::new(Handling {
        retention,
        ..Handling::default()
    });
    let under = Under {
        slot: 0,
        id: ApprovalId("2026-11".into()),
        fields: Fields::ALL,
        handling,
    };
    (from..from + rows)
        .map(|number| record(number, &under))
        .collect()
}

fn record(number: u32, under: &Under) -> Record {
    // Odd numbers visit every indicator in an order of their own.
    let indicator = number.wrapping_mul(40_503) % INDICATORS;
    let foreign = Ipv4Addr::from(0x0b00_0000 + indicator * 256 + number % 251);
    let matched = Matched {
        end: End::Source,
        prefix: format!("{}/24", Ipv4Addr::from(0x0b00_0000 + indicator * 256))
            .parse()
            .ok(),
        feed: "feeds/command-and-control.txt".into(),
        line: indicator + 1,
        named_by: SlotMask::of(0),
    };
    let start = BEGIN + u64::from(number) * 60_000;
    Record {
        id: RecordId(u64::from(number) + 1),
        notice: Notice {
            approvals: vec![under.clone()],
            class: Class::Transit,
            direction: Direction::Through,
            interface: "eth0".into(),
            vlan: Some(Vec::new()),
            tunnel: None,
            source: Address::Foreign(IpAddr::V4(foreign)),
            destination: Address::Foreign(Ipv4Addr::from(0x0800_0000 + number).into()),
            protocol: Some(6),
            ports: Some((443, 50_000)),
            fragment: Some(Fragment::Whole),
            start,
            indicators: vec![matched],
        },
        end: start + 1_000_000,
        packets: 12,
        octets: 3_400,
        tcp_flags: Some(0x1b),
        ttl: Some((57, 57)),
    }
}
