//! IPv6.

use core::ffi::c_void;

use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps},
    helpers::generated::bpf_loop,
    macros::btf_map,
};
use sensor_common::{
    Engine6,
    engine::{Kinds, Lengths, Line, NO_ROW, Passed, SHORT_BITS},
};

use super::{
    Rows, Tables,
    filter::{self, V6, WIDE},
    lines::LINES_V6,
    overflow,
};
use crate::slots::{ANY_SIZE, MMAPABLE};

/// As many as there are lengths of prefixes.
const STEPS: u32 = 129;

/// A bit for each /16 that a prefix of fewer than 24 bits touches, by generation.
#[btf_map]
static SHORT_V6: ArrayOfMaps<Array<u64, { (1 << SHORT_BITS) / 64 }, MMAPABLE>, 2> =
    ArrayOfMaps::new();

/// Keys of rows: address in two words, length.
#[btf_map]
static KEYS_V6: ArrayOfMaps<Array<[u64; 3], 1, { ANY_SIZE | MMAPABLE }>, 2> = ArrayOfMaps::new();

/// The rows of two addresses; `None` where the filters hold both back.
#[inline(always)]
pub(super) fn find(tables: Tables, source: &[u8; 16], destination: &[u8; 16]) -> Option<Rows> {
    let engine = &tables.engine.v6;
    let (first, second) = (high(source), high(destination));
    let hashes = (engine.block_hash(first), engine.block_hash(second));
    let words = filter::words(engine.filter_bits, V6 + tables.place, hashes.0, hashes.1)?;
    let mut of_source = kinds(engine.test(words.0, first, hashes.0));
    let mut of_destination = kinds(engine.test(words.1, second, hashes.1));
    if engine.wide_bits != 0 {
        let hashes = (engine.wide_hash(first), engine.wide_hash(second));
        let words = filter::words(engine.wide_bits, WIDE + tables.place, hashes.0, hashes.1)?;
        of_source.wide = Engine6::test_wide(words.0, hashes.0);
        of_destination.wide = Engine6::test_wide(words.1, hashes.1);
    }
    if engine.has_short != 0 {
        of_source.short = short(tables.place, first)?;
        of_destination.short = short(tables.place, second)?;
    }
    let has_passed = any(of_source) || any(of_destination);
    has_passed.then(|| Rows {
        source: search(tables, source, of_source),
        destination: search(tables, destination, of_destination),
    })
}

#[inline(always)]
const fn kinds(Passed { long, short: block }: Passed) -> Kinds {
    Kinds {
        long,
        block,
        wide: 0,
        short: 0,
    }
}

#[inline(always)]
const fn any(kinds: Kinds) -> bool {
    kinds.long | kinds.block | kinds.wide | kinds.short != 0
}

#[inline(always)]
fn short(place: u32, high: u64) -> Option<u64> {
    let block = Engine6::short(high);
    let word = SHORT_V6.get(place)?.get(block / 64)?;
    Some(*word >> (block & 63) & 1)
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
fn search(tables: Tables, address: &[u8; 16], kinds: Kinds) -> u32 {
    if !any(kinds) {
        return NO_ROW;
    }
    let engine = &tables.engine.v6;
    let mut search = Search {
        place: tables.place,
        row: NO_ROW,
        engine,
        high: high(address),
        low: low(address),
        left: engine.lengths(kinds),
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
