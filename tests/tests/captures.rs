//! Real captures: what `sekisho replay` counts equals what tshark read.
//!
//! `tests/expected` has tshark's counts; its `make.sh` makes them anew.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own assumptions do"
)]

use std::{collections::BTreeMap, net::Ipv4Addr, path::Path, process::Command};

use sekisho::{
    capped,
    kernel::{Datapath as _, Options, Replayer},
    places::Flat,
    settings::lab,
    watchlist::{Moment, compile, in_order},
};
use sensor_common::{Place, ReplayContext, Stat, Verdict};
use sensor_tests::{packet::Packet, require, requires};
use serde_json::Value;

const EXPECTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/expected");

/// Source, destination, protocol, ports and VLAN ids, as text.
type Key = (String, String, String, String, String, String);

/// Rows of a table of tab-separated values, its comments and head left out.
fn rows(table: &str) -> Vec<Vec<String>> {
    let text = capped::read_to_string(format!("{EXPECTED}/{table}"), 1 << 20).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1)
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

/// Packets and octets of the plain flows of a capture.
fn expected_flows(capture: &str) -> BTreeMap<Key, (u64, u64)> {
    let mut flows = BTreeMap::new();
    let doubtful = rows("doubtful.tsv")
        .into_iter()
        .filter(|row| row[0] == "count");
    let doubtful = doubtful.map(|row| {
        let mut columns = vec![row[1].clone()];
        columns.extend_from_slice(&row[3..11]);
        columns
    });
    for row in rows("flows.tsv").into_iter().chain(doubtful) {
        let [
            name,
            source,
            destination,
            protocol,
            from,
            to,
            vlans,
            packets,
            octets,
        ] = <[String; 9]>::try_from(row).unwrap();
        if name == capture {
            let counts: &mut (u64, u64) = flows
                .entry((source, destination, protocol, from, to, vlans))
                .or_default();
            counts.0 += packets.parse::<u64>().unwrap();
            counts.1 += octets.parse::<u64>().unwrap();
        }
    }
    flows
}

