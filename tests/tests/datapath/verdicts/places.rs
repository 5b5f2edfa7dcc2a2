//! Rows: where the two ends lie.
//!
//! `40.1.1.1` is foreign and watched under the approval `any`, which covers all there is.

use sensor_common::Verdict;

use super::row::{INFRA_IN, INFRA_OUT, RELAY_IN, RELAY_OUT, Row, THROUGH, row};

/// An address in each place, as a source and as a destination; all of them are watched.
const PLACES: [(&str, &str, &str); 5] = [
    ("foreign", "40.1.1.1", "40.2.1.1"),
    ("domestic", "40.3.1.1", "40.3.1.2"),
    ("operator", "40.4.1.1", "40.4.2.1"),
    ("unknown", "40.5.1.1", "40.6.1.1"),
    ("excluded", "40.1.100.1", "40.3.50.129"),
];

const WATCHED: &str = "40.1.1.1";

pub(crate) fn rows() -> Vec<Row> {
    [pairs(), exclusions(), operators(), edges(), one_end()].concat()
}

/// Every pair of places, both ends watched.
fn pairs() -> Vec<Row> {
    let of = |from: &str, to: &str, row: Row| match (from, to) {
        ("excluded", _) | (_, "excluded") => row.never(Verdict::Excluded),
        ("unknown", _) | (_, "unknown") => row.never(Verdict::Unknown),
        ("foreign", "foreign") => row.recorded(THROUGH, &["any"]),
        ("foreign", "domestic") => row.recorded(RELAY_IN, &["any"]),
        ("domestic", "foreign") => row.recorded(RELAY_OUT, &["any"]),
        ("foreign", "operator") => row.recorded(INFRA_IN, &["any"]),
        ("operator", "foreign") => row.recorded(INFRA_OUT, &["any"]),
        _ => row.never(Verdict::Domestic),
    };
    let pair = |from: (&'static str, &'static str, _), to: (&'static str, _, &'static str)| {
        let name = format!("from {} to {}", from.0, to.0);
        of(from.0, to.0, row(name, from.1, to.2))
    };
    (PLACES.iter())
        .flat_map(|&from| PLACES.map(|to| pair(from, to)))
        .collect()
}

/// Exclusions shorter, longer and as long as what they beat, and their edges.
fn exclusions() -> Vec<Row> {
    let to = |name: &str, address| row(name, WATCHED, address);
    let never = |name: &str, address| to(name, address).never(Verdict::Excluded);
    let around = [
        never("the first address of an exclusion", "40.1.100.0"),
        never("the last address of an exclusion", "40.1.100.255"),
        to("before an exclusion", "40.1.99.255").recorded(THROUGH, &["any"]),
        never("an excluded host", "40.1.101.7"),
        to("before an excluded host", "40.1.101.6").recorded(THROUGH, &["any"]),
        to("after an excluded host", "40.1.101.8").recorded(THROUGH, &["any"]),
        never("the first address of the excluded half", "40.3.50.128"),
        never("the last address of the excluded half", "40.3.50.255"),
        to("the last address of the other half", "40.3.50.127").recorded(RELAY_IN, &["any"]),
        to("after the excluded half", "40.3.51.0").recorded(RELAY_IN, &["any"]),
        never("an exclusion within an operator's prefix", "40.4.1.64"),
        never(
            "the end of an exclusion within an operator's prefix",
            "40.4.1.127",
        ),
        to("an operator's before an exclusion", "40.4.1.63").recorded(INFRA_IN, &["any"]),
        to("an operator's after an exclusion", "40.4.1.128").recorded(INFRA_IN, &["any"]),
        never("an exclusion the same as an operator's prefix", "40.4.3.1"),
        never("an exclusion around foreign territory", "40.8.1.1"),
        never("an exclusion around domestic territory", "40.9.2.1"),
        never("an exclusion around an operator's prefix", "40.9.1.1"),
        never("an exclusion around nothing known", "40.6.66.1"),
        never("a row of the territory that excludes", "40.7.7.7"),
        to("after the row that excludes", "40.7.8.0").recorded(RELAY_IN, &["any"]),
        to("between two rows of the territory", "40.7.6.255").never(Verdict::Unknown),
    ];
    // What is excluded as a destination is excluded as a source.
    let excluded = around.iter().filter(|row| row.verdict == Verdict::Excluded);
    let back = excluded.cloned().map(Row::back);
    around.iter().cloned().chain(back).collect()
}

