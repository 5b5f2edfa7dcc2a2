//! Rows: whose consent, which indicators, how many approvals.

use sensor_common::{Fields, Verdict};

use super::row::{INFRA_IN, INFRA_OUT, RELAY_IN, RELAY_OUT, Row, THROUGH, row};

const DOMESTIC: &str = "40.3.2.1";
const FOREIGN: &str = "40.2.2.1";
const OPERATOR_1: &str = "40.4.1.5";
const OPERATOR_2: &str = "40.4.2.5";

pub(crate) fn rows() -> Vec<Row> {
    [operators(), consents(), nested(), several()].concat()
}

/// Approvals with the consent of one operator, the other, none and all of them.
fn operators() -> Vec<Row> {
    let (none, one, two, every, both) = (
        "40.1.20.1",
        "40.1.20.2",
        "40.1.20.3",
        "40.1.20.4",
        "40.1.20.5",
    );
    let of_class = |names: &[&'static str]| -> Vec<(&'static str, Verdict)> {
        names.iter().map(|&name| (name, Verdict::Class)).collect()
    };
    let not = |row: Row, names: &[&'static str]| row.not(Verdict::Class, &of_class(names));
    let rows = vec![
        not(row("no consent, operator 1", none, OPERATOR_1), &["none"]),
        not(row("no consent, operator 2", none, OPERATOR_2), &["none"]),
        row("no consent, domestic", none, DOMESTIC).recorded(RELAY_IN, &["none"]),
        row("no consent, foreign", none, FOREIGN).recorded(THROUGH, &["none"]),
        row("consent of 1, operator 1", one, OPERATOR_1).recorded(INFRA_IN, &["one"]),
        row("consent of 1, from operator 1", OPERATOR_1, one).recorded(INFRA_OUT, &["one"]),
        not(row("consent of 1, operator 2", one, OPERATOR_2), &["one"]),
        not(
            row("consent of 1, from operator 2", OPERATOR_2, one),
            &["one"],
        ),
        row("consent of 1, domestic", one, DOMESTIC).recorded(RELAY_IN, &["one"]),
        row("consent of 1, from domestic", DOMESTIC, one).recorded(RELAY_OUT, &["one"]),
        row("consent of 1, foreign", one, FOREIGN).recorded(THROUGH, &["one"]),
        not(row("consent of 2, operator 1", two, OPERATOR_1), &["two"]),
        row("consent of 2, operator 2", two, OPERATOR_2).recorded(INFRA_IN, &["two"]),
        row("consent of 2, from operator 2", OPERATOR_2, two).recorded(INFRA_OUT, &["two"]),
        row("consent of 2, domestic", two, DOMESTIC).recorded(RELAY_IN, &["two"]),
        row("consent of all, operator 1", every, OPERATOR_1).recorded(INFRA_IN, &["every"]),
        row("consent of all, operator 2", every, OPERATOR_2).recorded(INFRA_IN, &["every"]),
        row("consents of 1 and 2, operator 1", both, OPERATOR_1)
            .recorded(INFRA_IN, &["one"])
            .but("two", Verdict::Class),
        row("consents of 1 and 2, operator 2", both, OPERATOR_2)
            .recorded(INFRA_IN, &["two"])
            .but("one", Verdict::Class),
        row("consents of 1 and 2, domestic", both, DOMESTIC).recorded(RELAY_IN, &["one", "two"]),
    ];
    rows
}

/// What an operator's prefix is when its consent has ended: `infrastructure` all the same,
/// and so nothing that an approval for `relay` covers.
fn consents() -> Vec<Row> {
    let (both, consented, relaying) = ("40.1.70.1", "40.1.70.2", "40.1.70.3");
    vec![
        row("before the consent ends", both, OPERATOR_1)
            .at(1_499)
            .recorded(INFRA_IN, &["consent"])
            .but("relaying", Verdict::Class),
        row("after the consent has ended", both, OPERATOR_1)
            .at(1_500)
            .not(
                Verdict::Class,
                &[("consent", Verdict::Expired), ("relaying", Verdict::Class)],
            ),
        row(
            "after the consent has ended, from the operator",
            OPERATOR_1,
            both,
        )
        .at(1_500)
        .not(
            Verdict::Class,
            &[("consent", Verdict::Expired), ("relaying", Verdict::Class)],
        ),
        row("after the one consent has ended", consented, OPERATOR_1)
            .at(1_500)
            .not(Verdict::Expired, &[("consent", Verdict::Expired)]),
        row(
            "after the consent has ended, a domestic host",
            both,
            DOMESTIC,
        )
        .at(1_500)
        .recorded(RELAY_IN, &["relaying"])
        .but("consent", Verdict::Expired),
        row(
            "relay with the consent of the operator",
            relaying,
            OPERATOR_1,
        )
        .not(Verdict::Class, &[("relaying with consent", Verdict::Class)]),
        row(
            "relay with the consent of the operator, a domestic host",
            relaying,
            DOMESTIC,
        )
        .recorded(RELAY_IN, &["relaying with consent"]),
    ]
}

/// Indicators within indicators, each named by another approval.
fn nested() -> Vec<Row> {
    let to_foreign = |name: &str, address| row(name, address, FOREIGN);
    vec![
        to_foreign("within three indicators", "40.1.30.5")
            .recorded(THROUGH, &["wide", "middle", "narrow"]),
        row(
            "within three indicators, as destination",
            FOREIGN,
            "40.1.30.5",
        )
        .recorded(THROUGH, &["wide", "middle", "narrow"]),
        to_foreign("beside the narrowest", "40.1.30.4").recorded(THROUGH, &["wide", "middle"]),
        to_foreign(
            "an indicator that no approval names, within two",
            "40.1.30.6",
        )
        .recorded(THROUGH, &["wide", "middle"]),
        to_foreign("the last address of the middle one", "40.1.30.15")
            .recorded(THROUGH, &["wide", "middle"]),
        to_foreign("after the middle one", "40.1.30.16").recorded(THROUGH, &["wide"]),
        to_foreign("the first address of the widest", "40.1.30.0")
            .recorded(THROUGH, &["wide", "middle"]),
        to_foreign("the last address of the widest", "40.1.30.255").recorded(THROUGH, &["wide"]),
        to_foreign("before the widest", "40.1.29.255").never(Verdict::NoMatch),
        to_foreign("an indicator that no approval names", "40.1.31.1").never(Verdict::NoMatch),
        to_foreign("one indicator of two approvals", "40.2.30.1")
            .recorded(THROUGH, &["far", "far too"]),
        row("both ends within indicators", "40.1.30.5", "40.2.30.1")
            .recorded(THROUGH, &["wide", "middle", "narrow", "far", "far too"]),
        row(
            "both ends within the same indicator",
            "40.1.30.20",
            "40.1.30.21",
        )
        .recorded(THROUGH, &["wide"]),
        row(
            "both ends within nested indicators",
            "40.1.30.20",
            "40.1.30.5",
        )
        .recorded(THROUGH, &["wide", "middle", "narrow"]),
    ]
}

/// Of several approvals that name an indicator, some are in force: the packet counts once
/// under all of them, with what any of them allows.
fn several() -> Vec<Row> {
    let (four, two) = ("40.1.40.1", "40.1.40.2");
    let to = |name: &str, source, time| row(name, source, FOREIGN).at(time);
    let union = |a: Fields, b: Fields| a.union(b);
    let (not_yet, expired) = (Verdict::NotYet, Verdict::Expired);
    vec![
        to("none of four has begun", four, 999).not(
            not_yet,
            &[
                ("early", not_yet),
                ("middling", not_yet),
                ("late", not_yet),
                ("long", not_yet),
            ],
        ),
        to("two of four, the others to come", four, 1_100)
            .with(
                union(Fields::PORTS, Fields::PROTOCOL),
                THROUGH,
                &["early", "long"],
            )
            .but("middling", not_yet)
            .but("late", not_yet),
        to("one of four", four, 1_250)
            .with(Fields::PROTOCOL, THROUGH, &["long"])
            .but("early", expired)
            .but("middling", not_yet)
            .but("late", not_yet),
        to("two of four, one over and one to come", four, 1_500)
            .with(
                union(Fields::TTL, Fields::PROTOCOL),
                THROUGH,
                &["middling", "long"],
            )
            .but("early", expired)
            .but("late", not_yet),
        to("two of four, the others over", four, 1_900)
            .with(
                union(Fields::VLAN, Fields::PROTOCOL),
                THROUGH,
                &["late", "long"],
            )
            .but("early", expired)
            .but("middling", expired),
        to("all four are over", four, 2_000).not(
            expired,
            &[
                ("early", expired),
                ("middling", expired),
                ("late", expired),
                ("long", expired),
            ],
        ),
        to("neither of two, one over and one to come", two, 1_500)
            .not(expired, &[("early", expired), ("late", not_yet)]),
        to("one of two", two, 1_100)
            .with(Fields::PORTS, THROUGH, &["early"])
            .but("late", not_yet),
    ]
}
