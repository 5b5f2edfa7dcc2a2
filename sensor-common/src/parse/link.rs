//! Ethernet II and what may stand between it and IP: tags of VLANs and bridges, LLC with SNAP, a
//! service header, a `PPPoE` session, MPLS labels.

use super::{
    IpVersion, MAX_LABELS, MAX_VLAN_TAGS, Malformed, Reader, Unparsed, Unsupported, part, truncated,
};
use crate::flow::Vlan;

/// Tags of bridges and VLANs, in any order.
const MAX_TAGS: usize = MAX_VLAN_TAGS + 1;

const ETHER_TYPE: usize = 12;
const VLAN_TAG: usize = 4;
const VN_TAG: usize = 6;
const E_TAG: usize = 8;
/// The tag of a fabric, and an Ethernet header.
const FABRIC_PATH: usize = 2 + 14;
/// The tag of a service instance, and an Ethernet header.
const BACKBONE: usize = 4 + 14;
/// A service header has at most so many.
const NSH: usize = 63 * 4;
const SNAP: usize = 8;
const PPPOE: usize = 6;
const LABEL: usize = 4;

/// No frame has its IP header further behind.
const DEEPEST: usize =
    ETHER_TYPE + 2 + MAX_TAGS * BACKBONE + SNAP + NSH + PPPOE + 2 + MAX_LABELS * LABEL;

mod ether_type {
    pub(super) const IPV4: u16 = 0x0800;
    pub(super) const IPV6: u16 = 0x86dd;
    pub(super) const MPLS: u16 = 0x8847;
    pub(super) const MPLS_MULTICAST: u16 = 0x8848;
    pub(super) const PPPOE_SESSION: u16 = 0x8864;
    pub(super) const VN_TAG: u16 = 0x8926;
    pub(super) const E_TAG: u16 = 0x893f;
    pub(super) const FABRIC_PATH: u16 = 0x8903;
    pub(super) const BACKBONE: u16 = 0x88e7;
    pub(super) const NSH: u16 = 0x894f;
    /// Smaller numbers are the length of an LLC frame (IEEE 802.3).
    pub(super) const LARGEST_LENGTH: u16 = 1500;
}

/// The outcome of the link layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) version: IpVersion,
    /// Offset of the IP header.
    pub(super) payload: usize,
    vlan_ids: u32,
    pub(super) vlan_tags: u8,
}

/// What comes after a header, by its `EtherType`, and where.
#[derive(Clone, Copy)]
struct Next {
    ether_type: u16,
    offset: usize,
}

#[inline(always)]
pub(super) fn parse<R: Reader>(frame: &R) -> Result<Link, Unparsed> {
    let mut next = Next {
        ether_type: u16::from_be_bytes(truncated(frame.read(ETHER_TYPE))?),
        offset: ETHER_TYPE + 2,
    };
    // The first in the upper half.
    let mut vlan_ids = 0_u32;
    let mut vlan_tags = 0;
    if !is_ip(next.ether_type) {
        for _ in 0..MAX_TAGS {
            let ether_type = next.ether_type;
            if is_vlan(ether_type) {
                if usize::from(vlan_tags) == MAX_VLAN_TAGS {
                    break;
                }
                let tag = u16::from_be_bytes(truncated(frame.read(next.offset))?);
                vlan_ids |= u32::from(tag & 0x0fff).wrapping_shl(16 - 16 * u32::from(vlan_tags));
                vlan_tags += 1;
                next = after(frame, next, VLAN_TAG)?;
            } else if ether_type == ether_type::VN_TAG {
                next = after(frame, next, VN_TAG)?;
            } else if ether_type == ether_type::E_TAG {
                next = after(frame, next, E_TAG)?;
            } else if ether_type == ether_type::FABRIC_PATH {
                next = after(frame, next, FABRIC_PATH)?;
            } else if ether_type == ether_type::BACKBONE {
                next = after(frame, next, BACKBONE)?;
            } else {
                break;
            }
        }
        if next.ether_type <= ether_type::LARGEST_LENGTH {
            next = snap(frame, next)?;
        }
        if next.ether_type == ether_type::NSH {
            next = nsh(frame, next)?;
        }
        if next.ether_type == ether_type::PPPOE_SESSION {
            next = pppoe(frame, next)?;
        }
    }
    let (version, payload) = match next.ether_type {
        ether_type::IPV4 => (IpVersion::V4, next.offset),
        ether_type::IPV6 => (IpVersion::V6, next.offset),
        ether_type::MPLS | ether_type::MPLS_MULTICAST => labels(frame, next.offset)?,
        other => return Err(without_ip(other)),
    };
    let link = Link {
        version,
        payload,
        vlan_ids,
        vlan_tags,
    };
    Ok(Link::of_word(frame.settle(link.word())))
}

