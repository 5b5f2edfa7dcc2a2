//! Records: what is kept of a flow under one approval.
//!
//! A record begins under all its approvals, with its ends as they were counted; split into rows
//! it has one approval, what that lets it say, and addresses that may be kept.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use sensor_common::{Class, Direction, Fields, FlowKey, FlowValue, Fragment, SlotMask, TunnelKind};
use sensor_core::watchlist::{ApprovalId, Handling};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Address, Endpoint, Pseudonyms};

/// Number of a record, common to the rows of one flow under several approvals:
/// sums are taken by it.
#[repr(transparent)]
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
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
    /// The prefix; `None` where it would tell a domestic address.
    pub prefix: Option<IpNet>,
    /// The feed it stands in.
    pub feed: String,
    /// Its line in the feed.
    pub line: u32,
    /// The slots of the approvals that name it.
    pub named_by: SlotMask,
}

/// An approval that a flow is counted under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Under {
    /// Its slot.
    pub slot: u32,
    /// Its name.
    pub id: ApprovalId,
    /// What it lets a record say.
    pub fields: Fields,
    /// What is done with its records.
    pub handling: Arc<Handling>,
}

/// Who spoke with whom, as far as one packet tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice<A = Address> {
    /// Approvals under which the flow is counted.
    pub approvals: Vec<Under>,
    /// Class.
    pub class: Class,
    /// Direction.
    pub direction: Direction,
    /// Name of the interface.
    pub interface: String,
    /// VLAN identifiers, outermost first; this and what follows, as far as an approval
    /// lets a record say it.
    pub vlan: Option<Vec<u16>>,
    /// What the packet was carried in, and the identifier in its header; none for a packet that
    /// was in no tunnel that was opened.
    pub tunnel: Option<(TunnelKind, u32)>,
    /// Source address.
    pub source: A,
    /// Destination address.
    pub destination: A,
    /// IP protocol number.
    pub protocol: Option<u8>,
    /// Source and destination port, where the protocol has them.
    pub ports: Option<(u16, u16)>,
    /// Part of a fragmented datagram.
    pub fragment: Option<Fragment>,
    /// Time of the first packet: nanoseconds since 1970.
    pub start: u64,
    /// Indicators that matched.
    pub indicators: Vec<Matched>,
}

/// What is kept of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<A = Address> {
    /// Its number.
    pub id: RecordId,
    /// Who spoke with whom.
    pub notice: Notice<A>,
    /// Time of the last packet: nanoseconds since 1970.
    pub end: u64,
    /// Packets.
    pub packets: u64,
    /// Layer-3 octets.
    pub octets: u64,
    /// OR of all TCP flags.
    pub tcp_flags: Option<u16>,
    /// Lowest and highest time to live or hop limit.
    pub ttl: Option<(u8, u8)>,
}

impl Record<Endpoint> {
    /// The record of what was counted of a flow, under all its approvals; `end` is the time of
    /// its last packet.
    pub fn new(id: RecordId, notice: Notice<Endpoint>, value: &FlowValue, end: u64) -> Self {
        let fields = notice.fields();
        Self {
            id,
            notice,
            end,
            packets: value.packets,
            octets: value.octets,
            tcp_flags: fields.has(Fields::TCP_FLAGS).then_some(value.tcp_flags),
            ttl: (fields.has(Fields::TTL)).then_some((value.ttl_min, value.ttl_max)),
        }
    }

    /// One row for each approval: its own name, what it lets a record say, the indicators it
    /// names, addresses as it may keep them, and the common record id.
    pub fn split(&self, pseudonyms: &Pseudonyms) -> impl Iterator<Item = Record> {
        self.notice.split(pseudonyms).map(move |notice| {
            let fields = notice.fields();
            Record {
                id: self.id,
                notice,
                end: self.end,
                packets: self.packets,
                octets: self.octets,
                tcp_flags: self.tcp_flags.filter(|_| fields.has(Fields::TCP_FLAGS)),
                ttl: self.ttl.filter(|_| fields.has(Fields::TTL)),
            }
        })
    }
}

impl<A> Notice<A> {
    /// What its approvals together let it say.
    fn fields(&self) -> Fields {
        let approvals = self.approvals.iter();
        approvals.fold(Fields::NONE, |fields, under| fields.union(under.fields))
    }
}

impl Notice<Endpoint> {
    /// One notice for each approval, as with rows.
    pub fn split(&self, pseudonyms: &Pseudonyms) -> impl Iterator<Item = Notice> {
        let approvals = self.approvals.iter();
        approvals.map(move |under| self.under(under, pseudonyms))
    }

    /// What one of its approvals lets it say.
    fn under(&self, under: &Under, pseudonyms: &Pseudonyms) -> Notice {
        let &Under { slot, fields, .. } = under;
        let named = |indicator: &&Matched| indicator.named_by.has(slot);
        Notice {
            approvals: vec![under.clone()],
            class: self.class,
            direction: self.direction,
            interface: self.interface.clone(),
            vlan: self.vlan.clone().filter(|_| fields.has(Fields::VLAN)),
            tunnel: self.tunnel,
            source: pseudonyms.address(&under.id, self.source),
            destination: pseudonyms.address(&under.id, self.destination),
            protocol: self.protocol.filter(|_| fields.has(Fields::PROTOCOL)),
            ports: self.ports.filter(|_| fields.has(Fields::PORTS)),
            fragment: self.fragment.filter(|_| fields.has(Fields::FRAGMENT)),
            start: self.start,
            indicators: self.indicators.iter().filter(named).cloned().collect(),
        }
    }

    /// What the key of a flow says, as far as `approvals` let it.
    pub fn of_key(
        key: &FlowKey,
        approvals: Vec<Under>,
        (class, direction): (Class, Direction),
        (interface, start): (String, u64),
        indicators: Vec<Matched>,
    ) -> Self {
        let fields = (approvals.iter()).fold(Fields::NONE, |f, under| f.union(under.fields));
        let (source, destination) = ends(key, direction);
        Self {
            approvals,
            class,
            direction,
            interface,
            vlan: fields.has(Fields::VLAN).then(|| vlan(key)),
            tunnel: TunnelKind::from_number(key.tunnel_kind)
                .map(|kind| (kind, u32::from_be_bytes(key.tunnel_id))),
            source,
            destination,
            protocol: fields.has(Fields::PROTOCOL).then_some(key.protocol),
            ports: ports(key, fields),
            fragment: fields.has(Fields::FRAGMENT).then(|| fragment(key)),
            start,
            indicators,
        }
    }
}

/// The direction says which end is domestic.
fn ends(key: &FlowKey, direction: Direction) -> (Endpoint, Endpoint) {
    let source = address(key.ip_version, key.source);
    let destination = address(key.ip_version, key.destination);
    let (foreign, domestic) = (Endpoint::Foreign, Endpoint::Domestic);
    match direction {
        Direction::Inbound => (foreign(source), domestic(destination)),
        Direction::Outbound => (domestic(source), foreign(destination)),
        Direction::Through => (foreign(source), foreign(destination)),
    }
}

fn vlan(key: &FlowKey) -> Vec<u16> {
    let tags = key.vlan.ids.iter().take(usize::from(key.vlan_tags));
    tags.map(|&id| u16::from_be_bytes(id)).collect()
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

fn ports(key: &FlowKey, fields: Fields) -> Option<(u16, u16)> {
    let ports = (
        u16::from_be_bytes(key.source_port),
        u16::from_be_bytes(key.destination_port),
    );
    (fields.has(Fields::PORTS) && key.has_ports == 1).then_some(ports)
}

#[cfg(test)]
mod tests;
