//! IPv4.

use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps},
    macros::btf_map,
};
use sensor_common::{
    Engine, Engine4, Packet,
    engine::{Line, NO_ROW, SHORT_BITS, Spot},
};

use super::{
    ENGINE, both,
    filter::{self, V4},
    lines::LINES_V4,
    overflow,
};
use crate::{scratch, slots::MMAPABLE, words};

/// Rows of prefixes of 16 bits and fewer, by /16, two a word, by generation.
#[btf_map]
static SHORT_V4: ArrayOfMaps<Array<u64, { (1 << SHORT_BITS) / 2 }, MMAPABLE>, 2> =
    ArrayOfMaps::new();

/// Lengths from 17 to 31.
const LENGTHS: u32 = 15;

/// The rows of a packet's addresses: both words of the filter first, and what follows only
/// where one of them lets an address pass.
#[inline(always)]
pub(super) fn look_up(place: u32, engine: &Engine4, packet: &Packet) -> u64 {
    let (source, destination) = (address(&packet.source), address(&packet.destination));
    let hashes = (engine.block_hash(source), engine.block_hash(destination));
    let Some(words) = filter::words(engine.filter_bits, V4 + place, hashes.0, hashes.1) else {
        return 0;
    };
    let first = engine.test(words.0, source, hashes.0);
    let second = engine.test(words.1, destination, hashes.1);
    let passed = first.long | first.short | second.long | second.short;
    if (passed & 1) | u64::from(engine.has_short) == 0 {
        return 0;
    }
    search_v4(place, source, destination, words.0, words.1)
}

/// The rows of two addresses of which the filter let one pass, or where there are prefixes of
/// 16 bits or fewer. Not inlined: most packets do not come here. Not local either: of such a
/// function the verifier takes the arguments to be anything, and verifies it once.
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn search_v4(
    place: u32,
    source: u32,
    destination: u32,
    first: u64,
    second: u64,
) -> u64 {
    let Some(engine) = ENGINE.get(place) else {
        return 0;
    };
    let Some(through) = scratch::word() else {
        return 0;
    };
    let engine: &Engine4 = &words::view::<Engine>(engine).v4;
    let first = engine.test(first, source, engine.block_hash(source));
    let second = engine.test(second, destination, engine.block_hash(destination));
    let mut rows = (NO_ROW, NO_ROW);
    if first.long & 1 != 0 {
        rows.0 = probe(place, engine.host(source), source, 32);
    }
    if second.long & 1 != 0 {
        rows.1 = probe(place, engine.host(destination), destination, 32);
    }
    rows = settled(through, rows);
    if rows.0 == NO_ROW && first.short & 1 != 0 {
        rows.0 = shorter(place, engine, source, through);
    }
    rows = settled(through, rows);
    if rows.1 == NO_ROW && second.short & 1 != 0 {
        rows.1 = shorter(place, engine, destination, through);
    }
    rows = settled(through, rows);
    if engine.has_short != 0 {
        if rows.0 == NO_ROW {
            rows.0 = short(place, source);
        }
        if rows.1 == NO_ROW {
            rows.1 = short(place, destination);
        }
    }
    both(rows.0, rows.1)
}

/// Two rows as they are, of which the verifier knows nothing any more.
#[inline(always)]
fn settled(through: *mut u64, rows: (u32, u32)) -> (u32, u32) {
    let word = scratch::settle(through, both(rows.0, rows.1));
    (word as u32, (word >> 32) as u32)
}

#[inline(always)]
fn short(place: u32, address: u32) -> u32 {
    let block = Engine4::short(address);
    let word = SHORT_V4.get(place).and_then(|short| short.get(block / 2));
    word.map_or(NO_ROW, |word| Engine4::short_row(*word, block))
}

/// The row of the longest prefix of 17 to 31 bits. What one length leads to settles before the
/// next one, so that each is verified once.
#[inline(always)]
fn shorter(place: u32, engine: &Engine4, address: u32, through: *mut u64) -> u32 {
    let mut left = engine.lengths;
    for _ in 0..LENGTHS {
        let Some(length) = left.checked_ilog2() else {
            break;
        };
        left ^= 1 << (length & 31);
        let prefix = address & !(u32::MAX >> (length & 31));
        let row = probe(place, engine.prefix(address, length), prefix, length);
        let (row, rest) = settled(through, (row, left));
        left = rest;
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

#[inline(always)]
fn address([a, b, c, d, ..]: &[u8; 16]) -> u32 {
    u32::from_be_bytes([*a, *b, *c, *d])
}
