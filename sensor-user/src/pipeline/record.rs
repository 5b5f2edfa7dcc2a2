//! Records: what is kept of a flow under one approval.

use std::net::IpAddr;

use ipnet::IpNet;
use sensor_common::{Class, Direction, Fields, FlowKey, Fragment, SlotMask, TunnelKind};

use super::{Flow, Names};
use crate::{privacy::Address, watchlist::ApprovalId};

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
}

/// Who spoke with whom, as far as one packet tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
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
    pub source: Address,
    /// Destination address.
    pub destination: Address,
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
    pub tcp_flags: Option<u16>,
    /// Lowest and highest time to live or hop limit.
    pub ttl: Option<(u8, u8)>,
}

impl Record {
    /// One row for each approval: its own name, what it lets a record say, the indicators it
    /// names, and the common record id.
    pub fn split(self) -> impl Iterator<Item = Self> {
        let approvals = self.notice.approvals.clone();
        approvals.into_iter().map(move |under| {
            let fields = under.fields;
            Self {
                tcp_flags: self.tcp_flags.filter(|_| fields.has(Fields::TCP_FLAGS)),
                ttl: self.ttl.filter(|_| fields.has(Fields::TTL)),
                notice: self.notice.under(under),
                ..self.clone()
            }
        })
    }

    /// The record of a flow, under all its approvals.
    pub(super) fn new(names: &Names, id: RecordId, flow: &Flow) -> Self {
        let value = &flow.value;
        let notice = names.begun(flow);
        let fields = notice.fields();
        Self {
            id,
            notice,
            end: names.clock.unix_ns(value.last),
            packets: value.packets,
            octets: value.octets,
            tcp_flags: fields.has(Fields::TCP_FLAGS).then_some(value.tcp_flags),
            ttl: (fields.has(Fields::TTL)).then_some((value.ttl_min, value.ttl_max)),
        }
    }
}

impl Notice {
    /// One notice for each approval, as with rows.
    pub fn split(self) -> impl Iterator<Item = Self> {
        let approvals = self.approvals.clone();
        approvals.into_iter().map(move |under| self.under(under))
    }

    /// What its approvals together let it say.
    fn fields(&self) -> Fields {
        let approvals = self.approvals.iter();
        approvals.fold(Fields::NONE, |fields, under| fields.union(under.fields))
    }

    /// What one of its approvals lets it say.
    fn under(&self, under: Under) -> Self {
        let Under { slot, fields, .. } = under;
        let mut indicators = self.indicators.clone();
        indicators.retain(|indicator| indicator.named_by.has(slot));
        Self {
            approvals: vec![under],
            vlan: self.vlan.clone().filter(|_| fields.has(Fields::VLAN)),
            protocol: self.protocol.filter(|_| fields.has(Fields::PROTOCOL)),
            ports: self.ports.filter(|_| fields.has(Fields::PORTS)),
            fragment: self.fragment.filter(|_| fields.has(Fields::FRAGMENT)),
            indicators,
            ..self.clone()
        }
    }

    /// Fills in what the key of a flow says, as far as `approvals` let it.
    pub(super) fn of_key(
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

/// The direction says which end is domestic: its address is not for showing.
fn ends(key: &FlowKey, direction: Direction) -> (Address, Address) {
    let foreign = |bytes| Address::Foreign(address(key.ip_version, bytes));
    match direction {
        Direction::Inbound => (foreign(key.source), Address::Domestic),
        Direction::Outbound => (Address::Domestic, foreign(key.destination)),
        Direction::Through => (foreign(key.source), foreign(key.destination)),
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
