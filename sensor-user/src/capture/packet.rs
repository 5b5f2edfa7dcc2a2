//! A packet as one of pcapng's three packet blocks gives it.
//!
//! The blocks differ in what they know: an enhanced block names interface and time, a simple one
//! belongs to the first interface, has no time and leaves the captured length to the snapshot
//! length, and the obsolete one, which `pcap-parser` does not decode, has fields of its own.

use bytes::Bytes;
use pcap_parser::traits::PcapNGPacketBlock as _;
use pcap_parser::{EnhancedPacketBlock, SimplePacketBlock, UnknownBlock};

use super::error::Problem;
use super::interface::Interface;
use super::link::Link;
use super::{Frame, MAX_PACKET};

/// Interface, drops, time in two words, captured length, length on the wire.
const OBSOLETE_HEADER: usize = 20;

pub(super) struct Packet<'a> {
    /// Position of the interface in its section.
    interface: u32,
    /// In the clock of the interface.
    ticks: Option<u64>,
    wire_length: u32,
    data: &'a [u8],
}

impl<'a> Packet<'a> {
    pub(super) fn enhanced(block: &'a EnhancedPacketBlock<'_>) -> Self {
        Self {
            interface: block.if_id,
            ticks: Some(ticks(block.ts_high, block.ts_low)),
            wire_length: block.origlen,
            data: block.packet_data(),
        }
    }

    pub(super) fn simple(
        block: &SimplePacketBlock<'a>,
        interfaces: &[Interface],
    ) -> Result<Self, Problem> {
        let first = interfaces.first().ok_or(Problem::Interface { index: 0 })?;
        let length = match first.snapshot {
            0 => block.origlen,
            snapshot => snapshot.min(block.origlen),
        };
        Ok(Self {
            interface: 0,
            ticks: None,
            wire_length: block.origlen,
            data: block.data.get(..length as usize).ok_or(Problem::Fields)?,
        })
    }

    pub(super) fn obsolete(block: &UnknownBlock<'a>, big_endian: bool) -> Result<Self, Problem> {
        let (header, data) = block
            .data
            .split_at_checked(OBSOLETE_HEADER)
            .ok_or(Problem::Fields)?;
        let read = if big_endian {
            u16::from_be_bytes
        } else {
            u16::from_le_bytes
        };
        let interface = read([header[0], header[1]]);
        let length = word(header, 12, big_endian);
        Ok(Self {
            interface: interface.into(),
            ticks: Some(ticks(
                word(header, 4, big_endian),
                word(header, 8, big_endian),
            )),
            wire_length: word(header, 16, big_endian),
            data: data.get(..length as usize).ok_or(Problem::Fields)?,
        })
    }

    /// Position of the interface in its section.
    pub(super) fn index(&self) -> usize {
        self.interface as usize
    }

    /// The interface among those of the section.
    pub(super) fn interface<'b>(
        &self,
        interfaces: &'b [Interface],
    ) -> Result<&'b Interface, Problem> {
        interfaces.get(self.index()).ok_or(Problem::Interface {
            index: self.interface,
        })
    }

    /// The frame of an interface of this link layer, whose section starts with number `section` in
    /// the file.
    pub(super) fn frame(
        &self,
        interface: &Interface,
        link: Link,
        section: usize,
    ) -> Result<Frame, Problem> {
        let unknown = Problem::Interface {
            index: self.interface,
        };
        let length = u32::try_from(self.data.len()).unwrap_or(u32::MAX);
        if length > MAX_PACKET {
            return Err(Problem::PacketTooLong { length });
        }
        Ok(Frame {
            time: self.ticks.map_or(0, |ticks| interface.clock.time(ticks)),
            wire_length: self.wire_length.max(length),
            data: Bytes::copy_from_slice(self.data),
            interface: u32::try_from(section + self.index()).map_err(|_| unknown)?,
            link,
        })
    }
}

/// Four bytes of `bytes` at `offset`, which the caller knows are there.
pub(super) fn word(bytes: &[u8], offset: usize, big_endian: bool) -> u32 {
    let word = [
        bytes[offset],
        bytes[offset + 1],
        bytes[offset + 2],
        bytes[offset + 3],
    ];
    if big_endian {
        u32::from_be_bytes(word)
    } else {
        u32::from_le_bytes(word)
    }
}

fn ticks(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