fn replay(file: &Path) -> Vec<Value> {
    let output = Command::new(requires::binary())
        .arg("replay")
        .arg(file)
        .args(["--watch", "0.0.0.0/0", "--watch", "::/0", "--lab", "--json"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}: {errors}",
        file.display()
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The flows of TCP, UDP, ICMP and `ICMPv6` that are no fragments.
fn plain_flows(objects: &[Value]) -> BTreeMap<Key, (u64, u64)> {
    let mut flows: BTreeMap<Key, (u64, u64)> = BTreeMap::new();
    for flow in objects.iter().filter(|object| object["type"] == "flow") {
        let protocol = flow["proto"].as_u64().unwrap();
        if !flow["fragment"].is_null() || ![1, 6, 17, 58].contains(&protocol) {
            continue;
        }
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let port = |value: &Value| value.as_u64().map_or("-".into(), |port| port.to_string());
        let vlans: Vec<String> = flow["vlan"]
            .as_array()
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        let key = (
            text(&flow["src"]),
            text(&flow["dst"]),
            protocol.to_string(),
            port(&flow["src_port"]),
            port(&flow["dst_port"]),
            if vlans.is_empty() {
                "-".into()
            } else {
                vlans.join(",")
            },
        );
        let counts = flows.entry(key).or_default();
        counts.0 += flow["packets"].as_u64().unwrap();
        counts.1 += flow["octets"].as_u64().unwrap();
    }
    flows
}

#[test]
fn every_capture_is_counted_as_tshark_reads_it() {
    require!(privilege);
    let folder = require!(data "pcap");
    let mut links = BTreeMap::new();
    for row in &rows("captures.tsv") {
        let (name, frames) = (&row[0], row[2].parse::<u64>().unwrap());
        let objects = replay(&folder.join(name));
        let summary = objects.last().unwrap();
        assert_eq!(
            (&summary["type"], &summary["replay"]),
            (&"summary".into(), &true.into())
        );
        assert_eq!(summary["seen"], frames, "{name}: seen");
        let sum = |map: &Value| -> u64 {
            map.as_object()
                .unwrap()
                .values()
                .map(|count| count.as_u64().unwrap())
                .sum()
        };
        assert_eq!(sum(&summary["verdicts"]), frames, "{name}: verdicts");
        for (verdict, reasons) in [("malformed", "malformed"), ("unsupported", "unsupported")] {
            assert_eq!(
                summary["verdicts"][verdict],
                sum(&summary[reasons]),
                "{name}: {reasons}"
            );
        }
        let recorded = summary["verdicts"]["recorded"].as_u64().unwrap();
        let count = |stage: &str| summary["lost"][stage].as_u64().unwrap();
        let in_flows: u64 = objects
            .iter()
            .filter(|object| object["type"] == "flow")
            .map(|flow| flow["packets"].as_u64().unwrap())
            .sum();
        assert_eq!(
            in_flows + count("flow_table") + count("limiter"),
            recorded,
            "{name}: recorded"
        );
        assert_eq!(
            plain_flows(&objects),
            expected_flows(name),
            "{name}: plain flows"
        );
        *links.entry(row[1].clone()).or_default() += 1;
    }
    let expected = [
        ("chdlc", 1),
        ("ether", 37),
        ("linux-sll2", 1),
        ("null", 1),
        ("ppp", 2),
        ("rawip4", 1),
        ("rawip6", 1),
    ];
    let expected: BTreeMap<String, u32> = expected
        .map(|(link, captures)| (link.to_owned(), captures))
        .into();
    assert_eq!(links, expected, "captures in the table");
}

#[test]
fn ipsum_loads_whole() {
    require!(privilege);
    let feeds = require!(data "feeds");
    let capture = require!(data "pcap").join("bug-4663-02-icmp.pcap");
    for (feed, indicators) in [("ipsum-level3.txt", 14_217), ("ipsum-counts.txt", 59_993)] {
        let path = feeds.join(feed);
        let decoded = sekisho::feeds::load(&path, sekisho::feeds::plain::Shortest::POLICY).unwrap();
        assert_eq!(decoded.bad, [], "{feed}");
        assert_eq!(
            decoded.prefixes.len() + decoded.repeated,
            indicators,
            "{feed}"
        );
        let output = Command::new(requires::binary())
            .arg("replay")
            .arg(&capture)
            .arg("--feed")
            .arg(&path)
            .args(["--lab", "--json"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{feed}");
        assert!(output.stderr.is_empty(), "{feed}: a bad line was reported");
    }
}

/// The first, the middle and the last address of the feed match in the kernel, and the
/// address after each, where the feed does not have it, does not.
#[test]
fn ipsum_is_whole_in_the_kernel() {
    require!(privilege);
    let path = require!(data "feeds").join("ipsum-counts.txt");
    let decoded = sekisho::feeds::load(&path, sekisho::feeds::plain::Shortest::POLICY).unwrap();
    let listed: std::collections::BTreeSet<Ipv4Addr> = (decoded.prefixes.iter())
        .filter_map(|(prefix, _)| match prefix.network() {
            std::net::IpAddr::V4(address) => Some(address),
            std::net::IpAddr::V6(_) => None,
        })
        .collect();
    let mut watchlist = sekisho::watchlist::Watchlist::default();
    watchlist.share_feed("ipsum".into(), std::sync::Arc::new(decoded.prefixes));
    let places = std::sync::Arc::new(Flat::everywhere(Place::Foreign));
    let approvals = in_order(&[lab::replay()]);
    let tables = compile(&watchlist, &approvals, places, 1, Moment::default()).tables;
    let mut kernel = Replayer::load(Options::new(true)).unwrap();
    kernel.publish(&tables).unwrap();
    let (mut sent, mut watched) = (0, 0);
    for address in listed.iter().step_by(7).chain(listed.last()) {
        let next = Ipv4Addr::from(u32::from(*address).wrapping_add(1));
        for source in [*address, next] {
            let frame = Packet::v4(source.octets(), [0, 0, 0, 1]).udp(1, 2).build();
            let wire_length = u32::try_from(frame.len()).unwrap();
            let context = ReplayContext {
                wire_length,
                ..ReplayContext::default()
            };
            kernel.run(&frame, context).unwrap();
            sent += 1;
            watched += u64::from(listed.contains(&source));
        }
    }
    let counters = kernel.counters().unwrap();
    let of = |verdict| counters[Stat::Verdict(verdict).cell()];
    assert!(watched > 8_000, "{watched}");
    assert_eq!(of(Verdict::Recorded), watched);
    assert_eq!(of(Verdict::NoMatch), sent - watched);
}
