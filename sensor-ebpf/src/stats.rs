//! This CPU's counters.
//!
//! A cell is reached by its key and not by an offset into a row: without
//! `CAP_PERFMON` the verifier refuses a pointer that two paths moved differently.
//! An XDP program does not re-enter on its CPU, so plain additions are exact; user
//! space only reads.

use aya_ebpf::{btf_maps::PerCpuArray, macros::btf_map};
use sensor_common::Stat;

#[btf_map]
static STATS: PerCpuArray<u64, { Stat::COUNT }> = PerCpuArray::new();

/// Adds `count` to a counter of this CPU.
#[inline(always)]
pub(crate) fn add(stat: Stat, count: u64) {
    if let Some(counter) = STATS.get_ptr_mut(stat.cell() as u32) {
        // SAFETY: the cell belongs to this CPU, and no other program writes it while this one runs.
        unsafe { counter.write(counter.read().wrapping_add(count)) };
    }
}
