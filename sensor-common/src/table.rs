//! Rows of the kernel's tables.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Match-set id of an address that nothing watches.
pub const NO_MATCH_SET: u32 = 0;

/// Longest time the agent may promise its attendance ahead, in nanoseconds.
///
/// A deadline further ahead than this counts as none: a clock or an agent is wrong.
pub const LEASE_LIMIT: u64 = 60_000_000_000;

/// An address of this host, as key of the table that lab mode consults on a real network card.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct OwnAddress {
    /// The address; an IPv4 address stands in the first four bytes.
    pub address: [u8; 16],
    /// 4 or 6.
    pub ip_version: u32,
}

/// What an address that matched leads to, read on a hit only.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct SetRow {
    /// The match set.
    pub set: u32,
    /// Row of the approval groups: which approvals name the match set.
    pub group: u32,
}

impl SetRow {
    /// The row as one word of memory.
    pub const fn word(self) -> u64 {
        zerocopy::transmute!(self)
    }
}

/// Totals of one match set on one CPU.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Totals {
    /// Packets recorded whose source address matched this set.
    pub source_packets: u64,
    /// Their layer-3 octets.
    pub source_octets: u64,
    /// Packets recorded whose destination address matched this set.
    pub destination_packets: u64,
    /// Their layer-3 octets.
    pub destination_octets: u64,
}

impl Totals {
    /// Adds what `other` counted.
    pub fn absorb(&mut self, other: &Self) {
        self.source_packets += other.source_packets;
        self.source_octets += other.source_octets;
        self.destination_packets += other.destination_packets;
        self.destination_octets += other.destination_octets;
    }
}

const _: () = {
    assert!(size_of::<SetRow>() == 8);
    assert!(size_of::<OwnAddress>() == 20);
    assert!(size_of::<Totals>() == 32);
};
