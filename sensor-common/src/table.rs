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
    /// Row of the approval groups: which approvals name the match set. 0 is none of them: no
    /// indicator covers the address, whatever the set.
    pub group: u16,
    /// [`SetRow::PORTS`], or 0.
    pub flags: u16,
}

impl SetRow {
    /// The row of an address that matches nothing.
    pub const NONE: Self = Self {
        set: NO_MATCH_SET,
        group: 0,
        flags: 0,
    };

    /// Flag of a match set with port rules: where a packet has ports, [`port_key`] leads to the
    /// row that stands in the place of this one, if there is one.
    pub const PORTS: u16 = 1;

    /// The row as one word of memory.
    pub const fn word(self) -> u64 {
        zerocopy::transmute!(self)
    }
}

/// Key of the second look-up of an address whose match set has port rules: the set, the
/// protocol of the packet, and its port on the side of the address in network order.
#[inline(always)]
pub const fn port_key(set: u32, protocol: u8, port: [u8; 2]) -> u64 {
    (set as u64) << 32 | (protocol as u64) << 16 | u16::from_be_bytes(port) as u64
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_protocol_and_port_has_a_key_of_its_own() {
        assert_eq!(
            port_key(0x0102_0304, 6, 443u16.to_be_bytes()),
            0x0102_0304_0006_01bb
        );
        assert_eq!(
            port_key(u32::MAX, u8::MAX, [0xff, 0]),
            0xffff_ffff_00ff_ff00
        );
        assert_eq!(port_key(1, 0, [0, 0]), 1 << 32);
    }
}
