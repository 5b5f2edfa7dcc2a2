//! The line that describes a packet.
//!
//! ```text
//! SRC[:PORT] > DST[:PORT] [PROTO] [on INTERFACE] [vlan N [vlan M]]
//! ```
//!
//! An IPv6 address stands in brackets where a port follows it. What is left out is not known of
//! the packet, and no verdict depends on it but on the interface, and on protocol and ports where
//! an indicator is for some.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use sensor_common::{MAX_VLAN_TAGS, Protocol};

use super::LineError;
use crate::watchlist::PortRule;

/// A packet as far as a line describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketLine {
    /// Where it comes from.
    pub source: Endpoint,
    /// Where it goes.
    pub destination: Endpoint,
    /// IP protocol number.
    pub protocol: Option<u8>,
    /// Name of the interface it comes in through.
    pub interface: Option<String>,
    /// VLAN identifiers, outermost first, two at most.
    pub vlan: Vec<u16>,
}

/// One end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: Option<u16>,
}

/// Protocols that may be called by a name (IANA protocol numbers).
const NAMES: [(&str, u8); 5] = [
    ("tcp", 6),
    ("udp", 17),
    ("icmp", 1),
    ("icmpv6", 58),
    ("sctp", 132),
];

/// `IFNAMSIZ` without the zero at the end (include/uapi/linux/if.h).
const LONGEST_NAME: usize = 15;

/// The greatest VLAN identifier: it has 12 bits (IEEE 802.1Q).
const LAST_VLAN: u16 = 0xfff;

impl FromStr for PacketLine {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, LineError> {
        let Some((source, rest)) = text.split_once('>') else {
            return Err(LineError::NoArrow);
        };
        let mut words = source.split_whitespace();
        let source = endpoint("source", words.next())?;
        if let Some(word) = words.next() {
            return Err(LineError::unexpected(word, "'>' after the source"));
        }
        let mut words = rest.split_whitespace().peekable();
        let destination = endpoint("destination", words.next())?;
        if source.address.is_ipv4() != destination.address.is_ipv4() {
            return Err(LineError::TwoVersions);
        }
        let mut line = Self {
            source,
            destination,
            protocol: None,
            interface: None,
            vlan: Vec::new(),
        };
        if let Some(word) = words.next_if(|word| !matches!(*word, "on" | "vlan")) {
            line.protocol = Some(protocol(word)?);
        }
        if words.next_if_eq(&"on").is_some() {
            line.interface = Some(interface(words.next())?);
        }
        while line.vlan.len() < MAX_VLAN_TAGS && words.next_if_eq(&"vlan").is_some() {
            line.vlan.push(vlan(words.next())?);
        }
        if let Some(word) = words.next() {
            return Err(LineError::unexpected(word, line.may_follow()));
        }
        line.check_ports()?;
        Ok(line)
    }
}

impl PacketLine {
    /// What the sensor would read as the port of one of its ends: of a packet that is no later
    /// fragment, and only where the line tells all of it.
    pub fn rule(&self, end: &Endpoint) -> Option<PortRule> {
        let protocol = self
            .protocol
            .filter(|number| Protocol::has_ports(*number))?;
        let port = end.port?;
        Some(PortRule { protocol, port })
    }

    /// Whether that may be this port, as far as the line tells.
    pub fn may_be(&self, end: &Endpoint, PortRule { protocol, port }: PortRule) -> bool {
        Protocol::has_ports(protocol)
            && self.protocol.is_none_or(|own| own == protocol)
            && end.port.is_none_or(|own| own == port)
    }

    /// What may still follow a line.
    fn may_follow(&self) -> &'static str {
        match (self.vlan.len(), &self.interface) {
            (0, None) => "'on INTERFACE', 'vlan N' or the end",
            (0, Some(_)) => "'vlan N' or the end",
            (1, _) => "a second 'vlan N' or the end",
            _ => "the end, after two VLANs",
        }
    }

    fn check_ports(&self) -> Result<(), LineError> {
        let has_ports = self.source.port.or(self.destination.port).is_some();
        match self.protocol {
            Some(number) if has_ports && !Protocol::has_ports(number) => Err(LineError::NoPorts {
                protocol: protocol_name(number),
            }),
            _ => Ok(()),
        }
    }
}

fn endpoint(end: &'static str, word: Option<&str>) -> Result<Endpoint, LineError> {
    let word = word.ok_or(LineError::NoEnd { end })?;
    let unclear = || LineError::not_an_address(end, word);
    if let Some(rest) = word.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or_else(unclear)?;
        let address: Ipv6Addr = address.parse().map_err(|_| unclear())?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(self::port(end, port)?),
            None if rest.is_empty() => None,
            None => return Err(unclear()),
        };
        return Ok(Endpoint {
            address: address.into(),
            port,
        });
    }
    if let Ok(address) = word.parse() {
        return Ok(Endpoint {
            address,
            port: None,
        });
    }
    let (address, port) = word.rsplit_once(':').ok_or_else(unclear)?;
    let address: Ipv4Addr = address.parse().map_err(|_| unclear())?;
    Ok(Endpoint {
        address: address.into(),
        port: Some(self::port(end, port)?),
    })
}

fn port(end: &'static str, word: &str) -> Result<u16, LineError> {
    number(word).ok_or_else(|| LineError::not_a_port(end, word))
}

fn protocol(word: &str) -> Result<u8, LineError> {
    let named = NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word));
    let number = named.map(|(_, number)| *number).or_else(|| number(word));
    number.ok_or_else(|| {
        LineError::unexpected(
            word,
            "a protocol (tcp, udp, icmp, icmpv6, sctp or a number up to 255), 'on INTERFACE', \
             'vlan N' or the end",
        )
    })
}

fn interface(word: Option<&str>) -> Result<String, LineError> {
    let name = word.ok_or(LineError::Missing {
        after: "on",
        what: "the name of an interface",
    })?;
    if name.len() > LONGEST_NAME || name.contains(['/', '>']) || name.contains(char::is_control) {
        return Err(LineError::unexpected(
            name,
            "the name of an interface, 15 bytes at most",
        ));
    }
    Ok(name.to_owned())
}

fn vlan(word: Option<&str>) -> Result<u16, LineError> {
    let word = word.ok_or(LineError::Missing {
        after: "vlan",
        what: "a number from 0 to 4095",
    })?;
    number(word)
        .filter(|id| *id <= LAST_VLAN)
        .ok_or_else(|| LineError::unexpected(word, "a VLAN identifier from 0 to 4095"))
}

/// A number in digits alone: no sign.
fn number<N: FromStr>(word: &str) -> Option<N> {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|_| is_plain)
}

/// The name of a protocol, or its number.
pub(super) fn protocol_name(number: u8) -> String {
    match NAMES.iter().find(|(_, known)| *known == number) {
        Some((name, _)) => (*name).to_owned(),
        None => number.to_string(),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.port) {
            (address, None) => write!(f, "{address}"),
            (IpAddr::V4(address), Some(port)) => write!(f, "{address}:{port}"),
            (IpAddr::V6(address), Some(port)) => write!(f, "[{address}]:{port}"),
        }
    }
}

impl fmt::Display for PacketLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.source, self.destination)?;
        if let Some(number) = self.protocol {
            write!(f, " {}", protocol_name(number))?;
        }
        if let Some(interface) = &self.interface {
            write!(f, " on {interface}")?;
        }
        for id in &self.vlan {
            write!(f, " vlan {id}")?;
        }
        Ok(())
    }
}
