//! Lines: the tags of many prefixes in one cache line.

use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps},
    macros::btf_map,
};

use crate::slots::{ANY_SIZE, MMAPABLE};

type Lines = ArrayOfMaps<Array<[u64; 8], 1, { ANY_SIZE | MMAPABLE }>, 2>;

/// IPv4 lines, by generation.
#[btf_map]
pub(super) static LINES_V4: Lines = ArrayOfMaps::new();

/// IPv6 lines, by generation.
#[btf_map]
pub(super) static LINES_V6: Lines = ArrayOfMaps::new();
