//! Filters of every size: an inner map of a size that the program knows is looked up in line,
//! without a call.

use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps},
    macros::btf_map,
};
use sensor_common::engine::FILTER_BITS;

use crate::slots::MMAPABLE;

/// Filters of an address family stand at two places, one a generation.
pub(super) const V4: u32 = 0;
pub(super) const V6: u32 = 2;
pub(super) const WIDE: u32 = 4;

const PLACES: usize = 6;

macro_rules! filters {
    ($($map:ident = $index:literal;)*) => {
        $(
            /// Filters of one size: of IPv4, of IPv6, of wide IPv6 prefixes, by generation.
            #[btf_map]
            static $map: ArrayOfMaps<Array<u64, { 1 << FILTER_BITS[$index] }, MMAPABLE>, PLACES> =
                ArrayOfMaps::new();
        )*

        /// The words that two hashes choose in the filter of a place.
        #[inline(always)]
        pub(super) fn words(bits: u32, place: u32, first: u64, second: u64) -> Option<(u64, u64)> {
            $(
                if bits == FILTER_BITS[$index] {
                    const SHIFT: u32 = 64 - FILTER_BITS[$index];
                    let words = $map.get(place)?;
                    let first = words.get((first >> SHIFT) as u32)?;
                    let second = words.get((second >> SHIFT) as u32)?;
                    return Some((*first, *second));
                }
            )*
            None
        }
    };
}

filters! {
    FILTER_13 = 0;
    FILTER_15 = 1;
    FILTER_17 = 2;
    FILTER_18 = 3;
    FILTER_19 = 4;
    FILTER_20 = 5;
    FILTER_21 = 6;
    FILTER_22 = 7;
}
