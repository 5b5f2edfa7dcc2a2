//! IPv6.

use core::ffi::c_void;

use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps},
    helpers::generated::bpf_loop,
    macros::btf_map,
};
use sensor_common::{
    Engine, Engine6, Packet,
    engine::{Kinds, Lengths, Line, NO_ROW, Passed, SHORT_BITS},
};

use super::{
    ENGINE, both,
    filter::{self, V6, WIDE},
    lines::LINES_V6,
    overflow,
};
use crate::{
    slots::{ANY_SIZE, MMAPABLE},
    words,
};

/// Bits of the kinds of prefixes after the first, of 64 bits and more.
const BLOCK: u32 = 1;
const WIDER: u32 = 2;
const SHORT: u32 = 3;

/// As many as there are lengths of prefixes.
const STEPS: u32 = 129;

/// A bit for each /16 that a prefix of fewer than 24 bits touches, by generation.
#[btf_map]
static SHORT_V6: ArrayOfMaps<Array<u64, { (1 << SHORT_BITS) / 64 }, MMAPABLE>, 2> =
    ArrayOfMaps::new();

/// Keys of rows: address in two words, length.
#[btf_map]
static KEYS_V6: ArrayOfMaps<Array<[u64; 3], 1, { ANY_SIZE | MMAPABLE }>, 2> = ArrayOfMaps::new();

/// The rows of a packet's addresses: the words of the filters first, and what follows only
/// where one of them lets an address pass.
#[inline(always)]
pub(super) fn look_up(place: u32, engine: &Engine6, packet: &Packet) -> u64 {
    let (first, second) = (high(&packet.source), high(&packet.destination));
    let hashes = (engine.block_hash(first), engine.block_hash(second));
    let Some(words) = filter::words(engine.filter_bits, V6 + place, hashes.0, hashes.1) else {
        return 0;
    };
    let (first_passed, second_passed) = (
        engine.test(words.0, first, hashes.0),
        engine.test(words.1, second, hashes.1),
    );
    let mut any = first_passed.long | first_passed.short | second_passed.long | second_passed.short;
    let (mut source, mut destination) = (0, 0);
    if engine.wide_bits != 0 {
        let hashes = (engine.wide_hash(first), engine.wide_hash(second));
        let Some(words) = filter::words(engine.wide_bits, WIDE + place, hashes.0, hashes.1) else {
            return 0;
        };
        source = Engine6::test_wide(words.0, hashes.0);
        destination = Engine6::test_wide(words.1, hashes.1);
        any |= source | destination;
        (source, destination) = ((source & 1) << WIDER, (destination & 1) << WIDER);
    }
    if engine.has_short != 0 {
        source |= short(place, first) << SHORT;
        destination |= short(place, second) << SHORT;
        any |= (source | destination) >> SHORT;
    }
    if any & 1 == 0 {
        return 0;
    }
    source |= kinds(first_passed);
    destination |= kinds(second_passed);
    let addresses = [
        [first, low(&packet.source)],
        [second, low(&packet.destination)],
    ];
    search(place, &addresses, source, destination)
}

/// The rows of two addresses of which the filters let one pass. Not inlined: most packets do
/// not come here.
#[inline(never)]
fn search(place: u32, addresses: &[[u64; 2]; 2], source: u64, destination: u64) -> u64 {
    let Some(engine) = ENGINE.get(place) else {
        return 0;
    };
    let engine: &'static Engine6 = &words::view::<Engine>(engine).v6;
    both(
        longest(place, engine, addresses[0], source),
        longest(place, engine, addresses[1], destination),
    )
}

/// Which kinds of prefixes may cover an address, a bit each.
#[inline(always)]
const fn kinds(Passed { long, short: block }: Passed) -> u64 {
    (long & 1) | (block & 1) << BLOCK
}

#[inline(always)]
fn short(place: u32, high: u64) -> u64 {
    let block = Engine6::short(high);
    let word = SHORT_V6.get(place).and_then(|short| short.get(block / 64));
    word.map_or(0, |word| *word >> (block & 63) & 1)
}

/// An address whose prefixes are looked up, one length a step.
struct Search {
    place: u32,
    row: u32,
    engine: &'static Engine6,
    high: u64,
    low: u64,
    left: Lengths,
}

/// The row of an address, the longest prefix first.
#[inline(always)]
fn longest(place: u32, engine: &'static Engine6, [high, low]: [u64; 2], kinds: u64) -> u32 {
    if kinds == 0 {
        return NO_ROW;
    }
    let mut search = Search {
        place,
        row: NO_ROW,
        engine,
        high,
        low,
        left: engine.lengths(Kinds {
            long: kinds & 1,
            block: kinds >> BLOCK & 1,
            wide: kinds >> WIDER & 1,
            short: kinds >> SHORT & 1,
        }),
    };
    // SAFETY: the kernel calls `step` with the search, and only until it returns.
    unsafe {
        bpf_loop(STEPS, step as *mut c_void, (&raw mut search).cast(), 0);
    }
    search.row
}

/// One length; 1 ends the loop.
extern "C" fn step(_index: u64, search: *mut c_void) -> i64 {
    // SAFETY: `search` passes a pointer to its own state and reads it again only afterwards.
    let search = unsafe { &mut *search.cast::<Search>() };
    let Some(length) = search.left.longest() else {
        return 1;
    };
    let prefix = Engine6::masked(search.high, search.low, length);
    search.row = probe(search.place, search.engine, prefix, length);
    i64::from(search.row != NO_ROW)
}

/// The row of one prefix.
#[inline(always)]
fn probe(place: u32, engine: &Engine6, (high, low): (u64, u64), length: u32) -> u32 {
    let spot = engine.prefix(high, low, length);
    let Some(line) = LINES_V6.get_value(place, &spot.line) else {
        return NO_ROW;
    };
    let row = Line::find(line, spot.tag);
    if row != NO_ROW
        && let Some(key) = KEYS_V6.get_value(place, &row.wrapping_sub(engine.first))
        && (key[0] ^ high) | (key[1] ^ low) | (key[2] ^ u64::from(length)) == 0
    {
        return row;
    }
    if Line::overflows(line) {
        return overflow(place, &[high, low, u64::from(length) | 6 << 32]);
    }
    NO_ROW
}

#[inline(always)]
fn high([a, b, c, d, e, f, g, h, ..]: &[u8; 16]) -> u64 {
    u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])
}

#[inline(always)]
fn low([.., a, b, c, d, e, f, g, h]: &[u8; 16]) -> u64 {
    u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])
}
