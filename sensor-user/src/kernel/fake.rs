//! A datapath in memory: what the kernel side must do, written for reading.
//!
//! It shares the parser and the verdict with the program and nothing else, so it
//! serves as the reference in tests of the program, and as the kernel in tests of
//! the agent.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sensor_common::{
    Bytes, Counters, Facts, Fields, FlowKey, FlowPart, FlowValue, IpVersion, Judgement,
    LEASE_LIMIT, MAX_INTERFACES, NO_MATCH_SET, Opened, OwnAddress, Packet, Passage, Place,
    ReplayContext, SLOTS, Slot, SlotCounts, SlotMask, SlotTable, Stat, Totals, TunnelRule,
    Unparsed, Verdict, carried_by, judge, open, parse_to_payload,
};

use super::{Alarm, Datapath, DatapathError, Held, Retired, TotalsBySet, loader::own_address};
use crate::{
    clock::Terms,
    places::Flat,
    watchlist::{Change, Patch, PortRule, SetId, Tables},
};

/// A datapath in memory.
#[derive(Clone, Debug)]
pub struct Fake {
    /// Whether the lease may lie any time ahead, as in replay.
    has_longer_leases: bool,
    attended_until: u64,
    own_addresses: BTreeSet<([u8; 16], u32)>,
    flow_capacity: usize,
    /// Flows that gave way to others, of which so many have room.
    ring: (Vec<FlowPart>, usize),
    /// Whether something was handed over that is not forgotten.
    is_drained: bool,
    generation: Option<(Tables, HashMap<IpNet, u32>)>,
    counters: Counters,
    flows: BTreeMap<FlowKey, FlowValue>,
    notices: Vec<FlowPart>,
    totals: Vec<Totals>,
    slot_counts: Vec<SlotCounts>,
    alarms: Vec<Alarm>,
    attached: bool,
    held: Held,
}

impl Fake {
    /// A datapath as in replay: its lease is without end until it is told otherwise.
    pub fn replay(flow_capacity: usize) -> Self {
        Self {
            has_longer_leases: true,
            attended_until: u64::MAX,
            ..Self::live(flow_capacity)
        }
    }

    /// A datapath that must be attended.
    pub fn live(flow_capacity: usize) -> Self {
        Self {
            has_longer_leases: false,
            attended_until: 0,
            own_addresses: BTreeSet::new(),
            flow_capacity,
            ring: (Vec::new(), usize::MAX),
            is_drained: false,
            generation: None,
            counters: [0; Stat::COUNT],
            flows: BTreeMap::new(),
            notices: Vec::new(),
            totals: Vec::new(),
            slot_counts: Vec::new(),
            alarms: Vec::new(),
            attached: true,
            held: Held::default(),
        }
    }

    /// With room for so many flows that give way to others between two drains.
    #[must_use]
    pub fn with_ring(mut self, flows: usize) -> Self {
        self.ring.1 = flows;
        self
    }

    /// Makes the addresses of this host known.
    pub fn set_own_addresses(&mut self, addresses: impl IntoIterator<Item = std::net::IpAddr>) {
        self.own_addresses
            .extend(addresses.into_iter().map(|address| {
                let OwnAddress {
                    address,
                    ip_version,
                } = own_address(address);
                (address, ip_version)
            }));
    }

    /// Says from now on that this is which interfaces hold the program.
    pub fn set_held(&mut self, held: Held) {
        self.held = held;
    }

    /// Says at the next comparison that this stood otherwise.
    pub fn set_alarm(&mut self, alarm: Alarm) {
        self.alarms.push(alarm);
    }

    /// The generation in force, with its slots as they were narrowed; `None` before the first.
    pub fn tables(&self) -> Option<&Tables> {
        self.generation.as_ref().map(|(tables, _)| tables)
    }

    /// The slots of the generation in force.
    pub fn slots(&self) -> &[Slot] {
        self.tables().map_or(&[], |tables| &tables.slots)
    }

