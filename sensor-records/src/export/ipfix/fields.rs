//! The elements of a record, in their order.

use std::net::IpAddr;

use sensor_common::Fragment;

use crate::{Address, End, Matched, Record};

/// What says in a template that the length stands in the record.
const VARIABLE: u16 = 65_535;

/// The bit of an element's number that says that an enterprise follows.
const OF_ENTERPRISE: u16 = 1 << 15;

/// Octets of what comes after [`write()`], without the list itself: the count, and the longest
/// form of a length.
pub(super) const MATCHES: usize = 2 + 3;

/// What a record says, a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape(u16);

impl Shape {
    const V6: u16 = 1;
    const SOURCE: u16 = 1 << 1;
    const DESTINATION: u16 = 1 << 2;
    const PROTOCOL: u16 = 1 << 3;
    const PORTS: u16 = 1 << 4;
    const TCP_FLAGS: u16 = 1 << 5;
    const TTL: u16 = 1 << 6;
    const VLAN: u16 = 1 << 7;
    const TWO_TAGS: u16 = 1 << 8;
    const FRAGMENT: u16 = 1 << 9;
    const TUNNEL: u16 = 1 << 10;

    /// That of a record; none where its ends are of different versions of IP.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let notice = &record.notice;
        let source = notice.source.clear();
        let destination = notice.destination.clear();
        let is_v6 = match (source, destination) {
            (Some(one), Some(other)) if one.is_ipv6() != other.is_ipv6() => return None,
            (one, other) => one.or(other).is_some_and(|address| address.is_ipv6()),
        };
        let bits = [
            (is_v6, Self::V6),
            (source.is_some(), Self::SOURCE),
            (destination.is_some(), Self::DESTINATION),
            (notice.protocol.is_some(), Self::PROTOCOL),
            (notice.ports.is_some(), Self::PORTS),
            (record.tcp_flags.is_some(), Self::TCP_FLAGS),
            (record.ttl.is_some(), Self::TTL),
            (notice.vlan.is_some(), Self::VLAN),
            (
                notice.vlan.as_ref().is_some_and(|tags| tags.len() > 1),
                Self::TWO_TAGS,
            ),
            (notice.fragment.is_some(), Self::FRAGMENT),
            (notice.tunnel.is_some(), Self::TUNNEL),
        ];
        let set = bits.into_iter().filter(|(is_set, _)| *is_set);
        Some(Self(set.fold(0, |shape, (_, bit)| shape | bit)))
    }

    /// Number of the template, and of sets of its records.
    pub(super) const fn id(self) -> u16 {
        256 + self.0
    }

    const fn has(self, bit: u16) -> bool {
        self.0 & bit == bit
    }
}

/// An element: its number and its length.
struct Element {
    number: u16,
    length: u16,
    is_ours: bool,
}

const fn iana(number: u16, length: u16) -> Element {
    Element {
        number,
        length,
        is_ours: false,
    }
}

const fn ours(number: u16, length: u16) -> Element {
    Element {
        number,
        length,
        is_ours: true,
    }
}

/// Elements of a shape; [`write()`] has the same order, and the encoder adds the last two.
fn elements(shape: Shape) -> Vec<Element> {
    let is_v6 = shape.has(Shape::V6);
    let mut all = vec![
        iana(148, 8), // flowId
        iana(152, 8), // flowStartMilliseconds
        iana(153, 8), // flowEndMilliseconds
        iana(2, 8),   // packetDeltaCount
        iana(1, 8),   // octetDeltaCount
    ];
    // sourceIPv4Address, sourceIPv6Address; then those of the destination.
    for (bit, v4, v6, pseudonym) in [(Shape::SOURCE, 8, 27, 6), (Shape::DESTINATION, 12, 28, 7)] {
        all.push(match (shape.has(bit), is_v6) {
            (true, false) => iana(v4, 4),
            (true, true) => iana(v6, 16),
            (false, _) => ours(pseudonym, VARIABLE),
        });
    }
    let optional = [
        (Shape::PROTOCOL, iana(4, 1)),   // protocolIdentifier
        (Shape::PORTS, iana(7, 2)),      // sourceTransportPort
        (Shape::PORTS, iana(11, 2)),     // destinationTransportPort
        (Shape::TCP_FLAGS, iana(6, 2)),  // tcpControlBits
        (Shape::TTL, iana(52, 1)),       // minimumTTL
        (Shape::TTL, iana(53, 1)),       // maximumTTL
        (Shape::VLAN, iana(243, 2)),     // dot1qVlanId
        (Shape::TWO_TAGS, iana(245, 2)), // dot1qCustomerVlanId
        (Shape::FRAGMENT, ours(8, 1)),
        (Shape::TUNNEL, ours(9, VARIABLE)),
        (Shape::TUNNEL, ours(10, 4)),
    ];
    all.extend(
        (optional.into_iter())
            .filter(|(bit, _)| shape.has(*bit))
            .map(|(_, element)| element),
    );
    all.extend([
        iana(82, VARIABLE), // interfaceName
        ours(1, VARIABLE),
        ours(2, VARIABLE),
        ours(3, VARIABLE),
        ours(5, 2),
        ours(4, VARIABLE),
    ]);
    all
}

