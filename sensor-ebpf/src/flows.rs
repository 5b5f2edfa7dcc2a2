//! The flow structure. [`account`] is the only way in; user space's drain is the only way out.
//!
//! A per-CPU hash in the one slot of an outer map. User space puts an empty hash
//! into the slot, which waits until no program holds the old one, and then reads
//! the old one at leisure: no count falls between reading and deleting. Each CPU
//! writes values of its own.

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    btf_maps::{ArrayOfMaps, PerCpuArray, PerCpuHashMap},
    macros::btf_map,
};
use sensor_common::{FlowKey, FlowValue, Packet, SlotMask, Stat};

use crate::{config::Generation, events, matching::Hit, places::Place, stats::Stats};

/// `errno` of an insertion that another CPU was first with.
const EEXIST: i32 = -17;

/// The bank that counts now.
#[btf_map]
static FLOWS: ArrayOfMaps<PerCpuHashMap<FlowKey, FlowValue, 1>, 1> = ArrayOfMaps::new();

/// Where a flow's key and value are put together: beside the packet's own fields they
/// do not fit on a stack of 512 bytes. Each CPU writes its own.
#[btf_map]
static SCRATCH: PerCpuArray<Scratch, 1> = PerCpuArray::new();

struct Scratch {
    key: FlowKey,
    value: FlowValue,
}

/// A packet to be recorded, with all that was found out about it.
pub(crate) struct Sighting<'a> {
    /// The packet.
    pub(crate) packet: &'a Packet,
    /// Its match sets.
    pub(crate) hit: Hit,
    /// Its class and direction.
    pub(crate) place: Place,
    /// Its time.
    pub(crate) now: u64,
    /// The generation that judged it.
    pub(crate) generation: Generation,
    /// The slot of its interface.
    pub(crate) interface: Option<u8>,
}

/// Counts a recorded packet in its flow, and announces the flow when it is new.
#[inline(always)]
pub(crate) fn account(sighting: &Sighting<'_>, approvals: &SlotMask, stats: &Stats) {
    let outcome = match SCRATCH.get_ptr_mut(0) {
        Some(scratch) => {
            // SAFETY: the scratch belongs to this CPU, an XDP program does not re-enter on its
            // CPU, and this is the only reference.
            let scratch = unsafe { &mut *scratch };
            scratch.key = key(sighting, approvals);
            scratch.value = value(sighting);
            let outcome = add(&scratch.key, &scratch.value);
            if let Outcome::New = outcome {
                events::announce(&scratch.key, &scratch.value, stats);
            }
            outcome
        }
        None => Outcome::NoRoom,
    };
    if let Outcome::NoRoom = outcome {
        stats.add(Stat::UnattributedPackets, 1);
        stats.add(Stat::UnattributedOctets, u64::from(sighting.packet.octets));
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
        // SAFETY: the value belongs to this CPU, and an XDP program does not re-enter on its CPU.
        unsafe { &mut *known }.absorb(value);
        return Outcome::Known;
    }
    match flows.insert(key, value, u64::from(BPF_NOEXIST)) {
        Ok(()) => Outcome::New,
        Err(EEXIST) => match flows.get_ptr_mut(key) {
            Some(known) => {
                // SAFETY: as above.
                unsafe { &mut *known }.absorb(value);
                Outcome::Known
            }
            None => Outcome::NoRoom,
        },
        Err(_) => Outcome::NoRoom,
    }
}

#[inline(always)]
fn key(sighting: &Sighting<'_>, approvals: &SlotMask) -> FlowKey {
    let Packet {
        version,
        source,
        destination,
        protocol,
        source_port,
        destination_port,
        vlan,
        vlan_tags,
        fragment,
        octets: _,
        tcp_flags: _,
        ttl: _,
    } = *sighting.packet;
    FlowKey {
        source,
        destination,
        source_port,
        destination_port,
        vlan,
        tunnel_id: [0; 4],
        tunnel_kind: 0,
        ip_version: version as u8,
        protocol,
        fragment: fragment as u8,
        vlan_tags,
        interface: sighting.interface.unwrap_or(u8::MAX),
        reserved: [0; 6],
        generation: sighting.generation.number,
        approvals: *approvals,
    }
}

#[inline(always)]
fn value(sighting: &Sighting<'_>) -> FlowValue {
    FlowValue {
        packets: 1,
        octets: u64::from(sighting.packet.octets),
        first: sighting.now,
        last: sighting.now,
        source_set: sighting.hit.source,
        destination_set: sighting.hit.destination,
        tcp_flags: sighting.packet.tcp_flags,
        ttl_min: sighting.packet.ttl,
        ttl_max: sighting.packet.ttl,
        class: sighting.place.class as u8,
        direction: sighting.place.direction as u8,
        reserved: [0; 2],
    }
}