    /// The deadline last promised, in nanoseconds since boot.
    pub const fn attended_until(&self) -> u64 {
        self.attended_until
    }

    /// A frame arrives. Once detached, none does.
    pub fn receive(&mut self, captured: &[u8], context: ReplayContext) {
        if !self.attached {
            return;
        }
        self.add(Stat::Seen, 1);
        let frame = Bytes {
            captured,
            wire_length: context.wire_length as usize,
        };
        let verdict = match self.watch(&frame, context) {
            Ok(verdict) => verdict,
            Err(unparsed) => {
                if let Some(reason) = Stat::of_unparsed(unparsed) {
                    self.add(reason, 1);
                }
                unparsed.verdict()
            }
        };
        self.add(Stat::Verdict(verdict), 1);
    }

    fn watch(&mut self, frame: &Bytes<'_>, context: ReplayContext) -> Result<Verdict, Unparsed> {
        let (packet, payload) = parse_to_payload(frame)?;
        let Some((tables, _)) = &self.generation else {
            return Ok(Verdict::NoMatch);
        };
        let rules = rules_about(tables, &packet, carried_by(&packet));
        let kinds = rules.iter().fold(0, |kinds, rule| kinds | 1 << rule.kind);
        let skipped = rules.last().map_or(0, |rule| rule.skipped.into());
        let inside = match (kinds != 0).then(|| open(frame, payload, kinds, skipped)) {
            None => None,
            Some(Ok(opened)) => {
                self.add(Stat::Opened, 1);
                Some(opened)
            }
            Some(Err(unparsed)) => {
                self.add(
                    match unparsed {
                        Unparsed::Malformed(_) => Stat::InnerMalformed,
                        Unparsed::NotIp | Unparsed::Unsupported(_) => Stat::InnerUnread,
                    },
                    1,
                );
                None
            }
        };
        let mut verdict = Verdict::NoMatch;
        if let Some(inside) = &inside {
            verdict = match self.barred(&inside.packet, &packet) {
                Some(barred) => barred,
                None => self.judge(&inside.packet, Some((&packet, inside)), context),
            };
        }
        if let Verdict::Recorded | Verdict::Excluded | Verdict::Domestic = verdict {
            return Ok(verdict);
        }
        let barred = inside.and_then(|inside| self.barred(&packet, &inside.packet));
        match barred.unwrap_or_else(|| self.judge(&packet, None, context)) {
            Verdict::NoMatch => Ok(verdict),
            outside => Ok(outside),
        }
    }

    /// Why a packet, if it is watched, may not be recorded because of the other one: what it is
    /// in, or what it carries.
    fn barred(&self, packet: &Packet, other: &Packet) -> Option<Verdict> {
        let (tables, prefixes) = self.generation.as_ref()?;
        let is_watched = [packet.source, packet.destination]
            .iter()
            .any(|end| longest_match(prefixes, packet.version, *end) != NO_MATCH_SET);
        let barred = passage(tables, other).err().filter(|_| is_watched);
        barred.filter(|verdict| matches!(verdict, Verdict::Excluded | Verdict::Domestic))
    }

