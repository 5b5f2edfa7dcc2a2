//! Interfaces of a pcapng file, each with a link type and a clock of its own.
//!
//! Resolution and offset of the clock are read from the options here, not taken from
//! `pcap-parser`: its 0.17 reads the offset as little-endian in sections of either byte order, and
//! refuses every resolution that is a power of two.

use pcap_parser::{InterfaceDescriptionBlock, OptionCode};

use super::link::LinkType;

/// The longest name kept, in bytes.
const MAX_NAME: usize = 256;
const NANOSECONDS: u128 = 1_000_000_000;

pub(super) struct Interface {
    pub(super) name: Option<String>,
    pub(super) link: LinkType,
    /// Bytes kept of each packet; 0 means all.
    pub(super) snapshot: u32,
    pub(super) clock: Clock,
}

impl Interface {
    pub(super) fn new(block: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Self {
        let mut name = None;
        let mut clock = Clock::MICROSECONDS;
        for option in &block.options {
            let Ok(value) = option.as_bytes() else {
                continue;
            };
            match option.code {
                OptionCode::EndOfOpt => break,
                OptionCode::IfName => name = Some(printable(value)),
                OptionCode::IfTsresol => {
                    if let &[resolution] = value {
                        clock.resolution = resolution;
                    }
                }
                OptionCode::IfTsoffset => {
                    if let Ok(offset) = value.try_into() {
                        let read = if big_endian {
                            i64::from_be_bytes
                        } else {
                            i64::from_le_bytes
                        };
                        clock.offset = read(offset);
                    }
                }
                _ => {}
            }
        }
        Self {
            name,
            link: LinkType(block.linktype.0.cast_unsigned()),
            snapshot: block.snaplen,
            clock,
        }
    }
}

/// How an interface counts time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// Ticks in a second, as `if_tsresol` gives them: a power of ten, or with the highest bit set a
    /// power of two.
    pub(super) resolution: u8,
    /// Seconds added to every time.
    pub(super) offset: i64,
}

impl Clock {
    const MICROSECONDS: Self = Self {
        resolution: 6,
        offset: 0,
    };

    /// Unix time in nanoseconds, held between 0 and the end of `u64` (in the year 2554).
    pub(super) fn time(self, ticks: u64) -> u64 {
        let power = u32::from(self.resolution & 0x7f);
        let scaled = u128::from(ticks) * NANOSECONDS;
        let since = if self.resolution & 0x80 != 0 {
            scaled >> power
        } else {
            // A power of ten past `u128` is past what 64 bits of ticks can reach.
            10u128
                .checked_pow(power)
                .map_or(0, |second| scaled / second)
        };
        let offset = u128::from(self.offset.unsigned_abs()) * NANOSECONDS;
        let time = if self.offset < 0 {
            since.saturating_sub(offset)
        } else {
            since + offset
        };
        u64::try_from(time).unwrap_or(u64::MAX)
    }
}

fn printable(name: &[u8]) -> String {
    String::from_utf8_lossy(&name[..name.len().min(MAX_NAME)])
        .chars()
        .map(|char| {
            if char.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                char
            }
        })
        .collect()
}
