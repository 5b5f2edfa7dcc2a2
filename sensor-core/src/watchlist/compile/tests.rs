use std::{collections::HashMap, net::IpAddr};

use ipnet::IpNet;
use proptest::prelude::*;

use super::*;
use crate::watchlist::{Approval, NoRoom, Scope, Validity, in_order, tests::prefix};
use sensor_common::Place;

fn watchlist(prefixes: &[IpNet]) -> Watchlist {
    let mut watchlist = Watchlist::default();
    watchlist.add_feed("test".into(), prefixes.iter().copied().zip(1..));
    watchlist
}

fn compiled(watchlist: &Watchlist, approvals: &[Approval]) -> Compiled {
    let places = Arc::new(Flat::everywhere(Place::Foreign));
    compile(
        watchlist,
        &in_order(approvals),
        places,
        1,
        Moment::default(),
    )
}

/// An approval that names every indicator.
fn naming_all() -> Approval {
    Approval {
        id: ApprovalId("all".into()),
        validity: Validity { begin: 0, end: 1 },
        scope: Scope::All,
        handling: Arc::default(),
        tunnels: Vec::new(),
        terms: Slot::default(),
    }
}

fn naming(name: &str, indicators: &[u32]) -> Approval {
    Approval {
        id: ApprovalId(name.into()),
        scope: Scope::Indicators(indicators.iter().copied().map(IndicatorId).collect()),
        ..naming_all()
    }
}

fn nets<const N: usize>(texts: [&str; N]) -> Vec<IpNet> {
    texts.map(|text| text.parse().unwrap()).into()
}

#[test]
fn nested_and_equal_prefixes_are_all_named() {
    let prefixes = nets(["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8", "10.1.2.3/32"]);
    let compiled = compiled(&watchlist(&prefixes), &[naming_all()]);
    let host = Tables::set_v4(compiled.tables.v4.len() - 1);
    let covering: Vec<u32> = compiled.covering(SetId(host)).map(|id| id.0).collect();
    assert_eq!(covering, [3, 1, 0, 2]);
    assert_eq!(compiled.covering(SetId(0)).count(), 0);
}

#[test]
fn too_many_approvals_are_refused_with_the_numbers() {
    let compiled = compiled(&watchlist(&[]), &vec![naming_all(); 257]);
    assert_eq!(
        compiled.tables.check_room(),
        Err(NoRoom {
            what: "approvals in force",
            needed: 257,
            room: 256
        })
    );
}

#[test]
fn what_no_approval_names_stays_outside() {
    let prefixes = nets(["10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24"]);
    let compiled = compiled(&watchlist(&prefixes), &[naming("a", &[1])]);
    let [prefix] = compiled.tables.v4[..] else {
        panic!("{:?}", compiled.tables.v4)
    };
    assert_eq!(IpNet::from(prefix).to_string(), "10.1.0.0/16");
    assert_eq!(compiled.tables.prefix(1), Some(prefix.into()));
    assert_eq!(compiled.covering(SetId(1)).count(), 1);
}

