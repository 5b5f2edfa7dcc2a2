//! Compiles indicators, approvals and places into kernel tables.
//!
//! Every distinct prefix with an indicator that an approval names is one match set, so
//! the longest match names all indicators that cover an address: the set's own and,
//! through its parents, those of every shorter prefix around it. Sorting puts each
//! prefix before the ones it covers, so one pass with a stack finds the parents.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use ipnet::IpNet;
use sensor_common::{NO_MATCH_SET, SLOTS, Slot, SlotMask};

use super::{ApprovalId, InForce, IndicatorId, Tables, Watchlist};
use crate::places::Flat;

/// Number of a match set; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub u32);

/// The indicators covering an address, under one id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchSet {
    /// The prefix.
    pub prefix: IpNet,
    /// Indicators of exactly this prefix that an approval names.
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
    /// The approvals by slot.
    pub approvals: BTreeMap<u32, InForce>,
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
    ) -> impl Iterator<Item = &'a InForce> + 'a {
        mask.iter().filter_map(|slot| self.approvals.get(&slot))
    }

    /// The slots of the approvals that name an indicator.
    pub fn named_by(&self, indicator: IndicatorId) -> SlotMask {
        naming(self.approvals.values(), indicator)
    }

    /// The approval in a slot.
    pub fn approval(&self, slot: u32) -> Option<&ApprovalId> {
        self.approvals.get(&slot).map(|held| &held.approval.id)
    }
}

/// Compiles `watchlist` under `approvals` into generation `generation`. An indicator that
/// none of them names stays outside.
///
/// The same input gives the same output.
pub fn compile(
    watchlist: &Watchlist,
    approvals: &[InForce],
    places: Arc<Flat>,
    generation: u64,
) -> Compiled {
    let (sets, masks) = match_sets(watchlist, approvals);
    let mut groups = Groups::default();
    let mut group_of_set = vec![groups.number(SlotMask::EMPTY)];
    group_of_set.extend(masks.into_iter().map(|mask| groups.number(mask)));
    let rows = approvals
        .iter()
        .map(|held| held.slot + 1)
        .max()
        .unwrap_or(0);
    let mut slots = vec![Slot::default(); rows as usize];
    for held in approvals {
        slots[held.slot as usize] = held.approval.terms;
    }
    let mut tables = Tables {
        generation,
        v4: Vec::new(),
        v6: Vec::new(),
        group_of_set,
        groups: groups.masks,
        slots,
        places,
    };
    for set in &sets {
        match set.prefix {
            IpNet::V4(prefix) => tables.v4.push(prefix.into()),
            IpNet::V6(prefix) => tables.v6.push(prefix.into()),
        }
    }
    Compiled {
        tables,
        sets,
        approvals: approvals
            .iter()
            .map(|held| (held.slot, held.clone()))
            .collect(),
    }
}

/// Approvals in slots of their order, from 0.
pub fn in_order(approvals: &[super::Approval]) -> Vec<InForce> {
    let held = |(slot, approval): (u32, &super::Approval)| InForce {
        slot,
        approval: approval.clone(),
    };
    (0..).zip(approvals).map(held).collect()
}

/// The distinct masks, in the order in which they first come.
#[derive(Default)]
struct Groups {
    masks: Vec<SlotMask>,
    numbers: HashMap<SlotMask, u32>,
}

impl Groups {
    fn number(&mut self, mask: SlotMask) -> u32 {
        *self.numbers.entry(mask).or_insert_with(|| {
            self.masks.push(mask);
            u32::try_from(self.masks.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

/// The sets, and the approvals that name any indicator covering each.
fn match_sets(watchlist: &Watchlist, approvals: &[InForce]) -> (Vec<MatchSet>, Vec<SlotMask>) {
    let mut by_prefix: BTreeMap<IpNet, (Vec<IndicatorId>, SlotMask)> = BTreeMap::new();
    for (id, indicator) in (0..).map(IndicatorId).zip(&watchlist.indicators) {
        let naming = naming(approvals, id);
        if !naming.is_empty() {
            let (own, mask) = by_prefix.entry(indicator.prefix).or_default();
            own.push(id);
            *mask = mask.union(&naming);
        }
    }
    let mut sets = Vec::with_capacity(by_prefix.len());
    let mut masks = Vec::with_capacity(by_prefix.len());
    let mut around: Vec<(IpNet, SetId, SlotMask)> = Vec::new();
    for (id, (prefix, (own, mask))) in (NO_MATCH_SET + 1..).zip(by_prefix) {
        while around
            .last()
            .is_some_and(|(outer, ..)| !outer.contains(&prefix))
        {
            around.pop();
        }
        let parent = around.last();
        let mask = parent.map_or(mask, |(_, _, outer)| mask.union(outer));
        sets.push(MatchSet {
            prefix,
            own,
            parent: parent.map(|&(_, set, _)| set),
        });
        masks.push(mask);
        around.push((prefix, SetId(id), mask));
    }
    (sets, masks)
}

/// The slots of the approvals that name an indicator.
fn naming<'a>(
    approvals: impl IntoIterator<Item = &'a InForce>,
    indicator: IndicatorId,
) -> SlotMask {
    approvals
        .into_iter()
        .filter(|held| held.slot < SLOTS && held.approval.scope.names(indicator))
        .fold(SlotMask::EMPTY, |mask, held| {
            mask.union(&SlotMask::of(held.slot))
        })
}

#[cfg(test)]
mod tests;
