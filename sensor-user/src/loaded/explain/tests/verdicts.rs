//! Every verdict that a packet which can be read may get, and why.

use sensor_common::{Class, Direction, Fields, Slot, Verdict};

use super::*;
use crate::loaded::explain::AskError;
use crate::watchlist::{self, Limits, Prefixes};

/// One approval that names every indicator, on these terms.
fn under(terms: Slot) -> Loaded {
    loaded(&[approval("watch", &[0, 1, 2, 3, 4, 5], terms)])
}

struct Case {
    verdict: Verdict,
    packet: &'static str,
    terms: Slot,
    /// What the approval is said to do; empty where it is not asked.
    why: &'static str,
}

fn case(verdict: Verdict, packet: &'static str, terms: Slot, why: &'static str) -> Case {
    Case {
        verdict,
        packet,
        terms,
        why,
    }
}

const TRANSIT: &str = "11.1.1.5 > 11.2.0.1 on eth0";

fn cases() -> Vec<Case> {
    let mut cases = by_place();
    cases.extend(by_time_and_class());
    cases.extend(by_the_rest());
    cases
}

fn by_place() -> Vec<Case> {
    let all = everything();
    vec![
        case(Verdict::NoMatch, "11.2.0.1 > 41.6.0.1 on eth0", all, ""),
        // Nothing watched is nothing watched, wherever it goes.
        case(Verdict::NoMatch, "13.0.0.1 > 13.0.0.2 on eth0", all, ""),
        case(Verdict::Excluded, "11.9.0.1 > 11.2.0.1 on eth0", all, ""),
        case(Verdict::Unknown, "12.0.0.1 > 11.2.0.1 on eth0", all, ""),
        case(Verdict::Domestic, "41.5.0.1 > 41.1.0.1 on eth0", all, ""),
    ]
}

fn by_time_and_class() -> Vec<Case> {
    let all = everything();
    vec![
        case(
            Verdict::Unapproved,
            TRANSIT,
            Slot {
                own_addresses_only: 0b01,
                ..all
            },
            "covers only this host's own addresses on interface eth0, and neither end is one",
        ),
        case(
            Verdict::NotYet,
            TRANSIT,
            Slot {
                begin: 1_200 * SECOND,
                ..all
            },
            "begins in 3m 20s, 2026-09-21 14:33:20 UTC",
        ),
        case(
            Verdict::Expired,
            TRANSIT,
            Slot {
                end: 988 * SECOND,
                ..all
            },
            "ended 12 s ago, 2026-09-21 14:29:48 UTC",
        ),
        case(
            Verdict::Expired,
            TRANSIT,
            Slot { end: 0, ..all },
            "ended before this boot",
        ),
        case(
            Verdict::Class,
            TRANSIT,
            Slot {
                classes: only_class(Class::Relay),
                ..all
            },
            "does not cover the class transit",
        ),
        case(
            Verdict::Class,
            "11.1.1.5 > 41.2.0.1 on eth0",
            all,
            "the prefix is of gas, not the operator it has the consent of, denryoku",
        ),
        case(
            Verdict::Class,
            "11.1.1.5 > 41.2.0.1 on eth0",
            Slot { operator: 0, ..all },
            "has the consent of no operator, and the prefix is of gas",
        ),
    ]
}

fn by_the_rest() -> Vec<Case> {
    let all = everything();
    vec![
        case(
            Verdict::Direction,
            "41.5.0.1 > 11.2.0.1 on eth0",
            Slot {
                directions: only_direction(Direction::Inbound),
                ..all
            },
            "does not cover the direction outbound",
        ),
        case(
            Verdict::Interface,
            "11.1.1.5 > 11.2.0.1 on eth1",
            Slot {
                interfaces: 0b01,
                ..all
            },
            "does not cover interface eth1",
        ),
        case(
            Verdict::Recorded,
            TRANSIT,
            all,
            "allows it; ends in 59m 58s, 2026-09-21 15:29:58 UTC",
        ),
        case(
            Verdict::Recorded,
            "11.2.0.1 > 41.5.0.1 udp on eth1",
            Slot {
                end: Slot::FOREVER,
                ..all
            },
            "allows it; has no end",
        ),
        case(
            Verdict::Recorded,
            "11.1.1.5 > 41.1.0.1 on eth0",
            all,
            "allows it; ends in 59m 58s, 2026-09-21 15:29:58 UTC",
        ),
        case(
            Verdict::Recorded,
            "2400:1::5 > 2400:2::5 on eth0",
            all,
            "allows it; ends in 59m 58s, 2026-09-21 15:29:58 UTC",
        ),
    ]
}

#[test]
fn every_verdict_comes_with_its_reason() {
    for Case {
        verdict,
        packet,
        terms,
        why,
    } in cases()
    {
        let answer = ask(&under(terms), packet, ATTENDED);
        assert_eq!(answer.verdict, Some(verdict), "{packet}: {answer}");
        let told: Vec<&str> = answer.approvals.iter().map(|c| c.why.as_str()).collect();
        let expected = if why.is_empty() { vec![] } else { vec![why] };
        assert_eq!(told, expected, "{packet}: {answer}");
    }
}

#[test]
fn without_an_agent_nothing_is_recorded() {
    let moment = Moment {
        attended: false,
        ..ATTENDED
    };
    let packet = "11.1.1.5 > 11.2.0.1 on eth0";
    let mut loaded = under(everything());
    let answer = ask(&loaded, packet, moment);
    assert_eq!(answer.verdict, Some(Verdict::Unattended));
    assert_eq!(
        answer.approvals[0].why,
        "its lease has run out: no sensor runs, or nothing allows it to record now"
    );
    loaded.lab = true;
    let answer = ask(&loaded, packet, moment);
    assert!(
        answer.approvals[0]
            .why
            .starts_with("no sensor runs to renew its lease, and lab"),
        "{answer}"
    );
}

