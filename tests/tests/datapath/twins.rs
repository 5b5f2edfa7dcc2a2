//! Metadata only: frames that differ behind their last header leave the same behind.
//!
//! `SEKISHO_TWINS` says how many pairs, `SEKISHO_SEED` which. That every frame comes out of the
//! program as it went in is checked by whatever runs it (`Replayer::run`).

use std::env;

use sekisho::kernel::Datapath as _;
use sensor_tests::require;

use super::{layers::shapes, property::dice::Dice, rig::at_once, tunnels};

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn what_stands_behind_the_headers_leaves_no_trace() {
    require!(privilege);
    let (wanted, seed) = (number("SEKISHO_TWINS", 20_000), number("SEKISHO_SEED", 4));
    let (mut dice, mut pairs) = (Dice(seed), 0);
    let shapes = shapes().into_iter();
    let shapes = shapes.map(|shape| (shape.name, shape.frame, shape.headers));
    let (in_tunnels, rig) = tunnels::opened();
    let shapes: Vec<(String, Vec<u8>, usize)> = shapes.chain(in_tunnels).collect();
    let (mut first, mut second) = (rig(), rig());
    while pairs < wanted {
        for (name, frame, headers) in &shapes {
            for twin in [&mut first, &mut second] {
                let mut frame = frame.clone();
                for byte in &mut frame[*headers..] {
                    *byte = u8::try_from(dice.below(256)).unwrap();
                }
                twin.receive(&frame, at_once(&frame));
            }
            pairs += 1;
            if pairs % 50 == 0 {
                // One behind the other, so that the first frame that differs is near.
                let said = format!("SEKISHO_SEED={seed} pair {pairs}, {name}");
                let counters = [&first.kernel, &second.kernel].map(|k| k.counters().unwrap());
                assert_eq!(counters[0], counters[1], "{said}");
            }
            if pairs % 500 == 0 {
                assert_eq!(first.drain(), second.drain(), "{pairs}");
                assert_eq!(first.notices, second.notices, "{pairs}");
            }
        }
    }
    let (first, second) = (first.counted(), second.counted());
    assert_eq!(first.counters, second.counters);
    assert_eq!(first.flows, second.flows);
    assert_eq!(first.notices, second.notices);
    assert_eq!(first.totals, second.totals);
    assert_eq!(first.slot_counts, second.slot_counts);
}
