//! Rows: begin, end, class, direction, interface, own addresses and fields of one approval.

use sensor_common::{Fields, Verdict};

use super::row::{INFRA_IN, INFRA_OUT, RELAY_IN, RELAY_OUT, Row, THROUGH, row};

const DOMESTIC: &str = "40.3.2.1";
const FOREIGN: &str = "40.2.2.1";
const OPERATOR: &str = "40.4.1.5";

pub(crate) fn rows() -> Vec<Row> {
    [
        times(),
        classes(),
        directions(),
        interfaces(),
        own(),
        steps(),
        fields(),
    ]
    .concat()
}

fn only(row: Row, name: &'static str, verdict: Verdict) -> Row {
    row.not(verdict, &[(name, verdict)])
}

/// Begin and end to the nanosecond.
fn times() -> Vec<Row> {
    let (not_yet, expired) = (Verdict::NotYet, Verdict::Expired);
    let row = |name: &str, source, time| row(name, source, FOREIGN).at(time);
    let term = |name: &str, time| row(name, "40.1.50.1", time);
    let long = |name: &str, time| row(name, "40.1.50.5", time);
    vec![
        only(term("at time 0", 0), "term", not_yet),
        only(
            term("the nanosecond before the begin", 999),
            "term",
            not_yet,
        ),
        term("the first nanosecond", 1_000).recorded(THROUGH, &["term"]),
        term("the last nanosecond", 1_999).recorded(THROUGH, &["term"]),
        only(term("the nanosecond of the end", 2_000), "term", expired),
        only(term("at the end of time", u64::MAX), "term", expired),
        only(
            row("a term of nothing", "40.1.50.2", 1_000),
            "empty term",
            expired,
        ),
        only(
            row("before a term of nothing", "40.1.50.2", 999),
            "empty term",
            not_yet,
        ),
        only(
            row("a slot of zeroes", "40.1.50.3", 1_500),
            "zeroes",
            expired,
        ),
        only(
            row("a slot of zeroes at time 0", "40.1.50.3", 0),
            "zeroes",
            expired,
        ),
        row("without an end at time 0", "40.1.50.4", 0).recorded(THROUGH, &["for ever"]),
        row(
            "without an end near the end of time",
            "40.1.50.4",
            u64::MAX - 1,
        )
        .recorded(THROUGH, &["for ever"]),
        only(
            long("the low half of a begin", 5),
            "beyond 32 bits",
            not_yet,
        ),
        only(
            long("before a large begin", 0x1_0000_0004),
            "beyond 32 bits",
            not_yet,
        ),
        long("a large begin", 0x1_0000_0005).recorded(THROUGH, &["beyond 32 bits"]),
        long("between large begin and end", 0x1_ffff_ffff).recorded(THROUGH, &["beyond 32 bits"]),
        long("before a large end", 0x2_0000_0004).recorded(THROUGH, &["beyond 32 bits"]),
        only(
            long("a large end", 0x2_0000_0005),
            "beyond 32 bits",
            expired,
        ),
        only(
            long("the high half of an end", 0x3_0000_0000),
            "beyond 32 bits",
            expired,
        ),
    ]
}

