//! The verdict in the kernel: slots, times, interfaces, own addresses.

use std::sync::Arc;

use sekisho::{
    settings::lab,
    watchlist::{Approval, ApprovalId},
};
use sensor_common::{ReplayContext, Slot, SlotMask, Verdict};
use sensor_tests::{packet::Packet, require};

use crate::rig::{Rig, at_once, compiled};

const WATCHED: [u8; 4] = [192, 0, 2, 1];
const OTHER: [u8; 4] = [198, 51, 100, 7];

/// In force from 100 to 200, on interface slot 3, for `transit` and `through`.
fn terms() -> Slot {
    Slot {
        begin: 100,
        end: 200,
        interfaces: 1 << 3,
        ..lab::replay().terms
    }
}

fn approval(terms: Slot) -> Approval {
    Approval {
        id: ApprovalId("test".into()),
        terms,
        ..lab::replay()
    }
}

fn frame() -> Vec<u8> {
    Packet::v4(WATCHED, OTHER).udp(1, 2).build()
}

/// The verdict on one packet at `time` through interface slot `interface`.
fn verdict(approvals: &[Approval], time: u64, interface: u32) -> Verdict {
    let mut rig = Rig::new(true, 16);
    rig.publish(&compiled(&["192.0.2.0/24"], approvals));
    let frame = frame();
    rig.receive(
        &frame,
        ReplayContext {
            time,
            interface,
            ..at_once(&frame)
        },
    );
    let counted = rig.counted();
    let given: Vec<Verdict> = Verdict::ALL
        .into_iter()
        .filter(|&verdict| counted.verdict(verdict) == 1)
        .collect();
    given[0]
}

#[test]
fn every_step_has_its_verdict_in_the_kernel() {
    require!(privilege);
    let closed = |change: fn(&mut Slot)| {
        let mut terms = terms();
        change(&mut terms);
        verdict(&[approval(terms)], 150, 3)
    };
    assert_eq!(verdict(&[], 150, 3), Verdict::NoMatch, "nobody names it");
    assert_eq!(verdict(&[approval(terms())], 99, 3), Verdict::NotYet);
    assert_eq!(verdict(&[approval(terms())], 100, 3), Verdict::Recorded);
    assert_eq!(verdict(&[approval(terms())], 199, 3), Verdict::Recorded);
    assert_eq!(verdict(&[approval(terms())], 200, 3), Verdict::Expired);
    assert_eq!(
        verdict(&[approval(Slot::default())], 200, 3),
        Verdict::Expired
    );
    assert_eq!(closed(|terms| terms.classes = 0b110), Verdict::Class);
    assert_eq!(closed(|terms| terms.directions = 0b011), Verdict::Direction);
    assert_eq!(verdict(&[approval(terms())], 150, 2), Verdict::Interface);
    assert_eq!(verdict(&[approval(terms())], 150, 64), Verdict::Interface);
}

/// An indicator that no approval names stays outside; should it stand in the tables all the
/// same, it is not recorded.
#[test]
fn a_match_set_that_no_approval_names_is_unapproved() {
    require!(privilege);
    let mut compiled = compiled(&["192.0.2.0/24"], &[approval(terms())]);
    Arc::make_mut(&mut compiled.tables)
        .groups
        .fill(SlotMask::EMPTY);
    let mut rig = Rig::new(true, 16);
    rig.publish(&compiled);
    let frame = frame();
    let context = ReplayContext {
        time: 150,
        interface: 3,
        ..at_once(&frame)
    };
    rig.receive(&frame, context);
    assert_eq!(rig.counted().verdict(Verdict::Unapproved), 1);
}

#[test]
fn a_program_without_a_generation_records_nothing() {
    require!(privilege);
    let mut rig = Rig::new(true, 16);
    let frame = frame();
    rig.receive(&frame, at_once(&frame));
    assert_eq!(rig.counted().verdict(Verdict::NoMatch), 1);
}

#[test]
fn all_256_slots_count_and_only_those_that_allow() {
    require!(privilege);
    let approvals: Vec<Approval> = (0..256u64)
        .map(|slot| {
            let end = if slot % 3 == 0 { 120 } else { 200 };
            approval(Slot { end, ..terms() })
        })
        .collect();
    let mut rig = Rig::new(true, 16);
    rig.publish(&compiled(&["192.0.2.0/24"], &approvals));
    let frame = frame();
    rig.receive(
        &frame,
        ReplayContext {
            time: 150,
            interface: 3,
            ..at_once(&frame)
        },
    );
    let counted = rig.counted();
    let expected = (0..256)
        .filter(|slot| slot % 3 != 0)
        .fold(SlotMask::EMPTY, |mask, slot| {
            mask.union(&SlotMask::of(slot))
        });
    assert_eq!(
        counted.flows.first_key_value().unwrap().0.approvals,
        expected
    );
}

#[test]
fn on_a_real_card_lab_records_only_this_host() {
    require!(privilege);
    let own_only = Slot {
        own_addresses_only: 1 << 3,
        ..terms()
    };
    let run = |own: [u8; 4], lab: bool, source: [u8; 4]| {
        let mut rig = Rig::new(lab, 16);
        rig.kernel.set_own_addresses([own.into()]).unwrap();
        if lab {
            rig.fake.set_own_addresses([own.into()]);
        }
        rig.publish(&compiled(&["192.0.2.0/24"], &[approval(own_only)]));
        let frame = Packet::v4(source, WATCHED).udp(1, 2).build();
        rig.receive(
            &frame,
            ReplayContext {
                time: 150,
                interface: 3,
                ..at_once(&frame)
            },
        );
        let counted = rig.counted();
        (
            counted.verdict(Verdict::Recorded),
            counted.verdict(Verdict::Unapproved),
        )
    };
    assert_eq!(run(OTHER, true, OTHER), (1, 0), "from this host");
    assert_eq!(run(WATCHED, true, OTHER), (1, 0), "to this host");
    assert_eq!(run([203, 0, 113, 9], true, OTHER), (0, 1), "between others");
    assert_eq!(
        run(OTHER, false, OTHER),
        (0, 1),
        "a program not loaded for lab knows no own address"
    );
}

#[test]
fn the_most_specific_prefix_names_all_that_cover_it() {
    require!(privilege);
    let prefixes = [
        "0.0.0.0/0",
        "192.0.0.0/16",
        "192.0.2.0/24",
        "192.0.2.1/32",
        "::/0",
    ];
    let mut rig = Rig::new(true, 16);
    let compiled = compiled(&prefixes, &[lab::replay()]);
    rig.publish(&compiled);
    let frame = frame();
    rig.receive(&frame, at_once(&frame));
    let counted = rig.counted();
    let key = counted.flows.first_key_value().unwrap().0;
    let covering = |set| compiled.covering(sekisho::watchlist::SetId(set)).count();
    assert_eq!(
        (covering(key.source_set), covering(key.destination_set)),
        (4, 1)
    );
}
