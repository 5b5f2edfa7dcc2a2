//! Link types of capture files, as numbered by <https://www.tcpdump.org/linktypes.html>.
//!
//! Only Ethernet is replayed; the other names are those of the files people try, so that the
//! refusal says what the file holds.

use std::fmt;

/// The link layer of captured frames. Displayed as number and name, `113 (Linux cooked)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkType(pub u32);

impl LinkType {
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);

    /// What the link layer is called, where known.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "BSD loopback",
            1 => "Ethernet",
            9 | 50 => "PPP",
            51 => "PPPoE",
            12 | 14 | 101 => "raw IP",
            104 => "Cisco HDLC",
            105 => "Wi-Fi",
            107 => "frame relay",
            108 => "OpenBSD loopback",
            113 => "Linux cooked",
            127 => "Wi-Fi with radiotap",
            228 => "raw IPv4",
            229 => "raw IPv6",
            239 => "Linux NFLOG",
            249 => "USB",
            252 => "Wireshark upper PDU",
            276 => "Linux cooked v2",
            _ => return None,
        })
    }

    /// The name first, `Ethernet (1)`.
    pub(super) fn by_name(self) -> String {
        match self.name() {
            Some(name) => format!("{name} ({})", self.0),
            None => self.0.to_string(),
        }
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
