//! Orders, and moments between.
//!
//! Files that come one by one give the same as all at once, but for what is judged when it comes:
//! numbers that were passed do not come back (so each kind comes in the order of its numbers), a
//! consent is held to the keyring, and an approval to the policy, the territory and the
//! exclusions that are there. In force it is from its own arrival on, so beginnings differ.

use proptest::prelude::*;
use sensor_core::documents::{Attended, Decision, Folder, Gate, Shelf, Time};

use super::driver::Sensor;
use crate::{
    settings::{REVOCATION, STOP},
    world::{World, approval, standing},
};

/// A decision without the moments at which it began.
fn timeless(decision: &Decision) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut granted = decision.granted.clone();
    for one in &mut granted {
        one.from = Time::MIN;
    }
    (
        decision.attended.clone(),
        granted,
        decision.layers.clone(),
        decision.next,
    )
}

/// Before a file come those of its kind with lower numbers, and what approvals are judged by.
fn rank(name: &str) -> (u8, String) {
    let is_basis = [
        "allowed",
        "feed",
        "keyring",
        "policy",
        "territory",
        "exclusion",
    ];
    let is_basis = is_basis.iter().any(|kind| name.starts_with(kind));
    (u8::from(!is_basis), name.to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn one_file_at_a_time_gives_what_all_at_once_give(
        keys in prop::collection::vec(any::<u64>(), 64),
    ) {
        let world = World::new();
        let all = world.papers();
        let once = all.seen(&[], crate::world::NOW);
        let mut names: Vec<(u64, String)> = all.folder.files.keys().cloned()
            .enumerate()
            .map(|(at, name)| (keys[at % keys.len()], name))
            .collect();
        names.sort();
        // The basis before the rest, each in any order; numbers of a kind in theirs.
        names.sort_by_key(|(_, name)| rank(name).0);
        let mut order: Vec<String> = names.into_iter().map(|(_, name)| name).collect();
        for kind in ["request-", "approval-"] {
            let places: Vec<usize> = (0..order.len())
                .filter(|at| order[*at].starts_with(kind))
                .collect();
            let mut sorted: Vec<String> = places.iter().map(|at| order[*at].clone()).collect();
            sorted.sort_by_key(|name| name[kind.len()..].split('.').next().map(str::to_owned));
            for (at, name) in places.into_iter().zip(sorted) {
                order[at] = name;
            }
        }
        let mut sensor = Sensor::new(&world, crate::world::NOW);
        (sensor.folder, sensor.logged) = (Folder::default(), Vec::new());
        for name in order {
            let bytes = all.folder.files[&name].clone();
            sensor.folder.files.insert(name, bytes);
            sensor.gate();
        }
        let decision = sensor.at(crate::world::NOW);
        prop_assert_eq!(timeless(&decision), timeless(&once.decision));
        let gate = sensor.gate();
        prop_assert_eq!(gate.refusals(), []);
    }

    #[test]
    fn a_decision_does_not_change_before_the_moment_that_it_names(
        // From the beginning of November 2026 to the end of June 2027, to the second.
        at in 1_793_491_200_u64..1_814_000_000,
        part in 0.0_f64..1.0,
    ) {
        for gate in gates() {
            let now = Time(at * 1_000_000_000);
            let decision = gate.decide(now);
            let Some(next) = decision.next else {
                let later = gate.decide(Time(now.0 + 1_000_000_000_000_000));
                prop_assert_eq!(later, decision);
                continue;
            };
            prop_assert!(next > now);
            #[expect(
                clippy::cast_precision_loss, clippy::cast_possible_truncation,
                clippy::cast_sign_loss, reason = "any moment between will do"
            )]
            let between = Time(now.0 + ((next.0 - now.0 - 1) as f64 * part) as u64);
            prop_assert!(between < next);
            for then in [between, Time(next.0 - 1)] {
                prop_assert_eq!(gate.decide(then), decision.clone(), "at {}", then);
            }
            if let Attended::Until(end) = decision.attended {
                prop_assert!(end >= next);
            }
        }
    }
}

