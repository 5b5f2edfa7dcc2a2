use sensor_common::{Class, Direction, Fields, SlotMask, Stat, TunnelKind, Verdict};

use super::*;
use crate::{
    pipeline::{AlarmKind, Losses, RecordId, Under},
    records::{Address, Pseudonym},
    watchlist::ApprovalId,
};

fn record() -> Record {
    Record {
        id: RecordId(7),
        notice: Notice {
            approvals: vec![Under {
                slot: 0,
                id: ApprovalId("lab".into()),
                fields: Fields::ALL,
                handling: std::sync::Arc::default(),
            }],
            class: Class::Transit,
            direction: Direction::Through,
            interface: "veth0".into(),
            vlan: Some(vec![100]),
            tunnel: None,
            source: Address::Foreign([192, 0, 2, 1].into()),
            destination: Address::Foreign([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()),
            protocol: Some(6),
            ports: Some((443, 50_000)),
            fragment: Some(Fragment::Whole),
            start: 1_700_000_000_123_456_789,
            indicators: vec![Matched {
                end: End::Source,
                prefix: "192.0.2.0/24".parse().ok(),
                feed: "list.txt".into(),
                line: 3,
                named_by: SlotMask::of(0),
            }],
        },
        end: 1_700_000_001_000_000_000,
        packets: 2,
        octets: 80,
        tcp_flags: Some(18),
        ttl: Some((63, 64)),
    }
}

fn written(mark: Mark, lines: &[Line]) -> String {
    let mut out = Vec::new();
    for line in lines {
        write(&mut out, mark, line).unwrap();
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn a_flow_its_notice_and_a_summary() {
    let mut counters = [0; Stat::COUNT];
    counters[Stat::Seen.cell()] = 2;
    counters[Stat::Verdict(Verdict::Recorded).cell()] = 2;
    let mut end = Summary::default();
    end.add(&record());
    let mut counts = SlotCounts::default();
    counts.packets[7] = 2;
    end.approvals.insert(ApprovalId("lab".into()), counts);
    end.finish(&counters, &Losses::default());
    let mark = Mark {
        replay: true,
        lab: true,
        clock: ClockMark::Capture,
    };
    let lines = [
        Line::Event(record().notice),
        Line::Flow(record()),
        Line::Alarm(Alarm {
            time: 1_700_000_000_000_000_000,
            kind: AlarmKind::Clock,
            text: "the wall clock was set".into(),
        }),
        Line::Summary(end),
    ];
    insta::assert_snapshot!(written(mark, &lines), @r#"
    {"type":"event","replay":true,"lab":true,"clock":"capture","event":"new_flow","class":"transit","direction":"through","approvals":["lab"],"interface":"veth0","vlan":[100],"src":"192.0.2.1","dst":"2001:db8::1","src_kind":"foreign","dst_kind":"foreign","proto":6,"src_port":443,"dst_port":50000,"time":"2023-11-14T22:13:20.123456789Z","indicators":[{"prefix":"192.0.2.0/24","end":"src","feed":"list.txt","line":3}]}
    {"type":"flow","replay":true,"lab":true,"clock":"capture","class":"transit","direction":"through","approvals":["lab"],"interface":"veth0","vlan":[100],"src":"192.0.2.1","dst":"2001:db8::1","src_kind":"foreign","dst_kind":"foreign","proto":6,"src_port":443,"dst_port":50000,"packets":2,"octets":80,"tcp_flags":18,"start":"2023-11-14T22:13:20.123456789Z","end":"2023-11-14T22:13:21Z","indicators":[{"prefix":"192.0.2.0/24","end":"src","feed":"list.txt","line":3}],"fragment":null,"ttl_min":63,"ttl_max":64,"record":7}
    {"type":"alarm","replay":true,"lab":true,"clock":"capture","time":"2023-11-14T22:13:20Z","about":"clock","text":"the wall clock was set"}
    {"type":"summary","replay":true,"lab":true,"clock":"capture","seen":2,"verdicts":{"not_ip":0,"malformed":0,"unsupported":0,"no_match":0,"excluded":0,"unknown":0,"domestic":0,"unapproved":0,"not_yet":0,"expired":0,"class":0,"direction":0,"interface":0,"unattended":0,"recorded":2},"lost":{"alarms":0,"events":0,"flow_table":0,"limiter":0,"slot_counts":0,"totals":0},"malformed":{},"unsupported":{},"approvals":{"lab":{"unapproved":0,"not_yet":0,"expired":0,"class":0,"direction":0,"interface":0,"unattended":0,"recorded":2}},"alarms":0,"recovered":0,"recovered_approvals":{},"records":1,"packets":2,"octets":80}
    "#);
}

#[test]
fn ports_are_null_where_there_are_none() {
    let mut icmp = record();
    icmp.notice.ports = None;
    icmp.notice.fragment = Some(Fragment::Later);
    let text = written(
        Mark {
            replay: false,
            lab: false,
            clock: ClockMark::Synchronised,
        },
        &[Line::Flow(icmp)],
    );
    assert!(
        text.contains(r#""src_port":null,"dst_port":null"#),
        "{text}"
    );
    assert!(text.contains(r#""fragment":"later""#), "{text}");
}

#[test]
fn a_flow_in_a_tunnel_says_through_what() {
    let mark = Mark {
        replay: false,
        lab: false,
        clock: ClockMark::Synchronised,
    };
    let mut carried = record();
    carried.notice.tunnel = Some((TunnelKind::Vxlan, 0x0012_3456));
    let text = written(mark, &[Line::Flow(carried.clone())]);
    assert!(
        text.contains(r#""tunnel":{"type":"vxlan","id":1193046}"#),
        "{text}"
    );
    carried.notice.tunnel = Some((TunnelKind::IpInIp, 0));
    let text = written(mark, &[Line::Flow(carried)]);
    assert!(
        text.contains(r#""tunnel":{"type":"ipip","id":null}"#),
        "{text}"
    );
}

#[test]
fn no_time_is_too_late_to_write() {
    assert_eq!(time(0), "1970-01-01T00:00:00Z");
    assert!(time(u64::MAX).starts_with("2554-"));
}

#[test]
fn a_domestic_address_is_not_told() {
    let mut relay = record();
    relay.notice.class = Class::Relay;
    relay.notice.direction = Direction::Inbound;
    relay.notice.destination = Address::Withheld;
    relay.notice.indicators[0].end = End::Destination;
    relay.notice.indicators[0].prefix = None;
    let mark = Mark {
        replay: false,
        lab: false,
        clock: ClockMark::Synchronised,
    };
    let text = written(mark, &[Line::Flow(relay.clone())]);
    assert!(text.contains(r#""dst":"domestic""#), "{text}");
    assert!(
        text.contains(r#""src_kind":"foreign","dst_kind":"withheld""#),
        "{text}"
    );
    assert!(text.contains(r#"{"prefix":null,"end":"dst""#), "{text}");
    relay.notice.destination = Address::Pseudonym(Pseudonym([0xab; 16]));
    let text = written(mark, &[Line::Flow(relay)]);
    let pseudonym = format!(r#""dst":"pseudonym:{}""#, "ab".repeat(16));
    assert!(text.contains(&pseudonym), "{text}");
    assert!(text.contains(r#""dst_kind":"pseudonym""#), "{text}");
}
