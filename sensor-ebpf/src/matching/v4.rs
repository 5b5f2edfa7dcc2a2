//! IPv4.

use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps},
    macros::btf_map,
};
use sensor_common::{
    Engine4,
    engine::{Line, NO_ROW, Passed, SHORT_BITS, Spot},
};

use super::{
    Rows, Tables,
    filter::{self, V4},
    lines::LINES_V4,
    overflow,
};
use crate::slots::MMAPABLE;

/// Rows of prefixes of 16 bits and fewer, by /16, two a word, by generation.
#[btf_map]
static SHORT_V4: ArrayOfMaps<Array<u64, { (1 << SHORT_BITS) / 2 }, MMAPABLE>, 2> =
    ArrayOfMaps::new();

/// Lengths from 17 to 31.
const LENGTHS: u32 = 15;

/// The rows of two addresses; `None` where the filter holds both back.
#[inline(always)]
pub(super) fn find(tables: Tables, source: u32, destination: u32) -> Option<Rows> {
    let engine = &tables.engine.v4;
    let hashes = (engine.block_hash(source), engine.block_hash(destination));
    let words = filter::words(engine.filter_bits, V4 + tables.place, hashes.0, hashes.1)?;
    let first = engine.test(words.0, source, hashes.0);
    let second = engine.test(words.1, destination, hashes.1);
    let mut rows = Rows::NONE;
    if first.long | first.short | second.long | second.short != 0 {
        rows.source = search(tables, source, first);
        rows.destination = search(tables, destination, second);
    }
    if engine.has_short != 0 {
        if rows.source == NO_ROW {
            rows.source = short(tables.place, source)?;
        }
        if rows.destination == NO_ROW {
            rows.destination = short(tables.place, destination)?;
        }
    }
    Some(rows)
}

#[inline(always)]
fn short(place: u32, address: u32) -> Option<u32> {
    let block = Engine4::short(address);
    let word = SHORT_V4.get(place)?.get(block / 2)?;
    Some(Engine4::short_row(*word, block))
}

/// The row of an address that the filter let pass, the longest prefix first.
#[inline(always)]
fn search(tables: Tables, address: u32, passed: Passed) -> u32 {
    let mut row = NO_ROW;
    if passed.long != 0 {
        row = probe(tables.place, tables.engine.v4.host(address), address, 32);
    }
    if row == NO_ROW && passed.short != 0 {
        row = shorter(tables.place, &tables.engine.v4, address);
    }
    row
}

/// The row of the longest prefix of 17 to 31 bits.
#[inline(never)]
fn shorter(place: u32, engine: &'static Engine4, address: u32) -> u32 {
    let mut left = engine.lengths;
    for _ in 0..LENGTHS {
        let Some(length) = left.checked_ilog2() else {
            break;
        };
        left ^= 1 << (length & 31);
        let prefix = address & !(u32::MAX >> (length & 31));
        let row = probe(place, engine.prefix(address, length), prefix, length);
        if row != NO_ROW {
            return row;
        }
    }
    NO_ROW
}

/// The row of one prefix.
#[inline(always)]
fn probe(place: u32, spot: Spot, prefix: u32, length: u32) -> u32 {
    let Some(line) = LINES_V4.get_value(place, &spot.line) else {
        return NO_ROW;
    };
    let row = Line::find(line, spot.tag);
    if row == NO_ROW && Line::overflows(line) {
        let key = [u64::from(prefix) << 32, 0, u64::from(length) | 4 << 32];
        return overflow(place, &key);
    }
    row
}
