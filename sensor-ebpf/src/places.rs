//! Where the two ends of a packet lie, and so its class and direction.
//!
//! One look-up an address in ranges that exclusion, territory and operators' prefixes
//! were flattened into. A bucket, found by the leading bits, holds the place itself or
//! leads to the ranges that begin in it, which are halved until one is left. User
//! space writes a generation's rows before it names the generation; the program only
//! reads. What is missing is unknown, and unknown is never recorded.

mod search;

use core::ffi::c_void;

use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps},
    macros::btf_map,
};
use sensor_common::{
    IpVersion, Packet, Passage, Place, PlaceBucket, PlaceRow4, PlaceRow6, Verdict,
};

use self::search::Search;
use crate::{
    config::Generation,
    slots::ANY_SIZE,
    words::{self, Cells},
};

/// Buckets of IPv4 addresses, by generation. Row 0 holds in `first` how many bits of an
/// address, as a number of 64 bits, come after those that choose the bucket.
#[btf_map]
static BUCKETS_V4: ArrayOfMaps<Array<Cells<PlaceBucket>, 1, ANY_SIZE>, 2> = ArrayOfMaps::new();

/// Buckets of IPv6 addresses, by generation. Row 0 as above, for addresses of `2000::/3`
/// without their first three bits; row 1 is the bucket of all below, row 2 of all above.
#[btf_map]
static BUCKETS_V6: ArrayOfMaps<Array<Cells<PlaceBucket>, 1, ANY_SIZE>, 2> = ArrayOfMaps::new();

/// Ranges of IPv4 addresses, ascending, by generation.
#[btf_map]
static PLACES_V4: ArrayOfMaps<Array<Cells<PlaceRow4>, 1, ANY_SIZE>, 2> = ArrayOfMaps::new();

/// Ranges of IPv6 addresses, ascending, by generation.
#[btf_map]
static PLACES_V6: ArrayOfMaps<Array<Cells<PlaceRow6>, 1, ANY_SIZE>, 2> = ArrayOfMaps::new();

/// Class, direction and operator of a packet, or why it is not recorded.
#[inline(always)]
pub(crate) fn passage(generation: Generation, packet: &Packet) -> Result<Passage, Verdict> {
    let (source, destination) = match packet.version {
        IpVersion::V4 => (
            place_v4(generation.index, first_word(packet.source) >> 32),
            place_v4(generation.index, first_word(packet.destination) >> 32),
        ),
        IpVersion::V6 => (
            place_v6(
                generation.index,
                first_word(packet.source),
                last_word(packet.source),
            ),
            place_v6(
                generation.index,
                first_word(packet.destination),
                last_word(packet.destination),
            ),
        ),
    };
    Passage::between(Place::from_number(source), Place::from_number(destination))
}

/// Why a packet may not be recorded wherever it is carried, or what it carries: it is excluded, or
/// between domestic ends.
#[inline(always)]
pub(crate) fn bar(generation: Generation, packet: &Packet) -> Option<Verdict> {
    match passage(generation, packet) {
        Err(verdict @ (Verdict::Excluded | Verdict::Domestic)) => Some(verdict),
        _ => None,
    }
}

/// Not inlined, so that it is verified in a frame of its own.
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn place_v4(index: u32, address: u64) -> u32 {
    let Some(buckets) = BUCKETS_V4.get(index) else {
        return 0;
    };
    let Some(shift) = buckets
        .get(0)
        .map(|row| words::view::<PlaceBucket>(row).first)
    else {
        return 0;
    };
    let row = 1 + (address >> (shift & 63)) as u32;
    let Some(&PlaceBucket { first, more }) = buckets.get(row).map(words::view) else {
        return 0;
    };
    if more == 0 {
        return first;
    }
    let mut search = Search {
        high: address,
        low: 0,
        index,
        first,
        more,
    };
    search.run(halve_v4);
    PLACES_V4
        .get_value(index, &search.first)
        .map_or(0, |row| words::view::<PlaceRow4>(row).place)
}

/// One halving; 1 ends the loop.
extern "C" fn halve_v4(_step: u64, search: *mut c_void) -> i64 {
    // SAFETY: `run` passes a pointer to its own search and reads it again only afterwards.
    let search = unsafe { &mut *search.cast::<Search>() };
    let Some((middle, half)) = search.middle() else {
        return 1;
    };
    let Some(row) = PLACES_V4.get_value(search.index, &middle) else {
        return search.fail();
    };
    let begins_before = u64::from(words::view::<PlaceRow4>(row).start) <= search.high;
    search.halve(half, begins_before);
    0
}

/// Not inlined, so that it is verified in a frame of its own.
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn place_v6(index: u32, high: u64, low: u64) -> u32 {
    let Some(buckets) = BUCKETS_V6.get(index) else {
        return 0;
    };
    let Some(shift) = buckets
        .get(0)
        .map(|row| words::view::<PlaceBucket>(row).first)
    else {
        return 0;
    };
    let row = match high >> 61 {
        0 => 1,
        1 => 3 + ((high << 3) >> (shift & 63)) as u32,
        _ => 2,
    };
    let Some(&PlaceBucket { first, more }) = buckets.get(row).map(words::view) else {
        return 0;
    };
    if more == 0 {
        return first;
    }
    let mut search = Search {
        high,
        low,
        index,
        first,
        more,
    };
    search.run(halve_v6);
    PLACES_V6
        .get_value(index, &search.first)
        .map_or(0, |row| words::view::<PlaceRow6>(row).place as u32)
}

/// One halving; 1 ends the loop.
extern "C" fn halve_v6(_step: u64, search: *mut c_void) -> i64 {
    // SAFETY: `run` passes a pointer to its own search and reads it again only afterwards.
    let search = unsafe { &mut *search.cast::<Search>() };
    let Some((middle, half)) = search.middle() else {
        return 1;
    };
    let Some(row) = PLACES_V6.get_value(search.index, &middle) else {
        return search.fail();
    };
    let row = words::view::<PlaceRow6>(row);
    let begins_before = row.start_high < search.high
        || (row.start_high == search.high && row.start_low <= search.low);
    search.halve(half, begins_before);
    0
}

#[inline(always)]
fn first_word([a, b, c, d, e, f, g, h, ..]: [u8; 16]) -> u64 {
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[inline(always)]
fn last_word([.., a, b, c, d, e, f, g, h]: [u8; 16]) -> u64 {
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
