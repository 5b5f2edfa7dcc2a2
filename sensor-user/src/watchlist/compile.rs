//! Compiles indicators and approvals into kernel tables.
//!
//! Every distinct prefix is one match set, so the longest match names all
//! indicators that cover an address: the set's own and, through its parents, those
//! of every shorter prefix around it. Sorting puts each prefix before the ones it
//! covers, so one pass with a stack finds the parents.

use std::{collections::BTreeMap, fmt};

use ipnet::IpNet;
use sensor_common::{NO_MATCH_SET, Slot, SlotMask};

use super::{IndicatorId, Tables, Watchlist};

/// Name of an approval.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApprovalId(pub String);

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An approval in force. It names every indicator of the watchlist: only lab
/// approvals exist so far, and those do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Its name.
    pub id: ApprovalId,
    /// What it allows.
    pub terms: Slot,
}

/// Number of a match set; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub u32);

/// The indicators covering an address, under one id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchSet {
    /// The prefix.
    pub prefix: IpNet,
    /// Indicators of exactly this prefix.
    pub own: Vec<IndicatorId>,
    /// The set of the next shorter prefix around it.
    pub parent: Option<SetId>,
}

/// A watchlist compiled for the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// What the kernel gets.
    pub tables: Tables,
    /// The match sets; the set with id `n` stands at `n - 1`.
    pub sets: Vec<MatchSet>,
    /// The approvals; slot `n` belongs to the one at `n`.
    pub approvals: Vec<ApprovalId>,
}

impl Compiled {
    /// The match set with this id.
    pub fn set(&self, SetId(id): SetId) -> Option<&MatchSet> {
        self.sets.get((id as usize).checked_sub(1)?)
    }

    /// The indicators that cover an address whose longest match is `set`, longest prefix first.
    pub fn covering(&self, set: SetId) -> impl Iterator<Item = IndicatorId> + '_ {
        let mut next = self.set(set);
        std::iter::from_fn(move || {
            let set = next?;
            next = set.parent.and_then(|parent| self.set(parent));
            Some(set.own.iter().copied())
        })
        .flatten()
    }

    /// The approvals of a mask, by slot.
    pub fn approvals_of<'a>(
        &'a self,
        mask: &'a SlotMask,
    ) -> impl Iterator<Item = &'a ApprovalId> + 'a {
        mask.iter()
            .filter_map(|slot| self.approvals.get(slot as usize))
    }
}

/// Compiles `watchlist` under `approvals` into generation `generation`.
///
/// The same input gives the same output.
pub fn compile(watchlist: &Watchlist, approvals: &[Approval], generation: u64) -> Compiled {
    let sets = match_sets(watchlist);
    let mut named_by_all = SlotMask::EMPTY;
    for (slot, _) in (0..).zip(approvals) {
        named_by_all = named_by_all.union(&SlotMask::of(slot));
    }
    let mut tables = Tables {
        generation,
        v4: Vec::new(),
        v6: Vec::new(),
        group_of_set: vec![0; sets.len() + 1],
        groups: vec![named_by_all],
        slots: approvals.iter().map(|approval| approval.terms).collect(),
    };
    for (id, set) in (NO_MATCH_SET + 1..).zip(&sets) {
        match set.prefix {
            IpNet::V4(prefix) => tables.v4.push((prefix, id)),
            IpNet::V6(prefix) => tables.v6.push((prefix, id)),
        }
    }
    Compiled {
        tables,
        sets,
        approvals: approvals.iter().map(|a| a.id.clone()).collect(),
    }
}

fn match_sets(watchlist: &Watchlist) -> Vec<MatchSet> {
    let mut by_prefix: BTreeMap<IpNet, Vec<IndicatorId>> = BTreeMap::new();
    for (id, indicator) in (0..).zip(&watchlist.indicators) {
        by_prefix
            .entry(indicator.prefix)
            .or_default()
            .push(IndicatorId(id));
    }
    let mut sets = Vec::with_capacity(by_prefix.len());
    let mut around: Vec<(IpNet, SetId)> = Vec::new();
    for (id, (prefix, own)) in (NO_MATCH_SET + 1..).zip(by_prefix) {
        while around
            .last()
            .is_some_and(|(outer, _)| !outer.contains(&prefix))
        {
            around.pop();
        }
        sets.push(MatchSet {
            prefix,
            own,
            parent: around.last().map(|&(_, set)| set),
        });
        around.push((prefix, SetId(id)));
    }
    sets
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use prefix_trie::joint::JointPrefixMap;
    use proptest::prelude::*;

    use super::*;
    use crate::watchlist::NoRoom;

    fn watchlist(prefixes: &[IpNet]) -> Watchlist {
        let mut watchlist = Watchlist::default();
        watchlist.add_feed("test".into(), prefixes.iter().copied().zip(1..));
        watchlist
    }

    fn lab() -> Approval {
        Approval {
            id: ApprovalId("lab".into()),
            terms: Slot::default(),
        }
    }

    #[test]
    fn nested_and_equal_prefixes_are_all_named() {
        let prefixes: Vec<IpNet> = ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8", "10.1.2.3/32"]
            .map(|text| text.parse().unwrap())
            .into();
        let compiled = compile(&watchlist(&prefixes), &[lab()], 1);
        let (_, host) = *compiled.tables.v4.last().unwrap();
        let covering: Vec<u32> = compiled.covering(SetId(host)).map(|id| id.0).collect();
        assert_eq!(covering, [3, 1, 0, 2]);
        assert_eq!(compiled.covering(SetId(0)).count(), 0);
    }

    #[test]
    fn too_many_approvals_are_refused_with_the_numbers() {
        let compiled = compile(&watchlist(&[]), &vec![lab(); 257], 1);
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
            let compiled = compile(&watchlist(&prefixes), &[lab()], 1);
            let mut trie = JointPrefixMap::<IpNet, u32>::new();
            for (prefix, set) in &compiled.tables.v4 {
                trie.insert(IpNet::V4(*prefix), *set);
            }
            for (prefix, set) in &compiled.tables.v6 {
                trie.insert(IpNet::V6(*prefix), *set);
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
}
