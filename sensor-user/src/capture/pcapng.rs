//! The newer format: sections of blocks, where blocks describe interfaces or hold packets.
//!
//! Blocks of other kinds are passed over without being kept, whatever their length. Interfaces are
//! numbered from 0 in each section; a frame has its interface's number in the whole file, so that
//! two sections do not share one.

use std::io::Read;

use pcap_parser::{Block, SectionHeaderBlock, parse_block_be, parse_block_le};

use super::error::{CaptureError, Problem};
use super::interface::Interface;
use super::packet::{Packet, word};
use super::source::Source;
use super::{Frame, MAX_PACKET};

/// The type of a section header, the same in both byte orders.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// The longest block kept, in bytes: a packet and as much again for its options.
const MAX_BLOCK: u32 = 2 * MAX_PACKET;
/// Interfaces of one file; each is kept to its end.
const MAX_INTERFACES: usize = 4096;
/// Type and length before a block's content.
const LEAD: usize = 8;
/// A block without content: type, length, length.
const SMALLEST: u32 = 12;
/// Interface, obsolete packet, simple packet, enhanced packet.
const KEPT: [u32; 4] = [1, 2, 3, 6];

pub(super) struct Pcapng {
    big_endian: bool,
    interfaces: Vec<Interface>,
    /// Where the interfaces of the current section start.
    section: usize,
}

enum Step {
    Frame(Frame),
    Other,
    End,
}

impl Pcapng {
    /// Reads the first section header; its type is known.
    pub(super) fn open<R: Read>(source: &mut Source<R>) -> Result<Self, CaptureError> {
        let mut pcapng = Self {
            big_endian: false,
            interfaces: Vec::new(),
            section: 0,
        };
        source.begin_at_zero(u64::from(SMALLEST));
        match pcapng.block(source)? {
            Step::End => Err(source.header_cut()),
            Step::Frame(_) | Step::Other => Ok(pcapng),
        }
    }

    pub(super) fn next_frame<R: Read>(
        &mut self,
        source: &mut Source<R>,
    ) -> Result<Option<Frame>, CaptureError> {
        loop {
            source.begin(u64::from(SMALLEST));
            match self.block(source)? {
                Step::Frame(frame) => return Ok(Some(frame)),
                Step::Other => {}
                Step::End => return Ok(None),
            }
        }
    }

    pub(super) fn interface_name(&self, index: u32) -> Option<&str> {
        self.interfaces.get(index as usize)?.name.as_deref()
    }

    fn block<R: Read>(&mut self, source: &mut Source<R>) -> Result<Step, CaptureError> {
        if !source.fill(LEAD)? {
            return Ok(Step::End);
        }
        let section = source.bytes().starts_with(&MAGIC);
        if section {
            if !source.fill(LEAD + 4)? {
                return Ok(Step::End);
            }
            self.big_endian = match source.bytes()[LEAD..] {
                [0x1a, 0x2b, 0x3c, 0x4d] => true,
                [0x4d, 0x3c, 0x2b, 0x1a] => false,
                _ => return Err(source.corrupt(Problem::ByteOrder)),
            };
        }
        let kept = section || KEPT.contains(&word(source.bytes(), 0, self.big_endian));
        let length = word(source.bytes(), 4, self.big_endian);
        if length < SMALLEST || !length.is_multiple_of(4) {
            return Err(source.corrupt(Problem::BlockLength { length }));
        }
        if kept && length > MAX_BLOCK {
            return Err(source.corrupt(Problem::BlockTooLong { length }));
        }
        source.claim(u64::from(length));
        let there = if kept {
            source.fill(length as usize)?
        } else {
            source.skip(u64::from(length - SMALLEST))? && source.fill(SMALLEST as usize)?
        };
        if !there {
            return Ok(Step::End);
        }
        let after = word(source.bytes(), source.bytes().len() - 4, self.big_endian);
        if length != after {
            return Err(source.corrupt(Problem::Lengths {
                before: length,
                after,
            }));
        }
        if kept {
            self.kept(source)
        } else {
            Ok(Step::Other)
        }
    }

    /// Takes a whole block of a kind that is kept.
    fn kept<R: Read>(&mut self, source: &Source<R>) -> Result<Step, CaptureError> {
        let parse = if self.big_endian {
            parse_block_be
        } else {
            parse_block_le
        };
        let Ok((_, block)) = parse(source.bytes()) else {
            return Err(source.corrupt(Problem::Fields));
        };
        match block {
            Block::SectionHeader(SectionHeaderBlock {
                major_version: 1, ..
            }) => {
                self.section = self.interfaces.len();
                Ok(Step::Other)
            }
            Block::SectionHeader(header) => {
                Err(source.version("pcapng", header.major_version, header.minor_version))
            }
            Block::InterfaceDescription(_) if self.interfaces.len() == MAX_INTERFACES => {
                Err(source.corrupt(Problem::Interfaces {
                    limit: MAX_INTERFACES,
                }))
            }
            Block::InterfaceDescription(block) => {
                self.interfaces
                    .push(Interface::new(&block, self.big_endian));
                Ok(Step::Other)
            }
            block => {
                let interfaces = &self.interfaces[self.section..];
                let corrupt = |problem| source.corrupt(problem);
                let packet = self.packet(&block).map_err(corrupt)?;
                let interface = packet.interface(interfaces).map_err(corrupt)?;
                let Some(link) = interface.link.link() else {
                    let number = self.section + packet.index();
                    let named = (number, interface.name.as_deref());
                    return Err(source.link(interface.link, Some(named)));
                };
                let frame = packet.frame(interface, link, self.section);
                frame.map(Step::Frame).map_err(corrupt)
            }
        }
    }

    fn packet<'a>(&self, block: &'a Block<'a>) -> Result<Packet<'a>, Problem> {
        match block {
            Block::EnhancedPacket(block) => Ok(Packet::enhanced(block)),
            Block::SimplePacket(block) => Packet::simple(block, &self.interfaces[self.section..]),
            Block::Unknown(block) => Packet::obsolete(block, self.big_endian),
            _ => Err(Problem::Fields),
        }
    }
}
