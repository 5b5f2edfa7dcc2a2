//! The flow cache: sets of four flows in plain arrays, each CPU its own. [`count_known`] and
//! [`account`] are the only ways in; user space's drain and the ring buffer the only ways out.
//!
//! The array that counts stands in the one slot of an outer map. User space puts a clean one
//! there, which waits until no program holds the old one, and then reads the old one through
//! mmap: no count falls in between. A CPU has sets of its own and an XDP program does not
//! re-enter on its CPU, so plain additions are exact. A flow without place in its set makes
//! another one give way, which goes through the ring buffer.

mod fill;

use core::{hint::black_box, mem::offset_of};

use aya_ebpf::{
    Global,
    btf_maps::{Array, ArrayOfMaps},
    helpers::bpf_get_smp_processor_id,
    macros::btf_map,
};
use sensor_common::{Decision, Fields, FlowKey, FlowPart, FlowSet, Stat, Verdict};

pub(crate) use self::fill::{fill_key, under};
use crate::{
    config, events,
    scratch::{self, Scratch},
    slots::{self, ANY_SIZE, MMAPABLE},
    stats, totals,
    words::{self, Cells},
};

/// Bits of the number of sets of a CPU.
#[unsafe(no_mangle)]
static FLOW_BITS: Global<u32> = Global::new(0);

/// Odd multipliers of the hash, one a word of what is hashed; drawn when the program is loaded,
/// so that nobody outside can choose flows that share a set.
#[unsafe(no_mangle)]
static FLOW_SEEDS: Global<[u64; TUPLE]> = Global::new([1; TUPLE]);

/// The bank that counts now.
#[btf_map]
static FLOWS: ArrayOfMaps<Array<Cells<FlowSet>, 1, { ANY_SIZE | MMAPABLE }>, 1> =
    ArrayOfMaps::new();

/// Words of a key that a packet has before it is judged: all but the approvals.
const TUPLE: usize = offset_of!(FlowKey, approvals) / size_of::<u64>();
const KEY: usize = size_of::<FlowKey>() / size_of::<u64>();

/// Counts the packet in the scratch, where its flow is known and what was decided about it holds:
/// 1, or 0 where it has to be judged.
///
/// Not local and without pointers, so that the verifier verifies it once.
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn count_known(now: u64) -> u64 {
    let Some(scratch) = scratch::again() else {
        return 0;
    };
    u64::from(is_counted(scratch, now))
}

#[inline(always)]
fn is_counted(scratch: &mut Scratch, now: u64) -> bool {
    let judging = &mut scratch.judging;
    // SAFETY: `judge` has written all of them before it asks.
    let (packet, generation, hit) = unsafe {
        (
            scratch.packet.assume_init_ref(),
            judging.generation.assume_init(),
            judging.hit.assume_init_ref(),
        )
    };
    let tag = tag(&judging.key);
    let Some(set) = set_of(tag) else {
        return false;
    };
    let way = way_of(tag, set, FlowSet::WAYS as u64);
    let way = scratch::settle(&raw mut scratch.word, way) as usize;
    if way >= FlowSet::WAYS {
        return false;
    }
    // SAFETY: the way is one of the set's, which belongs to this CPU.
    let (part, decision) = unsafe { (part_of(set, way), Decision((*set).decisions[way])) };
    let Some(slot) = decision.slot(hit.source_group, hit.destination_group) else {
        return false;
    };
    if differ::<TUPLE>(&judging.key, part) {
        return false;
    }
    let Some(fields) = slots::is_in_force(generation, slot, now) else {
        return false;
    };
    if !config::is_attended(now) {
        return false;
    }
    slots::count(generation, slot, Verdict::Recorded);
    totals::count(generation, hit, packet.octets);
    // SAFETY: as above.
    let known = unsafe { &mut (*part).value };
    let kind = (known.class, known.direction);
    fill::fill_value(&mut judging.value, packet, now, kind, fields);
    known.absorb(&judging.value);
    true
}

/// Counts the packet in the scratch, which was judged, in its flow, and announces the flow when
/// it is new. `fields` is what its approvals let a record say, `last` the last of their slots.
/// Always 0.
///
/// Verified once, as [`count_known`].
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn account(fields: u32, last: u32) -> u64 {
    if let Some(scratch) = scratch::again() {
        put(scratch, Fields(fields as u16), last);
    }
    0
}

