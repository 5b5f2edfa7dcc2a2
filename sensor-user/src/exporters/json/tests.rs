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

/// Says for each line whether it is valid by the schema, and for none that is made wrong. Names
/// members that the schema does not describe, which it allows for the sake of later versions.
const CHECK: &str = r"
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
check = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
kinds = set()
for line in sys.stdin:
    told = json.loads(line)
    for error in check.iter_errors(told):
        sys.exit(f'{error.message}: {[e.message for e in error.context]}: {line}')
    kind = schema['$defs'][told['type']]
    known = set(schema['properties']) | set(kind['properties'])
    if 'allOf' in kind:
        known |= set(schema['$defs']['ends']['properties'])
    if set(told) - known:
        sys.exit(f'not described: {set(told) - known}')
    for member in sorted(set(told) - {'tunnel', 'tunnels'}):
        less = {key: value for key, value in told.items() if key != member}
        other = dict(told, **{member: ['wrong', {}]})
        if check.is_valid(less) or check.is_valid(other):
            sys.exit(f'{member} may be anything: {line}')
    if told.get('src_kind') == 'pseudonym':
        if check.is_valid(dict(told, src='192.0.2.1')):
            sys.exit('a pseudonym may look like an address')
    kinds.add(told['type'])
print(*sorted(kinds))
";

#[test]
fn every_kind_of_line_is_valid_by_the_published_schema() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let venv = match std::env::var_os("SEKISHO_VENV") {
        Some(folder) => folder.into(),
        None => root.join(".tools/venv"),
    };
    if !venv.join("sekisho-pins.txt").is_file() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "may not be skipped where CI=true"
        );
        eprintln!(
            "skipped: no {} ('cargo xtask setup' installs it)",
            venv.display()
        );
        return;
    }
    let mut hidden = record();
    hidden.notice.class = Class::Relay;
    hidden.notice.source = Address::Pseudonym(Pseudonym([0xab; 16]));
    hidden.notice.destination = Address::Withheld;
    hidden.notice.indicators[0].prefix = None;
    hidden.notice.tunnel = Some((TunnelKind::IpInIp, 0));
    hidden.notice.fragment = Some(Fragment::Later);
    let mut silent = record();
    silent.notice.vlan = None;
    (
        silent.notice.protocol,
        silent.notice.ports,
        silent.notice.fragment,
    ) = (None, None, None);
    (silent.tcp_flags, silent.ttl) = (None, None);
    silent.end = u64::MAX;
    let mut counters = [3; Stat::COUNT];
    counters[Stat::Seen.cell()] = u64::MAX;
    let mut summary = Summary::default();
    summary.add(&record());
    summary.finish(&counters, &Losses::default());
    (summary.approvals).insert(ApprovalId("a/b c".into()), SlotCounts::default());
    summary.recovered_approvals = summary.approvals.clone();
    let alarm = Alarm {
        time: 0,
        kind: AlarmKind::Clock,
        text: "the wall clock was set".into(),
    };
    let lines: Vec<Line> = [record(), hidden, silent]
        .into_iter()
        .flat_map(|record| [Line::Event(record.notice.clone()), Line::Flow(record)])
        .chain([Line::Alarm(alarm), Line::Summary(summary)])
        .collect();
    let mark = Mark {
        replay: false,
        lab: false,
        clock: ClockMark::Unsynchronised,
    };
    let mut child = std::process::Command::new(venv.join("bin/python"))
        .args(["-c", CHECK])
        .arg(root.join("docs/schema/json-lines-1.json"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(written(mark, &lines).as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let kinds = String::from_utf8_lossy(&output.stdout);
    assert_eq!(kinds.trim(), "alarm event flow summary");
}
