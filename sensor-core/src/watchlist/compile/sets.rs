//! Match sets in columns.

use ipnet::IpNet;

use crate::watchlist::{IndicatorId, Tables};

/// Number of a match set; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub u32);

/// The indicators covering an address, under one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchSet<'a> {
    /// The prefix.
    pub prefix: IpNet,
    /// Indicators of exactly this prefix that an approval names: in the set of a prefix those
    /// that count on any port, in that of a port rule also those that count on this port.
    pub own: &'a [IndicatorId],
    /// The set of the next shorter prefix around it.
    pub parent: Option<SetId>,
}

/// What [`Tables`] do not say of the match sets; the one with id `n` stands at `n - 1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MatchSets {
    /// The indicators of all sets, one set after the other.
    own: Vec<IndicatorId>,
    /// Where those of a set end. Empty as long as every set has one.
    ends: Vec<u32>,
    /// The parent, 0 where there is none. What comes after the last set that has one is left out.
    parents: Vec<u32>,
    count: usize,
}

impl MatchSets {
    /// Makes room for so many indicators more.
    pub(super) fn reserve(&mut self, indicators: usize) {
        self.own.reserve(indicators);
    }

    /// How many sets there are.
    pub(super) fn len(&self) -> u32 {
        number(self.count)
    }

    /// The id that the next set has.
    pub(super) fn next(&self) -> SetId {
        SetId(number(self.count + 1))
    }

    /// Adds a set with the next id.
    pub(super) fn push(
        &mut self,
        own: impl ExactSizeIterator<Item = IndicatorId>,
        parent: Option<SetId>,
    ) -> SetId {
        if own.len() != 1 && self.ends.is_empty() {
            self.ends.extend((1..).take(self.count));
        }
        self.own.extend(own);
        if self.own.len() != self.count + 1 || !self.ends.is_empty() {
            self.ends.push(number(self.own.len()));
        }
        if let Some(SetId(parent)) = parent {
            self.parents.resize(self.count, 0);
            self.parents.push(parent);
        }
        self.count += 1;
        SetId(number(self.count))
    }

    /// A set; `tables` are those compiled with it.
    pub(super) fn get(&self, set: SetId, tables: &Tables) -> Option<MatchSet<'_>> {
        Some(MatchSet {
            own: self.find(set)?,
            prefix: tables.prefix(set.0)?,
            parent: self.parent(set),
        })
    }

    /// The indicators of exactly a set's prefix; none where there is no such set.
    pub(super) fn own(&self, set: SetId) -> &[IndicatorId] {
        self.find(set).unwrap_or_default()
    }

    /// The parent of a set.
    pub(super) fn parent(&self, SetId(id): SetId) -> Option<SetId> {
        let at = (id as usize).checked_sub(1)?;
        let parent = self.parents.get(at).copied().filter(|parent| *parent > 0);
        parent.map(SetId)
    }

    fn find(&self, SetId(id): SetId) -> Option<&[IndicatorId]> {
        let at = (id as usize).checked_sub(1)?;
        if self.ends.is_empty() {
            return self.own.get(at..=at);
        }
        let begin = match at.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize,
            None => 0,
        };
        self.own.get(begin..*self.ends.get(at)? as usize)
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
