//! The approvals in force, and the verdict on a packet.
//!
//! User space writes a generation's rows before it names the generation; the
//! program only reads.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps},
    helpers::{bpf_get_smp_processor_id, generated::bpf_loop},
    macros::btf_map,
};
use sensor_common::{
    Facts, Fields, Judgement, Narrowing, SLOTS, Slot, SlotCounts, SlotMask, SlotTable, Stat,
    Verdict,
};

use crate::{
    config::Generation,
    matching::Hit,
    stats,
    words::{self, Cells},
};

/// `BPF_F_INNER_MAP`: an inner array may have another size than the template.
pub(crate) const ANY_SIZE: usize = 1 << 12;

/// `BPF_F_MMAPABLE`: user space reads the rows without a system call each.
pub(crate) const MMAPABLE: usize = 1 << 10;

/// Approval groups: the distinct masks of approvals that name a match set, by generation.
#[btf_map]
static GROUPS: ArrayOfMaps<Array<Cells<SlotMask>, 1, { ANY_SIZE | MMAPABLE }>, 2> =
    ArrayOfMaps::new();

/// Slots, by generation. While they are in force, user space stores begin and end only, a
/// word each through shared memory.
#[btf_map]
static APPROVALS: ArrayOfMaps<Array<Cells<Slot>, { SLOTS as usize }, MMAPABLE>, 2> =
    ArrayOfMaps::new();

/// How far packets came in each slot, by generation: rows of one CPU side by side. Each CPU
/// adds to rows of its own.
#[btf_map]
static SLOT_COUNTS: ArrayOfMaps<Array<Cells<SlotCounts>, 1, { ANY_SIZE | MMAPABLE }>, 2> =
    ArrayOfMaps::new();

/// Judges a packet by the approvals that name its match sets, and leaves these in `named`.
///
/// The facts stand in the scratch, and the narrowing is done there. A packet that was carried in a
/// tunnel is judged among the approvals that name this.
#[inline(always)]
pub(crate) fn judge(
    generation: Generation,
    hit: &Hit,
    facts: &Facts,
    (named, narrowing): (&mut SlotMask, &mut MaybeUninit<Narrowing>),
    among: Option<&SlotMask>,
) -> Judgement {
    words::clear(named);
    add_group(named, generation, hit.source_group);
    add_group(named, generation, hit.destination_group);
    if let Some(among) = among {
        let both = named.intersection(among);
        // SAFETY: `named` is a mutable reference.
        unsafe { words::copy(&both, named) };
    }
    let approvals = Approvals {
        generation,
        narrowing: narrowing.as_mut_ptr(),
    };
    sensor_common::judge(named, &approvals, facts)
}

#[inline(always)]
fn add_group(named: &mut SlotMask, generation: Generation, group: u32) {
    if let Some(group) = GROUPS.get_value(generation.index, &group) {
        let union = named.union(words::view(group));
        // SAFETY: `named` is a mutable reference.
        unsafe { words::copy(&union, named) };
    }
}

/// What a slot lets a record say, while it is in force.
#[inline(always)]
pub(crate) fn is_in_force(generation: Generation, number: u32, now: u64) -> Option<Fields> {
    let slot: *const Slot = words::view(APPROVALS.get_value(generation.index, &number)?);
    // SAFETY: the cells are those of a `Slot`; user space stores whole words, and each is read
    // once.
    let (begin, end, fields) = unsafe {
        (
            (&raw const (*slot).begin).read_volatile(),
            (&raw const (*slot).end).read_volatile(),
            (*slot).fields,
        )
    };
    (begin <= now && now < end).then_some(fields)
}

/// Counts how far a packet came in a slot.
#[inline(always)]
pub(crate) fn count(generation: Generation, number: u32, reached: Verdict) {
    // SAFETY: the helper has no arguments and no preconditions.
    let cpu = unsafe { bpf_get_smp_processor_id() } as u32;
    let row = cpu.wrapping_mul(SLOTS).wrapping_add(number);
    let counts = SLOT_COUNTS.get_value_ptr_mut(generation.index, &row);
    match (counts, SlotCounts::cell(reached)) {
        (Some(counts), Some(cell)) if cell < SlotCounts::VERDICTS => {
            let counts = counts.cast::<SlotCounts>();
            // SAFETY: the cells are those of `SlotCounts` and belong to this CPU, and an
            // XDP program does not re-enter on its CPU.
            unsafe { (*counts).packets[cell] += 1 };
        }
        _ => stats::add(Stat::SlotCountsLost, 1),
    }
}

struct Approvals {
    generation: Generation,
    /// Where a narrowing is done: in a map, so that the verifier goes on with one state
    /// instead of one for each step that a slot may have come to.
    narrowing: *mut Narrowing,
}

impl SlotTable for Approvals {
    #[inline(always)]
    fn slot(&self, number: u32) -> Option<&Slot> {
        APPROVALS
            .get_value(self.generation.index, &number)
            .map(words::view)
    }

    #[inline(always)]
    fn count(&self, number: u32, reached: Verdict) {
        count(self.generation, number, reached);
    }

    /// By `bpf_loop` (Linux 5.17): the verifier checks a step once and not 256 times.
    #[inline(always)]
    fn narrow(&self, narrowing: &mut Narrowing, facts: &Facts) {
        let mut state = State {
            approvals: self,
            facts,
        };
        // SAFETY: the scratch belongs to this CPU and this packet, and nobody else holds its
        // narrowing. The kernel calls `step` with the state, and only until it returns.
        unsafe {
            self.narrowing.write(*narrowing);
            bpf_loop(
                Narrowing::STEPS,
                step as *mut c_void,
                (&raw mut state).cast(),
                0,
            );
            *narrowing = self.narrowing.read();
        }
    }
}

/// What the steps of one loop share.
struct State<'a> {
    approvals: &'a Approvals,
    facts: &'a Facts,
}

/// One step; 1 ends the loop.
extern "C" fn step(_index: u64, state: *mut c_void) -> i64 {
    // SAFETY: `narrow` passes a pointer to its own state, and nobody else reads or writes the
    // narrowing meanwhile.
    let (state, narrowing) = unsafe {
        let state = &*state.cast::<State<'_>>();
        (state, &mut *state.approvals.narrowing)
    };
    i64::from(!narrowing.step(state.approvals, state.facts))
}
