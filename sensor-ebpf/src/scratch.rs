//! Memory of this CPU for what does not fit on a stack of 512 bytes.
//!
//! A packet is put here when it is parsed, and what it is judged by. The verifier does not
//! follow what stands in a map, so the many ways through the parser become one, as do
//! those through places and slots, and what comes after each is verified once. An XDP
//! program does not re-enter on its CPU, so one packet at a time owns it, and leaves
//! nothing of itself behind: maps can be read from outside.

use core::{hint::black_box, mem::MaybeUninit};

use aya_ebpf::{btf_maps::PerCpuArray, macros::btf_map};
use sensor_common::{Facts, FlowKey, FlowValue, Narrowing, Packet, SlotMask};

use crate::{config::Generation, matching::Hit, tunnels::Tunnel, words};

#[btf_map]
static SCRATCH: PerCpuArray<Scratch, 1> = PerCpuArray::new();

/// What is put together for one packet.
pub(crate) struct Scratch {
    /// The packet.
    pub(crate) packet: MaybeUninit<Packet>,
    /// What it carries.
    pub(crate) payload: u64,
    /// The packet inside, of one in a tunnel; the outer one while this is judged.
    pub(crate) inside: MaybeUninit<Packet>,
    /// The tunnel.
    pub(crate) tunnel: Tunnel,
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
    /// The match sets that they name.
    pub(crate) hit: MaybeUninit<Hit>,
    /// The time, read once.
    pub(crate) now: u64,
    /// The slot of the interface it came through.
    pub(crate) interface: u64,
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
        self.payload = 0;
        self.word = 0;
    }

    /// Forgets what a packet carried.
    #[inline(always)]
    pub(crate) fn forget_inside(&mut self) {
        // SAFETY: as above.
        unsafe { words::wipe(&mut self.inside) };
        self.tunnel.forget();
    }

    /// Puts the packet inside in the place of the one outside, and the other way round.
    #[inline(always)]
    pub(crate) fn exchange(&mut self) {
        const WORDS: usize = size_of::<Packet>() / size_of::<u64>();
        let packet: *mut u64 = self.packet.as_mut_ptr().cast();
        let inside: *mut u64 = self.inside.as_mut_ptr().cast();
        let mut word = 0;
        while word < WORDS {
            // SAFETY: the word lies inside both, which are words of this CPU's scratch.
            unsafe {
                let other = inside.add(word).read_volatile();
                inside
                    .add(word)
                    .write_volatile(packet.add(word).read_volatile());
                packet.add(word).write_volatile(other);
            }
            word += 1;
        }
    }
}

/// The word of this CPU's scratch, for [`settle`].
#[inline(always)]
pub(crate) fn word() -> Option<*mut u64> {
    // SAFETY: the memory lives as long as the program; no reference to the word is made.
    SCRATCH
        .get_ptr_mut(0)
        .map(|scratch| unsafe { &raw mut (*scratch).word })
}

/// Gives a word back as it is, out of memory that the verifier does not follow: of what was
/// known about it, it knows nothing any more, and goes on once.
#[inline(always)]
pub(crate) fn settle(through: *mut u64, word: u64) -> u64 {
    // SAFETY: the memory is the word of this CPU's scratch, and nobody else writes it while
    // this packet is judged.
    unsafe {
        through.write_volatile(word);
        through.read_volatile()
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

/// This CPU's scratch, in a function that takes no pointers. Whoever calls that has handed the
/// scratch over with [`hand_over`].
#[inline(always)]
pub(crate) fn again() -> Option<&'static mut Scratch> {
    of_this_cpu()
}

/// Lets go of the scratch while a function is called that takes it with [`again`]: whatever was
/// written stands in memory, and what is read afterwards is read anew.
#[inline(always)]
pub(crate) fn hand_over(scratch: &mut Scratch) -> &mut Scratch {
    black_box(scratch)
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
