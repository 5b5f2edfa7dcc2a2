//! The packet parser: from a frame to the fields of a flow, and not one byte more.
//!
//! It is generic over [`Reader`], so the XDP program, the host and a fuzzer run
//! the same code. Every layer is one function that returns what comes next and
//! where; what is too deep or unknown is [`Unparsed`], never a guess. Ethernet
//! addresses are not read.

mod ipv4;
mod ipv6;
mod link;
mod transport;
mod tunnel;

pub use self::tunnel::{Opened, open};
use crate::{flow::Vlan, verdict::Verdict};

/// VLAN tags whose identifiers are read; those inside of them are passed over.
pub const MAX_VLAN_TAGS: usize = 2;

/// Headers passed over between Ethernet and IP before a frame is too deep.
pub const MAX_LINK_HEADERS: usize = 8;

/// Headers passed over between a tunnel's header and IP.
const MAX_INNER_HEADERS: usize = 3;

/// MPLS labels read before a frame is too deep.
pub const MAX_LABELS: usize = 4;

/// IPv6 extension headers read before a packet is too deep.
pub const MAX_EXTENSIONS: usize = 6;

/// A frame that can be read from, byte ranges copied out.
pub trait Reader {
    /// The `N` bytes at `offset`, or `None` where the frame ends earlier. `N` is 2 at least: of
    /// one byte the compiler makes a comparison that tells the verifier nothing
    /// (`find_good_pkt_pointers`, kernel/bpf/verifier.c).
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;

    /// Length of the frame on the wire, in bytes; at least as much as can be read.
    fn wire_length(&self) -> usize;

    /// Whether the frame on the wire is so long. It may be known of most without asking for its
    /// length.
    #[inline(always)]
    fn reaches(&self, length: usize) -> bool {
        length <= self.wire_length()
    }

    /// Gives a word back as it is. The XDP program passes it through memory that the verifier
    /// does not follow: what comes after is verified once, and not for every way that leads
    /// there.
    #[inline(always)]
    fn settle(&self, word: u64) -> u64 {
        word
    }
}

/// A captured frame in memory.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a> {
    /// What was captured.
    pub captured: &'a [u8],
    /// Length of the frame on the wire, in bytes.
    pub wire_length: usize,
}

impl<'a> Bytes<'a> {
    /// A frame captured whole.
    pub const fn whole(captured: &'a [u8]) -> Self {
        Self {
            captured,
            wire_length: captured.len(),
        }
    }
}

impl Reader for Bytes<'_> {
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.captured
            .get(offset..offset.checked_add(N)?)?
            .try_into()
            .ok()
    }

    fn wire_length(&self) -> usize {
        self.wire_length
    }
}

/// Version of the Internet Protocol.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpVersion {
    /// IPv4 (RFC 791).
    V4 = 4,
    /// IPv6 (RFC 8200).
    V6 = 6,
}

/// IP protocol numbers the parser knows (IANA protocol numbers).
#[derive(Clone, Copy, Debug)]
pub struct Protocol;

impl Protocol {
    /// Internet Control Message Protocol.
    pub const ICMP: u8 = 1;
    /// Transmission Control Protocol.
    pub const TCP: u8 = 6;
    /// User Datagram Protocol.
    pub const UDP: u8 = 17;
    /// Datagram Congestion Control Protocol.
    pub const DCCP: u8 = 33;
    /// Internet Control Message Protocol for IPv6.
    pub const ICMPV6: u8 = 58;
    /// Stream Control Transmission Protocol.
    pub const SCTP: u8 = 132;
    /// Lightweight User Datagram Protocol.
    pub const UDP_LITE: u8 = 136;

    /// Whether the protocol's header begins with ports, which the parser reads.
    pub const fn has_ports(number: u8) -> bool {
        matches!(
            number,
            Self::TCP | Self::UDP | Self::DCCP | Self::SCTP | Self::UDP_LITE
        )
    }
}

/// Whether a packet is part of a fragmented datagram.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fragment {
    /// A whole datagram.
    #[default]
    Whole = 0,
    /// The first fragment: it has the transport header.
    First = 1,
    /// A later fragment: it has none, so it is counted without ports.
    Later = 2,
}

