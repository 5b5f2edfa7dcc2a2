//! Link types of capture files, as numbered by <https://www.tcpdump.org/linktypes.html>.
//!
//! A file gives a number ([`LinkType`]), and may give any. [`Link`] is one whose header is read. The
//! other names are those of the files people try, so that the refusal says what the file holds.

use std::fmt;

/// The number of a link layer, as a file gives it. Displayed with its name, `113 (Linux cooked)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkType(pub u32);

/// A link layer whose header is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Ethernet.
    Ethernet,
    /// BSD loopback: an address family in the byte order of whoever wrote the file.
    Null,
    /// `OpenBSD` loopback: an address family in network order.
    Loop,
    /// PPP, with or without the address and control bytes of HDLC.
    Ppp,
    /// PPP or Cisco HDLC on a serial line.
    PppSerial,
    /// PPP over Ethernet, without the Ethernet header before it.
    Pppoe,
    /// Cisco HDLC.
    CiscoHdlc,
    /// An IP header, of the version it says.
    Raw,
    /// An IPv4 header.
    Ipv4,
    /// An IPv6 header.
    Ipv6,
    /// Linux cooked, what `tcpdump -i any` wrote until 2022.
    Sll,
    /// Linux cooked, version 2.
    Sll2,
}

impl LinkType {
    /// The types that are read, by number.
    pub const READ: [Self; 14] = [
        Self(0),
        Self(1),
        Self(9),
        Self(12),
        Self(14),
        Self(50),
        Self(51),
        Self(101),
        Self(104),
        Self(108),
        Self(113),
        Self(228),
        Self(229),
        Self(276),
    ];

    /// The link layer, where its header is read.
    pub const fn link(self) -> Option<Link> {
        Some(match self.0 {
            0 => Link::Null,
            1 => Link::Ethernet,
            9 => Link::Ppp,
            50 => Link::PppSerial,
            51 => Link::Pppoe,
            // 12 and 14 are what the systems themselves call it; 101 is for files.
            12 | 14 | 101 => Link::Raw,
            104 => Link::CiscoHdlc,
            108 => Link::Loop,
            113 => Link::Sll,
            228 => Link::Ipv4,
            229 => Link::Ipv6,
            276 => Link::Sll2,
            _ => return None,
        })
    }

    /// What the link layer is called, where known.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "BSD loopback",
            1 => "Ethernet",
            6 => "token ring",
            7 => "ARCNET",
            8 => "SLIP",
            9 => "PPP",
            10 => "FDDI",
            11 | 100 => "ATM",
            12 | 14 | 101 => "raw IP",
            50 => "PPP on a serial line",
            51 => "PPPoE",
            104 => "Cisco HDLC",
            105 => "Wi-Fi",
            107 => "frame relay",
            108 => "OpenBSD loopback",
            113 => "Linux cooked",
            117 => "OpenBSD pflog",
            119 => "Wi-Fi with Prism header",
            127 => "Wi-Fi with radiotap",
            138 => "IP over FireWire",
            143 => "DOCSIS",
            147..=162 => "private use",
            163 => "Wi-Fi with AVS header",
            166 => "PPP with direction",
            187 | 201 => "Bluetooth HCI",
            189 | 220 => "USB of Linux",
            192 => "PPI",
            195 | 230 => "IEEE 802.15.4",
            204 => "PPP with direction byte",
            227 => "CAN",
            228 => "raw IPv4",
            229 => "raw IPv6",
            239 => "Linux NFLOG",
            240 => "netANALYZER",
            247 => "InfiniBand",
            249 => "USB",
            252 => "Wireshark upper PDU",
            253 => "netlink",
            258 => "Apple pktap",
            271 => "vsock",
            276 => "Linux cooked v2",
            _ => return None,
        })
    }

    /// The types that are read, for a message.
    pub(super) fn all_read() -> String {
        Self::READ.map(|link| link.to_string()).join(", ")
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}
