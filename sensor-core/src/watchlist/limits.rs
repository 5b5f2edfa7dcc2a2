//! What narrows an indicator beside its prefix: a time, and ports.
//!
//! Most indicators have neither, so the columns have rows for those that do.

use std::{
    fmt,
    io::{self, Write},
    ops::Range,
};

use super::{
    Validity,
    stored::{StoredError, take_column, take_number, write_column, write_number},
};

/// A transport protocol and a port of the indicator's own side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRule {
    /// IP protocol number (IPFIX `protocolIdentifier`).
    pub protocol: u8,
    /// The port.
    pub port: u16,
}

impl PortRule {
    /// Protocols whose headers begin with ports, by name (IANA protocol numbers).
    pub const NAMED: [(&'static str, u8); 5] = [
        ("tcp", 6),
        ("udp", 17),
        ("dccp", 33),
        ("sctp", 132),
        ("udplite", 136),
    ];
}

/// As papers write it: `tcp/443`.
impl fmt::Display for PortRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, port } = self;
        match Self::NAMED
            .into_iter()
            .find(|(_, number)| number == protocol)
        {
            Some((name, _)) => write!(f, "{name}/{port}"),
            None => write!(f, "{protocol}/{port}"),
        }
    }
}

/// What narrows one indicator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// When it counts; `None` is always.
    pub validity: Option<Validity>,
    /// On which ports; none is all of them, and packets that have none.
    pub ports: Vec<PortRule>,
}

impl Limits {
    /// Whether they let an indicator count only when and where others do.
    pub fn is_within(&self, others: &Self) -> bool {
        let in_time = match (self.validity, others.validity) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(others)) => others.begin <= own.begin && own.end <= others.end,
        };
        let on_ports = match (&self.ports[..], &others.ports[..]) {
            (_, []) => true,
            ([], _) => false,
            (own, others) => own.iter().all(|rule| others.contains(rule)),
        };
        in_time && on_ports
    }
}

/// The limits of indicators that have any, by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Column {
    validity: Vec<(u32, Validity)>,
    /// Each port has a row.
    ports: Vec<(u32, PortRule)>,
}

impl Column {
    /// Adds the limits of a place after all that have any.
    pub(super) fn push(&mut self, place: u32, limits: &Limits) {
        self.validity
            .extend(limits.validity.map(|validity| (place, validity)));
        let mut ports = limits.ports.clone();
        ports.sort_unstable();
        ports.dedup();
        self.ports
            .extend(ports.into_iter().map(|rule| (place, rule)));
    }

    pub(super) fn of(&self, place: u32) -> Limits {
        Limits {
            validity: self.validity(place),
            ports: self.ports(place).map(|(_, rule)| rule).collect(),
        }
    }

    /// When the indicator at a place counts; `None` is always.
    pub(super) fn validity(&self, place: u32) -> Option<Validity> {
        let found = self.validity.binary_search_by_key(&place, |row| row.0);
        Some(self.validity.get(found.ok()?)?.1)
    }

    /// The ports of the indicator at a place.
    pub(super) fn ports(&self, place: u32) -> impl Iterator<Item = (u32, PortRule)> {
        rows(&self.ports, place..place.saturating_add(1))
    }

    /// All times, by place.
    pub(super) fn validities(&self) -> &[(u32, Validity)] {
        &self.validity
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.validity.is_empty() && self.ports.is_empty()
    }

    pub(super) const fn has_ports(&self) -> bool {
        !self.ports.is_empty()
    }

    /// Adds those of a part that begins at a place.
    pub(super) fn append(&mut self, part: &Self, first: u32) {
        let validity = part.validity.iter().map(|&(at, row)| (at + first, row));
        self.validity.extend(validity);
        let ports = part.ports.iter().map(|&(at, row)| (at + first, row));
        self.ports.extend(ports);
    }

    /// Leaves out those of a place and of all after it.
    pub(super) fn truncate(&mut self, length: u32) {
        let kept = self.validity.partition_point(|(at, _)| *at < length);
        self.validity.truncate(kept);
        let kept = self.ports.partition_point(|(at, _)| *at < length);
        self.ports.truncate(kept);
    }

    pub(super) fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        write_number(out, self.validity.len())?;
        write_number(out, self.ports.len())?;
        write_column(out, &self.validity, |(at, _)| at.to_le_bytes())?;
        write_column(out, &self.validity, |(_, row)| row.begin.to_le_bytes())?;
        write_column(out, &self.validity, |(_, row)| row.end.to_le_bytes())?;
        write_column(out, &self.ports, |(at, _)| at.to_le_bytes())?;
        write_column(out, &self.ports, |(_, row)| [row.protocol])?;
        write_column(out, &self.ports, |(_, row)| row.port.to_le_bytes())
    }

    /// Reads what was written.
    pub(super) fn take_from(rest: &mut &[u8]) -> Result<Self, StoredError> {
        let (times, ports) = (take_number(rest)?, take_number(rest)?);
        let at = take_column(rest, times, u32::from_le_bytes)?;
        let begin = take_column(rest, times, u64::from_le_bytes)?;
        let end = take_column(rest, times, u64::from_le_bytes)?;
        let validity = begin.into_iter().zip(end);
        let validity = validity.map(|(begin, end)| Validity { begin, end });
        let validity = at.into_iter().zip(validity).collect();
        let at = take_column(rest, ports, u32::from_le_bytes)?;
        let protocol = take_column(rest, ports, |[protocol]| protocol)?;
        let port = take_column(rest, ports, u16::from_le_bytes)?;
        let rules = protocol.into_iter().zip(port);
        let rules = rules.map(|(protocol, port)| PortRule { protocol, port });
        let ports = at.into_iter().zip(rules).collect();
        Ok(Self { validity, ports })
    }

    /// Whether pushing gives these columns, for so many places.
    pub(super) fn is_sound(&self, length: usize) -> bool {
        let within = |place: &u32| (*place as usize) < length;
        self.validity.is_sorted_by(|a, b| a.0 < b.0)
            && self.ports.is_sorted_by(|a, b| a < b)
            && self.validity.last().is_none_or(|(at, _)| within(at))
            && self.ports.last().is_none_or(|(at, _)| within(at))
    }
}

fn rows<T: Copy>(column: &[(u32, T)], places: Range<u32>) -> impl Iterator<Item = (u32, T)> {
    let first = column.partition_point(|(at, _)| *at < places.start);
    let rest = column.get(first..).unwrap_or_default().iter().copied();
    rest.take_while(move |(at, _)| *at < places.end)
}