impl Link {
    /// The VLAN identifiers.
    #[inline(always)]
    pub(super) const fn vlan(self) -> Vlan {
        let [a, b, c, d] = self.vlan_ids.to_be_bytes();
        Vlan {
            ids: [[a, b], [c, d]],
        }
    }

    /// All of it in one word.
    #[inline(always)]
    const fn word(self) -> u64 {
        let version = matches!(self.version, IpVersion::V6) as u64;
        (self.vlan_ids as u64) << 32
            | (self.payload as u64) << 16
            | version << 8
            | self.vlan_tags as u64
    }

    #[inline(always)]
    fn of_word(word: u64) -> Self {
        Self {
            version: if word >> 8 & 1 == 1 {
                IpVersion::V6
            } else {
                IpVersion::V4
            },
            payload: part(word >> 16 & LARGEST_OFFSET).into(),
            vlan_ids: (word >> 32).try_into().unwrap_or(0),
            vlan_tags: (word & 0xff).try_into().unwrap_or(0),
        }
    }
}

/// All bits of an offset.
const LARGEST_OFFSET: u64 = 0x3ff;

const _: () = assert!(DEEPEST as u64 <= LARGEST_OFFSET);

/// What follows a header of `length` bytes that ends with an `EtherType`.
#[inline(always)]
fn after<R: Reader>(frame: &R, header: Next, length: usize) -> Result<Next, Unparsed> {
    let offset = header.offset + length;
    Ok(Next {
        ether_type: u16::from_be_bytes(truncated(frame.read(offset - 2))?),
        offset,
    })
}

/// What follows LLC with SNAP and an `EtherType` (IEEE 802, RFC 1042); other LLC is not IP.
#[inline(always)]
fn snap<R: Reader>(frame: &R, header: Next) -> Result<Next, Unparsed> {
    let service: [u8; 3] = truncated(frame.read(header.offset))?;
    if !matches!(service, [0xaa, 0xaa, 3]) {
        return Err(Unparsed::NotIp);
    }
    let [organisation @ .., high, low]: [u8; 5] = truncated(frame.read(header.offset + 3))?;
    // The second is for bridges (IEEE 802.1H).
    if !matches!(organisation, [0, 0, 0 | 0xf8]) {
        return Err(Unparsed::NotIp);
    }
    Ok(Next {
        ether_type: u16::from_be_bytes([high, low]),
        offset: header.offset + SNAP,
    })
}

/// What follows a network service header (RFC 8300), as an `EtherType`.
#[inline(always)]
fn nsh<R: Reader>(frame: &R, header: Next) -> Result<Next, Unparsed> {
    const VERSION_AND_OPERATION: u8 = 0xe0;
    const SHORTEST: usize = 8;
    let [flags, length, _, protocol]: [u8; 4] = truncated(frame.read(header.offset))?;
    let length = usize::from(length & 0x3f) * 4;
    let ether_type = match protocol {
        1 => ether_type::IPV4,
        2 => ether_type::IPV6,
        5 => ether_type::MPLS,
        _ => return Err(Unparsed::Unsupported(Unsupported::Encapsulation)),
    };
    // Another version, or what the service functions say to each other.
    if flags & VERSION_AND_OPERATION != 0 || length < SHORTEST {
        return Err(Unparsed::Unsupported(Unsupported::Encapsulation));
    }
    Ok(Next {
        ether_type,
        offset: header.offset + length,
    })
}

