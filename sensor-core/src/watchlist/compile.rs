//! Compiles indicators, approvals and places into kernel tables.
//!
//! Every distinct prefix with an indicator that an approval names is one match set, so
//! the longest match names all indicators that cover an address: the set's own and,
//! through its parents, those of every shorter prefix around it. Sorting puts each
//! prefix before the ones it covers, so one pass with a stack finds the parents.
//!
//! Ten million prefixes are compiled while recording waits, so all of it is columns and sorted
//! words. Which approvals name an indicator is known by range of numbers, not by number.
//! Indicators that count on some ports only have sets of their own, after all others.

mod change;
mod classes;
mod ports;
mod sets;
mod spans;

use std::{collections::BTreeMap, sync::Arc};

use sensor_common::{SLOTS, Slot, SlotMask};

use self::{
    change::Overlay,
    classes::Classes,
    ports::{Limited, PortSets},
    sets::MatchSets,
    spans::Spans,
};
use super::{
    ApprovalId, InForce, IndicatorId, Moment, Prefixes, Tables, Watchlist,
    keys::{self, FIT, Key, Prefix as _},
    tunnel,
};
use crate::{parallel, places::Flat};

pub use self::{
    change::{Change, Patch},
    sets::{MatchSet, SetId},
};

/// A watchlist compiled for the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// What the kernel gets.
    pub tables: Arc<Tables>,
    /// The approvals by slot.
    pub approvals: Arc<BTreeMap<u32, InForce>>,
    sets: Arc<MatchSets>,
    overlay: Overlay,
}

impl Compiled {
    /// The match set with this id.
    pub fn set(&self, id: SetId) -> Option<MatchSet<'_>> {
        let compiled = self.tables.group_of_set.len();
        match (id.0 as usize).checked_sub(compiled) {
            None => self.sets.get(id, &self.tables),
            Some(after) => self.overlay.set(after),
        }
    }

    /// The match sets, by id; also those that have given way to others.
    pub fn sets(&self) -> impl Iterator<Item = (SetId, MatchSet<'_>)> {
        let ids = (1..).map(SetId);
        ids.map_while(|id| Some((id, self.set(id)?)))
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

    /// All approvals.
    pub fn approvals(&self) -> impl Iterator<Item = &super::Approval> {
        self.approvals.values().map(|held| &held.approval)
    }

    /// The slots of the approvals that name an indicator.
    pub fn named_by(&self, indicator: IndicatorId) -> SlotMask {
        self.approvals
            .values()
            .filter(|held| held.slot < SLOTS && held.approval.scope.names(indicator))
            .fold(SlotMask::EMPTY, |mask, held| {
                mask.union(&SlotMask::of(held.slot))
            })
    }

    /// The approval in a slot.
    pub fn approval(&self, slot: u32) -> Option<&ApprovalId> {
        self.approvals.get(&slot).map(|held| &held.approval.id)
    }
}

