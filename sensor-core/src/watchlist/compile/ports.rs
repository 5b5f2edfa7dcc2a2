//! Match sets of port rules.
//!
//! An indicator that counts on some ports only is in no set of a prefix. For every set that it
//! covers, and every port of any indicator there, the second look-up of the kernel leads to a
//! set that has it as well where the port fits. Such a set follows that of the prefix: its own
//! indicators are those of the prefix, and its parent is what the parent leads to for the same
//! port, or the parent. Ports that make no difference between indicators lead to one set, so
//! that a record without ports does not tell them.

use std::{collections::HashMap, ops::Range};

use super::{Classes, MatchSets, SetId, Spans};
use crate::watchlist::{IndicatorId, PortRow, PortRule, Tables, Watchlist};

/// Indicators that count on some ports only, found while sets are made.
pub(super) struct Limited<'a> {
    watchlist: &'a Watchlist,
    /// Each with the set of its prefix, ascending.
    found: Vec<(SetId, IndicatorId)>,
}

impl<'a> Limited<'a> {
    /// `None` for a watchlist without ports: that most are.
    pub(super) fn of(watchlist: &'a Watchlist) -> Option<Self> {
        watchlist.has_ports().then_some(Self {
            watchlist,
            found: Vec::new(),
        })
    }

    /// Whether an indicator counts on some ports only.
    pub(super) fn has(&self, indicator: IndicatorId) -> bool {
        self.watchlist.ports(indicator).next().is_some()
    }

    /// The indicators of a set's prefix that count on any port. The others are kept for it.
    pub(super) fn take_from(
        &mut self,
        set: SetId,
        own: impl Iterator<Item = IndicatorId>,
    ) -> Vec<IndicatorId> {
        let (limited, free): (Vec<_>, Vec<_>) = own.partition(|&indicator| self.has(indicator));
        self.found.extend(limited.into_iter().map(|id| (set, id)));
        free
    }

    /// Adds the sets of port rules after all others. It ends where there are more rules than may
    /// be.
    pub(super) fn add_sets(
        self,
        sets: &mut MatchSets,
        classes: &mut Classes,
        spans: &Spans,
    ) -> PortSets {
        let count = sets.len();
        let mut added = PortSets::default();
        let mut left = &self.found[..];
        for set in (1..=count).map(SetId) {
            let here = left.partition_point(|(of, _)| *of <= set);
            let (limited, rest) = left.split_at(here);
            left = rest;
            let around = sets.parent(set);
            let outer = around.map_or(0..0, |around| added.run(around));
            if limited.is_empty() && outer.is_empty() {
                continue;
            }
            let mut known: HashMap<(Option<SetId>, Vec<IndicatorId>), SetId> = HashMap::new();
            for rule in self.rules(limited, &added.rows[outer.clone()]) {
                let parent = added.on(outer.clone(), rule).or(around);
                let own = self.on(rule, sets.own(set), limited);
                let narrowed = *known.entry((parent, own)).or_insert_with_key(|(_, own)| {
                    let mut class = parent.map_or(0, |parent| classes.of(parent));
                    for &IndicatorId(number) in own {
                        class = classes.union(class, spans.class(number));
                    }
                    classes.put(class);
                    added.of.push(set.0);
                    sets.push(own.iter().copied(), parent)
                });
                added.rows.push(PortRow {
                    set: set.0,
                    rule,
                    narrowed: narrowed.0,
                });
            }
            if added.rows.len() > Tables::PORT_RULES {
                break;
            }
        }
        added
    }

    /// All port rules of a set: its own and those around it, each once.
    fn rules(&self, limited: &[(SetId, IndicatorId)], outer: &[PortRow]) -> Vec<PortRule> {
        let own = limited.iter().flat_map(|(_, id)| self.watchlist.ports(*id));
        let mut rules: Vec<PortRule> = outer.iter().map(|row| row.rule).chain(own).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    /// The indicators of a prefix that count on a port.
    fn on(
        &self,
        rule: PortRule,
        free: &[IndicatorId],
        limited: &[(SetId, IndicatorId)],
    ) -> Vec<IndicatorId> {
        let fits = |id: &IndicatorId| self.watchlist.ports(*id).any(|own| own == rule);
        let fitting = limited.iter().map(|(_, id)| *id).filter(fits);
        let mut own: Vec<IndicatorId> = free.iter().copied().chain(fitting).collect();
        own.sort_unstable();
        own
    }
}

/// The sets of port rules, as [`Tables`] have them.
#[derive(Default)]
pub(super) struct PortSets {
    pub(super) rows: Vec<PortRow>,
    pub(super) of: Vec<u32>,
}

impl PortSets {
    /// Where the rows of a set stand.
    fn run(&self, SetId(set): SetId) -> Range<usize> {
        let begin = self.rows.partition_point(|row| row.set < set);
        let length = self.rows[begin..].partition_point(|row| row.set == set);
        begin..begin + length
    }

    /// The set that one of these rows leads to for a port.
    fn on(&self, rows: Range<usize>, rule: PortRule) -> Option<SetId> {
        let rows = &self.rows[rows];
        let found = rows.binary_search_by_key(&rule, |row| row.rule).ok()?;
        Some(SetId(rows[found].narrowed))
    }
}

#[cfg(test)]
mod tests;
