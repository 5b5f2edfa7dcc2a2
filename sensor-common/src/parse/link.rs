//! Ethernet II and what may stand between it and IP: tags of VLANs and bridges, LLC with SNAP, a
//! service header, a `PPPoE` session, MPLS labels.

use super::{
    IpVersion, MAX_LABELS, MAX_LINK_HEADERS, MAX_VLAN_TAGS, Malformed, Reader, Unparsed,
    Unsupported, part, truncated,
};
use crate::flow::Vlan;

const ETHERNET: usize = 14;
const VLAN_TAG: usize = 4;
const VN_TAG: usize = 6;
const E_TAG: usize = 8;
/// Version, length, one option and its value.
const METADATA: usize = 8;
/// The tag of a fabric, and an Ethernet header.
const FABRIC_PATH: usize = 2 + ETHERNET;
/// The tag of a service instance, and an Ethernet header.
const BACKBONE: usize = 4 + ETHERNET;
/// A service header has at most so many.
const NSH: usize = 63 * 4;
const LLC: usize = 3;
const SNAP: usize = 8;
const PPPOE: usize = 6;
const LABEL: usize = 4;

/// No frame has its IP header further behind.
const DEEPEST: usize = ETHERNET + MAX_LINK_HEADERS * NSH + MAX_LABELS * LABEL;

