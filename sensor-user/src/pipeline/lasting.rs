//! Totals that outlast generations.
//!
//! The kernel counts by numbers that mean something in one generation only. When a
//! generation is replaced, and at the end, its counts are added here under what the numbers
//! stood for.

use std::collections::BTreeMap;

use ipnet::IpNet;
use sensor_common::{SlotCounts, Totals};

use super::Generation;
use crate::watchlist::{ApprovalId, SetId};

/// Totals by prefix, and how far packets came under each approval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lasting {
    /// Totals by the longest prefix that matched.
    pub by_prefix: BTreeMap<IpNet, Totals>,
    /// Packets by verdict under each approval.
    pub by_approval: BTreeMap<ApprovalId, SlotCounts>,
}

impl Lasting {
    /// Adds what a generation counted: totals by match set, and counts by slot.
    pub fn fold(
        &mut self,
        generation: &Generation,
        totals: &[(SetId, Totals)],
        counts: &[SlotCounts],
    ) {
        let compiled = &generation.compiled;
        for (set, part) in totals {
            if let Some(set) = compiled.set(*set) {
                self.by_prefix.entry(set.prefix).or_default().absorb(part);
            }
        }
        for (slot, part) in (0..).zip(counts) {
            if let Some(id) = compiled.approval(slot) {
                let known = self.by_approval.get_mut(id);
                match known {
                    Some(sum) => sum.absorb(part),
                    None => drop(self.by_approval.insert(id.clone(), *part)),
                }
            }
        }
    }

    /// Totals over all prefixes: packets and octets recorded, as source and as destination.
    pub fn sum(&self) -> Totals {
        let mut sum = Totals::default();
        for part in self.by_prefix.values() {
            sum.absorb(part);
        }
        sum
    }
}
