//! One frame as tshark shows it.

use std::{iter::Peekable, str::Split};

use anyhow::{Result, ensure};

use crate::commands::{count::Flow, oracle::compare::Packet};

/// What tshark is asked for, in this order.
pub(super) const FIELDS: [&str; 37] = [
    "frame.number",
    "frame.time_epoch",
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ip.cur_rt",
    "ip.proto",
    "ip.len",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.nxt",
    "ipv6.plen",
    "ipv6.opt.jumbo",
    "ipv6.hopopts.nxt",
    "ipv6.dstopts.nxt",
    "ipv6.routing.nxt",
    "ipv6.fraghdr.nxt",
    "ah.next_header",
    "mip6.proto",
    "hip.proto",
    "shim6.nxt",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "sctp.srcport",
    "sctp.dstport",
    "dccp.srcport",
    "dccp.dstport",
    "ip.bogus_ip_version",
    "ip.bogus_header_length",
    "ip.bogus_ip_length",
    "ipv6.bogus_ipv6_version",
    "ipv6.plen_exceeds_framing",
    "pppoe.version",
    "pppoe.type",
    "pppoe.payload_length.bad",
];

/// What tshark says of a header that contradicts itself or its frame.
const CONTRADICTIONS: [&str; 6] = [
    "ip.bogus_ip_version",
    "ip.bogus_header_length",
    "ip.bogus_ip_length",
    "ipv6.bogus_ipv6_version",
    "ipv6.plen_exceeds_framing",
    "pppoe.payload_length.bad",
];

/// IPv6 extension headers: the layer, and the field that says what follows.
const EXTENSIONS: [(&str, &str); 8] = [
    ("ipv6.hopopts", "ipv6.hopopts.nxt"),
    ("ipv6.dstopts", "ipv6.dstopts.nxt"),
    ("ipv6.routing", "ipv6.routing.nxt"),
    ("ipv6.fraghdr", "ipv6.fraghdr.nxt"),
    ("ah", "ah.next_header"),
    ("mipv6", "mip6.proto"),
    ("hip", "hip.proto"),
    ("shim6", "shim6.nxt"),
];

/// Layers with ports, and the fields that have them. UDP-Lite shares those of UDP.
const TRANSPORTS: [(&str, [&str; 2]); 5] = [
    ("tcp", ["tcp.srcport", "tcp.dstport"]),
    ("udp", ["udp.srcport", "udp.dstport"]),
    ("udplite", ["udp.srcport", "udp.dstport"]),
    ("sctp", ["sctp.srcport", "sctp.dstport"]),
    ("dccp", ["dccp.srcport", "dccp.dstport"]),
];

/// Octets of the fixed IPv6 header, which its payload length leaves out.
const IPV6_HEADER: u64 = 40;

/// The fields of a frame.
pub(super) struct Row<'a>(Vec<&'a str>);

/// Layers from the outside, by the names tshark has for them.
type Layers<'a> = Peekable<Split<'a, char>>;

impl<'a> Row<'a> {
    pub(super) fn new(line: &'a str) -> Result<Self> {
        let columns: Vec<&str> = line.split('\t').collect();
        ensure!(
            columns.len() == FIELDS.len(),
            "tshark shows {} fields and not {}: {line}",
            columns.len(),
            FIELDS.len()
        );
        Ok(Self(columns))
    }

    /// Every occurrence of a field, the outermost first.
    fn all(&self, field: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let column = FIELDS.iter().position(|name| *name == field);
        let text = column.and_then(|column| self.0.get(column)).copied();
        let values = text.unwrap_or_default().split(',');
        values.filter(|value| !value.is_empty())
    }

    /// The outermost one.
    pub(super) fn first(&self, field: &str) -> Option<&'a str> {
        self.all(field).next()
    }

    pub(super) fn number(&self, field: &str) -> Option<u64> {
        self.first(field)?.parse().ok()
    }

    /// Whether tshark says of a header in it that it contradicts; of which one, it does not say.
    pub(super) fn contradicts(&self) -> bool {
        let is_other = |field: &str| self.number(field).is_some_and(|number| number != 1);
        is_other("pppoe.version")
            || is_other("pppoe.type")
            || CONTRADICTIONS
                .iter()
                .any(|field| self.first(field).is_some())
    }

    /// The packet of the outermost IP header; none where tshark shows no such header whole, or
    /// it is IPv6 where IPv4 is announced.
    pub(super) fn packet(&self) -> Option<Packet> {
        let mut layers = self.first("frame.protocols")?.split(':').peekable();
        // Of IPv6 where IPv4 is announced tshark names both, and has no `ip.src`.
        let version = layers.find(|layer| matches!(*layer, "ip" | "ipv6"))?;
        let (source, destination, protocol, octets) = if version == "ip" {
            (
                self.first("ip.src")?,
                // With a source route `ip.dst` is its end, and this what the header says.
                self.first("ip.cur_rt").or(self.first("ip.dst"))?,
                self.number("ip.proto")?,
                self.number("ip.len")?,
            )
        } else {
            let length = match self.number("ipv6.plen")? {
                0 => self.number("ipv6.opt.jumbo").unwrap_or(0),
                length => length,
            };
            (
                self.first("ipv6.src")?,
                self.first("ipv6.dst")?,
                self.behind_extensions(&mut layers)?,
                IPV6_HEADER + length,
            )
        };
        let flow = Flow {
            source: source.parse().ok()?,
            destination: destination.parse().ok()?,
            protocol: u8::try_from(protocol).ok()?,
            ports: layers.next().and_then(|layer| self.ports(layer)),
        };
        Some(Packet { flow, octets })
    }

    /// The protocol behind the extension headers, and the layers from there on. Where tshark
    /// stopped in one of them, it is that one.
    fn behind_extensions(&self, layers: &mut Layers<'a>) -> Option<u64> {
        let mut protocol = self.number("ipv6.nxt")?;
        let mut passed = Vec::new();
        while let Some(layer) = layers.next_if(|layer| is_extension(layer)) {
            let field = EXTENSIONS.iter().find(|(name, _)| *name == layer);
            let before = passed.iter().filter(|name| **name == layer).count();
            let next = field.and_then(|(_, field)| self.all(field).nth(before));
            let Some(next) = next else { break };
            protocol = next.parse().ok()?;
            passed.push(layer);
        }
        Some(protocol)
    }

    /// The ports of a layer that has them.
    fn ports(&self, layer: &str) -> Option<(u16, u16)> {
        let (_, fields) = TRANSPORTS.iter().find(|(name, _)| *name == layer)?;
        let [source, destination] = fields.map(|field| self.first(field));
        Some((source?.parse().ok()?, destination?.parse().ok()?))
    }
}

fn is_extension(layer: &str) -> bool {
    EXTENSIONS.iter().any(|(name, _)| *name == layer)
}