    /// Judges a packet, or one that was inside another, and counts it.
    fn judge(
        &mut self,
        packet: &Packet,
        tunnel: Option<(&Packet, &Opened)>,
        context: ReplayContext,
    ) -> Verdict {
        let Some((tables, prefixes)) = &self.generation else {
            return Verdict::NoMatch;
        };
        let end = |address, port| {
            let set = longest_match(prefixes, packet.version, address);
            tables.on_port(set, rule(packet, port))
        };
        let source = end(packet.source, packet.source_port);
        let destination = end(packet.destination, packet.destination_port);
        if source == NO_MATCH_SET && destination == NO_MATCH_SET {
            return Verdict::NoMatch;
        }
        let passage = match passage(tables, packet) {
            Ok(passage) => passage,
            Err(verdict) => return verdict,
        };
        let mut named = [source, destination]
            .into_iter()
            .filter(|&set| set != NO_MATCH_SET)
            .filter_map(|set| tables.group_of_set.get(set as usize))
            .filter_map(|&group| tables.groups.get(group as usize))
            .fold(SlotMask::EMPTY, |named, group| named.union(group));
        if let Some((outside, opened)) = tunnel {
            let rules = rules_about(tables, outside, opened.kind.bit());
            let among =
                (rules.iter()).fold(SlotMask::EMPTY, |among, rule| among.union(&rule.approvals));
            named = named.intersection(&among);
        }
        let now = context.time;
        let until = self.attended_until;
        let facts = Facts {
            now,
            passage,
            interface: if context.interface < MAX_INTERFACES {
                1 << context.interface
            } else {
                0
            },
            own_address: self.is_own(packet, packet.source)
                || self.is_own(packet, packet.destination),
            attended: now < until && (self.has_longer_leases || until - now <= LEASE_LIMIT),
        };
        let counting = Counting {
            slots: &tables.slots,
            counts: RefCell::new(&mut self.slot_counts),
        };
        let judgement = judge(&named, &counting, &facts);
        if judgement.verdict == Verdict::Recorded {
            let mut key = key(packet, &facts, tables.generation, &judgement);
            (key.source_set, key.destination_set) = (source, destination);
            if let Some((_, opened)) = tunnel {
                key.tunnel_kind = opened.kind as u8;
                key.tunnel_id = opened.id.to_be_bytes();
            }
            let value = value(packet, &facts, judgement.fields);
            self.account(key, value);
        }
        judgement.verdict
    }

    fn account(&mut self, key: FlowKey, value: FlowValue) {
        let octets = value.octets;
        let (source, destination) = (key.source_set as usize, key.destination_set as usize);
        if source != 0 {
            self.totals[source].source_packets += 1;
            self.totals[source].source_octets += octets;
        }
        if destination != 0 {
            self.totals[destination].destination_packets += 1;
            self.totals[destination].destination_octets += octets;
        }
        if source != 0 && destination != 0 {
            self.add(Stat::BothPackets, 1);
            self.add(Stat::BothOctets, octets);
        }
        if let Some(known) = self.flows.get_mut(&key) {
            known.absorb(&value);
            return;
        }
        if self.flows.len() >= self.flow_capacity
            && let Some((key, value)) = self.flows.pop_first()
        {
            self.evict(FlowPart { key, value });
        }
        self.flows.insert(key, value);
        let announced = FlowValue {
            packets: 0,
            octets: 0,
            ..value
        };
        self.notices.push(FlowPart {
            key,
            value: announced,
        });
    }

    fn evict(&mut self, part: FlowPart) {
        let (ring, room) = &mut self.ring;
        if ring.len() < *room {
            ring.push(part);
            self.add(Stat::FlowsEvicted, 1);
        } else {
            self.add(Stat::UnattributedPackets, part.value.packets);
            self.add(Stat::UnattributedOctets, part.value.octets);
        }
    }

    fn is_own(&self, packet: &Packet, address: [u8; 16]) -> bool {
        self.own_addresses
            .contains(&(address, packet.version as u32))
    }

    fn add(&mut self, stat: Stat, count: u64) {
        self.counters[stat.cell()] += count;
    }
}

/// Slots that count.
struct Counting<'a> {
    slots: &'a [Slot],
    counts: RefCell<&'a mut Vec<SlotCounts>>,
}

impl SlotTable for Counting<'_> {
    fn slot(&self, number: u32) -> Option<&Slot> {
        self.slots.get(number as usize)
    }

    fn count(&self, number: u32, reached: Verdict) {
        if let Some(cell) = SlotCounts::cell(reached) {
            self.counts.borrow_mut()[number as usize].packets[cell] += 1;
        }
    }
}

impl Datapath for Fake {
    fn next_generation(&self) -> u64 {
        let current = self.generation.as_ref();
        current.map_or(1, |(tables, _)| tables.generation + 1)
    }

