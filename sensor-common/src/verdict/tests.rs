use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;

type Step<'a> = (Verdict, &'a dyn Fn(&Slot) -> bool);

/// The narrowing as the design words it: a mask per step.
fn narrowed(named: &SlotMask, slots: &[Slot], facts: &Facts) -> Judgement {
    let interface = facts.interface;
    let steps: [Step<'_>; 7] = [
        (Verdict::Unapproved, &|s| {
            s.own_addresses_only & interface == 0 || facts.own_address
        }),
        (Verdict::NotYet, &|s| facts.now >= s.begin),
        (Verdict::Expired, &|s| facts.now < s.end),
        (Verdict::Class, &|s| s.classes & 1 << facts.class as u8 != 0),
        (Verdict::Direction, &|s| {
            s.directions & 1 << facts.direction as u8 != 0
        }),
        (Verdict::Interface, &|s| s.interfaces & interface != 0),
        (Verdict::Unattended, &|_| facts.attended),
    ];
    let mut left: Vec<u32> = named
        .iter()
        .filter(|&n| (n as usize) < slots.len())
        .collect();
    for (verdict, allows) in steps {
        left.retain(|&number| allows(&slots[number as usize]));
        if left.is_empty() {
            return Judgement {
                verdict,
                approvals: SlotMask::EMPTY,
            };
        }
    }
    let approvals = left.iter().fold(SlotMask::EMPTY, |mask, &number| {
        mask.union(&SlotMask::of(number))
    });
    Judgement {
        verdict: Verdict::Recorded,
        approvals,
    }
}

fn any_slot() -> impl Strategy<Value = Slot> {
    (0..4u64, 0..8u64, 0..4u64, 0..4u64, 0..8u8, 0..8u8).prop_map(
        |(begin, end, interfaces, own_addresses_only, classes, directions)| Slot {
            begin,
            end,
            interfaces,
            own_addresses_only,
            classes,
            directions,
            reserved: [0; 6],
        },
    )
}

fn any_facts() -> impl Strategy<Value = Facts> {
    (
        0..8u64,
        0..3usize,
        0..3usize,
        0..3u64,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(now, class, direction, interface, own_address, attended)| Facts {
                now,
                class: Class::ALL[class],
                direction: Direction::ALL[direction],
                interface,
                own_address,
                attended,
            },
        )
}

proptest! {
    #[test]
    fn judging_in_one_pass_is_narrowing_step_by_step(
        slots in prop::collection::vec(any_slot(), 0..256),
        words in any::<[u64; 4]>(),
        sparse in any::<[u64; 4]>(),
        facts in any_facts(),
    ) {
        let mut words = words;
        for (word, thin) in words.iter_mut().zip(sparse) {
            *word &= thin;
        }
        let named = SlotMask { words };
        prop_assert_eq!(judge(&named, slots.as_slice(), &facts), narrowed(&named, &slots, &facts));
    }
}

fn open_slot() -> Slot {
    Slot {
        begin: 10,
        end: 20,
        interfaces: 1,
        classes: 1,
        directions: 4,
        ..Slot::default()
    }
}

fn open_facts() -> Facts {
    Facts {
        now: 10,
        class: Class::Transit,
        direction: Direction::Through,
        interface: 1,
        own_address: false,
        attended: true,
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_step_has_its_verdict() {
    let cases: Vec<(&str, Slot, Facts, Verdict)> = vec![
        ("in force", open_slot(), open_facts(), Verdict::Recorded),
        (
            "before its begin",
            open_slot(),
            Facts {
                now: 9,
                ..open_facts()
            },
            Verdict::NotYet,
        ),
        (
            "last nanosecond",
            open_slot(),
            Facts {
                now: 19,
                ..open_facts()
            },
            Verdict::Recorded,
        ),
        (
            "at its end",
            open_slot(),
            Facts {
                now: 20,
                ..open_facts()
            },
            Verdict::Expired,
        ),
        ("zero slot", Slot::default(), open_facts(), Verdict::Expired),
        (
            "another class",
            open_slot(),
            Facts {
                class: Class::Relay,
                ..open_facts()
            },
            Verdict::Class,
        ),
        (
            "another direction",
            open_slot(),
            Facts {
                direction: Direction::Inbound,
                ..open_facts()
            },
            Verdict::Direction,
        ),
        (
            "another interface",
            open_slot(),
            Facts {
                interface: 2,
                ..open_facts()
            },
            Verdict::Interface,
        ),
        (
            "interface without slot",
            open_slot(),
            Facts {
                interface: 0,
                ..open_facts()
            },
            Verdict::Interface,
        ),
        (
            "agent gone",
            open_slot(),
            Facts {
                attended: false,
                ..open_facts()
            },
            Verdict::Unattended,
        ),
        (
            "a real card, not this host",
            Slot {
                own_addresses_only: 1,
                ..open_slot()
            },
            open_facts(),
            Verdict::Unapproved,
        ),
        (
            "a real card, this host",
            Slot {
                own_addresses_only: 1,
                ..open_slot()
            },
            Facts {
                own_address: true,
                ..open_facts()
            },
            Verdict::Recorded,
        ),
    ];
    for (name, slot, facts, expected) in cases {
        let slots = [slot];
        let judged = judge(&SlotMask::of(0), slots.as_slice(), &facts);
        assert_eq!(judged.verdict, expected, "{name}");
        assert_eq!(
            !judged.approvals.is_empty(),
            expected == Verdict::Recorded,
            "{name}"
        );
    }
}

#[test]
fn without_a_name_nothing_is_recorded() {
    let slots = [open_slot()];
    let judged = judge(&SlotMask::EMPTY, slots.as_slice(), &open_facts());
    assert_eq!(
        judged,
        Judgement {
            verdict: Verdict::Unapproved,
            approvals: SlotMask::EMPTY
        }
    );
}

#[test]
fn a_packet_is_counted_under_every_approval_that_allows_it() {
    let slots = [
        open_slot(),
        Slot {
            end: 5,
            ..open_slot()
        },
        open_slot(),
    ];
    let named = SlotMask {
        words: [0b111, 0, 0, 0],
    };
    let judged = judge(&named, slots.as_slice(), &open_facts());
    assert_eq!(
        judged.approvals,
        SlotMask {
            words: [0b101, 0, 0, 0]
        }
    );
}

#[test]
fn names_are_distinct_and_numbers_are_the_order() {
    for (number, verdict) in Verdict::ALL.into_iter().enumerate() {
        assert_eq!(verdict as usize, number);
        assert!(
            Verdict::ALL[..number]
                .iter()
                .all(|earlier| earlier.name() != verdict.name())
        );
    }
}
