//! Tunnel headers, and the packet behind one: one level.

use super::{
    LARGEST_OFFSET, Packet, Payload, Reader, Unparsed, Unsupported, inner, link::ether_type, part,
    truncated,
};
use crate::tunnel::TunnelKind;

/// Extension headers of GTP-U that are passed over.
const MAX_GTP_EXTENSIONS: usize = 4;

/// A packet that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What it was carried in.
    pub kind: TunnelKind,
    /// The identifier in the tunnel's header; 0 where it has none.
    pub id: u32,
    /// The packet. Its VLAN identifiers are those of the frame inside.
    pub packet: Packet,
}

/// What a tunnel's header says of what follows.
struct Carried {
    kind: TunnelKind,
    id: u32,
    /// What it is, and where it begins.
    ether_type: u16,
    offset: usize,
}

/// Opens a packet that may be of `kinds`, a bit each. `skipped` octets stand before Ethernet in
/// `L2TPv3`. Nothing behind the outer payload counts.
#[inline(always)]
pub fn open<R: Reader>(
    frame: &R,
    outer: Payload,
    kinds: u16,
    skipped: usize,
) -> Result<Opened, Unparsed> {
    let carried = header(frame, outer, kinds, skipped)?;
    if kinds & carried.kind.bit() == 0 {
        return Err(ENCAPSULATION);
    }
    let carried = Carried::of_word(frame.settle(carried.word()));
    let frame = Within {
        frame,
        end: outer.offset + outer.length as usize,
    };
    let packet = inner(&frame, carried.ether_type, carried.offset)?;
    Ok(Opened {
        kind: carried.kind,
        id: carried.id,
        packet,
    })
}

impl Carried {
    /// All of it in one word.
    #[inline(always)]
    const fn word(&self) -> u64 {
        let what = match self.ether_type {
            ether_type::IPV4 => 0,
            ether_type::IPV6 => 1,
            _ => 2,
        };
        (self.id as u64) << 32
            | (self.kind as u64) << 24
            | what << 16
            | self.offset as u64 & LARGEST_OFFSET
    }

    #[inline(always)]
    fn of_word(word: u64) -> Self {
        Self {
            kind: match word >> 24 & 15 {
                1 => TunnelKind::Gre,
                2 => TunnelKind::Nvgre,
                3 => TunnelKind::Erspan,
                4 => TunnelKind::IpInIp,
                5 => TunnelKind::SixInFour,
                6 => TunnelKind::FourInSix,
                7 => TunnelKind::Vxlan,
                8 => TunnelKind::Geneve,
                9 => TunnelKind::GtpU,
                _ => TunnelKind::L2tpV3,
            },
            id: (word >> 32).try_into().unwrap_or(0),
            ether_type: match word >> 16 & 3 {
                0 => ether_type::IPV4,
                1 => ether_type::IPV6,
                _ => ether_type::BRIDGED,
            },
            offset: part(word & LARGEST_OFFSET).into(),
        }
    }
}

const ENCAPSULATION: Unparsed = Unparsed::Unsupported(Unsupported::Encapsulation);

#[inline(always)]
fn header<R: Reader>(
    frame: &R,
    outer: Payload,
    kinds: u16,
    skipped: usize,
) -> Result<Carried, Unparsed> {
    let is = |kind: TunnelKind| kinds & kind.bit() != 0;
    let at = outer.offset;
    let ip = |kind| Carried {
        kind,
        id: 0,
        ether_type: if outer.protocol == 4 {
            ether_type::IPV4
        } else {
            ether_type::IPV6
        },
        offset: at,
    };
    if is(TunnelKind::IpInIp) {
        return Ok(ip(TunnelKind::IpInIp));
    }
    if is(TunnelKind::SixInFour) {
        return Ok(ip(TunnelKind::SixInFour));
    }
    if is(TunnelKind::FourInSix) {
        return Ok(ip(TunnelKind::FourInSix));
    }
    if is(TunnelKind::L2tpV3) {
        return l2tp(frame, at, skipped);
    }
    // Behind ports, a length and a checksum.
    if is(TunnelKind::Vxlan) {
        return vxlan(frame, at + UDP);
    }
    if is(TunnelKind::Geneve) {
        return geneve(frame, at + UDP);
    }
    if is(TunnelKind::GtpU) {
        return gtp(frame, at + UDP);
    }
    gre(frame, at, kinds)
}