/// What a flow is made of, read from one frame.
///
/// The addresses come first and are aligned, so that the match engine reads them as words.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Source address; an IPv4 address stands in the first four bytes.
    pub source: [u8; 16],
    /// Destination address, like `source`.
    pub destination: [u8; 16],
    /// IP version.
    pub version: IpVersion,
    /// IP protocol number.
    pub protocol: u8,
    /// Source port, network order; 0 where there is none.
    pub source_port: [u8; 2],
    /// Destination port, network order; 0 where there is none.
    pub destination_port: [u8; 2],
    /// Whether it has ports: 0 is one too.
    pub has_ports: bool,
    /// VLAN identifiers.
    pub vlan: Vlan,
    /// Number of VLAN identifiers.
    pub vlan_tags: u8,
    /// Part of a fragmented datagram.
    pub fragment: Fragment,
    /// Layer-3 length from the IP header, in bytes.
    pub octets: u32,
    /// TCP flags, the low 12 bits of bytes 12 and 13 of the TCP header; 0 otherwise.
    pub tcp_flags: u16,
    /// Time to live or hop limit.
    pub ttl: u8,
}

/// Why a frame gives no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unparsed {
    /// Neither IPv4 nor IPv6.
    NotIp,
    /// Contradicts itself or is cut short.
    Malformed(Malformed),
    /// Too deep or in an encapsulation that is not read.
    Unsupported(Unsupported),
}

impl Unparsed {
    /// The verdict of a frame that could not be parsed.
    #[inline(always)]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::NotIp => Verdict::NotIp,
            Self::Malformed(_) => Verdict::Malformed,
            Self::Unsupported(_) => Verdict::Unsupported,
        }
    }
}

/// What contradicts. The numbers index counters and are never reused; 6 and 7 were that
/// a payload is shorter than its transport header and than an extension header, which only
/// leaves out what is not there.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Malformed {
    /// The frame ends inside a header.
    Truncated = 0,
    /// The IPv4 ether type before another version number.
    Ipv4Version = 1,
    /// An IPv4 header of fewer than 20 bytes.
    Ipv4HeaderLength = 2,
    /// An IPv4 total length below the header's or beyond the frame on the wire.
    Ipv4TotalLength = 3,
    /// The IPv6 ether type before another version number.
    Ipv6Version = 4,
    /// An IPv6 payload length beyond the frame on the wire.
    Ipv6PayloadLength = 5,
    /// A `PPPoE` session of another version or type than 1.
    PppoeVersion = 8,
    /// A `PPPoE` payload length beyond the frame on the wire.
    PppoeLength = 9,
}

impl Malformed {
    /// All reasons in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Truncated,
        Self::Ipv4Version,
        Self::Ipv4HeaderLength,
        Self::Ipv4TotalLength,
        Self::Ipv6Version,
        Self::Ipv6PayloadLength,
        Self::PppoeVersion,
        Self::PppoeLength,
    ];

    /// The name in output and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Ipv4Version => "ipv4_version",
            Self::Ipv4HeaderLength => "ipv4_header_length",
            Self::Ipv4TotalLength => "ipv4_total_length",
            Self::Ipv6Version => "ipv6_version",
            Self::Ipv6PayloadLength => "ipv6_payload_length",
            Self::PppoeVersion => "pppoe_version",
            Self::PppoeLength => "pppoe_length",
        }
    }
}

/// What is not read. The numbers index counters and are never reused.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unsupported {
    /// A VLAN tag behind [`MAX_LINK_HEADERS`].
    VlanDepth = 0,
    /// An encapsulation that may carry IP, by its ether type.
    Encapsulation = 1,
    /// More IPv6 extension headers than [`MAX_EXTENSIONS`].
    Ipv6Extension = 2,
    /// More MPLS labels than [`MAX_LABELS`].
    MplsDepth = 3,
    /// What stands below the MPLS labels is no IP.
    MplsPayload = 4,
}

