//! A reference for the kernel's decisions: what the papers mean, written apart.
//!
//! Layer by layer and step by step, by linear search, on facts about a packet and not on
//! its bytes. It knows plain data types of the product and none of its decisions: neither
//! the parser nor compiled or flattened tables nor the verdict.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    ops::Range,
};

use ipnet::IpNet;
use sekisho::places::{special, territory::Placed};
use sensor_common::{Class, Direction, Fields, FlowKey, FlowValue, Place, SlotMask, Verdict, Vlan};

/// All that decides about packets.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// Number of the generation.
    pub(crate) generation: u64,
    /// The territory; without one, as in lab, all addresses are foreign.
    pub(crate) territory: Option<Vec<(IpNet, Placed)>>,
    pub(crate) exclusions: Vec<IpNet>,
    /// Prefixes of operator 1, of operator 2, and so on.
    pub(crate) operators: Vec<Vec<IpNet>>,
    pub(crate) indicators: Vec<IpNet>,
    /// When each of them begins and ends.
    pub(crate) times: Vec<Range<u64>>,
    /// What time it is for indicators.
    pub(crate) moment: u64,
    /// Protocols and ports on which each of them counts; none is any, and packets without.
    pub(crate) ports: Vec<Vec<(u8, u16)>>,
    pub(crate) permits: Vec<Permit>,
    /// Addresses of this host.
    pub(crate) own: Vec<IpAddr>,
}

/// An approval as its paper says it.
#[derive(Clone, Debug)]
pub(crate) struct Permit {
    pub(crate) slot: u32,
    /// The indicators it names.
    pub(crate) indicators: BTreeSet<usize>,
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) classes: Vec<Class>,
    pub(crate) directions: Vec<Direction>,
    pub(crate) interfaces: Vec<u32>,
    /// Interfaces on which it is for packets of this host alone.
    pub(crate) own_only: Vec<u32>,
    pub(crate) consent: Consent,
    pub(crate) fields: Fields,
}

/// Whose prefixes `infrastructure` covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    OfNobody,
    Of(u16),
    OfEverybody,
}

/// A frame as the one who built it knows it.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    NotIp,
    Malformed,
    Unsupported,
    Packet(Facts),
}

/// What is true of a packet.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    /// Where the protocol has ports and the packet has them.
    pub(crate) ports: Option<(u16, u16)>,
    pub(crate) vlan: Vec<u16>,
    /// 1 for a first fragment, 2 for a later one.
    pub(crate) fragment: u8,
    pub(crate) tcp_flags: u8,
    pub(crate) ttl: u8,
    pub(crate) octets: u64,
    pub(crate) interface: u32,
    pub(crate) time: u64,
}

/// What is decided about a frame.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) verdict: Verdict,
    /// How far it came under each approval that names it.
    pub(crate) reached: Vec<(u32, Verdict)>,
    /// Packets, octets, times, TCP flags, TTL, class and direction.
    pub(crate) flow: Option<(Flow, FlowValue)>,
}

/// What an approval must meet, and the verdict where none does.
type Step<'a> = (Verdict, Box<dyn Fn(&Permit) -> bool + 'a>);

/// A flow: a key whose match sets are 0, and what they stand for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flow {
    pub(crate) key: FlowKey,
    pub(crate) source: Option<Watched>,
    pub(crate) destination: Option<Watched>,
}

/// What a match set stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Watched {
    /// The longest prefix around the address that an indicator in force has.
    pub(crate) prefix: IpNet,
    /// The indicators around it that count for the packet.
    pub(crate) indicators: BTreeSet<usize>,
}

