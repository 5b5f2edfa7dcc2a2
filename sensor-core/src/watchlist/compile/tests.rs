use std::net::IpAddr;

use prefix_trie::joint::JointPrefixMap;
use proptest::prelude::*;

use super::*;
use crate::watchlist::{Approval, NoRoom, Scope, Validity, in_order};
use sensor_common::Place;

fn watchlist(prefixes: &[IpNet]) -> Watchlist {
    let mut watchlist = Watchlist::default();
    watchlist.add_feed("test".into(), prefixes.iter().copied().zip(1..));
    watchlist
}

fn compiled(watchlist: &Watchlist, approvals: &[Approval]) -> Compiled {
    let places = Arc::new(Flat::everywhere(Place::Foreign));
    compile(watchlist, &in_order(approvals), places, 1)
}

/// An approval that names every indicator.
fn naming_all() -> Approval {
    Approval {
        id: ApprovalId("all".into()),
        validity: Validity { begin: 0, end: 1 },
        scope: Scope::All,
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

#[test]
fn nested_and_equal_prefixes_are_all_named() {
    let prefixes: Vec<IpNet> = ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8", "10.1.2.3/32"]
        .map(|text| text.parse().unwrap())
        .into();
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

fn prefix() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<[u8; 2]>(), 0..=32u8).prop_map(|([a, b], length)| {
        IpNet::new([10, a & 3, b, a].into(), length)
            .unwrap()
            .trunc()
    });
    let v6 = (any::<u16>(), 0..=128u8).prop_map(|(a, length)| {
        IpNet::new([0x2001, a & 3, a, 0, 0, 0, 0, a].into(), length)
            .unwrap()
            .trunc()
    });
    prop_oneof![v4, v6]
}

proptest! {
    #[test]
    fn the_longest_match_names_exactly_the_covering_indicators(
        prefixes in prop::collection::vec(prefix(), 0..60),
        probe in prefix(),
    ) {
        let compiled = compiled(&watchlist(&prefixes), &[naming_all()]);
        let mut trie = JointPrefixMap::<IpNet, u32>::new();
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

#[test]
fn what_no_approval_names_stays_outside() {
    let prefixes: Vec<IpNet> = ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24"]
        .map(|text| text.parse().unwrap())
        .into();
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
    let prefixes: Vec<IpNet> = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "10.1.2.3/32"]
        .map(|text| text.parse().unwrap())
        .into();
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
