//! Notices of new flows, through a ring buffer.
//!
//! User space drains on a timer and is never woken: a wake-up for every notice costs more
//! than all other work on a packet. A notice without room is counted, and user space makes
//! it up from the counts of its flow.

use aya_ebpf::{bindings::BPF_RB_NO_WAKEUP, btf_maps::RingBuf, macros::btf_map};
use sensor_common::{FlowEvent, FlowKey, FlowValue, Stat};

use crate::{stats, words};

const RING: usize = 1 << 20;

/// Written by every CPU under the kernel's own lock, read by user space.
#[btf_map]
static EVENTS: RingBuf<FlowEvent, RING> = RingBuf::new();

/// Announces a new flow, or counts that it could not.
#[inline(always)]
pub(crate) fn announce(key: &FlowKey, value: &FlowValue) {
    let Some(mut entry) = EVENTS.reserve(0) else {
        stats::add(Stat::EventsLost, 1);
        return;
    };
    let event = entry.as_mut_ptr();
    // SAFETY: the entry is memory of an event's size and alignment, and every field is written.
    unsafe {
        words::copy(key, &raw mut (*event).key);
        (*event).time = value.first;
        let tail = [value.class, value.direction, 0, 0, 0, 0, 0, 0];
        (&raw mut (*event).class)
            .cast::<u64>()
            .write_volatile(u64::from_ne_bytes(tail));
    }
    entry.submit(u64::from(BPF_RB_NO_WAKEUP));
}
