//! Tunnels: packets that carry packets, which are opened where an approval names them.
//!
//! A rule names a kind, its UDP port and the prefixes of its two ends, and the approvals under
//! which such a packet is opened. Whether a packet may be one is seen by its outer header alone;
//! only where a rule has that header's ends is anything behind it read.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    parse::{Fragment, IpVersion, Packet, Protocol},
    slot::SlotMask,
};

/// Most rules of a generation.
pub const MAX_TUNNELS: u32 = 256;

/// Kinds of tunnels. The numbers stand in flows and are never reused; 0 is none.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TunnelKind {
    /// Generic routing encapsulation (RFC 2784, RFC 2890) of IP or Ethernet.
    Gre = 1,
    /// Network virtualisation by GRE (RFC 7637).
    Nvgre = 2,
    /// Mirrored frames in GRE, types I to III.
    Erspan = 3,
    /// IP in IP of the same version (RFC 2003, RFC 2473).
    IpInIp = 4,
    /// IPv6 in IPv4 (RFC 4213).
    SixInFour = 5,
    /// IPv4 in IPv6 (RFC 2473).
    FourInSix = 6,
    /// Virtual extensible local network (RFC 7348).
    Vxlan = 7,
    /// Generic network virtualisation encapsulation (RFC 8926).
    Geneve = 8,
    /// User plane of the GPRS tunnelling protocol (3GPP TS 29.281).
    GtpU = 9,
    /// Layer-2 tunnelling protocol, version 3, over IP (RFC 3931), of Ethernet (RFC 4719).
    L2tpV3 = 10,
}

impl TunnelKind {
    /// All kinds in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Gre,
        Self::Nvgre,
        Self::Erspan,
        Self::IpInIp,
        Self::SixInFour,
        Self::FourInSix,
        Self::Vxlan,
        Self::Geneve,
        Self::GtpU,
        Self::L2tpV3,
    ];

    /// The name in papers and in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gre => "gre",
            Self::Nvgre => "nvgre",
            Self::Erspan => "erspan",
            Self::IpInIp => "ipip",
            Self::SixInFour => "6in4",
            Self::FourInSix => "4in6",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::GtpU => "gtp-u",
            Self::L2tpV3 => "l2tpv3",
        }
    }

    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Whether it is carried by UDP, and so has a port.
    pub const fn has_port(self) -> bool {
        self.bit() & UDP != 0
    }

    /// Whether its header has an identifier.
    pub const fn has_id(self) -> bool {
        !matches!(self, Self::IpInIp | Self::SixInFour | Self::FourInSix)
    }

    /// A bit of its own.
    #[inline(always)]
    pub const fn bit(self) -> u16 {
        1 << self as u16
    }
}

const GRE: u16 = TunnelKind::Gre.bit() | TunnelKind::Nvgre.bit() | TunnelKind::Erspan.bit();
const UDP: u16 = TunnelKind::Vxlan.bit() | TunnelKind::Geneve.bit() | TunnelKind::GtpU.bit();

/// The kinds that a packet may be by its outer header, a bit each. A fragment is none: nothing is
/// put together.
#[inline(always)]
pub const fn carried_by(packet: &Packet) -> u16 {
    const IPV4: u8 = 4;
    const IPV6: u8 = 41;
    if !matches!(packet.fragment, Fragment::Whole) {
        return 0;
    }
    match packet.protocol {
        47 => GRE,
        115 => TunnelKind::L2tpV3.bit(),
        Protocol::UDP if packet.has_ports => UDP,
        IPV4 => match packet.version {
            IpVersion::V4 => TunnelKind::IpInIp.bit(),
            IpVersion::V6 => TunnelKind::FourInSix.bit(),
        },
        IPV6 => match packet.version {
            IpVersion::V4 => TunnelKind::SixInFour.bit(),
            IpVersion::V6 => TunnelKind::IpInIp.bit(),
        },
        _ => 0,
    }
}

/// Packets that are opened under some approvals.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct TunnelRule {
    /// The prefixes of its ends: addresses as two words, the first bit the highest; an IPv4
    /// address stands in the upper half of the first.
    pub ends: [[u64; 2]; 2],
    /// Which bits of them count.
    pub masks: [[u64; 2]; 2],
    /// The approvals that name it.
    pub approvals: SlotMask,
    /// [`TunnelKind`] as a number.
    pub kind: u8,
    /// 4 or 6.
    pub ip_version: u8,
    /// UDP port that packets go to, native order; 0 where the kind has none.
    pub port: u16,
    /// Octets between the session identifier of `L2TPv3` and Ethernet.
    pub skipped: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

impl TunnelRule {
    /// Whether it is about packets like this one: by its kinds, its port and its ends, whichever
    /// way it goes.
    #[inline(always)]
    pub fn is_about(&self, packet: &Packet, kinds: u16) -> bool {
        let kind = 1_u16 << (self.kind & 15);
        if kinds & kind == 0 || self.ip_version != packet.version as u8 {
            return false;
        }
        let port = self.port.to_be_bytes();
        if kind & UDP != 0 && packet.destination_port != port {
            return false;
        }
        let (source, destination) = (words(&packet.source), words(&packet.destination));
        let there = self.differs(0, source) | self.differs(1, destination);
        let back = self.differs(1, source) | self.differs(0, destination);
        there == 0 || back == 0
    }

    /// The bits that count in which an address is not like that of an end.
    #[inline(always)]
    const fn differs(&self, end: usize, [high, low]: [u64; 2]) -> u64 {
        let (prefix, mask) = (&self.ends[end], &self.masks[end]);
        ((high ^ prefix[0]) & mask[0]) | ((low ^ prefix[1]) & mask[1])
    }
}

/// An address as two words.
#[inline(always)]
const fn words(address: &[u8; 16]) -> [u64; 2] {
    let [high @ .., _, _, _, _, _, _, _, _] = *address;
    let [_, _, _, _, _, _, _, _, low @ ..] = *address;
    [u64::from_be_bytes(high), u64::from_be_bytes(low)]
}

const _: () = assert!(size_of::<TunnelRule>() == 104);
