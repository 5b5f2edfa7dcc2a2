//! Generations: all tables change together, and a refused one changes nothing.

use sekisho::{
    kernel::{Datapath as _, DatapathError},
    settings::lab,
};
use sensor_common::Verdict;
use sensor_tests::{packet::Packet, require};

use crate::rig::{Rig, at_once, compiled, generation};

#[test]
fn a_later_generation_replaces_watchlist_and_approvals_together() {
    require!(privilege);
    let first = Packet::v4([192, 0, 2, 1], [203, 0, 113, 1])
        .udp(1, 2)
        .build();
    let second = Packet::v4([198, 51, 100, 1], [203, 0, 113, 1])
        .udp(1, 2)
        .build();
    let mut rig = Rig::new(true, 64);
    for generation in 1..=6 {
        let prefixes = if generation % 2 == 1 {
            ["192.0.2.0/24"]
        } else {
            ["198.51.100.0/24"]
        };
        let tables = self::generation(&prefixes, &[lab::replay()], generation).tables;
        rig.kernel.publish(&tables).unwrap();
        let before = rig.kernel.counters().unwrap();
        rig.kernel.run(&first, at_once(&first)).unwrap();
        rig.kernel.run(&second, at_once(&second)).unwrap();
        let after = rig.kernel.counters().unwrap();
        for verdict in [Verdict::Recorded, Verdict::NoMatch] {
            let cell = sensor_common::Stat::Verdict(verdict).cell();
            assert_eq!(
                after[cell] - before[cell],
                1,
                "generation {generation}: {verdict:?}"
            );
        }
    }
    let mut generations = Vec::new();
    rig.kernel
        .take(&mut |part| generations.extend((!part.is_notice()).then_some(part.key.generation)))
        .unwrap();
    generations.sort_unstable();
    assert_eq!(generations, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_generation_out_of_turn_or_without_room_leaves_the_one_before_in_force() {
    require!(privilege);
    let mut rig = Rig::watching(&["192.0.2.0/24"]);
    let again = compiled(&["198.51.100.0/24"], &[lab::replay()]);
    assert!(matches!(
        rig.kernel.publish(&again.tables),
        Err(DatapathError::OutOfTurn {
            given: 1,
            current: 1
        })
    ));
    let crowded = generation(&["198.51.100.0/24"], &vec![lab::replay(); 257], 2);
    let refused = rig.kernel.publish(&crowded.tables).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the watchlist does not fit into the kernel: approvals in force: 257 needed, \
         room for 256; the one before stays in force"
    );
    let frame = Packet::v4([192, 0, 2, 1], [203, 0, 113, 1])
        .udp(1, 2)
        .build();
    rig.receive(&frame, at_once(&frame));
    assert_eq!(rig.counted().verdict(Verdict::Recorded), 1);
}