impl World {
    /// What must be decided about a frame, while somebody attends or not.
    pub(crate) fn decide(&self, frame: &Frame, is_attended: bool) -> Decision {
        let only = |verdict| Decision {
            verdict,
            reached: Vec::new(),
            flow: None,
        };
        let facts = match frame {
            Frame::NotIp => return only(Verdict::NotIp),
            Frame::Malformed => return only(Verdict::Malformed),
            Frame::Unsupported => return only(Verdict::Unsupported),
            Frame::Packet(facts) => facts,
        };
        let (source, destination) = self.counting(facts);
        let around = source.iter().chain(&destination);
        let around: BTreeSet<usize> = around.flat_map(|end| end.indicators.clone()).collect();
        if around.is_empty() {
            return only(Verdict::NoMatch);
        }
        let ends = [facts.source, facts.destination].map(|address| self.place(address));
        if ends.contains(&Place::Excluded) {
            return only(Verdict::Excluded);
        }
        if ends.contains(&Place::Unknown) {
            return only(Verdict::Unknown);
        }
        if !ends.contains(&Place::Foreign) {
            return only(Verdict::Domestic);
        }
        let way = way(ends);
        let naming = |permit: &&Permit| !permit.indicators.is_disjoint(&around);
        let mut left: Vec<&Permit> = self.permits.iter().filter(naming).collect();
        let mut verdict = Verdict::Unapproved;
        let mut reached = Vec::new();
        for (step, holds) in self.steps(facts, way, is_attended) {
            if !left.is_empty() {
                verdict = step;
            }
            left.retain(|permit| {
                let stays = holds(permit);
                if !stays {
                    reached.push((permit.slot, step));
                }
                stays
            });
        }
        if left.is_empty() {
            return Decision {
                verdict,
                reached,
                flow: None,
            };
        }
        reached.extend(left.iter().map(|permit| (permit.slot, Verdict::Recorded)));
        Decision {
            verdict: Verdict::Recorded,
            reached,
            flow: Some((
                Flow {
                    key: self.key(facts, &left),
                    source,
                    destination,
                },
                value(facts, way, &left),
            )),
        }
    }

    /// Where an address lies: exclusions before operators before special purposes before
    /// the territory.
    pub(crate) fn place(&self, address: IpAddr) -> Place {
        let rows = self.territory.iter().flatten();
        let row = rows
            .into_iter()
            .find(|(prefix, _)| prefix.contains(&address));
        let row = row.map(|(_, placed)| *placed);
        let is_excluded = self
            .exclusions
            .iter()
            .any(|prefix| prefix.contains(&address));
        if is_excluded || row == Some(Placed::Excluded) {
            return Place::Excluded;
        }
        let mut longest: Option<(u8, u16)> = None;
        for (number, prefixes) in (1..).zip(&self.operators) {
            for prefix in prefixes.iter().filter(|prefix| prefix.contains(&address)) {
                if longest.is_none_or(|(length, _)| length < prefix.prefix_len()) {
                    longest = Some((prefix.prefix_len(), number));
                }
            }
        }
        if let Some((_, number)) = longest {
            return Place::Operator(number);
        }
        if self.territory.is_none() {
            return Place::Foreign;
        }
        let is_special = (special::REGISTRY.iter()).any(|entry| entry.prefix.contains(&address));
        match row {
            Some(Placed::Foreign) if !is_special => Place::Foreign,
            Some(Placed::Domestic) if !is_special => Place::Domestic,
            _ => Place::Unknown,
        }
    }

    /// The indicators around an address that an approval names.
    pub(crate) fn named_around(&self, address: IpAddr) -> BTreeSet<usize> {
        let around = self.indicators.iter().enumerate();
        let around = around.filter(|(_, prefix)| prefix.contains(&address));
        let around = around.filter(|(number, _)| self.times[*number].contains(&self.moment));
        let is_named =
            |number: &usize| (self.permits.iter()).any(|p| p.indicators.contains(number));
        around.map(|(number, _)| number).filter(is_named).collect()
    }

