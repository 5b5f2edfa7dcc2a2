//! Match sets of port rules.
//!
//! An indicator that counts on some ports only is in no set of a prefix. For every set that it
//! covers, and every port of any indicator there, a set is added that has it as well where the
//! port fits: the second look-up of the kernel leads to it. Such a set follows that of the
//! prefix: its own indicators are those of the prefix, and its parent is the parent's set for
//! the same port, or the parent.

use std::ops::Range;

use super::{Classes, MatchSets, SetId, Spans};
use crate::watchlist::{IndicatorId, PortRule, PortSet, Tables, Watchlist};

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

    /// Adds the sets of port rules after all others, and says for what they are. It ends where
    /// there are more than may be.
    pub(super) fn add_sets(
        self,
        sets: &mut MatchSets,
        classes: &mut Classes,
        spans: &Spans,
    ) -> Vec<PortSet> {
        let count = sets.len();
        let mut added: Vec<PortSet> = Vec::new();
        let mut left = &self.found[..];
        for set in (1..=count).map(SetId) {
            let here = left.partition_point(|(of, _)| *of <= set);
            let (limited, rest) = left.split_at(here);
            left = rest;
            let around = sets.parent(set);
            let outer = around.map_or(0..0, |around| run(&added, around));
            if limited.is_empty() && outer.is_empty() {
                continue;
            }
            for rule in self.rules(limited, &added[outer.clone()]) {
                let same = added[outer.clone()].binary_search_by_key(&rule, |row| row.rule);
                let parent = match same {
                    Ok(at) => Some(SetId(count + number(outer.start + at) + 1)),
                    Err(_) => around,
                };
                let own = self.on(rule, sets.own(set), limited);
                let mut class = parent.map_or(0, |parent| classes.of(parent));
                for &IndicatorId(number) in &own {
                    class = classes.union(class, spans.class(number));
                }
                sets.push(own.into_iter(), parent);
                classes.put(class);
                added.push(PortSet { set: set.0, rule });
            }
            if added.len() > Tables::PORT_SETS {
                break;
            }
        }
        added
    }

    /// All port rules of a set: its own and those around it, each once.
    fn rules(&self, limited: &[(SetId, IndicatorId)], outer: &[PortSet]) -> Vec<PortRule> {
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

/// Where the rows of a set stand.
fn run(rows: &[PortSet], SetId(set): SetId) -> Range<usize> {
    let begin = rows.partition_point(|row| row.set < set);
    let length = rows[begin..].partition_point(|row| row.set == set);
    begin..begin + length
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