/// The template record of a shape.
pub(super) fn template(shape: Shape, enterprise: u32) -> Vec<u8> {
    let elements = elements(shape);
    let mut record = Vec::new();
    record.extend(shape.id().to_be_bytes());
    let count = u16::try_from(elements.len()).unwrap_or(u16::MAX);
    record.extend(count.to_be_bytes());
    for element in elements {
        let bit = if element.is_ours { OF_ENTERPRISE } else { 0 };
        record.extend((element.number | bit).to_be_bytes());
        record.extend(element.length.to_be_bytes());
        if element.is_ours {
            record.extend(enterprise.to_be_bytes());
        }
    }
    record
}

/// The data record of a shape but for the indicators, which come last; none where a string is
/// longer than the format can say.
pub(super) fn write(shape: Shape, record: &Record, data: &mut Vec<u8>) -> Option<()> {
    let notice = &record.notice;
    let numbers = [
        record.id.0,
        notice.start / 1_000_000,
        record.end / 1_000_000,
        record.packets,
        record.octets,
    ];
    data.extend(numbers.into_iter().flat_map(u64::to_be_bytes));
    end(notice.source, data);
    end(notice.destination, data);
    data.extend(notice.protocol);
    if let Some((source, destination)) = notice.ports {
        data.extend(source.to_be_bytes());
        data.extend(destination.to_be_bytes());
    }
    data.extend(
        record
            .tcp_flags
            .iter()
            .flat_map(|flags| flags.to_be_bytes()),
    );
    if let Some((lowest, highest)) = record.ttl {
        data.extend([lowest, highest]);
    }
    if let Some(tags) = &notice.vlan {
        // Identifier 0 is that of no VLAN, in IEEE 802.1Q.
        let outer = tags.first().copied().unwrap_or(0);
        data.extend(outer.to_be_bytes());
    }
    if shape.has(Shape::TWO_TAGS) {
        let inner = notice.vlan.as_ref().and_then(|tags| tags.get(1).copied());
        data.extend(inner.unwrap_or(0).to_be_bytes());
    }
    data.extend(notice.fragment.map(|fragment| match fragment {
        Fragment::Whole => 0u8,
        Fragment::First => 1,
        Fragment::Later => 2,
    }));
    if let Some((kind, id)) = notice.tunnel {
        string(kind.name(), data)?;
        data.extend(id.to_be_bytes());
    }
    string(&notice.interface, data)?;
    let approvals: Vec<&str> = (notice.approvals.iter())
        .map(|under| under.id.0.as_str())
        .collect();
    string(&approvals.join(" "), data)?;
    string(notice.class.name(), data)?;
    string(notice.direction.name(), data)
}

/// A clear address, or a pseudonym; nothing for one that is withheld.
fn end(address: Address, data: &mut Vec<u8>) {
    match address {
        Address::Foreign(IpAddr::V4(address)) => data.extend(address.octets()),
        Address::Foreign(IpAddr::V6(address)) => data.extend(address.octets()),
        Address::Pseudonym(pseudonym) => {
            data.push(16);
            data.extend(pseudonym.0);
        }
        Address::Withheld => data.push(0),
    }
}

/// A string with its length: an octet up to 254, else 255 and two octets.
pub(super) fn string(text: &str, data: &mut Vec<u8>) -> Option<()> {
    if let Ok(length @ 0..=254) = u8::try_from(text.len()) {
        data.push(length);
    } else {
        data.push(255);
        data.extend(u16::try_from(text.len()).ok()?.to_be_bytes());
    }
    data.extend(text.as_bytes());
    Some(())
}

/// A matched indicator: `src` or `dst`, line, feed, and the prefix where it may be told. Control
/// characters of a feed's name are spaces, since tabs and ends of lines part the entries.
pub(super) fn entry(matched: &Matched) -> String {
    let end = match matched.end {
        End::Source => "src",
        End::Destination => "dst",
    };
    let feed: String = (matched.feed.chars())
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let prefix = matched.prefix.map(|prefix| prefix.to_string());
    let prefix = prefix.unwrap_or_default();
    format!("{end}\t{}\t{feed}\t{prefix}\n", matched.line)
}
