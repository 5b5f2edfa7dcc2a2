//! Never a packet after the end that was approved, whatever happens to the clocks.

use std::ops::Range;

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};

use super::{
    sensor::{Act, Keeps, Rule, Sensor, Terming},
    *,
};

/// Runs the acts; what was recorded and refused, or what the observer objects to.
fn run(rule: Rule, acts: &[Act]) -> Result<Sensor, String> {
    let mut sensor = Sensor::new(rule);
    for (number, &act) in acts.iter().enumerate() {
        sensor
            .act(act)
            .map_err(|what| format!("act {number}, {act:?}: {what}"))?;
    }
    Ok(sensor)
}

#[test]
fn steps_of_a_second_to_ten_years() {
    let steps = [SECOND, 60 * SECOND, HOUR, DAY, YEAR, 10 * YEAR];
    let both = steps.into_iter().map(i128::from).flat_map(|by| [by, -by]);
    for by in both {
        for noticed_after in [0, 1, SECOND, HOUR, 2 * DAY] {
            for then in [
                Act::Anchor,
                Act::Suspend(DAY),
                Act::Correct,
                Act::Stop,
                Act::Reboot(HOUR),
            ] {
                for max_error in [0, SECOND / 4] {
                    let synchronise = Act::Discipline(true, max_error);
                    let acts = [
                        Act::Load(-1, DAY),
                        Act::Load(0, YEAR),
                        Act::Load(i64::try_from(HOUR).unwrap(), 20 * YEAR),
                        Act::Advance(2 * HOUR),
                        Act::Step(by),
                        synchronise,
                        Act::Advance(noticed_after),
                        Act::Notice,
                        Act::Advance(SECOND),
                        then,
                        synchronise,
                        Act::Notice,
                        Act::Start { slots: true },
                        Act::Advance(2 * DAY),
                        Act::Advance(30 * YEAR),
                    ];
                    let sensor = run(Rule::RIGHT, &acts).unwrap_or_else(|what| {
                        panic!("{by} noticed after {noticed_after}, {then:?}: {what}")
                    });
                    assert!(sensor.recorded > 0);
                }
            }
        }
    }
}

#[test]
fn on_a_clock_that_nobody_sets_approvals_are_used_to_the_nanosecond() {
    let acts = [
        Act::Load(10, 20),
        Act::Advance(5),
        Act::Suspend(6),
        Act::Stop,
        Act::Start { slots: true },
        Act::Advance(100),
    ];
    // At 11 after the suspend, three times as the agent ends and starts, and at its last, 29.
    assert_eq!(run(Rule::RIGHT, &acts).unwrap().recorded, 4);
    let early = [Act::Load(10, 20), Act::Advance(9), Act::Suspend(21)];
    assert_eq!(run(Rule::RIGHT, &early).unwrap().recorded, 0);
}

#[test]
fn after_a_reboot_approvals_are_in_force_again_unless_the_clock_went_back() {
    let before = [Act::Load(0, YEAR), Act::Advance(DAY), Act::Anchor];
    let after = [Act::Discipline(true, 0), Act::Start { slots: false }];
    let recorded = |acts: &[Act]| run(Rule::RIGHT, acts).unwrap().recorded;
    let only_before = recorded(&before);
    let right = [&before[..], &[Act::Reboot(HOUR)], &after].concat();
    assert!(recorded(&right) > only_before);
    let set_back = [Act::Reboot(HOUR), Act::Step(-i128::from(2 * HOUR))];
    let set_back = [&before[..], &set_back, &after].concat();
    assert_eq!(recorded(&set_back), only_before);
    assert_eq!(run(Rule::RIGHT, &set_back).unwrap().refused, 1);
}

/// Every order of magnitude as likely as any other.
fn magnitude(range: Range<u64>) -> impl Strategy<Value = u64> {
    let (low, high) = (range.start.ilog2(), range.end.ilog2());
    (low..=high, any::<u64>()).prop_map(move |(bits, within)| {
        let floor = 1u64 << bits;
        (floor + within % floor).clamp(range.start, range.end)
    })
}