const UDP: usize = 8;

/// RFC 2784 and 2890. The older header with a source route, and the other version, are not read.
#[inline(always)]
fn gre<R: Reader>(frame: &R, at: usize, kinds: u16) -> Result<Carried, Unparsed> {
    const CHECKSUM: u8 = 0x80;
    const ROUTING: u8 = 0x40;
    const KEY: u8 = 0x20;
    const SEQUENCE: u8 = 0x10;
    const VERSION: u8 = 7;
    const ERSPAN: u16 = 0x88be;
    const ERSPAN_III: u16 = 0x22eb;
    let [flags, version, high, low]: [u8; 4] = truncated(frame.read(at))?;
    if flags & ROUTING != 0 || version & VERSION != 0 {
        return Err(ENCAPSULATION);
    }
    let ether_type = u16::from_be_bytes([high, low]);
    let mut offset = at + 4 + usize::from(flags & CHECKSUM != 0) * 4;
    let mut id = 0;
    if flags & KEY != 0 {
        id = u32::from_be_bytes(truncated(frame.read(offset))?);
        offset += 4;
    }
    let has_sequence = flags & SEQUENCE != 0;
    offset += usize::from(has_sequence) * 4;
    let is = |kind: TunnelKind| kinds & kind.bit() != 0;
    let carried = |kind, id, ether_type, offset| {
        Ok(Carried {
            kind,
            id,
            ether_type,
            offset,
        })
    };
    match ether_type {
        // The virtual subnet is in the upper 24 bits of the key.
        ether_type::BRIDGED if is(TunnelKind::Nvgre) && flags & KEY != 0 => {
            carried(TunnelKind::Nvgre, id >> 8, ether_type, offset)
        }
        ether_type::IPV4 | ether_type::IPV6 | ether_type::BRIDGED => {
            carried(TunnelKind::Gre, id, ether_type, offset)
        }
        // Type I has no header of its own.
        ERSPAN if !has_sequence => carried(TunnelKind::Erspan, 0, ether_type::BRIDGED, offset),
        ERSPAN => {
            let session = session(frame, offset)?;
            carried(TunnelKind::Erspan, session, ether_type::BRIDGED, offset + 8)
        }
        ERSPAN_III => {
            let session = session(frame, offset)?;
            let [_, more]: [u8; 2] = truncated(frame.read(offset + 10))?;
            let length = 12 + usize::from(more & 1) * 8;
            carried(
                TunnelKind::Erspan,
                session,
                ether_type::BRIDGED,
                offset + length,
            )
        }
        _ => Err(ENCAPSULATION),
    }
}

/// The session of a mirrored frame.
#[inline(always)]
fn session<R: Reader>(frame: &R, at: usize) -> Result<u32, Unparsed> {
    let word = u16::from_be_bytes(truncated(frame.read(at + 2))?);
    Ok(u32::from(word & 0x03ff))
}

#[inline(always)]
fn vxlan<R: Reader>(frame: &R, at: usize) -> Result<Carried, Unparsed> {
    const HAS_ID: u8 = 8;
    // Of the flags of the generic protocol extension: another protocol follows, or none.
    const OTHER: u8 = 0x05;
    let [flags, _, _, _, a, b, c, _]: [u8; 8] = truncated(frame.read(at))?;
    if flags & HAS_ID == 0 || flags & OTHER != 0 {
        return Err(ENCAPSULATION);
    }
    Ok(Carried {
        kind: TunnelKind::Vxlan,
        id: u32::from_be_bytes([0, a, b, c]),
        ether_type: ether_type::BRIDGED,
        offset: at + 8,
    })
}