/// A sensor with a past.
fn past() -> Sensor {
    let mut world = World::new();
    world.replace(
        "request-1.toml",
        "2026-11-21T00:00:00Z",
        "2026-11-22T12:30:00Z",
    );
    let mut sensor = Sensor::new(&world, "2026-11-22T12:00:00Z");
    world.paper(
        "revocation-1.toml",
        &["overseer/ai"],
        &REVOCATION.replace("-1.toml", "-3.toml"),
    );
    sensor.finds(&world, "2026-11-22T12:20:00Z");
    world.paper("stop-1.toml", &["operator/power"], STOP);
    sensor.finds(&world, "2026-11-22T13:00:00Z");
    let text = crate::settings::request(4, "R-4").replace("-21T", "-24T");
    world.paper("request-4.toml", &["requester/npa"], &text);
    world.paper(
        "approval-4.toml",
        &["overseer/ai"],
        &approval(4, "request-4.toml"),
    );
    sensor.finds(&world, "2026-11-22T14:00:00Z");
    world.sign("approval-4.toml", &["overseer/chi"]);
    sensor.finds(&world, "2026-11-23T14:00:00Z");
    let text = standing(2, "keyring-1.toml", &["approval-3.toml"]).replace("-26T", "-27T");
    world.paper("standing-2.toml", &["overseer/chi"], &text);
    sensor.finds(&world, "2026-11-23T15:00:00Z");
    sensor
}

/// The gate of that sensor now, and over time.
fn gates() -> Vec<Gate> {
    thread_local! {
        static GATES: Vec<Gate> = {
            let mut sensor = past();
            let mut gates = vec![sensor.gate()];
            let mut shelf = Shelf::default();
            let over_time =
                Gate::history(&sensor.identity, &sensor.logged, &sensor.folder, &mut shelf);
            gates.extend(over_time.into_iter().map(|(_, gate)| gate));
            gates
        };
    }
    GATES.with(Clone::clone)
}

#[test]
fn the_history_is_what_was_decided_then() {
    let sensor = past();
    let mut shelf = Shelf::default();
    let history = Gate::history(&sensor.identity, &sensor.logged, &sensor.folder, &mut shelf);
    assert_eq!(history.len(), sensor.folders.len());
    let ends: Vec<Time> = history
        .iter()
        .skip(1)
        .map(|(time, _)| *time)
        .chain([Time(u64::MAX)])
        .collect();
    for ((begin, gate), end) in history.iter().zip(ends) {
        let logged: Vec<_> = (sensor.logged.iter())
            .filter(|arrival| arrival.time <= *begin)
            .cloned()
            .collect();
        let folder = &sensor.folders[begin];
        let last = Time(end.0 - 1).min(Time(begin.0 + 40_000_000_000_000_000));
        for at in [
            *begin,
            Time(begin.0 + 1),
            Time(begin.0 / 2 + last.0 / 2),
            last,
        ] {
            let (then, arrivals) = Gate::open(&sensor.identity, &logged, folder, &mut shelf, at);
            assert_eq!(arrivals, []);
            assert_eq!(gate.decide(at), then.decide(at), "at {at}");
        }
    }
}

#[test]
fn where_the_order_matters() {
    // The second policy first: the first one is passed then, and does not come back.
    let mut world = World::new();
    let text = crate::world::POLICY.replace("number = 1", "number = 2");
    world.paper("policy-2.toml", &["overseer/ai", "overseer/bo"], &text);
    let all = world.papers().folder;
    let mut sensor = Sensor::new(&World::new(), crate::world::NOW);
    (sensor.folder, sensor.logged) = (Folder::default(), Vec::new());
    for (name, bytes) in &all.files {
        if !name.starts_with("policy-1") {
            sensor.folder.files.insert(name.clone(), bytes.clone());
        }
    }
    sensor.gate();
    sensor.folder = all;
    sensor.gate();
    let policies = sensor.gate().admitted(sensor_core::documents::Kind::Policy);
    assert_eq!(
        policies
            .iter()
            .map(|(_, paper)| paper.number)
            .collect::<Vec<_>>(),
        [2]
    );
}
