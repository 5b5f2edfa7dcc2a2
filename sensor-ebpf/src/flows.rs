//! The flow structure. [`account`] is the only way in; user space's drain is the only way out.
//!
//! A per-CPU hash in the one slot of an outer map. User space puts an empty hash
//! into the slot, which waits until no program holds the old one, and then reads
//! the old one at leisure: no count falls between reading and deleting. Each CPU
//! writes values of its own.

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    btf_maps::{ArrayOfMaps, PerCpuHashMap},
    macros::btf_map,
};
use sensor_common::{Facts, Fields, FlowKey, FlowValue, Judgement, Packet, Stat};

use crate::{
    config::Generation,
    events,
    matching::Hit,
    stats,
    words::{self, Cells},
};

/// `errno` of an insertion that another CPU was first with.
const EEXIST: i32 = -17;

/// The bank that counts now.
#[btf_map]
static FLOWS: ArrayOfMaps<PerCpuHashMap<FlowKey, Cells<FlowValue>, 1>, 1> = ArrayOfMaps::new();

/// Counts a recorded packet in its flow, and announces the flow when it is new.
#[inline(always)]
pub(crate) fn account(key: &FlowKey, value: &FlowValue) {
    match add(key, value) {
        Outcome::Known => {}
        Outcome::New => events::announce(key, value),
        Outcome::NoRoom => {
            stats::add(Stat::UnattributedPackets, value.packets);
            stats::add(Stat::UnattributedOctets, value.octets);
        }
    }
}

enum Outcome {
    Known,
    New,
    NoRoom,
}

#[inline(always)]
fn add(key: &FlowKey, value: &FlowValue) -> Outcome {
    let Some(flows) = FLOWS.get(0) else {
        return Outcome::NoRoom;
    };
    if let Some(known) = flows.get_ptr_mut(key) {
        // SAFETY: the cells are those of a `FlowValue` and belong to this CPU, and an XDP program
        // does not re-enter on its CPU.
        unsafe { &mut *known.cast::<FlowValue>() }.absorb(value);
        return Outcome::Known;
    }
    match flows.insert(key, words::cells(value), u64::from(BPF_NOEXIST)) {
        Ok(()) => Outcome::New,
        Err(EEXIST) => match flows.get_ptr_mut(key) {
            Some(known) => {
                // SAFETY: as above.
                unsafe { &mut *known.cast::<FlowValue>() }.absorb(value);
                Outcome::Known
            }
            None => Outcome::NoRoom,
        },
        Err(_) => Outcome::NoRoom,
    }
}

/// Fills in the flow of a packet: what its approvals let a record say, and nothing else.
#[inline(always)]
pub(crate) fn fill_key(
    key: &mut FlowKey,
    packet: &Packet,
    (generation, hit): (Generation, &Hit),
    interface: u8,
    judgement: &Judgement,
) {
    let Packet {
        version,
        source,
        destination,
        protocol,
        source_port,
        destination_port,
        has_ports,
        vlan,
        vlan_tags,
        fragment,
        octets: _,
        tcp_flags: _,
        ttl: _,
    } = *packet;
    words::clear(key);
    let fields = judgement.fields;
    key.source = source;
    key.destination = destination;
    key.ip_version = version as u8;
    if fields.has(Fields::PORTS) {
        key.source_port = source_port;
        key.destination_port = destination_port;
        key.has_ports = has_ports.into();
    }
    if fields.has(Fields::PROTOCOL) {
        key.protocol = protocol;
    }
    if fields.has(Fields::VLAN) {
        key.vlan = vlan;
        key.vlan_tags = vlan_tags;
    }
    if fields.has(Fields::FRAGMENT) {
        key.fragment = fragment as u8;
    }
    key.interface = interface;
    key.generation = generation.number;
    key.source_set = hit.source;
    key.destination_set = hit.destination;
    // SAFETY: `key` is a mutable reference.
    unsafe { words::copy(&judgement.approvals, &raw mut key.approvals) };
}

/// Fills in the tunnel that it was carried in.
#[inline(always)]
pub(crate) fn carried(key: &mut FlowKey, tunnel: u64) {
    key.tunnel_kind = tunnel as u8;
    key.tunnel_id = ((tunnel >> 8) as u32).to_be_bytes();
}

/// Fills in what one packet adds to its flow, likewise.
#[inline(always)]
pub(crate) fn fill_value(value: &mut FlowValue, packet: &Packet, facts: &Facts, fields: Fields) {
    words::clear(value);
    value.packets = 1;
    value.octets = u64::from(packet.octets);
    value.first = facts.now;
    value.last = facts.now;
    if fields.has(Fields::TCP_FLAGS) {
        value.tcp_flags = packet.tcp_flags;
    }
    if fields.has(Fields::TTL) {
        value.ttl_min = packet.ttl;
        value.ttl_max = packet.ttl;
    }
    value.class = facts.passage.class as u8;
    value.direction = facts.passage.direction as u8;
}