#[inline(always)]
fn put(scratch: &mut Scratch, fields: Fields, last: u32) {
    let judging = &mut scratch.judging;
    // SAFETY: `judge` has written all of them before it calls.
    let (packet, generation, hit, facts) = unsafe {
        (
            scratch.packet.assume_init_ref(),
            judging.generation.assume_init(),
            judging.hit.assume_init_ref(),
            judging.facts.assume_init_ref(),
        )
    };
    totals::count(generation, hit, packet.octets);
    let is_all = fill::strip(&mut judging.key, fields);
    let kind = (facts.passage.class as u8, facts.passage.direction as u8);
    fill::fill_value(&mut judging.value, packet, judging.now, kind, fields);
    let tunnel = scratch.tunnel.of_flow;
    fill::carried(&mut judging.key, tunnel);
    let decision = if is_all && tunnel == 0 && judging.named.is_one() {
        Decision::of(last, hit.source_group, hit.destination_group).0
    } else {
        0
    };
    let (key, value) = (&judging.key, &judging.value);
    let tag = tag(key);
    let Some(set) = set_of(tag) else {
        stats::add(Stat::UnattributedPackets, value.packets);
        stats::add(Stat::UnattributedOctets, value.octets);
        return;
    };
    // Where all four are taken, whichever the moment says gives way.
    let way = way_of(tag, set, way_of(0, set, value.first >> 8));
    let way = scratch::settle(&raw mut scratch.word, way) as usize & (FlowSet::WAYS - 1);
    // SAFETY: the way is one of the set's, which belongs to this CPU, and nobody else holds a
    // reference into it.
    unsafe {
        let part = part_of(set, way);
        let is_known = (*set).tags[way] == tag && !differ::<KEY>(key, part);
        (*set).decisions[way] = decision;
        if is_known {
            (*part).value.absorb(value);
            return;
        }
        if (*part).value.packets != 0 {
            events::evict(&*part);
        }
        (*set).tags[way] = tag;
        words::copy(key, &raw mut (*part).key);
        words::copy(value, &raw mut (*part).value);
    }
    events::announce(key, value);
}

/// What tells the flow of a key from others of its set; never 0.
#[inline(always)]
fn tag(key: &FlowKey) -> u64 {
    let seeds: *const u64 = (&raw const FLOW_SEEDS).cast();
    let key: *const u64 = core::ptr::from_ref(key).cast();
    let mut hash = 0u64;
    let mut word = 0;
    while word < TUPLE {
        // SAFETY: the word lies inside the key, which is words, and so do the seeds. Volatile,
        // since the loader writes them.
        let (part, seed) = unsafe {
            (
                key.add(word).read_volatile(),
                seeds.add(word).read_volatile(),
            )
        };
        hash = hash.wrapping_add(part.wrapping_mul(seed));
        word += 1;
    }
    hash | 1
}

/// The set of a tag: the highest bits choose it.
#[inline(always)]
fn set_of(tag: u64) -> Option<*mut FlowSet> {
    let bits = FLOW_BITS.load() & 31;
    // SAFETY: the helper has no arguments and no preconditions.
    let cpu = unsafe { bpf_get_smp_processor_id() } as u32;
    let set = (tag >> 32 << bits >> 32) as u32;
    let index = (cpu << bits).wrapping_add(set);
    FLOWS
        .get_value_ptr_mut(0, &index)
        .map(|cells| cells.cast::<FlowSet>())
}

/// Where a tag stands in a set; `otherwise` where it does not. Without a branch for each: the
/// verifier would follow them all.
#[inline(always)]
fn way_of(tag: u64, set: *mut FlowSet, otherwise: u64) -> u64 {
    let mut way = otherwise;
    let mut number = 0;
    while number < FlowSet::WAYS {
        // SAFETY: the set is one of the map's and belongs to this CPU.
        let differs = tag ^ unsafe { (&raw const (*set).tags[number]).read_volatile() };
        // All ones where it is another one.
        let other = black_box(0u64.wrapping_sub((differs | differs.wrapping_neg()) >> 63));
        way = (way & other) | (number as u64 & !other);
        number += 1;
    }
    way
}

/// One flow of a set.
///
/// # Safety
///
/// The set is one of the map's, and the way is one of the set's.
#[inline(always)]
unsafe fn part_of(set: *mut FlowSet, way: usize) -> *mut FlowPart {
    // SAFETY: the caller vouches for both.
    unsafe { (&raw mut (*set).parts).cast::<FlowPart>().add(way) }
}

/// Whether the first words of a key differ from those of a part, without a branch for each.
#[inline(always)]
fn differ<const WORDS: usize>(key: &FlowKey, part: *const FlowPart) -> bool {
    let (key, known): (*const u64, *const u64) = (core::ptr::from_ref(key).cast(), part.cast());
    let mut difference = 0;
    let mut word = 0;
    while word < WORDS {
        // SAFETY: so many words lie in a key, which a part begins with.
        difference |= unsafe { key.add(word).read_volatile() ^ known.add(word).read_volatile() };
        word += 1;
    }
    difference != 0
}
