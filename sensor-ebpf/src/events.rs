//! What goes to user space early, through a ring buffer: flows that gave way to others in the
//! cache, and notices of new ones.
//!
//! User space drains on a timer. It is woken once, when the ring fills: a wake-up for every
//! record costs more than all other work on a packet. A flow without room is unattributed; a
//! notice without room is counted, and user space makes it up from the counts of its flow. So
//! that flows find room, notices leave them half of the ring.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, BPF_RB_RING_SIZE},
    btf_maps::RingBuf,
    helpers::generated::bpf_ringbuf_query,
    macros::btf_map,
};
use sensor_common::{FlowKey, FlowPart, FlowValue, Stat};

use crate::{stats, words};

/// The loader gives it the size it is told.
const SMALLEST: usize = 4096;

/// Bytes of a record in the ring: a header of eight goes before it.
const RECORD: u64 = size_of::<FlowPart>() as u64 + 8;

/// Written by every CPU under the kernel's own lock, read by user space.
#[btf_map]
static EVENTS: RingBuf<FlowPart, SMALLEST> = RingBuf::new();

/// Announces a new flow, or counts that it could not.
#[inline(always)]
pub(crate) fn announce(key: &FlowKey, value: &FlowValue) {
    let waiting = query(BPF_RB_AVAIL_DATA);
    let has_room = waiting < query(BPF_RB_RING_SIZE) / 2;
    let Some(mut entry) = has_room.then(|| EVENTS.reserve(0)).flatten() else {
        stats::add(Stat::EventsLost, 1);
        return;
    };
    let part = entry.as_mut_ptr();
    // SAFETY: the entry is memory of a part's size and alignment, and every word is written.
    unsafe {
        words::copy(key, &raw mut (*part).key);
        words::copy(value, &raw mut (*part).value);
        (&raw mut (*part).value.packets).write_volatile(0);
        (&raw mut (*part).value.octets).write_volatile(0);
    }
    entry.submit(wake_up(waiting));
}

/// Hands over a flow that gives way to another one.
#[inline(always)]
pub(crate) fn evict(evicted: &FlowPart) {
    let waiting = query(BPF_RB_AVAIL_DATA);
    let Some(mut entry) = EVENTS.reserve(0) else {
        stats::add(Stat::UnattributedPackets, evicted.value.packets);
        stats::add(Stat::UnattributedOctets, evicted.value.octets);
        return;
    };
    // SAFETY: as above.
    unsafe { words::copy(evicted, entry.as_mut_ptr()) };
    entry.submit(wake_up(waiting));
    stats::add(Stat::FlowsEvicted, 1);
}

/// Wakes user space with the record that fills a quarter of the ring, and with no other.
#[inline(always)]
fn wake_up(waiting: u64) -> u64 {
    let over = waiting.wrapping_sub(query(BPF_RB_RING_SIZE) / 4);
    u64::from(if over < RECORD {
        BPF_RB_FORCE_WAKEUP
    } else {
        BPF_RB_NO_WAKEUP
    })
}

#[inline(always)]
fn query(what: u32) -> u64 {
    let ring: *const RingBuf<_, _> = &raw const EVENTS;
    // SAFETY: the address of a map's definition is what the loader puts the map for.
    unsafe { bpf_ringbuf_query(ring.cast_mut().cast::<c_void>(), u64::from(what)) }
}
