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
        (Verdict::Class, &|s| {
            let Passage {
                class, operator, ..
            } = facts.passage;
            s.classes & 1 << class as u8 != 0
                && ([0, s.operator].contains(&operator) || s.operator == Slot::ANY_OPERATOR)
        }),
        (Verdict::Direction, &|s| {
            s.directions & 1 << facts.passage.direction as u8 != 0
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
                fields: Fields::NONE,
                last: 0,
            };
        }
    }
    let approvals = left.iter().fold(SlotMask::EMPTY, |mask, &number| {
        mask.union(&SlotMask::of(number))
    });
    let fields = left.iter().fold(Fields::NONE, |fields, &number| {
        fields.union(slots[number as usize].fields)
    });
    Judgement {
        verdict: Verdict::Recorded,
        approvals,
        fields,
        last: left.last().copied().unwrap_or(0),
    }
}

fn any_slot() -> impl Strategy<Value = Slot> {
    let operator = prop_oneof![0..3u16, Just(Slot::ANY_OPERATOR)];
    let times = (0..4u64, 0..8u64);
    let interfaces = (0..4u64, 0..4u64);
    (times, interfaces, 0..8u8, 0..8u8, operator, 0..64u16).prop_map(
        |(
            (begin, end),
            (interfaces, own_addresses_only),
            classes,
            directions,
            operator,
            fields,
        )| {
            Slot {
                begin,
                end,
                interfaces,
                own_addresses_only,
                classes,
                directions,
                operator,
                fields: Fields(fields),
                ..Slot::default()
            }
        },
    )
}

fn any_place() -> impl Strategy<Value = Place> {
    prop_oneof![
        Just(Place::Foreign),
        Just(Place::Foreign),
        Just(Place::Domestic),
        (1..3u16).prop_map(Place::Operator),
    ]
}

fn any_passage() -> impl Strategy<Value = Passage> {
    (any_place(), any_place()).prop_filter_map("domestic", |(source, destination)| {
        Passage::between(source, destination).ok()
    })
}

fn any_facts() -> impl Strategy<Value = Facts> {
    (
        0..8u64,
        any_passage(),
        0..3u64,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(now, passage, interface, own_address, attended)| Facts {
            now,
            passage,
            interface,
            own_address,
            attended,
        })
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

const TRANSIT: Passage = Passage {
    class: Class::Transit,
    direction: Direction::Through,
    operator: 0,
};

fn open_facts() -> Facts {
    Facts {
        now: 10,
        passage: TRANSIT,
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
                passage: Passage {
                    class: Class::Relay,
                    ..TRANSIT
                },
                ..open_facts()
            },
            Verdict::Class,
        ),
        (
            "an operator",
            Slot {
                operator: 7,
                ..open_slot()
            },
            Facts {
                passage: Passage {
                    operator: 7,
                    ..TRANSIT
                },
                ..open_facts()
            },
            Verdict::Recorded,
        ),
        (
            "another operator",
            Slot {
                operator: 7,
                ..open_slot()
            },
            Facts {
                passage: Passage {
                    operator: 8,
                    ..TRANSIT
                },
                ..open_facts()
            },
            Verdict::Class,
        ),
        (
            "any operator",
            Slot {
                operator: Slot::ANY_OPERATOR,
                ..open_slot()
            },
            Facts {
                passage: Passage {
                    operator: 8,
                    ..TRANSIT
                },
                ..open_facts()
            },
            Verdict::Recorded,
        ),
        (
            "another direction",
            open_slot(),
            Facts {
                passage: Passage {
                    direction: Direction::Inbound,
                    ..TRANSIT
                },
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
            approvals: SlotMask::EMPTY,
            fields: Fields::NONE,
            last: 0,
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

#[test]
fn two_places_make_a_passage_or_a_verdict() {
    use Direction::{Inbound, Outbound, Through};
    use Place::{Domestic, Excluded, Foreign, Operator, Unknown};
    let passage = |class, direction, operator| {
        Ok(Passage {
            class,
            direction,
            operator,
        })
    };
    let cases = [
        (Foreign, Foreign, passage(Class::Transit, Through, 0)),
        (Foreign, Domestic, passage(Class::Relay, Inbound, 0)),
        (Domestic, Foreign, passage(Class::Relay, Outbound, 0)),
        (
            Foreign,
            Operator(3),
            passage(Class::Infrastructure, Inbound, 3),
        ),
        (
            Operator(3),
            Foreign,
            passage(Class::Infrastructure, Outbound, 3),
        ),
        (Domestic, Domestic, Err(Verdict::Domestic)),
        (Operator(1), Operator(2), Err(Verdict::Domestic)),
        (Operator(1), Domestic, Err(Verdict::Domestic)),
        (Domestic, Operator(1), Err(Verdict::Domestic)),
    ];
    for (source, destination, expected) in cases {
        assert_eq!(
            Passage::between(source, destination),
            expected,
            "{source:?} to {destination:?}"
        );
    }
    for other in [Foreign, Domestic, Operator(1), Unknown, Excluded] {
        for (one, two) in [(Excluded, other), (other, Excluded)] {
            assert_eq!(Passage::between(one, two), Err(Verdict::Excluded));
        }
    }
    for other in [Foreign, Domestic, Operator(1), Unknown] {
        for (one, two) in [(Unknown, other), (other, Unknown)] {
            assert_eq!(Passage::between(one, two), Err(Verdict::Unknown));
        }
    }
}

#[test]
fn every_named_slot_counts_how_far_the_packet_came() {
    struct Counting([Slot; 3], std::cell::RefCell<Vec<(u32, Verdict)>>);
    impl SlotTable for Counting {
        fn slot(&self, number: u32) -> Option<&Slot> {
            self.0.get(number as usize)
        }
        fn count(&self, number: u32, reached: Verdict) {
            self.1.borrow_mut().push((number, reached));
        }
    }
    let ended = Slot {
        end: 5,
        ..open_slot()
    };
    let table = Counting([open_slot(), ended, open_slot()], vec![].into());
    let named = SlotMask {
        words: [0b011, 0, 0, 0],
    };
    judge(&named, &table, &open_facts());
    let counted = table.1.into_inner();
    assert_eq!(counted, [(0, Verdict::Recorded), (1, Verdict::Expired)]);
}
