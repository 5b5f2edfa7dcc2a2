use sensor_common::{Class, Direction, Stat, Verdict};

use super::*;
use crate::{
    pipeline::{Losses, RecordId},
    privacy::Address,
    watchlist::ApprovalId,
};

fn record() -> Record {
    Record {
        id: RecordId(7),
        notice: Notice {
            approvals: vec![ApprovalId("lab".into())],
            class: Class::Transit,
            direction: Direction::Through,
            interface: "veth0".into(),
            vlan: vec![100],
            source: Address::Foreign([192, 0, 2, 1].into()),
            destination: Address::Foreign([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()),
            protocol: 6,
            ports: Some((443, 50_000)),
            fragment: Fragment::Whole,
            start: 1_700_000_000_123_456_789,
            indicators: vec![Matched {
                end: End::Source,
                prefix: "192.0.2.0/24".parse().unwrap(),
                feed: "list.txt".into(),
                line: 3,
            }],
        },
        end: 1_700_000_001_000_000_000,
        packets: 2,
        octets: 80,
        tcp_flags: 18,
        ttl: (63, 64),
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
    end.finish(&counters, &Losses::default());
    let mark = Mark {
        replay: true,
        lab: true,
    };
    let lines = [
        Line::Event(record().notice),
        Line::Flow(record()),
        Line::Summary(end),
    ];
    insta::assert_snapshot!(written(mark, &lines), @r#"
    {"type":"event","replay":true,"lab":true,"event":"new_flow","class":"transit","direction":"through","approvals":["lab"],"interface":"veth0","vlan":[100],"src":"192.0.2.1","dst":"2001:db8::1","proto":6,"src_port":443,"dst_port":50000,"time":"2023-11-14T22:13:20.123456789Z","indicators":[{"prefix":"192.0.2.0/24","end":"src","feed":"list.txt","line":3}]}
    {"type":"flow","replay":true,"lab":true,"class":"transit","direction":"through","approvals":["lab"],"interface":"veth0","vlan":[100],"src":"192.0.2.1","dst":"2001:db8::1","proto":6,"src_port":443,"dst_port":50000,"packets":2,"octets":80,"tcp_flags":18,"start":"2023-11-14T22:13:20.123456789Z","end":"2023-11-14T22:13:21Z","indicators":[{"prefix":"192.0.2.0/24","end":"src","feed":"list.txt","line":3}],"fragment":null,"ttl_min":63,"ttl_max":64,"record":7}
    {"type":"summary","replay":true,"lab":true,"seen":2,"verdicts":{"not_ip":0,"malformed":0,"unsupported":0,"no_match":0,"excluded":0,"unknown":0,"domestic":0,"unapproved":0,"not_yet":0,"expired":0,"class":0,"direction":0,"interface":0,"unattended":0,"recorded":2},"lost":{"events":0,"flow_table":0,"limiter":0,"totals":0},"malformed":{},"unsupported":{},"records":1,"packets":2,"octets":80}
    "#);
}

#[test]
fn ports_are_null_where_there_are_none() {
    let mut icmp = record();
    icmp.notice.ports = None;
    icmp.notice.fragment = Fragment::Later;
    let text = written(
        Mark {
            replay: false,
            lab: false,
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
fn no_time_is_too_late_to_write() {
    assert_eq!(time(0), "1970-01-01T00:00:00Z");
    assert!(time(u64::MAX).starts_with("2554-"));
}