/// Compiles `watchlist` under `approvals` into generation `generation`. An indicator that
/// none of them names, or that does not count at `moment`, stays outside.
///
/// The same input gives the same output.
pub fn compile(
    watchlist: &Watchlist,
    approvals: &[InForce],
    places: Arc<Flat>,
    generation: u64,
    moment: Moment,
) -> Compiled {
    let rows = approvals
        .iter()
        .map(|held| held.slot + 1)
        .max()
        .unwrap_or(0);
    let mut slots = vec![Slot::default(); rows as usize];
    for held in approvals {
        slots[held.slot as usize] = held.approval.terms;
    }
    let mut sets = Sets::of(approvals, watchlist, moment);
    let v4 = if watchlist.len() <= FIT {
        sets.add::<u64>(sets.keys_v4(watchlist))
    } else {
        sets.add::<[u64; 2]>(sets.keys_v4(watchlist))
    };
    let v6 = sets.add::<[u64; 3]>(sets.keys_v6(watchlist));
    let Sets {
        spans,
        mut classes,
        mut columns,
        limited,
        moment: _,
    } = sets;
    let ports = limited.map_or_else(PortSets::default, |limited| {
        limited.add_sets(&mut columns, &mut classes, &spans)
    });
    let (group_of_set, groups) = classes.into_groups();
    Compiled {
        tables: Arc::new(Tables {
            generation,
            v4,
            v6,
            ports: ports.rows,
            port_sets: ports.of,
            group_of_set,
            groups,
            slots,
            tunnels: tunnel::rules(approvals),
            places,
        }),
        approvals: Arc::new(
            (approvals.iter())
                .map(|held| (held.slot, held.clone()))
                .collect(),
        ),
        sets: Arc::new(columns),
        overlay: Overlay::default(),
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

/// The match sets so far.
struct Sets<'a> {
    spans: Spans,
    moment: Moment,
    classes: Classes,
    columns: MatchSets,
    limited: Option<Limited<'a>>,
}

impl<'a> Sets<'a> {
    fn of(approvals: &[InForce], watchlist: &'a Watchlist, moment: Moment) -> Self {
        let mut classes = Classes::default();
        let spans = Spans::of(approvals, watchlist.len(), &mut classes);
        Self {
            spans,
            moment,
            classes,
            columns: MatchSets::default(),
            limited: Limited::of(watchlist),
        }
    }

    /// The IPv4 prefixes that an approval names, with the numbers of their indicators.
    fn keys_v4<K: Key<Prefix = super::Prefix4>>(&self, watchlist: &Watchlist) -> Vec<K> {
        let mut keys = Vec::with_capacity(watchlist.len());
        for (first, prefixes) in watchlist.parts() {
            for places in self.spans.within(first, prefixes.len()) {
                let named = prefixes.v4(places);
                let named = named.filter(|(at, _)| self.counts(prefixes, *at));
                keys.extend(named.map(|(at, prefix)| K::new(prefix, numbered(first, at))));
            }
        }
        keys
    }

    /// The IPv6 prefixes, likewise.
    fn keys_v6<K: Key<Prefix = super::Prefix6>>(&self, watchlist: &Watchlist) -> Vec<K> {
        let mut keys = Vec::new();
        for (first, prefixes) in watchlist.parts().filter(|(_, part)| part.wide() > 0) {
            for places in self.spans.within(first, prefixes.len()) {
                let named = prefixes.v6(places);
                let named = named.filter(|(at, _)| self.counts(prefixes, *at));
                keys.extend(named.map(|(at, prefix)| K::new(prefix, numbered(first, at))));
            }
        }
        keys
    }

    /// Whether an indicator counts at this moment.
    fn counts(&self, prefixes: &Prefixes, at: usize) -> bool {
        !prefixes.has_limits() || self.moment.is_within(prefixes.validity(at))
    }

    /// Adds a set for each distinct prefix, and returns these in order.
    fn add<K: Key>(&mut self, mut keys: Vec<K>) -> Vec<K::Prefix> {
        keys::sort(&mut keys, parallel::threads());
        self.columns.reserve(keys.len());
        self.classes.reserve(keys.len());
        let mut prefixes = Vec::with_capacity(keys.len());
        let mut around: Vec<(K::Prefix, SetId, u32)> = Vec::new();
        for equal in keys.chunk_by(|a, b| a.prefix() == b.prefix()) {
            let Some(prefix) = equal.first().map(|key| key.prefix()) else {
                continue;
            };
            while around
                .last()
                .is_some_and(|(outer, ..)| !outer.covers(prefix))
            {
                around.pop();
            }
            let parent = around.last().copied();
            let mut class = parent.map_or(0, |(.., class)| class);
            let limited = |key: &K| {
                let limited = self.limited.as_ref();
                limited.is_some_and(|limited| limited.has(IndicatorId(key.number())))
            };
            for key in equal.iter().filter(|key| !limited(key)) {
                let named = self.spans.class(key.number());
                class = self.classes.union(class, named);
            }
            let own = equal.iter().map(|key| IndicatorId(key.number()));
            let parent = parent.map(|(_, set, _)| set);
            let set = match &mut self.limited {
                None => self.columns.push(own, parent),
                Some(limited) => {
                    let own = limited.take_from(self.columns.next(), own);
                    self.columns.push(own.into_iter(), parent)
                }
            };
            self.classes.put(class);
            prefixes.push(prefix);
            around.push((prefix, set, class));
        }
        prefixes.shrink_to_fit();
        prefixes
    }
}

fn numbered(first: u32, at: usize) -> u32 {
    first.saturating_add(u32::try_from(at).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