pub(super) mod ether_type {
    pub(in crate::parse) const IPV4: u16 = 0x0800;
    pub(in crate::parse) const IPV6: u16 = 0x86dd;
    pub(in crate::parse) const MPLS: u16 = 0x8847;
    pub(in crate::parse) const MPLS_MULTICAST: u16 = 0x8848;
    pub(in crate::parse) const PPPOE_SESSION: u16 = 0x8864;
    pub(in crate::parse) const VN_TAG: u16 = 0x8926;
    pub(in crate::parse) const E_TAG: u16 = 0x893f;
    pub(in crate::parse) const FABRIC_PATH: u16 = 0x8903;
    pub(in crate::parse) const BACKBONE: u16 = 0x88e7;
    pub(in crate::parse) const METADATA: u16 = 0x8909;
    pub(in crate::parse) const BRIDGED: u16 = 0x6558;
    pub(in crate::parse) const NSH: u16 = 0x894f;
    /// An LLC frame, which may be a long one.
    pub(in crate::parse) const LONG_LLC: u16 = 0x8870;
    /// Smaller numbers are the length of an LLC frame (IEEE 802.3).
    pub(in crate::parse) const LARGEST_LENGTH: u16 = 1500;
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

/// What comes after a header, by its `EtherType`, and where; and the tags before.
#[derive(Clone, Copy)]
struct Next {
    ether_type: u16,
    offset: usize,
    /// Of 12 bits each, the last one below.
    vlan_ids: u32,
    vlan_tags: u8,
}

/// The link layer of a frame that begins with Ethernet.
#[inline(always)]
pub(super) fn parse<R: Reader>(frame: &R) -> Result<Link, Unparsed> {
    let ether_type = u16::from_be_bytes(truncated(frame.read(ETHERNET - 2))?);
    behind(frame, ether_type, ETHERNET, MAX_LINK_HEADERS)
}

/// The link layer from here on, of so many headers at most. Where that is too deep, no offset
/// behind it would be right.
#[inline(always)]
pub(super) fn behind<R: Reader>(
    frame: &R,
    ether_type: u16,
    offset: usize,
    most: usize,
) -> Result<Link, Unparsed> {
    if offset as u64 > LARGEST_OFFSET - DEEPEST as u64 {
        return Err(Unparsed::Unsupported(Unsupported::Encapsulation));
    }
    let mut next = Next {
        ether_type,
        offset,
        vlan_ids: 0,
        vlan_tags: 0,
    };
    if !is_ip(next.ether_type) {
        for _ in 0..most {
            let Some(inner) = after(frame, next)? else {
                break;
            };
            next = Next::of_word(frame.settle(inner.word()));
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
        vlan_ids: next.vlan_ids,
        vlan_tags: next.vlan_tags,
    };
    Ok(Link::of_word(frame.settle(link.word())))
}

/// What follows the header that is next, or none where that is one with IP behind it, or one
/// that is not read.
#[inline(always)]
fn after<R: Reader>(frame: &R, next: Next) -> Result<Option<Next>, Unparsed> {
    let inner = match next.ether_type {
        tag if is_vlan(tag) => vlan(frame, next)?,
        ether_type::VN_TAG => next.after(frame, VN_TAG)?,
        ether_type::E_TAG => next.after(frame, E_TAG)?,
        ether_type::METADATA => next.after(frame, METADATA)?,
        ether_type::FABRIC_PATH => next.after(frame, FABRIC_PATH)?,
        ether_type::BACKBONE => next.after(frame, BACKBONE)?,
        ether_type::BRIDGED => next.after(frame, ETHERNET)?,
        0..=ether_type::LARGEST_LENGTH | ether_type::LONG_LLC => llc(frame, next)?,
        ether_type::NSH => nsh(frame, next)?,
        ether_type::PPPOE_SESSION => pppoe(frame, next)?,
        _ => return Ok(None),
    };
    Ok(Some(inner))
}

impl Next {
    /// What follows a header of `length` bytes that ends with an `EtherType`.
    #[inline(always)]
    fn after<R: Reader>(self, frame: &R, length: usize) -> Result<Self, Unparsed> {
        let offset = self.offset + length;
        let ether_type = u16::from_be_bytes(truncated(frame.read(offset - 2))?);
        Ok(self.at(ether_type, offset))
    }

    #[inline(always)]
    const fn at(self, ether_type: u16, offset: usize) -> Self {
        Self {
            ether_type,
            offset,
            ..self
        }
    }

    /// All of it in one word.
    #[inline(always)]
    const fn word(self) -> u64 {
        (self.vlan_ids as u64) << 32
            | (self.ether_type as u64) << 16
            | (self.vlan_tags as u64) << 12
            | self.offset as u64
    }

    #[inline(always)]
    fn of_word(word: u64) -> Self {
        Self {
            ether_type: part(word >> 16 & 0xffff),
            offset: part(word & LARGEST_OFFSET).into(),
            vlan_ids: (word >> 32).try_into().unwrap_or(0),
            vlan_tags: (word >> 12 & 3).try_into().unwrap_or(0),
        }
    }
}

impl Link {
    /// The VLAN identifiers.
    #[inline(always)]
    pub(in crate::parse) const fn vlan(self) -> Vlan {
        let ids = match self.vlan_tags {
            1 => self.vlan_ids << 16,
            _ => (self.vlan_ids & 0x00ff_f000) << 4 | self.vlan_ids & 0xfff,
        };
        let [a, b, c, d] = ids.to_be_bytes();
        Vlan {
            ids: [[a, b], [c, d]],
        }
    }

    /// All of it in one word.
    #[inline(always)]
    const fn word(self) -> u64 {
        let version = matches!(self.version, IpVersion::V6) as u64;
        (self.vlan_ids as u64) << 32
            | version << 16
            | (self.vlan_tags as u64) << 12
            | self.payload as u64
    }

    #[inline(always)]
    fn of_word(word: u64) -> Self {
        Self {
            version: if word >> 16 & 1 == 1 {
                IpVersion::V6
            } else {
                IpVersion::V4
            },
            payload: part(word & LARGEST_OFFSET).into(),
            vlan_ids: (word >> 32).try_into().unwrap_or(0),
            vlan_tags: (word >> 12 & 3).try_into().unwrap_or(0),
        }
    }
}

/// All bits of an offset.
const LARGEST_OFFSET: u64 = 0xfff;

const _: () = assert!(DEEPEST as u64 <= LARGEST_OFFSET);

/// What follows a VLAN tag, whose identifier is kept if it is one of the first.
#[inline(always)]
fn vlan<R: Reader>(frame: &R, tag: Next) -> Result<Next, Unparsed> {
    let [a, b, high, low]: [u8; VLAN_TAG] = truncated(frame.read(tag.offset))?;
    let next = tag.at(u16::from_be_bytes([high, low]), tag.offset + VLAN_TAG);
    if usize::from(tag.vlan_tags) == MAX_VLAN_TAGS {
        return Ok(next);
    }
    let id = u16::from_be_bytes([a, b]) & 0x0fff;
    Ok(Next {
        vlan_ids: tag.vlan_ids << 12 | u32::from(id),
        vlan_tags: tag.vlan_tags + 1,
        ..next
    })
}

/// What follows LLC (IEEE 802.2): IP by its own number, or SNAP and an `EtherType` (IEEE 802,
/// RFC 1042); other LLC is not IP.
#[inline(always)]
fn llc<R: Reader>(frame: &R, header: Next) -> Result<Next, Unparsed> {
    let service: [u8; LLC] = truncated(frame.read(header.offset))?;
    if matches!(service, [0x06, 0x06, 3]) {
        return Ok(header.at(ether_type::IPV4, header.offset + LLC));
    }
    if !matches!(service, [0xaa, 0xaa, 3]) {
        return Err(Unparsed::NotIp);
    }
    let [organisation @ .., high, low]: [u8; 5] = truncated(frame.read(header.offset + LLC))?;
    // The second is for bridges (IEEE 802.1H).
    if !matches!(organisation, [0, 0, 0 | 0xf8]) {
        return Err(Unparsed::NotIp);
    }
    Ok(header.at(u16::from_be_bytes([high, low]), header.offset + SNAP))
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
    Ok(header.at(ether_type, header.offset + length))
}

/// What follows a `PPPoE` session header and the protocol of PPP (RFC 2516), as an `EtherType`.
#[inline(always)]
fn pppoe<R: Reader>(frame: &R, header: Next) -> Result<Next, Unparsed> {
    let [version, code, _, _, high, low]: [u8; PPPOE] = truncated(frame.read(header.offset))?;
    if version != 0x11 {
        return Err(Unparsed::Malformed(Malformed::PppoeVersion));
    }
    let offset = header.offset + PPPOE;
    if !frame.reaches(offset + usize::from(u16::from_be_bytes([high, low]))) {
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
    Ok(header.at(ether_type, offset))
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
        // TRILL and MACsec, and too many of what is read.
        0..=ether_type::LARGEST_LENGTH
        | 0x22f3
        | 0x6558
        | 0x8864
        | 0x8870
        | 0x88e5
        | 0x88e7
        | 0x8903
        | 0x8909
        | 0x8926
        | 0x893f
        | 0x894f => Unparsed::Unsupported(Unsupported::Encapsulation),
        _ => Unparsed::NotIp,
    }
}

const _: () = assert!(MAX_VLAN_TAGS == size_of::<Vlan>() / 2);