    /// What an approval must meet, in the order of the decision.
    fn steps<'a>(
        &'a self,
        facts: &'a Facts,
        (class, direction, operator): (Class, Direction, Option<u16>),
        is_attended: bool,
    ) -> [Step<'a>; 7] {
        let interface = facts.interface;
        let is_own = self.own.contains(&facts.source) || self.own.contains(&facts.destination);
        let consents = move |permit: &Permit| match (operator, permit.consent) {
            (None, _) | (_, Consent::OfEverybody) => true,
            (Some(_), Consent::OfNobody) => false,
            (Some(operator), Consent::Of(consenting)) => operator == consenting,
        };
        [
            (
                Verdict::Unapproved,
                Box::new(move |permit| is_own || !permit.own_only.contains(&interface)),
            ),
            (
                Verdict::NotYet,
                Box::new(|permit| facts.time >= permit.begin),
            ),
            (Verdict::Expired, Box::new(|permit| facts.time < permit.end)),
            (
                Verdict::Class,
                Box::new(move |permit| permit.classes.contains(&class) && consents(permit)),
            ),
            (
                Verdict::Direction,
                Box::new(move |permit| permit.directions.contains(&direction)),
            ),
            (
                Verdict::Interface,
                Box::new(move |permit| permit.interfaces.contains(&interface)),
            ),
            (Verdict::Unattended, Box::new(move |_| is_attended)),
        ]
    }

    /// What counts for a packet at each end: an indicator with ports only where the packet has
    /// one of them at the same end.
    fn counting(&self, facts: &Facts) -> (Option<Watched>, Option<Watched>) {
        let end = |address, port: Option<u16>| {
            let port = port.map(|port| (facts.protocol, port));
            let around = self.named_around(address);
            let lengths = around.iter().map(|&number| self.indicators[number]);
            let prefix = lengths.max_by_key(IpNet::prefix_len)?;
            let counts = |number: &usize| {
                let ports = &self.ports[*number];
                ports.is_empty() || port.is_some_and(|port| ports.contains(&port))
            };
            let indicators: BTreeSet<usize> = around.into_iter().filter(counts).collect();
            (!indicators.is_empty()).then_some(Watched { prefix, indicators })
        };
        (
            end(facts.source, facts.ports.map(|ports| ports.0)),
            end(facts.destination, facts.ports.map(|ports| ports.1)),
        )
    }

    fn key(&self, facts: &Facts, under: &[&Permit]) -> FlowKey {
        let mut key = FlowKey {
            source: octets(facts.source),
            destination: octets(facts.destination),
            ip_version: if facts.source.is_ipv4() { 4 } else { 6 },
            interface: u8::try_from(facts.interface).unwrap(),
            generation: self.generation,
            ..FlowKey::default()
        };
        let mut slots = [0; 4];
        for permit in under {
            slots[usize::try_from(permit.slot / 64).unwrap()] |= 1 << (permit.slot % 64);
        }
        key.approvals = SlotMask { words: slots };
        if allow(under, Fields::PORTS) {
            let (source, destination) = facts.ports.unwrap_or_default();
            key.source_port = source.to_be_bytes();
            key.destination_port = destination.to_be_bytes();
            key.has_ports = facts.ports.is_some().into();
        }
        if allow(under, Fields::PROTOCOL) {
            key.protocol = facts.protocol;
        }
        if allow(under, Fields::VLAN) {
            key.vlan = Vlan::default();
            for (tag, id) in key.vlan.ids.iter_mut().zip(&facts.vlan) {
                *tag = id.to_be_bytes();
            }
            key.vlan_tags = u8::try_from(facts.vlan.len()).unwrap();
        }
        if allow(under, Fields::FRAGMENT) {
            key.fragment = facts.fragment;
        }
        key
    }
}

fn allow(under: &[&Permit], field: Fields) -> bool {
    under.iter().any(|permit| permit.fields.0 & field.0 != 0)
}

fn value(
    facts: &Facts,
    (class, direction, _): (Class, Direction, Option<u16>),
    under: &[&Permit],
) -> FlowValue {
    let mut value = FlowValue {
        packets: 1,
        octets: facts.octets,
        first: facts.time,
        last: facts.time,
        class: class as u8,
        direction: direction as u8,
        ..FlowValue::default()
    };
    if allow(under, Fields::TCP_FLAGS) {
        value.tcp_flags = u16::from(facts.tcp_flags);
    }
    if allow(under, Fields::TTL) {
        (value.ttl_min, value.ttl_max) = (facts.ttl, facts.ttl);
    }
    value
}

/// Counts a packet in its flow.
pub(crate) fn count(flows: &mut BTreeMap<Flow, FlowValue>, flow: Flow, one: FlowValue) {
    let Some(sum) = flows.get_mut(&flow) else {
        flows.insert(flow, one);
        return;
    };
    sum.packets += one.packets;
    sum.octets += one.octets;
    sum.first = sum.first.min(one.first);
    sum.last = sum.last.max(one.last);
    sum.tcp_flags |= one.tcp_flags;
    sum.ttl_min = sum.ttl_min.min(one.ttl_min);
    sum.ttl_max = sum.ttl_max.max(one.ttl_max);
}

/// Class, direction and operator between two places, one of which is foreign at least.
fn way([source, destination]: [Place; 2]) -> (Class, Direction, Option<u16>) {
    let (direction, here) = match (source, destination) {
        (Place::Foreign, Place::Foreign) => return (Class::Transit, Direction::Through, None),
        (Place::Foreign, here) => (Direction::Inbound, here),
        (here, _) => (Direction::Outbound, here),
    };
    match here {
        Place::Operator(operator) => (Class::Infrastructure, direction, Some(operator)),
        _ => (Class::Relay, direction, None),
    }
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&address.octets());
            octets
        }
        IpAddr::V6(address) => address.octets(),
    }
}
