//! Programs that look up every packet of a part of the trace, in one run.
//!
//! Overlapped, nothing keeps the processor from working on several packets at once.
//! Serialised, each is finished before the next begins: its result is added to a cell by a
//! locked instruction, which waits for everything before it and which everything after it
//! waits for, and the next index needs the sum. A dependency of data alone would not do:
//! where a look-up ends in a branch, the processor guesses it and goes on.

use core::{arch::asm, ffi::c_void, marker::PhantomData};

use aya_ebpf::{
    bindings::xdp_action::XDP_PASS,
    btf_maps::Array,
    helpers::generated::bpf_loop,
    macros::{btf_map, xdp},
    programs::XdpContext,
};
use sensor_common::Packet;

use super::{
    rivals,
    trace::{Entry, NarrowEntry, WideEntry},
};
use crate::{
    config::{self, Generation},
    matching,
};

/// What user space asks for: the first entry and how many, a multiple of [`STRIDE`].
#[btf_map]
static WALK: Array<u64, 2> = Array::new();

/// What came of it: packets that matched, a sum over their match sets, and the cell of a
/// serialised walk.
#[btf_map]
static WALKED: Array<u64, 3> = Array::new();

/// Packets of a step. The kernel calls a step, and where returns are guarded against
/// speculation a call a packet costs more than the look-up.
const STRIDE: u64 = 8;

const FIRST: u32 = 0;
const COUNT: u32 = 1;
const PACKETS: u32 = 0;
const SETS: u32 = 1;
const TURN: u32 = 2;

/// One way to look up.
trait Way {
    /// Looks up the packet of an entry: whether it matched, and its part of the sum.
    fn look_up<E: Entry>(generation: Generation, entry: &E) -> Found;
}

struct Found {
    packets: u64,
    sets: u64,
}

impl Found {
    /// Of both match sets, that of the source in the lower half.
    #[inline(always)]
    const fn of(sets: u64) -> Self {
        Self {
            packets: (sets != 0) as u64,
            sets,
        }
    }
}

/// The sensor's own look-up, and of what matched the rows.
#[inline(always)]
fn ours(generation: Generation, packet: &Packet) -> u64 {
    let rows = matching::look_up(generation, packet);
    if rows == 0 {
        return 0;
    }
    let (source, destination) = matching::sets(generation, rows);
    u64::from(source) | u64::from(destination) << 32
}

/// Reads the addresses and does nothing with them: what walking costs.
struct Nothing;
/// What no look-up can do without.
struct Floor;
/// The sensor's own.
struct Ours;
/// The kernel's trie.
struct Lpm;
/// A hash a prefix length.
struct Hashes;

impl Way for Nothing {
    #[inline(always)]
    fn look_up<E: Entry>(_: Generation, entry: &E) -> Found {
        Found {
            packets: 0,
            sets: entry.fold(),
        }
    }
}

impl Way for Floor {
    #[inline(always)]
    fn look_up<E: Entry>(_: Generation, entry: &E) -> Found {
        let is_watched = entry.is_watched();
        Found {
            packets: u64::from(is_watched),
            sets: rivals::floor(&entry.packet(), is_watched),
        }
    }
}

macro_rules! look_ups {
    ($($way:ident: $look_up:path),*) => {
        $(impl Way for $way {
            #[inline(always)]
            fn look_up<E: Entry>(generation: Generation, entry: &E) -> Found {
                let packet: Packet = entry.packet();
                Found::of($look_up(generation, &packet))
            }
        })*
    };
}

look_ups!(Ours: ours, Lpm: rivals::lpm, Hashes: rivals::hashes);

/// What the steps of one walk share.
struct State<W, E> {
    first: u64,
    generation: Generation,
    packets: u64,
    sets: u64,
    /// The cell, and what it was.
    cell: *mut u64,
    turn: u64,
    way: PhantomData<(W, E)>,
}

