//! Approvals in force, and the slots they have in the kernel.

mod terms;

use std::{collections::BTreeSet, fmt, sync::Arc};

use sensor_common::{SLOTS, Slot};
use serde::{Deserialize, Serialize};

use super::{IndicatorId, IndicatorIds, NoRoom, Tunnel};
use crate::documents::field::{Period, Text};

/// Name of an approval.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApprovalId(pub String);

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an approval was given for, as it was written: nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// First nanosecond in force.
    pub begin: u64,
    /// First nanosecond no longer in force.
    pub end: u64,
}

/// Which indicators an approval names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every indicator of the watchlist: lab.
    All,
    /// These.
    Indicators(IndicatorIds),
}

impl Scope {
    /// Whether the approval names an indicator.
    pub fn names(&self, indicator: IndicatorId) -> bool {
        match self {
            Self::All => true,
            Self::Indicators(named) => named.contains(indicator),
        }
    }
}

/// What is done with the records of an approval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handling {
    /// How long they are kept; in lab nothing says it.
    pub retention: Option<Period>,
    /// Who may be given them; in lab nothing says it, and they are nobody's secret.
    pub recipients: Option<Vec<Text>>,
}

/// An approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Its name.
    pub id: ApprovalId,
    /// When it is in force, in calendar time.
    pub validity: Validity,
    /// The indicators it names.
    pub scope: Scope,
    /// What is done with its records.
    #[serde(default)]
    pub handling: Arc<Handling>,
    /// The tunnels whose packets it lets be opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tunnels: Vec<Tunnel>,
    /// What it allows, on the kernel's clock.
    #[serde(with = "terms")]
    pub terms: Slot,
}

/// An approval with its slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InForce {
    /// The slot's number.
    pub slot: u32,
    /// The approval; its terms have the slot's epoch.
    pub approval: Approval,
}

/// Which approval has which slot, over generations.
///
/// A slot is given again only after every flow counted under the approval that had it is
/// out of the kernel, and then with another epoch.
#[derive(Clone, Debug)]
pub struct SlotBook {
    places: Vec<SlotPlace>,
    drained: u64,
}

#[derive(Clone, Debug, Default)]
struct SlotPlace {
    holder: Option<ApprovalId>,
    epoch: u32,
    /// The last generation in which the holder had it.
    last: u64,
}

impl Default for SlotBook {
    fn default() -> Self {
        Self {
            places: vec![SlotPlace::default(); SLOTS as usize],
            drained: 0,
        }
    }
}

impl SlotBook {
    /// Gives the approvals of generation `generation` their slots: each the one it had, or a
    /// free one. Those that are not among them lose theirs.
    pub fn assign(
        &mut self,
        approvals: Vec<Approval>,
        generation: u64,
    ) -> Result<Vec<InForce>, NoRoom> {
        let mut places = self.places.clone();
        let given: BTreeSet<&ApprovalId> = approvals.iter().map(|approval| &approval.id).collect();
        for place in &mut places {
            if place.holder.as_ref().is_some_and(|id| !given.contains(id)) {
                place.holder = None;
            }
        }
        let needed = approvals.len();
        let mut in_force = Vec::with_capacity(needed);
        for mut approval in approvals {
            let held =
                (places.iter()).position(|place| place.holder.as_ref() == Some(&approval.id));
            let free = || {
                places
                    .iter()
                    .position(|place| place.holder.is_none() && place.last <= self.drained)
            };
            let Some(number) = held.or_else(free) else {
                let busy = places
                    .iter()
                    .filter(|place| place.holder.is_none() && place.last > self.drained);
                return Err(NoRoom {
                    what: "approvals in force",
                    needed,
                    room: SLOTS as usize - busy.count(),
                });
            };
            let place = &mut places[number];
            if held.is_none() {
                place.holder = Some(approval.id.clone());
                place.epoch += 1;
            }
            place.last = generation;
            approval.terms.epoch = place.epoch;
            let slot = u32::try_from(number).unwrap_or(SLOTS);
            in_force.push(InForce { slot, approval });
        }
        in_force.sort_by_key(|held| held.slot);
        self.places = places;
        Ok(in_force)
    }

    /// Takes note that every flow of generations up to this one is out of the kernel.
    pub fn drained(&mut self, generation: u64) {
        self.drained = self.drained.max(generation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval(name: &str) -> Approval {
        Approval {
            id: ApprovalId(name.into()),
            validity: Validity { begin: 0, end: 1 },
            scope: Scope::All,
            handling: Arc::default(),
            tunnels: Vec::new(),
            terms: Slot::default(),
        }
    }

    fn given(book: &mut SlotBook, names: &[&str], generation: u64) -> Vec<(u32, String, u32)> {
        let approvals = names.iter().map(|name| approval(name)).collect();
        let in_force = book.assign(approvals, generation).unwrap();
        let row = |held: InForce| (held.slot, held.approval.id.0, held.approval.terms.epoch);
        in_force.into_iter().map(row).collect()
    }

    #[test]
    fn an_approval_keeps_its_slot_and_its_epoch() {
        let mut book = SlotBook::default();
        given(&mut book, &["a", "b"], 1);
        assert_eq!(given(&mut book, &["b"], 2), [(1, "b".into(), 1)]);
        assert_eq!(given(&mut book, &["b"], 3), [(1, "b".into(), 1)]);
    }

    #[test]
    fn a_slot_is_given_again_only_when_its_last_generation_is_drained() {
        let mut book = SlotBook::default();
        given(&mut book, &["a"], 1);
        assert_eq!(given(&mut book, &["b"], 2), [(1, "b".into(), 1)]);
        book.drained(1);
        assert_eq!(
            given(&mut book, &["b", "c"], 3),
            [(0, "c".into(), 2), (1, "b".into(), 1)]
        );
    }

    #[test]
    fn the_257th_is_refused_with_the_numbers_and_changes_nothing() {
        let mut book = SlotBook::default();
        let many = |count: usize| (0..count).map(|n| approval(&n.to_string())).collect();
        let refused = book.assign(many(257), 1).unwrap_err();
        assert_eq!((refused.needed, refused.room), (257, 256));
        assert_eq!(book.assign(many(256), 1).unwrap().len(), 256);
        // All are in use, or were and may still have flows.
        let refused = book.assign(vec![approval("other")], 2).unwrap_err();
        assert_eq!((refused.needed, refused.room), (1, 0));
        book.drained(1);
        assert_eq!(given(&mut book, &["other"], 2), [(0, "other".into(), 2)]);
    }
}