#[test]
fn a_set_is_named_by_whoever_names_a_prefix_around_it() {
    let prefixes = nets(["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "10.1.2.3/32"]);
    let approvals = [
        naming("wide", &[0]),
        naming("host", &[2]),
        naming("both", &[1, 3]),
    ];
    let compiled = compiled(&watchlist(&prefixes), &approvals);
    let masks: Vec<u64> = compiled.tables.group_of_set[1..]
        .iter()
        .map(|&group| compiled.tables.groups[group as usize].words[0])
        .collect();
    assert_eq!(masks, [0b001, 0b101, 0b111]);
}

/// A match set as the reference has it.
#[derive(Debug, PartialEq, Eq)]
struct Reference {
    prefix: IpNet,
    own: Vec<IndicatorId>,
    parent: Option<SetId>,
    mask: SlotMask,
}

/// By maps and by looking through all of it.
fn reference(watchlist: &Watchlist, approvals: &[InForce]) -> Vec<Reference> {
    let naming = |id: IndicatorId| {
        let naming = approvals
            .iter()
            .filter(|held| held.approval.scope.names(id));
        naming.fold(SlotMask::EMPTY, |mask, held| {
            mask.union(&SlotMask::of(held.slot))
        })
    };
    let mut by_prefix: BTreeMap<IpNet, (Vec<IndicatorId>, SlotMask)> = BTreeMap::new();
    for (id, indicator) in watchlist.iter() {
        let naming = naming(id);
        if !naming.is_empty() {
            let (own, mask) = by_prefix.entry(indicator.prefix).or_default();
            own.push(id);
            *mask = mask.union(&naming);
        }
    }
    let mut sets = Vec::new();
    for (prefix, (own, _)) in &by_prefix {
        let around = (1..)
            .map(SetId)
            .zip(&by_prefix)
            .filter(|(_, (outer, _))| outer.contains(prefix));
        let mut mask = SlotMask::EMPTY;
        let mut parent = None;
        for (id, (outer, (_, named))) in around {
            mask = mask.union(named);
            if outer != prefix {
                // The longest of them comes last.
                parent = Some(id);
            }
        }
        sets.push(Reference {
            prefix: *prefix,
            own: own.clone(),
            parent,
            mask,
        });
    }
    sets
}

/// Feeds, and what each of some approvals names: everything, whole feeds, or numbers.
fn input() -> impl Strategy<Value = (Watchlist, Vec<InForce>)> {
    let feeds = prop::collection::vec(prop::collection::vec(prefix(), 0..25), 0..5);
    let scope = || {
        prop_oneof![
            1 => Just(None),
            4 => prop::collection::vec(any::<prop::sample::Index>(), 0..4).prop_map(|v| Some((true, v))),
            4 => prop::collection::vec(any::<prop::sample::Index>(), 0..30).prop_map(|v| Some((false, v))),
        ]
    };
    let approvals = prop::collection::vec((0..SLOTS, scope()), 0..8);
    (feeds, approvals).prop_map(|(feeds, scopes)| {
        let mut watchlist = Watchlist::default();
        let mut ranges = Vec::new();
        for (number, prefixes) in feeds.into_iter().enumerate() {
            ranges.push(watchlist.add_feed(number.to_string(), prefixes.into_iter().zip(1..)));
        }
        let by_slot: HashMap<u32, _> = scopes.into_iter().collect();
        let mut approvals: Vec<InForce> = Vec::new();
        for (slot, scope) in by_slot {
            let mut approval = naming_all();
            if let Some((by_feed, picked)) = scope {
                let numbers = u32::try_from(watchlist.len()).unwrap();
                approval.scope = Scope::Indicators(if by_feed && !ranges.is_empty() {
                    let named = picked.iter().map(|index| index.get(&ranges).clone());
                    named.collect()
                } else {
                    // Some beyond the last: an approval may name what is not there.
                    let named = picked.iter().map(|index| index.index(numbers as usize + 3));
                    named
                        .map(|n| IndicatorId(u32::try_from(n).unwrap()))
                        .collect()
                });
            }
            approvals.push(InForce { slot, approval });
        }
        approvals.sort_by_key(|held| held.slot);
        (watchlist, approvals)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn sets_parents_and_masks_are_those_of_the_reference((watchlist, approvals) in input()) {
        let places = Arc::new(Flat::everywhere(Place::Foreign));
        let compiled = compile(&watchlist, &approvals, places.clone(), 1, Moment::default());
        let tables = &compiled.tables;
        let masks: Vec<SlotMask> = (tables.group_of_set.iter())
            .map(|&group| tables.groups[group as usize])
            .collect();
        prop_assert_eq!(masks[0], SlotMask::EMPTY);
        let sets: Vec<Reference> = compiled
            .sets()
            .map(|(id, MatchSet { prefix, own, parent })| Reference {
                prefix,
                own: own.to_vec(),
                parent,
                mask: masks[id.0 as usize],
            })
            .collect();
        prop_assert_eq!(sets, reference(&watchlist, &approvals));
        prop_assert_eq!(masks.len(), compiled.sets().count() + 1);
        prop_assert_eq!(tables.v4.len() + tables.v6.len() + 1, masks.len());
        prop_assert!(tables.v4.is_sorted_by(|a, b| a < b) && tables.v6.is_sorted_by(|a, b| a < b));
        // Groups have each mask once, in the order in which sets come to have them.
        let mut first: Vec<SlotMask> = Vec::new();
        for mask in masks {
            if !first.contains(&mask) {
                first.push(mask);
            }
        }
        prop_assert_eq!(&first, &tables.groups);
        prop_assert_eq!(compile(&watchlist, &approvals, places, 1, Moment::default()), compiled);
    }

    #[test]
    fn numbers_too_high_for_one_word_give_the_same(prefixes in prop::collection::vec(prefix(), 0..60)) {
        let watchlist = watchlist(&prefixes);
        let approvals = in_order(&[naming_all()]);
        let (mut narrow, mut wide) = (Sets::of(&approvals, &watchlist, Moment::default()), Sets::of(&approvals, &watchlist, Moment::default()));
        let (a, b) = (narrow.keys_v4::<u64>(&watchlist), wide.keys_v4::<[u64; 2]>(&watchlist));
        prop_assert_eq!(narrow.add(a), wide.add(b));
        prop_assert_eq!(narrow.columns, wide.columns);
    }

    #[test]
    fn the_longest_match_names_exactly_the_covering_indicators(
        prefixes in prop::collection::vec(prefix(), 0..60),
        probe in prefix(),
    ) {
        let compiled = compiled(&watchlist(&prefixes), &[naming_all()]);
        let mut trie = prefix_trie::joint::JointPrefixMap::<IpNet, u32>::new();
        for (place, prefix) in compiled.tables.v4.iter().enumerate() {
            trie.insert((*prefix).into(), Tables::set_v4(place));
        }
        for (place, prefix) in compiled.tables.v6.iter().enumerate() {
            trie.insert((*prefix).into(), compiled.tables.set_v6(place));
        }
        let address = probe.addr();
        let found = trie.get_lpm(&IpNet::from(address)).map_or(0, |(_, set)| *set);
        let mut covering: Vec<u32> = compiled.covering(SetId(found)).map(|id| id.0).collect();
        covering.sort_unstable();
        let expected: Vec<u32> = (0..)
            .zip(&prefixes)
            .filter(|(_, prefix)| contains(prefix, address))
            .map(|(id, _)| id)
            .collect();
        prop_assert_eq!(covering, expected);
    }
}

fn contains(prefix: &IpNet, address: IpAddr) -> bool {
    prefix.contains(&address)
}