#[inline(always)]
fn walk<W: Way, E: Entry, const SERIAL: bool>() -> u32 {
    let (Some(first), Some(count), Some(cell)) =
        (WALK.get(FIRST), WALK.get(COUNT), WALKED.get_ptr_mut(TURN))
    else {
        return XDP_PASS;
    };
    let mut state = State::<W, E> {
        first: *first,
        generation: config::generation().unwrap_or(Generation {
            number: 0,
            index: 0,
        }),
        packets: 0,
        sets: 0,
        cell,
        turn: 0,
        way: PhantomData,
    };
    // SAFETY: the kernel calls `step` with the state, and only until it returns.
    unsafe {
        bpf_loop(
            (*count / STRIDE) as u32,
            step::<W, E, SERIAL> as *mut c_void,
            (&raw mut state).cast(),
            0,
        );
    }
    put(PACKETS, state.packets);
    put(SETS, state.sets);
    XDP_PASS
}

/// A few packets; 1 ends the walk.
extern "C" fn step<W: Way, E: Entry, const SERIAL: bool>(index: u64, state: *mut c_void) -> i64 {
    // SAFETY: `walk` passes a pointer to its own state.
    let state = unsafe { &mut *state.cast::<State<W, E>>() };
    let mut index = state.first.wrapping_add(index.wrapping_mul(STRIDE));
    let mut packet = 0;
    while packet < STRIDE {
        if SERIAL {
            // Nothing was added 2^63 times, which only we know.
            index = index.wrapping_add(state.turn >> 63);
        }
        let Some(entry) = E::at(index as u32) else {
            return 1;
        };
        let found = W::look_up(state.generation, entry);
        state.packets = state.packets.wrapping_add(found.packets);
        state.sets = state.sets.wrapping_add(found.sets);
        if SERIAL {
            state.turn = locked_add(state.cell, found.sets & 1);
        }
        index = index.wrapping_add(1);
        packet += 1;
    }
    0
}

/// Adds to a cell, and says what it is then. `core` has no atomic addition for this target.
#[inline(always)]
fn locked_add(cell: *mut u64, part: u64) -> u64 {
    // SAFETY: the cell is a word of a map; walks are run one at a time.
    unsafe {
        asm!("lock *(u64 *)({cell} + 0) += {part}", cell = in(reg) cell, part = in(reg) part);
        cell.read_volatile()
    }
}

#[inline(always)]
fn put(index: u32, value: u64) {
    if let Some(cell) = WALKED.get_ptr_mut(index) {
        // SAFETY: the cell is a word of a map; walks are run one at a time.
        unsafe { cell.write(value) };
    }
}

macro_rules! entry_points {
    ($($name:ident: $way:ident $entry:ident $serial:literal;)*) => {
        $(#[xdp]
        pub fn $name(_ctx: XdpContext) -> u32 {
            walk::<$way, $entry, $serial>()
        })*
    };
}

entry_points!(
    none_narrow: Nothing NarrowEntry false;
    none_narrow_s: Nothing NarrowEntry true;
    none_wide: Nothing WideEntry false;
    none_wide_s: Nothing WideEntry true;
    floor_narrow: Floor NarrowEntry false;
    floor_narrow_s: Floor NarrowEntry true;
    floor_wide: Floor WideEntry false;
    floor_wide_s: Floor WideEntry true;
    ours_narrow: Ours NarrowEntry false;
    ours_narrow_s: Ours NarrowEntry true;
    ours_wide: Ours WideEntry false;
    ours_wide_s: Ours WideEntry true;
    lpm_narrow: Lpm NarrowEntry false;
    lpm_narrow_s: Lpm NarrowEntry true;
    lpm_wide: Lpm WideEntry false;
    lpm_wide_s: Lpm WideEntry true;
    hash_narrow: Hashes NarrowEntry false;
    hash_narrow_s: Hashes NarrowEntry true;
    hash_wide: Hashes WideEntry false;
    hash_wide_s: Hashes WideEntry true;
);
