//! Memory of this CPU for what does not fit on a stack of 512 bytes.
//!
//! A packet is put here when it is parsed, and what it is judged by. The verifier does not
//! follow what stands in a map, so the many ways through the parser become one, as do
//! those through places and slots, and what comes after each is verified once. An XDP
//! program does not re-enter on its CPU, so one packet at a time owns it, and leaves
//! nothing of itself behind: maps can be read from outside.

use core::mem::MaybeUninit;

use aya_ebpf::{btf_maps::PerCpuArray, macros::btf_map};
use sensor_common::{Facts, FlowKey, FlowValue, Narrowing, Packet, SlotMask};

use crate::{config::Generation, words};

#[btf_map]
static SCRATCH: PerCpuArray<Scratch, 1> = PerCpuArray::new();

/// What is put together for one packet.
pub(crate) struct Scratch {
    /// The packet.
    pub(crate) packet: MaybeUninit<Packet>,
    /// A word on its way through memory that the verifier does not follow.
    pub(crate) word: u64,
    /// What is put together for one that matched, which few do.
    pub(crate) judging: Judging,
}

/// What a packet that matched is judged by, and what is counted of it.
pub(crate) struct Judging {
    /// The generation that judges it.
    pub(crate) generation: MaybeUninit<Generation>,
    /// What its addresses led to.
    pub(crate) rows: MaybeUninit<u64>,
    /// What its verdict depends on besides the slots.
    pub(crate) facts: MaybeUninit<Facts>,
    /// How far the slots have been narrowed.
    pub(crate) narrowing: MaybeUninit<Narrowing>,
    /// The approvals that name its match sets.
    pub(crate) named: SlotMask,
    /// The key of its flow.
    pub(crate) key: FlowKey,
    /// What it adds to its flow.
    pub(crate) value: FlowValue,
}

impl Scratch {
    /// Forgets the packet, whatever became of it.
    #[inline(always)]
    pub(crate) fn forget(&mut self) {
        // SAFETY: it may be uninitialised, so it takes zeroes.
        unsafe { words::wipe(&mut self.packet) };
        self.word = 0;
    }
}

impl Judging {
    /// Forgets all of it.
    #[inline(always)]
    pub(crate) fn forget(&mut self) {
        // SAFETY: every field takes zeroes: the types of `sensor-common` are valid whatever
        // they hold, and the others may be uninitialised.
        unsafe { words::wipe(self) };
    }
}

/// This CPU's scratch. To be called once a packet.
#[inline(always)]
pub(crate) fn of_this_cpu() -> Option<&'static mut Scratch> {
    // SAFETY: the memory lives as long as the program, belongs to this CPU, and there is one
    // call a packet, so this is the only reference.
    SCRATCH
        .get_ptr_mut(0)
        .map(|scratch| unsafe { &mut *scratch })
}