/// Each class against approvals for one of them.
fn classes() -> Vec<Row> {
    let (transit, infrastructure, relay, none) =
        ("40.1.60.1", "40.1.60.2", "40.1.60.3", "40.1.60.4");
    let not = |row: Row, name| only(row, name, Verdict::Class);
    vec![
        row("transit for transit", transit, FOREIGN).recorded(THROUGH, &["transit only"]),
        not(
            row("infrastructure for transit", transit, OPERATOR),
            "transit only",
        ),
        not(row("relay for transit", transit, DOMESTIC), "transit only"),
        not(
            row("transit for infrastructure", infrastructure, FOREIGN),
            "infrastructure only",
        ),
        row(
            "infrastructure for infrastructure",
            infrastructure,
            OPERATOR,
        )
        .recorded(INFRA_IN, &["infrastructure only"]),
        row(
            "infrastructure for infrastructure, outbound",
            OPERATOR,
            infrastructure,
        )
        .recorded(INFRA_OUT, &["infrastructure only"]),
        not(
            row("relay for infrastructure", infrastructure, DOMESTIC),
            "infrastructure only",
        ),
        not(row("transit for relay", relay, FOREIGN), "relay only"),
        not(
            row("infrastructure for relay", relay, OPERATOR),
            "relay only",
        ),
        row("relay for relay", relay, DOMESTIC).recorded(RELAY_IN, &["relay only"]),
        row("relay for relay, outbound", DOMESTIC, relay).recorded(RELAY_OUT, &["relay only"]),
        not(row("transit for no class", none, FOREIGN), "no class"),
        not(
            row("infrastructure for no class", none, OPERATOR),
            "no class",
        ),
        not(row("relay for no class", none, DOMESTIC), "no class"),
    ]
}

/// Each direction against approvals for one of them.
fn directions() -> Vec<Row> {
    let (inbound, outbound, through, none) = ("40.1.61.1", "40.1.61.2", "40.1.61.3", "40.1.61.4");
    let not = |row: Row, name| only(row, name, Verdict::Direction);
    vec![
        row("inbound for inbound", inbound, DOMESTIC).recorded(RELAY_IN, &["inbound only"]),
        row("inbound for inbound, operator", inbound, OPERATOR)
            .recorded(INFRA_IN, &["inbound only"]),
        not(
            row("outbound for inbound", DOMESTIC, inbound),
            "inbound only",
        ),
        not(
            row("outbound for inbound, operator", OPERATOR, inbound),
            "inbound only",
        ),
        not(row("through for inbound", inbound, FOREIGN), "inbound only"),
        not(
            row("inbound for outbound", outbound, DOMESTIC),
            "outbound only",
        ),
        row("outbound for outbound", DOMESTIC, outbound).recorded(RELAY_OUT, &["outbound only"]),
        row("outbound for outbound, operator", OPERATOR, outbound)
            .recorded(INFRA_OUT, &["outbound only"]),
        not(
            row("through for outbound", FOREIGN, outbound),
            "outbound only",
        ),
        not(
            row("inbound for through", through, DOMESTIC),
            "through only",
        ),
        not(
            row("outbound for through", DOMESTIC, through),
            "through only",
        ),
        row("through for through", through, FOREIGN).recorded(THROUGH, &["through only"]),
        row("through for through, back", FOREIGN, through).recorded(THROUGH, &["through only"]),
        not(
            row("through for no direction", none, FOREIGN),
            "no direction",
        ),
        not(
            row("inbound for no direction", none, DOMESTIC),
            "no direction",
        ),
    ]
}

fn interfaces() -> Vec<Row> {
    let (third, last, none) = ("40.1.62.1", "40.1.62.2", "40.1.62.3");
    let to = |name: &str, source, interface| row(name, source, FOREIGN).through(interface);
    let not = |row: Row, name| only(row, name, Verdict::Interface);
    vec![
        to("interface 3 for interface 3", third, 3).recorded(THROUGH, &["interface 3"]),
        not(to("interface 2 for interface 3", third, 2), "interface 3"),
        not(to("interface 35 for interface 3", third, 35), "interface 3"),
        to("interface 63 for interface 63", last, 63).recorded(THROUGH, &["interface 63"]),
        not(to("interface 0 for interface 63", last, 0), "interface 63"),
        not(
            to("an interface without a slot for 63", last, 64),
            "interface 63",
        ),
        not(
            to("an interface without a slot for 3", third, 67),
            "interface 3",
        ),
        not(to("no interface", none, 0), "no interface"),
        not(
            to("an interface without a slot for all", "40.1.60.1", 64),
            "transit only",
        ),
        not(
            to("the largest number of an interface", "40.1.60.1", u32::MAX),
            "transit only",
        ),
    ]
}