/// Operators' prefixes: nested, on foreign territory, where there is none.
fn operators() -> Vec<Row> {
    let to = |name: &str, address| row(name, WATCHED, address);
    vec![
        to("the first address of an operator", "40.4.1.0").recorded(INFRA_IN, &["any"]),
        to("the last address of an operator", "40.4.1.255").recorded(INFRA_IN, &["any"]),
        to("before an operator", "40.4.0.255").recorded(RELAY_IN, &["any"]),
        to("after an operator", "40.4.4.0").recorded(RELAY_IN, &["any"]),
        to("an operator's prefix on foreign territory", "40.1.9.1").recorded(INFRA_IN, &["any"]),
        row(
            "between operators on two territories",
            "40.1.9.1",
            "40.4.2.1",
        )
        .never(Verdict::Domestic),
        row("between two hosts of one operator", "40.4.1.1", "40.4.1.2").never(Verdict::Domestic),
        row(
            "from a domestic host to an operator's on foreign territory",
            "40.3.1.1",
            "40.1.9.1",
        )
        .never(Verdict::Domestic),
        to(
            "an operator's prefix where the territory says nothing",
            "40.6.9.1",
        )
        .recorded(INFRA_IN, &["any"]),
        to(
            "after an operator's prefix where the territory says nothing",
            "40.6.10.0",
        )
        .never(Verdict::Unknown),
        row(
            "the wider of two operators' prefixes",
            "40.1.20.3",
            "40.4.2.127",
        )
        .recorded(INFRA_IN, &["two"]),
        row(
            "the longer of two operators' prefixes",
            "40.1.20.3",
            "40.4.2.128",
        )
        .not(Verdict::Class, &[("two", Verdict::Class)]),
        row(
            "the longer of two operators' prefixes, its own consent",
            "40.1.20.2",
            "40.4.2.128",
        )
        .recorded(INFRA_IN, &["one"]),
    ]
}

/// Ends of the territory, of special-purpose addresses and of the families.
fn edges() -> Vec<Row> {
    let to = |name: &str, address| row(name, WATCHED, address);
    let unknown = |name: &str, address| to(name, address).never(Verdict::Unknown);
    let v6 = |name: &str, address| row(name, "2a40:1:1::1", address);
    vec![
        to("the first address of the territory", "40.1.0.0").recorded(THROUGH, &["any"]),
        unknown("before the territory", "40.0.255.255"),
        to(
            "the last foreign address before domestic ones",
            "40.2.255.255",
        )
        .recorded(THROUGH, &["any"]),
        to("the first domestic address", "40.3.0.0").recorded(RELAY_IN, &["any"]),
        to("the last domestic address", "40.4.255.255").recorded(RELAY_IN, &["any"]),
        unknown("the first address said to be unknown", "40.5.0.0"),
        unknown("after the territory", "40.10.0.0"),
        unknown("the first IPv4 address", "0.0.0.0"),
        unknown("the last IPv4 address", "255.255.255.255"),
        unknown("private use", "10.1.2.3"),
        unknown("multicast", "224.0.0.251"),
        v6("the first IPv6 address", "::").never(Verdict::Unknown),
        v6(
            "the last IPv6 address",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        )
        .never(Verdict::Unknown),
        v6("link local", "fe80::1").never(Verdict::Unknown),
        v6("documentation", "2001:db8::1").never(Verdict::Unknown),
        v6("before global unicast", "1fff:ffff::1").recorded(THROUGH, &["any"]),
        v6("before global unicast and the territory", "1fff:fffe::1").never(Verdict::Unknown),
        v6("after global unicast", "4000:0:ffff:ffff::1").recorded(THROUGH, &["any"]),
        v6("after global unicast and the territory", "4001::").never(Verdict::Unknown),
        v6("the first half of an address decides", "2a40:3::").recorded(RELAY_IN, &["any"]),
        v6("the second half of an address decides", "2a40:1:65::6").recorded(THROUGH, &["any"]),
        v6("the second half of an address excludes", "2a40:1:65::7").never(Verdict::Excluded),
    ]
}

/// Only one end is watched, or none.
fn one_end() -> Vec<Row> {
    vec![
        row(
            "nothing watched between foreign hosts",
            "40.1.2.1",
            "40.2.2.1",
        )
        .never(Verdict::NoMatch),
        row("nothing watched and excluded", "40.1.100.2", "40.1.2.1").never(Verdict::NoMatch),
        row("nothing watched and domestic", "40.3.2.1", "40.3.2.2").never(Verdict::NoMatch),
        row("only a domestic source is watched", "40.3.1.1", "40.1.2.1")
            .recorded(RELAY_OUT, &["any"]),
        row(
            "only a domestic destination is watched",
            "40.1.2.1",
            "40.3.1.1",
        )
        .recorded(RELAY_IN, &["any"]),
        row(
            "only an operator's source is watched",
            "40.4.1.1",
            "40.1.2.1",
        )
        .recorded(INFRA_OUT, &["any"]),
        row(
            "a watched domestic host to an unwatched one",
            "40.3.1.1",
            "40.3.2.1",
        )
        .never(Verdict::Domestic),
        row(
            "a watched excluded host to a foreign one",
            "40.1.100.1",
            "40.1.2.1",
        )
        .never(Verdict::Excluded),
        row(
            "a foreign host to a watched excluded one",
            "40.1.2.1",
            "40.1.100.1",
        )
        .never(Verdict::Excluded),
        row(
            "a watched unknown host to a foreign one",
            "40.5.1.1",
            "40.1.2.1",
        )
        .never(Verdict::Unknown),
        row("both ends the same watched host", WATCHED, WATCHED).recorded(THROUGH, &["any"]),
    ]
}
