//! A row of the table: a packet, and all that must come of it.

use std::net::IpAddr;

use sensor_common::{Class, Direction, Fields, FlowKey, FlowValue, SlotCounts, SlotMask, Verdict};
use sensor_tests::packet::{Packet, flags};

use super::world::{Family, World, bytes};

/// Transit.
pub(crate) const THROUGH: (Class, Direction) = (Class::Transit, Direction::Through);
/// From foreign to an operator.
pub(crate) const INFRA_IN: (Class, Direction) = (Class::Infrastructure, Direction::Inbound);
/// From an operator to foreign.
pub(crate) const INFRA_OUT: (Class, Direction) = (Class::Infrastructure, Direction::Outbound);
/// From foreign to domestic.
pub(crate) const RELAY_IN: (Class, Direction) = (Class::Relay, Direction::Inbound);
/// From domestic to foreign.
pub(crate) const RELAY_OUT: (Class, Direction) = (Class::Relay, Direction::Outbound);

/// A packet, and all that must come of it.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) source: &'static str,
    pub(crate) destination: &'static str,
    pub(crate) time: u64,
    pub(crate) interface: u32,
    pub(crate) verdict: Verdict,
    /// How far the packet comes in each slot whose approval names it.
    reached: Vec<(&'static str, Verdict)>,
    /// Class, direction and fields of the record.
    record: Option<(Class, Direction, Fields)>,
}

/// A row: at time 1500, through interface slot 0.
pub(crate) fn row(name: impl Into<String>, source: &'static str, destination: &'static str) -> Row {
    Row {
        name: name.into(),
        source,
        destination,
        time: 1_500,
        interface: 0,
        verdict: Verdict::NoMatch,
        reached: Vec::new(),
        record: None,
    }
}

impl Row {
    /// The packet goes the other way.
    #[must_use]
    pub(crate) fn back(mut self) -> Self {
        self.name.push_str(", the other way");
        (self.source, self.destination) = (self.destination, self.source);
        self
    }

    #[must_use]
    pub(crate) fn at(mut self, time: u64) -> Self {
        self.time = time;
        self
    }

    #[must_use]
    pub(crate) fn through(mut self, interface: u32) -> Self {
        self.interface = interface;
        self
    }

    /// It is not recorded, before any approval is asked.
    #[must_use]
    pub(crate) fn never(mut self, verdict: Verdict) -> Self {
        self.verdict = verdict;
        self
    }

    /// It is not recorded, and comes so far in these approvals.
    #[must_use]
    pub(crate) fn not(mut self, verdict: Verdict, reached: &[(&'static str, Verdict)]) -> Self {
        self.verdict = verdict;
        self.reached.extend(reached);
        self
    }

    /// It is recorded under these approvals, with all fields.
    #[must_use]
    pub(crate) fn recorded(self, way: (Class, Direction), under: &[&'static str]) -> Self {
        self.with(Fields::ALL, way, under)
    }

    /// It is recorded under these approvals, with these fields.
    #[must_use]
    pub(crate) fn with(
        mut self,
        fields: Fields,
        (class, direction): (Class, Direction),
        under: &[&'static str],
    ) -> Self {
        self.verdict = Verdict::Recorded;
        self.record = Some((class, direction, fields));
        let recorded = under.iter().map(|&name| (name, Verdict::Recorded));
        self.reached.extend(recorded);
        self
    }

    /// Besides, it comes so far in another approval.
    #[must_use]
    pub(crate) fn but(mut self, name: &'static str, reached: Verdict) -> Self {
        self.reached.push((name, reached));
        self
    }

    pub(crate) fn is_of(&self, family: Family) -> bool {
        family.has(self.source) && family.has(self.destination)
    }

    fn ends(&self, family: Family) -> (IpAddr, IpAddr) {
        (
            family.address(self.source),
            family.address(self.destination),
        )
    }

    /// A packet that has something in every field; IPv6 fragments are not read.
    pub(crate) fn packet(&self, family: Family) -> Packet {
        let packet = match self.ends(family) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                Packet::v4(source.octets(), destination.octets()).fragment(0, true)
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                Packet::v6(source.octets(), destination.octets())
            }
            mixed => panic!("{}: {mixed:?}", self.name),
        };
        packet
            .service_vlan(9)
            .vlan(5)
            .ttl(7)
            .tcp(443, 50_000, flags::SYN | flags::ACK)
            .payload(4)
    }

    /// What slots must have counted.
    pub(crate) fn slot_counts(&self, world: &World) -> Vec<(u32, SlotCounts)> {
        let mut counts: Vec<(u32, SlotCounts)> = Vec::new();
        for &(name, reached) in &self.reached {
            let mut count = SlotCounts::default();
            count.packets[reached as usize - Verdict::Unapproved as usize] = 1;
            counts.push((world.slot(name), count));
        }
        counts.sort_by_key(|(slot, _)| *slot);
        counts
    }

    /// The one flow that there must be, if any.
    pub(crate) fn flow(&self, world: &World, family: Family) -> Option<(FlowKey, FlowValue)> {
        let (class, direction, fields) = self.record?;
        let (source, destination) = self.ends(family);
        let mut key = FlowKey {
            source: bytes(source),
            destination: bytes(destination),
            ip_version: if family == Family::V4 { 4 } else { 6 },
            interface: u8::try_from(self.interface).unwrap(),
            generation: 1,
            ..FlowKey::default()
        };
        for (name, reached) in &self.reached {
            if *reached == Verdict::Recorded {
                key.approvals = key.approvals.union(&SlotMask::of(world.slot(name)));
            }
        }
        key.source_set = world.set(source);
        key.destination_set = world.set(destination);
        let octets = u64::try_from(self.packet(family).octets()).unwrap();
        let mut value = FlowValue {
            packets: 1,
            octets,
            first: self.time,
            last: self.time,
            class: class as u8,
            direction: direction as u8,
            ..FlowValue::default()
        };
        if fields.has(Fields::PORTS) {
            key.source_port = [1, 187];
            key.destination_port = [195, 80];
            key.has_ports = 1;
        }
        if fields.has(Fields::PROTOCOL) {
            key.protocol = 6;
        }
        if fields.has(Fields::VLAN) {
            key.vlan.ids = [[0, 9], [0, 5]];
            key.vlan_tags = 2;
        }
        if fields.has(Fields::FRAGMENT) && family == Family::V4 {
            key.fragment = 1;
        }
        if fields.has(Fields::TCP_FLAGS) {
            value.tcp_flags = 0x12;
        }
        if fields.has(Fields::TTL) {
            value.ttl_min = 7;
            value.ttl_max = 7;
        }
        Some((key, value))
    }
}
