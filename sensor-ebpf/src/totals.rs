//! Totals by match set: packets and octets recorded, as source and as destination.
//!
//! A plain array a generation, rows of one CPU side by side, read by user space
//! through mmap. Each CPU adds to rows of its own, so plain additions are exact.
//! They change on the verdict `recorded` only.

use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps},
    helpers::bpf_get_smp_processor_id,
    macros::btf_map,
};
use sensor_common::{NO_MATCH_SET, Stat, Totals};

use crate::{
    config::Generation,
    matching::{self, Hit},
    slots::{ANY_SIZE, MMAPABLE},
    stats,
    words::Cells,
};

/// Totals, by generation.
#[btf_map]
static TOTALS: ArrayOfMaps<Array<Cells<Totals>, 1, { ANY_SIZE | MMAPABLE }>, 2> =
    ArrayOfMaps::new();

/// Counts a recorded packet for the sets of its source and destination.
#[inline(always)]
pub(crate) fn count(generation: Generation, hit: &Hit, octets: u32) {
    let octets = u64::from(octets);
    add(generation, hit.source, |totals| {
        totals.source_packets += 1;
        totals.source_octets += octets;
    });
    add(generation, hit.destination, |totals| {
        totals.destination_packets += 1;
        totals.destination_octets += octets;
    });
    if hit.source != NO_MATCH_SET && hit.destination != NO_MATCH_SET {
        stats::add(Stat::BothPackets, 1);
        stats::add(Stat::BothOctets, octets);
    }
}

#[inline(always)]
fn add(generation: Generation, set: u32, change: impl FnOnce(&mut Totals)) {
    if set == NO_MATCH_SET {
        return;
    }
    let totals = matching::stride(generation).and_then(|stride| {
        // SAFETY: the helper has no arguments and no preconditions.
        let cpu = unsafe { bpf_get_smp_processor_id() } as u32;
        let index = cpu.wrapping_mul(stride).wrapping_add(set);
        TOTALS.get_value_ptr_mut(generation.index, &index)
    });
    match totals {
        // SAFETY: the cells are those of `Totals` and belong to this CPU, and an XDP program does
        // not re-enter on its CPU.
        Some(totals) => change(unsafe { &mut *totals.cast::<Totals>() }),
        None => stats::add(Stat::TotalsLost, 1),
    }
}