#[inline(always)]
fn geneve<R: Reader>(frame: &R, at: usize) -> Result<Carried, Unparsed> {
    const VERSION: u8 = 0xc0;
    // What the ends say to each other.
    const CONTROL: u8 = 0x80;
    let [first, flags, high, low, a, b, c, _]: [u8; 8] = truncated(frame.read(at))?;
    let ether_type = u16::from_be_bytes([high, low]);
    let is_read = matches!(
        ether_type,
        ether_type::IPV4 | ether_type::IPV6 | ether_type::BRIDGED
    );
    if first & VERSION != 0 || flags & CONTROL != 0 || !is_read {
        return Err(ENCAPSULATION);
    }
    Ok(Carried {
        kind: TunnelKind::Geneve,
        id: u32::from_be_bytes([0, a, b, c]),
        ether_type,
        offset: at + 8 + usize::from(first & 0x3f) * 4,
    })
}

/// A packet of somebody's, and neither what the ends say to each other nor an end marker.
#[inline(always)]
fn gtp<R: Reader>(frame: &R, at: usize) -> Result<Carried, Unparsed> {
    const VERSION_1: u8 = 0x30;
    const VERSION: u8 = 0xf0;
    const MORE: u8 = 7;
    const EXTENSION: u8 = 4;
    const PACKET: u8 = 255;
    let [flags, message, _, _, a, b, c, d]: [u8; 8] = truncated(frame.read(at))?;
    if flags & VERSION != VERSION_1 || message != PACKET {
        return Err(ENCAPSULATION);
    }
    let mut offset = at + 8;
    if flags & MORE != 0 {
        offset += 4;
        let [_, next]: [u8; 2] = truncated(frame.read(offset - 2))?;
        let mut next = if flags & EXTENSION == 0 { 0 } else { next };
        for _ in 0..MAX_GTP_EXTENSIONS {
            if next == 0 {
                break;
            }
            let [length, _]: [u8; 2] = truncated(frame.read(offset))?;
            if length == 0 {
                return Err(ENCAPSULATION);
            }
            let last = offset + usize::from(length) * 4 - 2;
            let last = usize::from(part(frame.settle(last as u64) & LARGEST_OFFSET));
            let [_, after]: [u8; 2] = truncated(frame.read(last))?;
            next = after;
            offset = last + 2;
        }
        if next != 0 {
            return Err(ENCAPSULATION);
        }
    }
    let [first, _]: [u8; 2] = truncated(frame.read(offset))?;
    let ether_type = match first >> 4 {
        4 => ether_type::IPV4,
        6 => ether_type::IPV6,
        _ => return Err(ENCAPSULATION),
    };
    Ok(Carried {
        kind: TunnelKind::GtpU,
        id: u32::from_be_bytes([a, b, c, d]),
        ether_type,
        offset,
    })
}

/// Session 0 is what the ends say to each other.
#[inline(always)]
fn l2tp<R: Reader>(frame: &R, at: usize, skipped: usize) -> Result<Carried, Unparsed> {
    let id = u32::from_be_bytes(truncated(frame.read(at))?);
    if id == 0 {
        return Err(ENCAPSULATION);
    }
    Ok(Carried {
        kind: TunnelKind::L2tpV3,
        id,
        ether_type: ether_type::BRIDGED,
        offset: at + 4 + skipped,
    })
}

/// A frame that ends with the outer packet.
struct Within<'a, R> {
    frame: &'a R,
    end: usize,
}

impl<R: Reader> Reader for Within<'_, R> {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.frame.read(offset)
    }

    #[inline(always)]
    fn wire_length(&self) -> usize {
        self.end
    }

    #[inline(always)]
    fn settle(&self, word: u64) -> u64 {
        self.frame.settle(word)
    }
}
