//! One generation of kernel tables, ready to publish.

use std::sync::Arc;

use ipnet::{Ipv4Net, Ipv6Net};
use sensor_common::{SLOTS, Slot, SlotMask};
use thiserror::Error;

use crate::places::Flat;

/// Everything one generation consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Its number: one more than the generation before, the first is 1.
    pub generation: u64,
    /// IPv4 prefixes with their match sets, ascending, without duplicates.
    pub v4: Vec<(Ipv4Net, u32)>,
    /// IPv6 prefixes with their match sets, ascending, without duplicates.
    pub v6: Vec<(Ipv6Net, u32)>,
    /// The approval group of every match set; row 0 belongs to no set.
    pub group_of_set: Vec<u32>,
    /// The distinct masks of approvals that name a match set.
    pub groups: Vec<SlotMask>,
    /// The slots, [`SLOTS`] at most.
    pub slots: Vec<Slot>,
    /// Where every address lies.
    pub places: Arc<Flat>,
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
    /// Most ranges of one address family in the table of places.
    pub const RANGES: usize = 16_000_000;

    /// Checks that the generation fits before anything is touched.
    pub fn check_room(&self) -> Result<(), NoRoom> {
        for (what, needed, room) in [
            ("IPv4 prefixes", self.v4.len(), Self::PREFIXES),
            ("IPv6 prefixes", self.v6.len(), Self::PREFIXES),
            ("IPv4 ranges of places", self.places.v4.len(), Self::RANGES),
            ("IPv6 ranges of places", self.places.v6.len(), Self::RANGES),
            ("groups of approvals", self.groups.len(), Self::GROUPS),
            ("approvals in force", self.slots.len(), SLOTS as usize),
        ] {
            if needed > room {
                return Err(NoRoom { what, needed, room });
            }
        }
        Ok(())
    }
}