    fn publish(&mut self, tables: &Tables) -> Result<Retired, DatapathError> {
        tables.check_room()?;
        let current = self.next_generation() - 1;
        if tables.generation != current + 1 {
            return Err(DatapathError::OutOfTurn {
                given: tables.generation,
                current,
            });
        }
        let v4 = tables.v4.iter().map(|&prefix| IpNet::from(prefix));
        let v6 = tables.v6.iter().map(|&prefix| IpNet::from(prefix));
        let totals = vec![Totals::default(); tables.group_of_set.len()];
        let slot_counts = vec![SlotCounts::default(); SLOTS as usize];
        let retired = Retired {
            generation: current,
            totals: counted(&std::mem::replace(&mut self.totals, totals)),
            slot_counts: std::mem::replace(&mut self.slot_counts, slot_counts),
        };
        self.generation = Some((tables.clone(), v4.chain(v6).zip(1..).collect()));
        Ok(retired)
    }

    fn change(&mut self, change: &Change) -> Result<(), DatapathError> {
        let current = self.next_generation() - 1;
        let generation = self.generation.as_mut();
        let Some((tables, prefixes)) = generation.filter(|_| current == change.generation) else {
            let given = change.generation;
            return Err(DatapathError::OutOfTurn { given, current });
        };
        let group_of_set = &mut tables.group_of_set;
        assert_eq!(change.first_set as usize, group_of_set.len());
        assert_eq!(change.first_group as usize, tables.groups.len());
        group_of_set.extend(&change.group_of_set);
        tables.groups.extend(&change.groups);
        self.totals.resize(group_of_set.len(), Totals::default());
        for Patch {
            prefix,
            is_watched,
            row,
        } in &change.patches
        {
            let _before = if *is_watched {
                prefixes.insert(*prefix, row.set)
            } else {
                prefixes.remove(prefix)
            };
        }
        Ok(())
    }

    fn narrow(&mut self, slot: u32, terms: Terms) -> Result<(), DatapathError> {
        let tables = self.generation.as_mut().map(|(tables, _)| tables);
        if let Some(slot) = tables.and_then(|tables| tables.slots.get_mut(slot as usize)) {
            slot.begin = slot.begin.max(terms.begin);
            slot.end = slot.end.min(terms.end);
        }
        Ok(())
    }

    fn attend(&mut self, until: u64) -> Result<(), DatapathError> {
        self.attended_until = until;
        Ok(())
    }

    fn drain(&mut self, sink: &mut dyn FnMut(FlowPart)) -> Result<(), DatapathError> {
        if self.is_drained {
            return Ok(());
        }
        self.is_drained = true;
        self.notices.drain(..).for_each(&mut *sink);
        self.ring.0.drain(..).for_each(&mut *sink);
        for (key, value) in std::mem::take(&mut self.flows) {
            sink(FlowPart { key, value });
        }
        Ok(())
    }

    fn forget(&mut self) -> Result<(), DatapathError> {
        self.is_drained = false;
        Ok(())
    }

    fn counters(&self) -> Result<Counters, DatapathError> {
        Ok(self.counters)
    }

    fn totals(&self) -> Result<TotalsBySet, DatapathError> {
        Ok(counted(&self.totals))
    }

    fn slot_counts(&self) -> Result<Vec<SlotCounts>, DatapathError> {
        Ok(self.slot_counts.clone())
    }

    fn held(&mut self) -> Result<Held, DatapathError> {
        Ok(self.held.clone())
    }

    fn mend(&mut self) -> Result<Vec<Alarm>, DatapathError> {
        Ok(std::mem::take(&mut self.alarms))
    }

    fn detach(&mut self) {
        self.attached = false;
    }
}

fn counted(totals: &[Totals]) -> TotalsBySet {
    let by_set = (0..).map(SetId).zip(totals.iter().copied());
    by_set
        .filter(|(_, totals)| *totals != Totals::default())
        .collect()
}

