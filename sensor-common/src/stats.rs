//! Counters without address, indicator or match set: all that a packet outside
//! every approval leaves behind.

use crate::{
    parse::{Malformed, Unparsed, Unsupported},
    verdict::Verdict,
};

/// All counters by cell, of one CPU or summed over CPUs.
pub type Counters = [u64; Stat::COUNT];

/// What a counter counts. The number is the cell; none is ever reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stat {
    /// Packets, counted at entry.
    Seen,
    /// Packets by verdict, counted at exit.
    Verdict(Verdict),
    /// Packets malformed, by what contradicts.
    Malformed(Malformed),
    /// Packets unsupported, by what is not read.
    Unsupported(Unsupported),
    /// Recorded packets of flows that gave way to others in the cache, for which the ring buffer
    /// had no room.
    UnattributedPackets,
    /// Their octets.
    UnattributedOctets,
    /// Notices of new flows for which the ring buffer had no room; the flow itself is counted.
    EventsLost,
    /// Recorded packets of which both ends matched.
    BothPackets,
    /// Their octets.
    BothOctets,
    /// Recorded packets for which a row of totals was missing.
    TotalsLost,
    /// Packets for which the row of a slot's counts was missing.
    SlotCountsLost,
    /// Packets opened: those in a tunnel that an approval names.
    Opened,
    /// Packets in such a tunnel whose inside contradicts, which count as the outer packet only.
    InnerMalformed,
    /// Likewise, that are in parts or whose inside is not read.
    InnerUnread,
    /// Flows that gave way to others in the cache, and were handed over early.
    FlowsEvicted,
}

impl Stat {
    /// Cells in use and reserved.
    pub const COUNT: usize = 72;

    /// The cell of this counter.
    #[inline(always)]
    pub const fn cell(self) -> usize {
        match self {
            Self::Seen => 0,
            Self::Verdict(verdict) => 1 + verdict as usize,
            Self::Malformed(reason) => 24 + reason as usize,
            Self::Unsupported(reason) => 40 + reason as usize,
            Self::UnattributedPackets => 56,
            Self::UnattributedOctets => 57,
            Self::EventsLost => 58,
            Self::BothPackets => 59,
            Self::BothOctets => 60,
            Self::TotalsLost => 61,
            Self::SlotCountsLost => 62,
            Self::Opened => 63,
            Self::InnerMalformed => 64,
            Self::InnerUnread => 65,
            Self::FlowsEvicted => 66,
        }
    }

    /// The reason counter of a packet that could not be parsed.
    #[inline(always)]
    pub const fn of_unparsed(unparsed: Unparsed) -> Option<Self> {
        match unparsed {
            Unparsed::NotIp => None,
            Unparsed::Malformed(reason) => Some(Self::Malformed(reason)),
            Unparsed::Unsupported(reason) => Some(Self::Unsupported(reason)),
        }
    }
}

const _: () = {
    assert!(Stat::Verdict(Verdict::Recorded).cell() < 24);
    assert!(24 + Malformed::ALL.len() <= 40);
    assert!(40 + Unsupported::ALL.len() <= 56);
};

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, vec::Vec};

    use super::*;

    #[test]
    fn no_two_counters_share_a_cell() {
        let mut all: Vec<Stat> = Vec::from([
            Stat::Seen,
            Stat::UnattributedPackets,
            Stat::UnattributedOctets,
            Stat::EventsLost,
            Stat::BothPackets,
            Stat::BothOctets,
            Stat::TotalsLost,
            Stat::SlotCountsLost,
            Stat::Opened,
            Stat::InnerMalformed,
            Stat::InnerUnread,
            Stat::FlowsEvicted,
        ]);
        all.extend(Verdict::ALL.map(Stat::Verdict));
        all.extend(Malformed::ALL.map(Stat::Malformed));
        all.extend(Unsupported::ALL.map(Stat::Unsupported));
        let cells: BTreeSet<usize> = all.iter().map(|stat| stat.cell()).collect();
        assert_eq!(cells.len(), all.len());
        assert!(cells.iter().all(|&cell| cell < Stat::COUNT));
    }
}
