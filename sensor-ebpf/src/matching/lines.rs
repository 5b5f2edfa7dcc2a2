//! Tables in pieces, and the lines among them: the tags of many prefixes in one cache line.
//!
//! An array of a size that the program knows is looked up in line, one of any size
//! (`BPF_F_INNER_MAP`) by a call, and where returns are guarded against speculation a call costs
//! more than what it looks up.

use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps},
    macros::btf_map,
};
use sensor_common::engine::{LINE_PIECES, PIECE_LINES};

use crate::slots::MMAPABLE;

/// Arrays of `LENGTH` values, `PLACES` of them: half for each of two generations.
pub(super) type Pieces<T, const LENGTH: usize, const PLACES: usize> =
    ArrayOfMaps<Array<T, LENGTH, MMAPABLE>, PLACES>;

type Lines = Pieces<[u64; 8], { PIECE_LINES as usize }, { 2 * LINE_PIECES as usize }>;

/// IPv4 lines, by generation.
#[btf_map]
pub(super) static LINES_V4: Lines = ArrayOfMaps::new();

/// IPv6 lines, by generation.
#[btf_map]
pub(super) static LINES_V6: Lines = ArrayOfMaps::new();

/// A value of the generation that stands at `place`.
#[inline(always)]
pub(super) fn value<T, const LENGTH: usize, const PLACES: usize>(
    pieces: &'static Pieces<T, LENGTH, PLACES>,
    place: u32,
    index: u32,
) -> Option<&'static T> {
    let (length, places) = const { (LENGTH as u32, PLACES as u32) };
    let piece = place * (places / 2) + index / length;
    pieces.get_value(piece, &(index % length))
}