fn longest_match(prefixes: &HashMap<IpNet, u32>, version: IpVersion, address: [u8; 16]) -> u32 {
    let around = |length: u8| match version {
        IpVersion::V4 => {
            let [a, b, c, d, ..] = address;
            Ipv4Net::new([a, b, c, d].into(), length)
                .map(|prefix| IpNet::V4(prefix.trunc()))
                .ok()
        }
        IpVersion::V6 => Ipv6Net::new(address.into(), length)
            .map(|prefix| IpNet::V6(prefix.trunc()))
            .ok(),
    };
    (0..=128)
        .rev()
        .filter_map(around)
        .find_map(|prefix| prefixes.get(&prefix).copied())
        .unwrap_or(NO_MATCH_SET)
}

/// The rules of tunnels about a packet that may be of `kinds`.
fn rules_about<'a>(tables: &'a Tables, packet: &Packet, kinds: u16) -> Vec<&'a TunnelRule> {
    let rules = tables.tunnels.iter();
    rules.filter(|rule| rule.is_about(packet, kinds)).collect()
}

/// Class, direction and operator of a packet, or why it is not recorded.
fn passage(tables: &Tables, packet: &Packet) -> Result<Passage, Verdict> {
    Passage::between(
        place(&tables.places, packet.version, packet.source),
        place(&tables.places, packet.version, packet.destination),
    )
}

/// The protocol and a port of a packet, if it has ports.
fn rule(packet: &Packet, port: [u8; 2]) -> Option<PortRule> {
    packet.has_ports.then(|| PortRule {
        protocol: packet.protocol,
        port: u16::from_be_bytes(port),
    })
}

fn place(places: &Flat, version: IpVersion, address: [u8; 16]) -> Place {
    match version {
        IpVersion::V4 => {
            let [a, b, c, d, ..] = address;
            let address = u32::from_be_bytes([a, b, c, d]);
            let mut before = places.v4.iter().rev();
            before
                .find(|(start, _)| *start <= address)
                .map(|range| range.1)
        }
        IpVersion::V6 => {
            let address = u128::from_be_bytes(address);
            let mut before = places.v6.iter().rev();
            before
                .find(|(start, _)| *start <= address)
                .map(|range| range.1)
        }
    }
    .unwrap_or_default()
}

/// Keeps a field, or leaves it at its default.
fn allowed<T: Default>(fields: Fields, field: Fields, value: T) -> T {
    if fields.has(field) {
        value
    } else {
        T::default()
    }
}

fn key(packet: &Packet, facts: &Facts, generation: u64, judgement: &Judgement) -> FlowKey {
    let fields = judgement.fields;
    FlowKey {
        source: packet.source,
        destination: packet.destination,
        source_port: allowed(fields, Fields::PORTS, packet.source_port),
        destination_port: allowed(fields, Fields::PORTS, packet.destination_port),
        has_ports: allowed(fields, Fields::PORTS, packet.has_ports.into()),
        vlan: allowed(fields, Fields::VLAN, packet.vlan),
        ip_version: packet.version as u8,
        protocol: allowed(fields, Fields::PROTOCOL, packet.protocol),
        fragment: allowed(fields, Fields::FRAGMENT, packet.fragment as u8),
        vlan_tags: allowed(fields, Fields::VLAN, packet.vlan_tags),
        interface: if facts.interface == 0 {
            u8::MAX
        } else {
            facts.interface.trailing_zeros().to_le_bytes()[0]
        },
        generation,
        approvals: judgement.approvals,
        ..FlowKey::default()
    }
}

fn value(packet: &Packet, facts: &Facts, fields: Fields) -> FlowValue {
    FlowValue {
        packets: 1,
        octets: u64::from(packet.octets),
        first: facts.now,
        last: facts.now,
        tcp_flags: allowed(fields, Fields::TCP_FLAGS, packet.tcp_flags),
        ttl_min: allowed(fields, Fields::TTL, packet.ttl),
        ttl_max: allowed(fields, Fields::TTL, packet.ttl),
        class: facts.passage.class as u8,
        direction: facts.passage.direction as u8,
        reserved: [0; 2],
    }
}