/// Lab on a real card: packets of this host alone, which is `40.2.90.1`.
fn own() -> Vec<Row> {
    let watched = "40.1.90.1";
    let not = |row: Row| only(row.through(3), "own", Verdict::Unapproved);
    vec![
        row("to this host", watched, "40.2.90.1")
            .through(3)
            .recorded(THROUGH, &["own"]),
        row("from this host", "40.2.90.1", watched)
            .through(3)
            .recorded(THROUGH, &["own"]),
        not(row("from another host", "40.2.90.2", watched)),
        not(row("to another host", watched, "40.2.90.2")),
        not(row("to another host before the approval", watched, "40.2.90.2").at(0)),
        row("from another host where none is real", "40.2.90.2", watched)
            .through(4)
            .recorded(THROUGH, &["own"]),
    ]
}

/// The first step that holds an approval up is its verdict.
fn steps() -> Vec<Row> {
    vec![
        only(
            row("not yet, and closed besides", "40.1.95.1", FOREIGN),
            "closed from not yet on",
            Verdict::NotYet,
        ),
        only(
            row("expired, and closed besides", "40.1.95.2", FOREIGN),
            "closed from expired on",
            Verdict::Expired,
        ),
        only(
            row("class, and closed besides", "40.1.95.3", FOREIGN),
            "closed from class on",
            Verdict::Class,
        ),
        only(
            row("direction, and closed besides", "40.1.95.4", FOREIGN),
            "closed from direction on",
            Verdict::Direction,
        ),
        row("the furthest step of several", "40.1.95.1", "40.1.95.4").not(
            Verdict::Direction,
            &[
                ("closed from not yet on", Verdict::NotYet),
                ("closed from direction on", Verdict::Direction),
            ],
        ),
        row(
            "the furthest step of several at the source",
            "40.1.95.3",
            "40.1.95.2",
        )
        .not(
            Verdict::Class,
            &[
                ("closed from class on", Verdict::Class),
                ("closed from expired on", Verdict::Expired),
            ],
        ),
        row(
            "an open approval beside a closed one",
            "40.1.95.3",
            "40.1.60.1",
        )
        .recorded(THROUGH, &["transit only"])
        .but("closed from class on", Verdict::Class),
    ]
}

/// A record says what an approval in force allows, and nothing else.
fn fields() -> Vec<Row> {
    let one = |source, name: &'static str, fields| {
        row(format!("fields: {name}"), source, FOREIGN).with(fields, THROUGH, &[name])
    };
    vec![
        one("40.1.80.1", "ports", Fields::PORTS),
        one("40.1.80.2", "protocol", Fields::PROTOCOL),
        one("40.1.80.3", "tcp_flags", Fields::TCP_FLAGS),
        one("40.1.80.4", "ttl", Fields::TTL),
        one("40.1.80.5", "vlan", Fields::VLAN),
        one("40.1.80.6", "fragment", Fields::FRAGMENT),
        one("40.1.80.7", "no field", Fields::NONE),
        one("40.1.80.8", "all fields", Fields::ALL),
        row("fields: of two approvals", "40.1.80.9", FOREIGN).with(
            Fields::PORTS.union(Fields::TTL),
            THROUGH,
            &["ports", "ttl"],
        ),
        row("fields: not of one that has ended", "40.1.80.10", FOREIGN)
            .with(Fields::PORTS, THROUGH, &["ports"])
            .but("all fields, ended", Verdict::Expired),
        row("fields: all and none", "40.1.80.11", FOREIGN).with(
            Fields::ALL,
            THROUGH,
            &["no field", "all fields"],
        ),
        row(
            "fields: of approvals for both ends",
            "40.1.80.2",
            "40.1.80.5",
        )
        .with(
            Fields::PROTOCOL.union(Fields::VLAN),
            THROUGH,
            &["protocol", "vlan"],
        ),
    ]
}
