//! Records: what is kept of a flow under one approval.

use std::net::IpAddr;

use ipnet::IpNet;
use sensor_common::{Class, Direction, FlowEvent, FlowKey, Fragment, NO_MATCH_SET, Protocol};

use super::{Clock, Flow};
use crate::{
    privacy::Address,
    watchlist::{ApprovalId, Compiled, SetId, Watchlist},
};

/// Number of a record, common to the rows of one flow under several approvals:
/// sums are taken by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub u64);

/// The end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The source.
    Source,
    /// The destination.
    Destination,
}

/// An indicator that matched an end of the flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The end.
    pub end: End,
    /// The prefix.
    pub prefix: IpNet,
    /// The feed it stands in.
    pub feed: String,
    /// Its line in the feed.
    pub line: u32,
}

/// Who spoke with whom, as far as one packet tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Approvals under which the flow is counted.
    pub approvals: Vec<ApprovalId>,
    /// Class.
    pub class: Class,
    /// Direction.
    pub direction: Direction,
    /// Name of the interface.
    pub interface: String,
    /// VLAN identifiers, outermost first.
    pub vlan: Vec<u16>,
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// IP protocol number.
    pub protocol: u8,
    /// Source and destination port, where the protocol has them.
    pub ports: Option<(u16, u16)>,
    /// Part of a fragmented datagram.
    pub fragment: Fragment,
    /// Time of the first packet: nanoseconds since 1970.
    pub start: u64,
    /// Indicators that matched.
    pub indicators: Vec<Matched>,
}

/// What is kept of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub id: RecordId,
    /// Who spoke with whom.
    pub notice: Notice,
    /// Time of the last packet: nanoseconds since 1970.
    pub end: u64,
    /// Packets.
    pub packets: u64,
    /// Layer-3 octets.
    pub octets: u64,
    /// OR of all TCP flags.
    pub tcp_flags: u16,
    /// Lowest and highest time to live or hop limit.
    pub ttl: (u8, u8),
}

impl Record {
    /// One row for each approval, with its own name and the common record id.
    pub fn split(self) -> impl Iterator<Item = Self> {
        let approvals = self.notice.approvals.clone();
        approvals.into_iter().map(move |approval| Self {
            notice: Notice {
                approvals: vec![approval],
                ..self.notice.clone()
            },
            ..self.clone()
        })
    }
}

/// Gives names to the numbers the kernel counted under.
#[derive(Clone, Debug)]
pub struct Names {
    /// The indicators.
    pub watchlist: Watchlist,
    /// The generation in force.
    pub compiled: Compiled,
    /// Interfaces by slot.
    pub interfaces: Vec<String>,
    /// The clock of the kernel's times.
    pub clock: Clock,
}

impl Names {
    /// The record of a flow, under all its approvals.
    pub fn record(&self, id: RecordId, flow: &Flow) -> Record {
        let value = &flow.value;
        Record {
            id,
            notice: self.begun(flow),
            end: self.clock.unix_ns(value.last),
            packets: value.packets,
            octets: value.octets,
            tcp_flags: value.tcp_flags,
            ttl: (value.ttl_min, value.ttl_max),
        }
    }

    /// The notice of a flow, from its counts.
    pub fn begun(&self, Flow { key, value }: &Flow) -> Notice {
        self.notice(
            key,
            (value.class, value.direction),
            (value.source_set, value.destination_set),
            value.first,
        )
    }

    /// The notice of a flow, from the kernel's.
    pub fn announced(&self, event: &FlowEvent) -> Notice {
        let FlowEvent {
            key,
            time,
            source_set,
            destination_set,
            class,
            direction,
            ..
        } = event;
        self.notice(
            key,
            (*class, *direction),
            (*source_set, *destination_set),
            *time,
        )
    }

    fn notice(
        &self,
        key: &FlowKey,
        (class, direction): (u8, u8),
        (source_set, destination_set): (u32, u32),
        first: u64,
    ) -> Notice {
        let mut indicators = self.matched(End::Source, source_set);
        indicators.extend(self.matched(End::Destination, destination_set));
        Notice {
            approvals: self
                .compiled
                .approvals_of(&key.approvals)
                .cloned()
                .collect(),
            class: Class::from_number(class).unwrap_or(Class::Transit),
            direction: Direction::from_number(direction).unwrap_or(Direction::Through),
            interface: self.interface(key.interface),
            vlan: key
                .vlan
                .ids
                .iter()
                .take(usize::from(key.vlan_tags))
                .map(|&id| u16::from_be_bytes(id))
                .collect(),
            source: Address::Foreign(address(key.ip_version, key.source)),
            destination: Address::Foreign(address(key.ip_version, key.destination)),
            protocol: key.protocol,
            ports: ports(key),
            fragment: fragment(key),
            start: self.clock.unix_ns(first),
            indicators,
        }
    }

    fn interface(&self, slot: u8) -> String {
        match self.interfaces.get(usize::from(slot)) {
            Some(name) => name.clone(),
            None => slot.to_string(),
        }
    }

    fn matched(&self, end: End, set: u32) -> Vec<Matched> {
        if set == NO_MATCH_SET {
            return Vec::new();
        }
        self.compiled
            .covering(SetId(set))
            .filter_map(|id| self.watchlist.indicator(id))
            .map(|indicator| Matched {
                end,
                prefix: indicator.prefix,
                feed: self.watchlist.feed_of(indicator).to_owned(),
                line: indicator.line,
            })
            .collect()
    }
}

fn address(ip_version: u8, bytes: [u8; 16]) -> IpAddr {
    if ip_version == 4 {
        let [a, b, c, d, ..] = bytes;
        IpAddr::from([a, b, c, d])
    } else {
        IpAddr::from(bytes)
    }
}

fn fragment(key: &FlowKey) -> Fragment {
    match key.fragment {
        1 => Fragment::First,
        2 => Fragment::Later,
        _ => Fragment::Whole,
    }
}

fn ports(key: &FlowKey) -> Option<(u16, u16)> {
    (Protocol::has_ports(key.protocol) && fragment(key) != Fragment::Later).then(|| {
        (
            u16::from_be_bytes(key.source_port),
            u16::from_be_bytes(key.destination_port),
        )
    })
}
