//! Changes of single indicators in a compiled watchlist, without compiling it anew.
//!
//! What covers an address is named by its match set, so where an indicator begins or ends, the
//! prefix gets another set, and so does every prefix within it. New sets have numbers after all
//! others: what was counted under an old one keeps its name.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use ipnet::IpNet;
use sensor_common::{SetRow, SlotMask};

use super::{Compiled, MatchSet, SetId};
use crate::watchlist::{IndicatorId, Moment, Prefix4, Prefix6, Tables, Watchlist};

/// Prefixes that are changed at once at most. With more, compiling anew is as fast.
const MOST: usize = 1_024;

/// What becomes of a generation in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The generation.
    pub generation: u64,
    /// The first of the new match sets.
    pub first_set: u32,
    /// The approval groups of the new match sets.
    pub group_of_set: Vec<u32>,
    /// The first of the new approval groups.
    pub first_group: u32,
    /// The new approval groups.
    pub groups: Vec<SlotMask>,
    /// What becomes of single prefixes, in this order.
    pub patches: Vec<Patch>,
}

/// What becomes of a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The prefix.
    pub prefix: IpNet,
    /// Whether it is watched from now on.
    pub is_watched: bool,
    /// What addresses lead to of which it is, or was, the longest prefix; match set 0 where that
    /// is nothing.
    pub row: SetRow,
}

/// What has changed since everything was compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Overlay {
    /// The sets after those that were compiled.
    added: Vec<Added>,
    /// Prefixes that have another set now, or none.
    current: BTreeMap<IpNet, Option<SetId>>,
    /// The groups after those that were compiled.
    groups: Vec<SlotMask>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Added {
    prefix: IpNet,
    own: Vec<IndicatorId>,
    parent: Option<SetId>,
    group: u32,
}

impl Overlay {
    /// The set that is so many after the last compiled one.
    pub(super) fn set(&self, after: usize) -> Option<MatchSet<'_>> {
        self.added.get(after).map(|added| MatchSet {
            prefix: added.prefix,
            own: &added.own,
            parent: added.parent,
        })
    }

    pub(super) fn group_of_set(&self, after: usize) -> Option<u32> {
        self.added.get(after).map(|added| added.group)
    }

    pub(super) fn group(&self, after: usize) -> Option<&SlotMask> {
        self.groups.get(after)
    }
}

impl Compiled {
    /// The set of the longest prefix that covers a prefix, or is it.
    pub fn longest(&self, inner: IpNet) -> Option<SetId> {
        let compiled = self.longest_compiled(inner);
        if self.overlay.current.is_empty() {
            return compiled.map(|(_, set)| set);
        }
        let found = compiled.map_or(0, |(prefix, _)| prefix.prefix_len() + 1);
        let changed = (found..=inner.prefix_len()).rev().find_map(|length| {
            let around = IpNet::new(inner.addr(), length).ok()?.trunc();
            *self.overlay.current.get(&around)?
        });
        changed.or(compiled.map(|(_, set)| set))
    }

    /// The set of the longest prefix around a prefix, which is another one.
    fn around(&self, inner: IpNet) -> Option<SetId> {
        self.longest(inner.supernet()?)
    }

    /// Likewise of the prefixes that were compiled and are still watched.
    fn longest_compiled(&self, inner: IpNet) -> Option<(IpNet, SetId)> {
        let mut next = self.last_compiled(inner);
        while let Some(id) = next {
            let set = self.set(id)?;
            if set.prefix.contains(&inner) {
                match self.overlay.current.get(&set.prefix) {
                    None => return Some((set.prefix, id)),
                    Some(Some(changed)) => return Some((set.prefix, *changed)),
                    Some(None) => {}
                }
            }
            next = set.parent;
        }
        None
    }

    /// The last compiled set whose prefix is not after another. If any prefix covers that one,
    /// it is this one or lies around this one.
    fn last_compiled(&self, prefix: IpNet) -> Option<SetId> {
        let tables = &self.tables;
        let number = match prefix {
            IpNet::V4(prefix) => {
                let prefix = Prefix4::from(prefix);
                let after = tables.v4.partition_point(|known| *known <= prefix);
                Tables::set_v4(after.checked_sub(1)?)
            }
            IpNet::V6(prefix) => {
                let prefix = Prefix6::from(prefix);
                let after = tables.v6.partition_point(|known| *known <= prefix);
                tables.set_v6(after.checked_sub(1)?)
            }
        };
        Some(SetId(number))
    }

    /// The set of a prefix.
    fn set_of(&self, prefix: IpNet) -> Option<SetId> {
        if let Some(changed) = self.overlay.current.get(&prefix) {
            return *changed;
        }
        let id = self.last_compiled(prefix)?;
        self.set(id).filter(|set| set.prefix == prefix).map(|_| id)
    }

    /// The indicators that have exactly this prefix.
    fn own(&self, prefix: IpNet) -> &[IndicatorId] {
        let set = self.set_of(prefix).and_then(|set| self.set(set));
        set.map_or(&[], |set| set.own)
    }

    /// The watched prefixes within another; the first few of them that are compiled.
    fn within(&self, outer: IpNet) -> impl Iterator<Item = IpNet> {
        let first = self.last_compiled(outer).map_or(0, |SetId(id)| id);
        let first = match outer {
            IpNet::V6(_) if first == 0 => Tables::set_v4(self.tables.v4.len()) - 1,
            IpNet::V4(_) | IpNet::V6(_) => first,
        };
        let last = Tables::set_v4(self.tables.v4.len() + self.tables.v6.len());
        let compiled = (first.saturating_add(1)..last)
            .map_while(|id| self.tables.prefix(id))
            .take_while(move |prefix| outer.contains(prefix))
            .filter(|prefix| !self.overlay.current.contains_key(prefix));
        let after = (Bound::Excluded(outer), Bound::Unbounded);
        let changed = self.overlay.current.range(after);
        let changed = changed
            .take_while(move |(prefix, _)| outer.contains(*prefix))
            .filter_map(|(prefix, set)| set.map(|_| *prefix));
        compiled.chain(changed)
    }

