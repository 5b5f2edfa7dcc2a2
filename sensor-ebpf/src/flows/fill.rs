//! Fills in the key of a flow and what a packet adds to it.

use sensor_common::{Fields, FlowKey, FlowValue, Packet, SlotMask};

use crate::{config::Generation, matching::Hit, words};

/// Fills in the flow of a packet as the packet says it, without approvals.
#[inline(always)]
pub(crate) fn fill_key(
    key: &mut FlowKey,
    packet: &Packet,
    (generation, hit): (Generation, &Hit),
    interface: u8,
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
    key.source = source;
    key.destination = destination;
    key.ip_version = version as u8;
    key.source_port = source_port;
    key.destination_port = destination_port;
    key.has_ports = has_ports.into();
    key.protocol = protocol;
    key.vlan = vlan;
    key.vlan_tags = vlan_tags;
    key.fragment = fragment as u8;
    key.interface = interface;
    key.generation = generation.number;
    key.source_set = hit.source;
    key.destination_set = hit.destination;
}

/// Leaves what the approvals let a record say, and nothing else; whether that was all.
#[inline(always)]
pub(super) fn strip(key: &mut FlowKey, fields: Fields) -> bool {
    let mut is_all = true;
    if !fields.has(Fields::PORTS) {
        is_all &= key.has_ports == 0;
        key.source_port = [0; 2];
        key.destination_port = [0; 2];
        key.has_ports = 0;
    }
    if !fields.has(Fields::PROTOCOL) {
        is_all = false;
        key.protocol = 0;
    }
    if !fields.has(Fields::VLAN) {
        is_all &= key.vlan_tags == 0;
        key.vlan.ids = [[0; 2]; 2];
        key.vlan_tags = 0;
    }
    if !fields.has(Fields::FRAGMENT) {
        is_all &= key.fragment == 0;
        key.fragment = 0;
    }
    is_all
}

/// Fills in the approvals under which it is counted.
#[inline(always)]
pub(crate) fn under(key: &mut FlowKey, approvals: &SlotMask) {
    // SAFETY: `key` is a mutable reference.
    unsafe { words::copy(approvals, &raw mut key.approvals) };
}

/// Fills in the tunnel that it was carried in.
#[inline(always)]
pub(super) fn carried(key: &mut FlowKey, tunnel: u64) {
    key.tunnel_kind = tunnel as u8;
    key.tunnel_id = ((tunnel >> 8) as u32).to_be_bytes();
}

/// Fills in what one packet adds to its flow, of a class and direction, likewise.
#[inline(always)]
pub(super) fn fill_value(
    value: &mut FlowValue,
    packet: &Packet,
    now: u64,
    (class, direction): (u8, u8),
    fields: Fields,
) {
    words::clear(value);
    value.packets = 1;
    value.octets = u64::from(packet.octets);
    value.first = now;
    value.last = now;
    if fields.has(Fields::TCP_FLAGS) {
        value.tcp_flags = packet.tcp_flags;
    }
    if fields.has(Fields::TTL) {
        value.ttl_min = packet.ttl;
        value.ttl_max = packet.ttl;
    }
    value.class = class;
    value.direction = direction;
}
