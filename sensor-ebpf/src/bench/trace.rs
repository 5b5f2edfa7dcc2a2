//! The trace: addresses of packets, written by user space before it is walked.
//!
//! There are two layouts. Narrow entries are 16 bytes, so that walking IPv4 moves little
//! else through the cache; wide ones hold any packet. Entries stand in blocks, because user
//! space writes a block by one call.

use aya_ebpf::{btf_maps::Array, macros::btf_map};
use sensor_common::{Fragment, IpVersion, Packet, Protocol, Vlan};

/// Entries of a block of narrow ones, and of wide ones.
const NARROW: u32 = 256;
const WIDE: u32 = 64;

#[btf_map]
static TRACE_NARROW: Array<[NarrowEntry; NARROW as usize], 1> = Array::new();

#[btf_map]
static TRACE_WIDE: Array<[WideEntry; WIDE as usize], 1> = Array::new();

/// An entry: a packet as far as a look-up sees it.
pub(super) trait Entry: Copy + 'static {
    /// The entry with this number.
    fn at(index: u32) -> Option<&'static Self>;

    /// Its packet.
    fn packet(&self) -> Packet;

    /// Whether either address is watched: for the floor, which looks nothing up.
    fn is_watched(&self) -> bool;

    /// Words that need every byte of both addresses.
    fn fold(&self) -> u64;
}

/// Addresses are words as they stand in memory: of bytes the compiler makes a load each.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(super) struct NarrowEntry {
    pub(super) source: u32,
    pub(super) destination: u32,
    version: u8,
    watched: u8,
    padding: [u8; 6],
}

#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(super) struct WideEntry {
    pub(super) source: [u64; 2],
    pub(super) destination: [u64; 2],
    version: u8,
    watched: u8,
    padding: [u8; 6],
}

impl Entry for NarrowEntry {
    #[inline(always)]
    fn at(index: u32) -> Option<&'static Self> {
        let block = TRACE_NARROW.get(index / NARROW)?;
        block.get((index % NARROW) as usize)
    }

    #[inline(always)]
    fn packet(&self) -> Packet {
        packet(
            self.version,
            widened(self.source),
            widened(self.destination),
        )
    }

    #[inline(always)]
    fn is_watched(&self) -> bool {
        self.watched != 0
    }

    #[inline(always)]
    fn fold(&self) -> u64 {
        u64::from(self.source ^ self.destination)
    }
}

impl Entry for WideEntry {
    #[inline(always)]
    fn at(index: u32) -> Option<&'static Self> {
        let block = TRACE_WIDE.get(index / WIDE)?;
        block.get((index % WIDE) as usize)
    }

    #[inline(always)]
    fn packet(&self) -> Packet {
        packet(self.version, bytes(self.source), bytes(self.destination))
    }

    #[inline(always)]
    fn is_watched(&self) -> bool {
        self.watched != 0
    }

    #[inline(always)]
    fn fold(&self) -> u64 {
        self.source[0] ^ self.source[1] ^ self.destination[0] ^ self.destination[1]
    }
}

#[inline(always)]
fn packet(version: u8, source: [u8; 16], destination: [u8; 16]) -> Packet {
    Packet {
        version: if version == IpVersion::V6 as u8 {
            IpVersion::V6
        } else {
            IpVersion::V4
        },
        source,
        destination,
        protocol: Protocol::UDP,
        source_port: [0; 2],
        destination_port: [0; 2],
        has_ports: false,
        vlan: Vlan { ids: [[0; 2]; 2] },
        vlan_tags: 0,
        fragment: Fragment::Whole,
        octets: 0,
        tcp_flags: 0,
        ttl: 0,
    }
}

#[inline(always)]
fn widened(address: u32) -> [u8; 16] {
    let [a, b, c, d] = address.to_ne_bytes();
    [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

#[inline(always)]
pub(super) fn bytes([high, low]: [u64; 2]) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h] = high.to_ne_bytes();
    let [i, j, k, l, m, n, o, p] = low.to_ne_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}
