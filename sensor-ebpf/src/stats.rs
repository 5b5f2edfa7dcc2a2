//! This CPU's counters.
//!
//! One row a CPU, looked up once a packet. An XDP program does not re-enter on
//! its CPU, so plain additions are exact; user space only reads.

use core::cell::UnsafeCell;

use aya_ebpf::{btf_maps::PerCpuArray, macros::btf_map};
use sensor_common::{Counters, Stat};

#[btf_map]
static STATS: PerCpuArray<Counters, 1> = PerCpuArray::new();

/// Counters of the CPU the program runs on.
pub(crate) struct Stats {
    counters: *mut u64,
    _not_shared: core::marker::PhantomData<UnsafeCell<Counters>>,
}

impl Stats {
    /// Looks the row up.
    #[inline(always)]
    pub(crate) fn of_this_cpu() -> Option<Self> {
        STATS.get_ptr_mut(0).map(|row| Self {
            counters: row.cast(),
            _not_shared: core::marker::PhantomData,
        })
    }

    /// Adds `count` to a counter.
    #[inline(always)]
    pub(crate) fn add(&self, stat: Stat, count: u64) {
        let cell = stat.cell();
        if cell < Stat::COUNT {
            // SAFETY: the row has `Stat::COUNT` cells, `cell` is one of them, and no other
            // program writes this CPU's row while this one runs.
            unsafe {
                let counter = self.counters.add(cell);
                counter.write(counter.read().wrapping_add(count));
            }
        }
    }
}