impl Unsupported {
    /// All reasons in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::VlanDepth,
        Self::Encapsulation,
        Self::Ipv6Extension,
        Self::MplsDepth,
        Self::MplsPayload,
    ];

    /// The name in output and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VlanDepth => "vlan_depth",
            Self::Encapsulation => "encapsulation",
            Self::Ipv6Extension => "ipv6_extension",
            Self::MplsDepth => "mpls_depth",
            Self::MplsPayload => "mpls_payload",
        }
    }
}

/// Reads a frame that begins with an Ethernet header.
#[inline(always)]
pub fn parse<R: Reader>(frame: &R) -> Result<Packet, Unparsed> {
    match parse_to_payload(frame) {
        Ok((packet, _)) => Ok(packet),
        Err(unparsed) => Err(unparsed),
    }
}

/// The same, and where that begins what the IP header carries.
#[inline(always)]
pub fn parse_to_payload<R: Reader>(frame: &R) -> Result<(Packet, Payload), Unparsed> {
    network(frame, link::parse(frame)?)
}

/// What follows at `offset`, by its `EtherType`.
#[inline(always)]
fn inner<R: Reader>(frame: &R, ether_type: u16, offset: usize) -> Result<Packet, Unparsed> {
    match network(
        frame,
        link::behind(frame, ether_type, offset, MAX_INNER_HEADERS)?,
    ) {
        Ok((packet, _)) => Ok(packet),
        Err(unparsed) => Err(unparsed),
    }
}

/// The packet behind a link layer.
#[inline(always)]
fn network<R: Reader>(frame: &R, link: link::Link) -> Result<(Packet, Payload), Unparsed> {
    let (payload, mut packet) = match link.version {
        IpVersion::V4 => ipv4::parse(frame, link.payload)?,
        IpVersion::V6 => ipv6::parse(frame, link.payload)?,
    };
    let payload = payload.settled(frame);
    packet.vlan = link.vlan();
    packet.vlan_tags = link.vlan_tags;
    packet.protocol = payload.protocol;
    packet.fragment = payload.fragment;
    transport::parse(frame, payload, &mut packet);
    Ok((packet, payload))
}

/// What an IP header carries, and where.
#[derive(Clone, Copy, Debug)]
pub struct Payload {
    /// Offset in the frame.
    offset: usize,
    /// Length by the IP header, in bytes.
    length: u32,
    /// IP protocol number.
    protocol: u8,
    /// Part of a fragmented datagram.
    fragment: Fragment,
}

impl Payload {
    /// The same, passed through memory that the verifier does not follow.
    #[inline(always)]
    fn settled<R: Reader>(self, frame: &R) -> Self {
        Self::of_word(frame.settle(self.word()))
    }

    /// All of it in one word.
    #[inline(always)]
    pub const fn word(self) -> u64 {
        (self.length as u64) << 32
            | (self.offset as u64 & 0xffff) << 16
            | (self.protocol as u64) << 8
            | self.fragment as u64
    }

    /// What [`Self::word`] made.
    #[inline(always)]
    pub fn of_word(word: u64) -> Self {
        Self {
            offset: part(word >> 16 & LARGEST_OFFSET).into(),
            length: (word >> 32).try_into().unwrap_or(0),
            protocol: (word >> 8 & 0xff).try_into().unwrap_or(0),
            fragment: match word & 0xff {
                0 => Fragment::Whole,
                1 => Fragment::First,
                _ => Fragment::Later,
            },
        }
    }
}

/// All bits of the offset of a payload: behind the deepest link layer, and extension headers of
/// 2,048 bytes at most.
const LARGEST_OFFSET: u64 = 0x3fff;

/// A part of a word, which fits. It is masked just before: of what a swap of bytes gives, Linux
/// 6.1 knows no bounds.
#[inline(always)]
fn part(masked: u64) -> u16 {
    masked.try_into().unwrap_or(0)
}

#[inline(always)]
fn truncated<T>(read: Option<T>) -> Result<T, Unparsed> {
    read.ok_or(Unparsed::Malformed(Malformed::Truncated))
}

#[cfg(test)]
mod tests;