/// What follows a `PPPoE` session header and the protocol of PPP (RFC 2516), as an `EtherType`.
#[inline(always)]
fn pppoe<R: Reader>(frame: &R, header: Next) -> Result<Next, Unparsed> {
    let [version, code, _, _, high, low]: [u8; PPPOE] = truncated(frame.read(header.offset))?;
    if version != 0x11 {
        return Err(Unparsed::Malformed(Malformed::PppoeVersion));
    }
    let offset = header.offset + PPPOE;
    let on_wire = frame.wire_length().saturating_sub(offset);
    if usize::from(u16::from_be_bytes([high, low])) > on_wire {
        return Err(Unparsed::Malformed(Malformed::PppoeLength));
    }
    if code != 0 {
        return Err(Unparsed::NotIp);
    }
    let (protocol, offset) = ppp(frame, offset)?;
    let ether_type = match protocol {
        0x0021 => ether_type::IPV4,
        0x0057 => ether_type::IPV6,
        0x0281 => ether_type::MPLS,
        0x0283 => ether_type::MPLS_MULTICAST,
        // Compressed, encrypted, or in parts (RFC 1144, 1968, 1962, 1990).
        0x002d | 0x002f | 0x003d | 0x0053 | 0x0055 | 0x00fb | 0x00fd => {
            return Err(Unparsed::Unsupported(Unsupported::Encapsulation));
        }
        _ => return Err(Unparsed::NotIp),
    };
    Ok(Next { ether_type, offset })
}

/// The protocol of PPP, and where what it says begins. Of one below 256 the first byte may be
/// left out: the last byte is odd and no first one is (RFC 1661).
#[inline(always)]
fn ppp<R: Reader>(frame: &R, offset: usize) -> Result<(u16, usize), Unparsed> {
    let [first, second]: [u8; 2] = truncated(frame.read(offset))?;
    if first & 1 == 1 {
        return Ok((u16::from(first), offset + 1));
    }
    Ok((u16::from_be_bytes([first, second]), offset + 2))
}

/// What stands below MPLS labels (RFC 3032). No field says so; the first four bits of IP are its
/// version, and nothing else may begin with these (RFC 4928).
#[inline(always)]
fn labels<R: Reader>(frame: &R, first: usize) -> Result<(IpVersion, usize), Unparsed> {
    const BOTTOM: u8 = 1;
    for label in 0..MAX_LABELS {
        let offset = first + label * LABEL;
        let [_, _, stack, _]: [u8; LABEL] = truncated(frame.read(offset))?;
        if stack & BOTTOM == 0 {
            continue;
        }
        let payload = offset + LABEL;
        let [begin, _]: [u8; 2] = truncated(frame.read(payload))?;
        return match begin >> 4 {
            4 => Ok((IpVersion::V4, payload)),
            6 => Ok((IpVersion::V6, payload)),
            _ => Err(Unparsed::Unsupported(Unsupported::MplsPayload)),
        };
    }
    Err(Unparsed::Unsupported(Unsupported::MplsDepth))
}

#[inline(always)]
const fn is_ip(ether_type: u16) -> bool {
    matches!(ether_type, ether_type::IPV4 | ether_type::IPV6)
}

/// Tag protocol identifiers: 802.1Q, 802.1ad and the ones in use before it.
#[inline(always)]
const fn is_vlan(ether_type: u16) -> bool {
    matches!(ether_type, 0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300)
}

#[inline(always)]
const fn without_ip(ether_type: u16) -> Unparsed {
    match ether_type {
        tag if is_vlan(tag) => Unparsed::Unsupported(Unsupported::VlanDepth),
        // TRILL and MACsec, and too many of what is read: PPPoE, tags of bridges, service headers.
        0x22f3 | 0x8864 | 0x88e5 | 0x88e7 | 0x8903 | 0x8926 | 0x893f | 0x894f => {
            Unparsed::Unsupported(Unsupported::Encapsulation)
        }
        _ => Unparsed::NotIp,
    }
}

const _: () = assert!(MAX_VLAN_TAGS == size_of::<Vlan>() / 2);
