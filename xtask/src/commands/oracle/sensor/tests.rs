use serde_json::json;

use super::*;

fn line(start: &str, ports: bool) -> Value {
    json!({
        "type": "flow", "src": "192.0.2.1", "dst": "198.51.100.7", "proto": 17,
        "src_port": ports.then_some(53), "dst_port": ports.then_some(1024),
        "packets": 2, "octets": 56, "start": start,
    })
}

#[test]
fn records_of_one_flow_add_up_whatever_their_tags_and_fragments() {
    let mut replay = Replay::default();
    for ports in [true, true, false] {
        replay.add(&line("1970-01-01T00:00:00Z", ports)).unwrap();
    }
    let counts: Vec<(Option<(u16, u16)>, u64)> = replay
        .flows
        .iter()
        .map(|(flow, count)| (flow.ports, count.packets))
        .collect();
    assert_eq!(counts, [(None, 2), (Some((53, 1024)), 4)]);
}

#[test]
fn the_begin_of_a_record_says_which_packet_it_is_of() {
    let at = |start: &str| position(&line(start, true), 1_700_000_000).unwrap();
    assert_eq!(at("2023-11-14T22:13:20.5Z"), Some(0));
    assert_eq!(at("2023-11-14T22:16:40.5Z"), Some(2));
    assert_eq!(at("2023-11-14T22:16:41Z"), None);
    assert_eq!(at("1970-01-01T00:00:00Z"), None);
}

#[test]
fn reasons_stand_for_their_verdict() {
    let summary = json!({
        "type": "summary",
        "verdicts": {"not_ip": 2, "malformed": 3, "unsupported": 0, "recorded": 9},
        "malformed": {"truncated": 1, "ipv4_version": 2},
        "unsupported": {},
        "lost": {"flow_table": 0, "events": 0},
    });
    let mut replay = Replay::default();
    replay.add(&summary).unwrap();
    let reasons: Vec<(&str, u64)> = replay
        .reasons
        .iter()
        .map(|(reason, packets)| (reason.as_str(), *packets))
        .collect();
    assert_eq!(
        reasons,
        [
            ("malformed ipv4_version", 2),
            ("malformed truncated", 1),
            ("not_ip", 2)
        ]
    );
}

#[test]
fn what_is_no_record_is_refused() {
    let mut replay = Replay::default();
    assert!(replay.add(&json!({"type": "other"})).is_err());
    assert!(replay.add(&json!({"type": "flow", "src": "x"})).is_err());
}