fn act() -> impl Strategy<Value = Act> {
    let step = (any::<bool>(), magnitude(SECOND..10 * YEAR))
        .prop_map(|(back, by)| if back { -i128::from(by) } else { by.into() });
    let ahead = (any::<bool>(), magnitude(1..30 * DAY)).prop_map(|(past, by)| {
        let by = i64::try_from(by).unwrap();
        if past { -by } else { by }
    });
    prop_oneof![
        6 => magnitude(1..10 * DAY).prop_map(Act::Advance),
        2 => magnitude(HOUR..30 * DAY).prop_map(Act::Suspend),
        3 => step.prop_map(Act::Step),
        1 => Just(Act::Correct),
        3 => magnitude(1..20 * SECOND).prop_map(|error| Act::Discipline(true, error)),
        1 => Just(Act::Discipline(true, 0)),
        1 => Just(Act::Discipline(false, 16 * SECOND)),
        4 => Just(Act::Notice),
        2 => Just(Act::Anchor),
        3 => (ahead, magnitude(1..YEAR)).prop_map(|(after, long)| Act::Load(after, long)),
        1 => Just(Act::Stop),
        3 => any::<bool>().prop_map(|slots| Act::Start { slots }),
        1 => magnitude(SECOND..DAY).prop_map(Act::Reboot),
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(act(), 1..60)
}

proptest! {
    #![proptest_config(Config::with_cases(2000))]

    #[test]
    fn whatever_happens(acts in acts()) {
        if let Err(what) = run(Rule::RIGHT, &acts) {
            return Err(TestCaseError::fail(what));
        }
    }
}

/// What the observer objects to in the first case that a wrong rule fails.
fn objection(rule: Rule) -> String {
    let config = Config {
        cases: 2000,
        failure_persistence: None,
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let found = TestRunner::new_with_rng(config, random).run(&acts(), |acts| {
        run(rule, &acts).map(drop).map_err(TestCaseError::fail)
    });
    match found {
        Err(TestError::Fail(what, acts)) => format!("{what}\nafter {acts:#?}"),
        Ok(()) | Err(TestError::Abort(_)) => "nothing".into(),
    }
}

/// Each mistake an agent could make is one that the tests above would see.
#[test]
fn the_observer_sees_every_mistake() {
    let right = Rule {
        tells: false,
        ..Rule::RIGHT
    };
    assert_eq!(objection(right), "nothing");
    let last: Terming = |_, all, begin, end| Terms::by(all.last().unwrap(), begin, end);
    let first: Terming = |_, all, begin, end| Terms::by(&all[0], begin, end);
    let both: Terming = |_, all, begin, end| {
        Terms::by(&all[0], begin, end).narrowed(Terms::by(all.last().unwrap(), begin, end))
    };
    let exact: Terming = |_, all, begin, end| {
        let by = |anchor: &Anchor| Terms::by(&unsure(*anchor, 0), begin, end);
        all.iter().map(by).reduce(Terms::narrowed).unwrap()
    };
    let late: Terming = |anchors, _, begin, end| anchors.terms(begin, end.saturating_add(1));
    let early: Terming = |anchors, _, begin, end| anchors.terms(begin.saturating_sub(1), end);
    let replaced = |terms| Rule {
        terms,
        put: |_, new| new,
        ..right
    };
    let narrowed = |terms| Rule { terms, ..right };
    let keeping = |keeps| Rule { keeps, ..right };
    for (mistake, rule, expected) in [
        (
            "by the last anchor alone",
            replaced(last),
            "what was approved",
        ),
        ("by the first and the last", replaced(both), "what Anchor"),
        ("steps are not counted", narrowed(first), "what Anchor"),
        ("as if readings were exact", narrowed(exact), "what Anchor"),
        ("a nanosecond too long", narrowed(late), "recorded outside"),
        (
            "a nanosecond too early",
            narrowed(early),
            "recorded outside",
        ),
        ("anchors forgotten at a start", keeping(Keeps::Nothing), ""),
        (
            "earlier boots forgotten",
            keeping(Keeps::ThisBoot),
            "had passed",
        ),
    ] {
        let objection = objection(rule);
        assert_ne!(objection, "nothing", "{mistake}");
        assert!(objection.contains(expected), "{mistake}: {objection}");
    }
}