    /// The group of a set.
    pub fn group_of(&self, SetId(id): SetId) -> Option<u32> {
        let compiled = &self.tables.group_of_set;
        match compiled.get(id as usize) {
            Some(group) => Some(*group),
            None => self.overlay.group_of_set(id as usize - compiled.len()),
        }
    }

    /// The approvals of a group.
    pub fn mask(&self, group: u32) -> Option<&SlotMask> {
        let compiled = &self.tables.groups;
        match compiled.get(group as usize) {
            Some(mask) => Some(mask),
            None => self.overlay.group(group as usize - compiled.len()),
        }
    }

    /// What a set leads to.
    fn row(&self, set: Option<SetId>) -> SetRow {
        let row = set.and_then(|set| {
            let group = u16::try_from(self.group_of(set)?).ok()?;
            Some(SetRow {
                set: set.0,
                group,
                flags: 0,
            })
        });
        row.unwrap_or_default()
    }

    /// What becomes of it at a moment at which these indicators begin or end; `None` where that
    /// is too much, or concerns ports, and all is to be compiled anew.
    pub fn changed(
        &self,
        watchlist: &Watchlist,
        affected: &[IndicatorId],
        moment: Moment,
    ) -> Option<(Self, Change)> {
        let mut own: BTreeMap<IpNet, Vec<IndicatorId>> = BTreeMap::new();
        for &id in affected {
            if self.named_by(id).is_empty() {
                continue;
            }
            let limits = watchlist.limits(id);
            if !limits.ports.is_empty() {
                return None;
            }
            let prefix = watchlist.indicator(id)?.prefix;
            let now = own.entry(prefix).or_insert_with(|| self.own(prefix).into());
            now.retain(|known| *known != id);
            if moment.is_within(limits.validity) {
                now.push(id);
                now.sort_unstable();
            }
        }
        own.retain(|prefix, own| self.own(*prefix) != &own[..]);
        let mut touched: BTreeSet<IpNet> = BTreeSet::new();
        for prefix in own.keys() {
            if touched.insert(*prefix) {
                let room = MOST.checked_sub(touched.len())?;
                touched.extend(self.within(*prefix).take(room + 1));
            }
            if touched.len() > MOST {
                return None;
            }
        }
        let has_rules = |prefix: &IpNet| {
            let set = self.longest(*prefix);
            set.is_some_and(|SetId(set)| self.tables.has_ports(set))
        };
        if !self.tables.ports.is_empty() && touched.iter().any(has_rules) {
            return None;
        }
        let mut changed = self.clone();
        let patches = touched.into_iter().map(|prefix| {
            let own = own.remove(&prefix);
            changed.put(prefix, own)
        });
        let patches: Vec<Patch> = patches.collect();
        let change = changed.since(self, patches);
        let has_room = changed.overlay.added.len() <= Tables::SPARE_SETS as usize
            && changed.overlay.groups.len() <= Tables::SPARE_GROUPS as usize;
        has_room.then_some((changed, change))
    }

    /// Gives a prefix a new set, with these indicators or those it has; prefixes around it come
    /// before it.
    fn put(&mut self, prefix: IpNet, own: Option<Vec<IndicatorId>>) -> Patch {
        let parent = self.around(prefix);
        let own = own.unwrap_or_else(|| self.own(prefix).into());
        let is_watched = !own.is_empty();
        if !is_watched {
            self.overlay.current.insert(prefix, None);
            let row = self.row(parent);
            return Patch {
                prefix,
                is_watched,
                row,
            };
        }
        let named = own.iter().map(|id| self.named_by(*id));
        let around = parent.and_then(|parent| self.mask(self.group_of(parent)?));
        let around = around.copied().unwrap_or(SlotMask::EMPTY);
        let mask = named.fold(around, |mask, named| mask.union(&named));
        let group = self.group(mask);
        let before = self.tables.group_of_set.len() + self.overlay.added.len();
        let set = SetId(u32::try_from(before).unwrap_or(u32::MAX));
        self.overlay.added.push(Added {
            prefix,
            own,
            parent,
            group,
        });
        self.overlay.current.insert(prefix, Some(set));
        Patch {
            prefix,
            is_watched,
            row: self.row(Some(set)),
        }
    }

    /// The number of the group with this mask.
    fn group(&mut self, mask: SlotMask) -> u32 {
        let groups = self.tables.groups.iter().chain(&self.overlay.groups);
        let known = groups.into_iter().position(|known| *known == mask);
        let number = known.unwrap_or_else(|| {
            self.overlay.groups.push(mask);
            self.tables.groups.len() + self.overlay.groups.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    fn since(&self, before: &Self, patches: Vec<Patch>) -> Change {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (sets, groups) = (before.overlay.added.len(), before.overlay.groups.len());
        let added = self.overlay.added.get(sets..).unwrap_or_default();
        Change {
            generation: self.tables.generation,
            first_set: number(self.tables.group_of_set.len() + sets),
            group_of_set: added.iter().map(|added| added.group).collect(),
            first_group: number(self.tables.groups.len() + groups),
            groups: self.overlay.groups.get(groups..).unwrap_or_default().into(),
            patches,
        }
    }
}

#[cfg(test)]
mod tests;
