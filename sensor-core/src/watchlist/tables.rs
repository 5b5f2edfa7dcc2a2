//! One generation of kernel tables, ready to publish.

use std::sync::Arc;

use ipnet::IpNet;
use sensor_common::{MAX_TUNNELS, NO_MATCH_SET, SLOTS, Slot, SlotMask, TunnelRule};
use thiserror::Error;

use super::{PortRule, Prefix4, Prefix6};
use crate::places::Flat;

/// Everything one generation consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Its number: one more than the generation before, the first is 1.
    pub generation: u64,
    /// IPv4 prefixes, ascending, without duplicates; the one at `i` has match set `i + 1`.
    pub v4: Vec<Prefix4>,
    /// IPv6 prefixes, likewise; the one at `j` has match set `v4.len() + j + 1`.
    pub v6: Vec<Prefix6>,
    /// The port rules of match sets, ascending by set and rule, without duplicates.
    pub ports: Vec<PortRow>,
    /// The match sets in the place of which those of port rules stand; the one at `k` is match
    /// set `v4.len() + v6.len() + k + 1`.
    pub port_sets: Vec<u32>,
    /// The approval group of every match set; row 0 belongs to no set.
    pub group_of_set: Vec<u32>,
    /// The distinct masks of approvals that name a match set.
    pub groups: Vec<SlotMask>,
    /// The slots, [`SLOTS`] at most.
    pub slots: Vec<Slot>,
    /// The tunnels whose packets are opened.
    pub tunnels: Vec<TunnelRule>,
    /// Where every address lies.
    pub places: Arc<Flat>,
}

/// A port rule of a match set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRow {
    /// The match set of a prefix.
    pub set: u32,
    /// The protocol and the port that a packet has on the side of the address.
    pub rule: PortRule,
    /// The match set that stands in its place then.
    pub narrowed: u32,
}

/// A generation that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{what}: {needed} needed, room for {room}")]
pub struct NoRoom {
    /// What there is too much of.
    pub what: &'static str,
    /// How much.
    pub needed: usize,
    /// How much there may be.
    pub room: usize,
}

impl Tables {
    /// Most prefixes of one address family.
    pub const PREFIXES: usize = 16_000_000;
    /// Most distinct groups of approvals.
    pub const GROUPS: usize = 65_536;
    /// Match sets that may be added to a generation in force.
    pub const SPARE_SETS: u32 = 4_096;
    /// Groups that may be added to a generation in force.
    pub const SPARE_GROUPS: u32 = 256;
    /// Most port rules of match sets.
    pub const PORT_RULES: usize = 1_000_000;
    /// Most ranges of one address family in the table of places.
    pub const RANGES: usize = 16_000_000;

    /// The match set of the IPv4 prefix at `place`.
    pub fn set_v4(place: usize) -> u32 {
        u32::try_from(place + 1).unwrap_or(NO_MATCH_SET)
    }

    /// The match set of the IPv6 prefix at `place`.
    pub fn set_v6(&self, place: usize) -> u32 {
        Self::set_v4(self.v4.len() + place)
    }

    /// The prefix of a match set.
    pub fn prefix(&self, set: u32) -> Option<IpNet> {
        let place = (set as usize).checked_sub(1)?;
        if let Some(&prefix) = self.v4.get(place) {
            return Some(prefix.into());
        }
        let place = place - self.v4.len();
        if let Some(&prefix) = self.v6.get(place) {
            return Some(prefix.into());
        }
        self.prefix(*self.port_sets.get(place - self.v6.len())?)
    }

    /// Whether a match set has port rules, so that ports decide about an address.
    pub fn has_ports(&self, set: u32) -> bool {
        has_ports(&self.ports, set)
    }

    /// The match set of an address whose longest prefix has match set `set`, in a packet that has
    /// this port on its side, or none; [`NO_MATCH_SET`] where no indicator counts.
    pub fn on_port(&self, set: u32, rule: Option<PortRule>) -> u32 {
        let found = rule.and_then(|rule| {
            let key = |row: &PortRow| (row.set, row.rule);
            let place = self.ports.binary_search_by_key(&(set, rule), key).ok()?;
            self.ports.get(place)
        });
        match found {
            Some(row) => row.narrowed,
            // Row 0 of the groups: no approval names it, so no indicator is left.
            None if self.has_ports(set) && self.group_of_set.get(set as usize) == Some(&0) => {
                NO_MATCH_SET
            }
            None => set,
        }
    }

    /// Checks that the generation fits before anything is touched.
    pub fn check_room(&self) -> Result<(), NoRoom> {
        for (what, needed, room) in [
            ("IPv4 prefixes", self.v4.len(), Self::PREFIXES),
            ("IPv6 prefixes", self.v6.len(), Self::PREFIXES),
            (
                "port rules of match sets",
                self.ports.len(),
                Self::PORT_RULES,
            ),
            ("IPv4 ranges of places", self.places.v4.len(), Self::RANGES),
            ("IPv6 ranges of places", self.places.v6.len(), Self::RANGES),
            ("groups of approvals", self.groups.len(), Self::GROUPS),
            ("approvals in force", self.slots.len(), SLOTS as usize),
            (
                "tunnels of approvals",
                self.tunnels.len(),
                MAX_TUNNELS as usize,
            ),
        ] {
            if needed > room {
                return Err(NoRoom { what, needed, room });
            }
        }
        Ok(())
    }
}

/// Whether a match set has port rules, by all of them.
pub(super) fn has_ports(ports: &[PortRow], set: u32) -> bool {
    ports.binary_search_by_key(&set, |row| row.set).is_ok()
}