#[test]
fn every_verdict_of_a_readable_packet_is_among_the_cases() {
    let cases = cases();
    for verdict in &Verdict::ALL[Verdict::NoMatch as usize..] {
        let is_there = cases.iter().any(|case| case.verdict == *verdict);
        assert!(is_there || *verdict == Verdict::Unattended, "{verdict:?}");
    }
}

#[test]
fn the_furthest_step_of_any_approval_is_the_verdict() {
    let ended = Slot {
        end: 1,
        ..everything()
    };
    let elsewhere = Slot {
        interfaces: 0b10,
        ..everything()
    };
    let few = Slot {
        fields: Fields::PORTS,
        ..everything()
    };
    let packet = "11.1.1.5:5 > 11.2.0.1:6 tcp on eth0";
    let two = [
        approval("ended", &[0], ended),
        approval("elsewhere", &[1], elsewhere),
    ];
    let answer = ask(&loaded(&two), packet, ATTENDED);
    assert_eq!(answer.verdict, Some(Verdict::Interface));
    let reached: Vec<Verdict> = answer.approvals.iter().map(|c| c.reached).collect();
    assert_eq!(reached, [Verdict::Expired, Verdict::Interface]);

    // One that names nothing of this packet is not asked.
    let [ended, elsewhere] = two;
    let three = [
        ended,
        elsewhere,
        approval("few", &[1], few),
        approval("other", &[2], few),
    ];
    let answer = ask(&loaded(&three), packet, ATTENDED);
    assert_eq!(
        (answer.verdict, answer.approvals.len()),
        (Some(Verdict::Recorded), 3)
    );
    assert_eq!(answer.fields, Fields::PORTS);
    let [wide, narrow] = &answer.source.matched.unwrap().indicators[..] else {
        panic!("two indicators cover the source");
    };
    assert_eq!((wide.prefix, wide.line), (prefix("11.1.1.0/24"), 7));
    assert_eq!((narrow.prefix, narrow.line), (prefix("11.1.0.0/16"), 3));
    assert_eq!(narrow.named_by, [ApprovalId("ended".into())]);
}

#[test]
fn own_addresses_count_in_lab_only() {
    let terms = Slot {
        own_addresses_only: 0b11,
        ..everything()
    };
    let mut loaded = under(terms);
    loaded.own_addresses = vec![prefix("11.2.0.1/32")];
    let packet = "11.1.1.5 > 11.2.0.1 on eth0";
    assert_eq!(
        ask(&loaded, packet, ATTENDED).verdict,
        Some(Verdict::Unapproved)
    );
    loaded.lab = true;
    assert_eq!(
        ask(&loaded, packet, ATTENDED).verdict,
        Some(Verdict::Recorded)
    );
    let other = "11.1.1.5 > 11.2.0.2 on eth0";
    assert_eq!(
        ask(&loaded, other, ATTENDED).verdict,
        Some(Verdict::Unapproved)
    );
}

#[test]
fn an_interface_that_is_not_watched_sees_nothing_and_one_is_asked_for_where_there_are_several() {
    let mut loaded = under(everything());
    let answer = ask(&loaded, "11.1.1.5 > 11.2.0.1 on wlan0", ATTENDED);
    assert_eq!((answer.verdict, answer.approvals.len()), (None, 0));
    let refused = |loaded: &Loaded| {
        let explainer = Explainer::new(loaded).unwrap();
        let line = "11.1.1.5 > 11.2.0.1".parse().unwrap();
        explainer.explain(&line, ATTENDED)
    };
    let error = refused(&loaded).unwrap_err();
    insta::assert_snapshot!(error, @"2 interfaces are watched, and what becomes of a packet may depend on which: add 'on eth0' or 'on eth1'");
    loaded.interfaces.truncate(1);
    let answer = refused(&loaded).unwrap();
    assert_eq!(answer.packet.to_string(), "11.1.1.5 > 11.2.0.1 on eth0");
    loaded.interfaces.clear();
    assert_eq!(refused(&loaded), Err(AskError::NoInterface));
}

#[test]
fn what_began_or_ended_since_the_generation_was_compiled_is_known() {
    let mut prefixes = Prefixes::default();
    for (line, prefix, begin, end) in [(1, "11.1.1.1/32", 0, 5), (2, "11.1.1.2/32", 5, 9)] {
        let validity = Some(Validity { begin, end });
        let ports = Vec::new();
        prefixes.push_limited(prefix.parse().unwrap(), line, &Limits { validity, ports });
    }
    let mut watchlist = Watchlist::default();
    watchlist.share_feed("timed.txt".into(), prefixes.into());
    let mut loaded = Loaded {
        watchlist,
        moments: vec![watchlist::Moment::at(0)],
        ..loaded(&[approval("a", &[0, 1], everything())])
    };
    let recorded = |loaded: &Loaded, host: &str| {
        let line = format!("{host}:1 > 11.2.2.2:2 udp on eth0");
        ask(loaded, &line, ATTENDED).is_recorded()
    };
    assert!(recorded(&loaded, "11.1.1.1") && !recorded(&loaded, "11.1.1.2"));
    loaded.moments.push(watchlist::Moment::at(5));
    assert!(!recorded(&loaded, "11.1.1.1") && recorded(&loaded, "11.1.1.2"));
}
