//! The match engine, as far as kernel and user space must agree on it: how an address is
//! hashed, what a filter's word says, how a line is searched.
//!
//! An address is answered in two steps. A **filter** of one 64-bit word a block of addresses
//! says which kinds of prefixes may cover the address; most packets end there, with one load
//! an address. What passes is looked up in **lines** of 64 bytes: for each prefix length that
//! may match, the prefix chooses one line, and 28 tags in it are compared at once. A tag leads
//! to a **row**, which names the match set.
//!
//! IPv4 tags are exact: a prefix goes through a permutation of 32 bits, of which some choose
//! the line and the rest is the tag. IPv6 tags are fingerprints, and the row's key tells.
//! Multipliers are chosen at random for each generation, so that nobody can choose addresses
//! that pass the filter.

mod line;
mod v4;
mod v6;

pub use line::{LANES, Line};
pub use v4::Spot;
pub use v6::{Kinds, Lengths};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Row of an address that no prefix covers.
pub const NO_ROW: u32 = 0;

/// Bits of the number of a filter's words, for each size a filter may have; 64 KiB to 32 MiB.
pub const FILTER_BITS: [u32; 8] = [13, 15, 17, 18, 19, 20, 21, 22];

/// Bits of a /16 in the bitmap of the short prefixes of one address family.
pub const SHORT_BITS: u32 = 16;

/// Least and most bits of the number of IPv4 lines: with fewer a tag would not be exact.
pub const LINE_BITS_V4: core::ops::RangeInclusive<u32> = 17..=24;

/// Least and most bits of the number of IPv6 lines.
pub const LINE_BITS_V6: core::ops::RangeInclusive<u32> = 1..=24;

/// Shape and seeds of a generation's engine, one row.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Engine {
    /// IPv4.
    pub v4: Engine4,
    /// IPv6.
    pub v6: Engine6,
    /// Rows of totals that belong to one CPU; CPU `c` counts set `s` in row `c * stride + s`.
    pub stride: u32,
    /// Rules of tunnels.
    pub tunnels: u32,
}

/// Shape and seeds of the IPv4 side.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Engine4 {
    /// Odd multiplier for blocks: the filter's word, and the bits of shorter prefixes.
    pub block: u64,
    /// Odd multiplier for addresses: the bits of hosts.
    pub host: u64,
    /// The permutation: what is added by exclusive or, and two odd multipliers.
    pub permutation: [u32; 3],
    /// Shift that leaves the bits which choose a line.
    pub line_shift: u32,
    /// Lengths 17 to 31 that prefixes have: bit `n` is length `n`.
    pub lengths: u32,
    /// Bits of the number of the filter's words, one of [`FILTER_BITS`]; 0 where there are no
    /// prefixes.
    pub filter_bits: u32,
    /// 1 where a prefix has 16 bits or fewer.
    pub has_short: u32,
    /// 0.
    pub reserved: u32,
}

/// Shape and seeds of the IPv6 side.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Engine6 {
    /// Odd multiplier for blocks of 48 bits: the filter's word, and the bits of prefixes of 48
    /// to 63.
    pub block: u64,
    /// Odd multiplier for the upper 64 bits: the bits of prefixes of 64 and more.
    pub host: u64,
    /// Odd multiplier for blocks of 32 bits: the wide filter.
    pub wide: u64,
    /// Odd multipliers of the hash of a prefix: upper half, lower half, length, last.
    pub prefix: [u64; 4],
    /// Lengths that prefixes have, below 64 and from 64 on; length 128 stands in `has_128`.
    pub lengths: [u64; 2],
    /// Shift that leaves the bits which choose a line.
    pub line_shift: u32,
    /// Bits of the number of the filter's words; 0 where there are no prefixes.
    pub filter_bits: u32,
    /// Bits of the number of the wide filter's words; 0 where no prefix has 24 to 47 bits.
    pub wide_bits: u32,
    /// 1 where a prefix has fewer than 24 bits.
    pub has_short: u32,
    /// 1 where a prefix has 128 bits.
    pub has_128: u32,
    /// The row before the first of an IPv6 prefix: row `first + n` has key `n`.
    pub first: u32,
}

impl Engine {
    /// Words of a row.
    pub const WORDS: usize = size_of::<Self>() / size_of::<u64>();

    /// The row as words of memory.
    pub const fn words(self) -> [u64; Self::WORDS] {
        zerocopy::transmute!(self)
    }
}

/// What a filter says of one address, each in the lowest bit; the others are anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// 1 where a prefix of the longest kind may cover it: IPv4 hosts, IPv6 from 64 bits on.
    pub long: u64,
    /// 1 where a shorter one may.
    pub short: u64,
}

/// The lower half of a word.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
const fn lower(word: u64) -> u32 {
    word as u32
}

/// A bit of a filter's word.
#[inline(always)]
const fn bit(word: u64, position: u64) -> u64 {
    word >> (position & 63)
}

/// The three bits of the longest kind, from a hash's highest bits. The lowest bit counts.
#[inline(always)]
const fn long_bits(word: u64, hash: u64) -> u64 {
    bit(word, hash >> 58) & bit(word, hash >> 52) & bit(word, hash >> 46)
}

/// The three bits of a block, from bits of a hash that choose no word. Likewise.
#[inline(always)]
const fn block_bits(word: u64, hash: u64) -> u64 {
    bit(word, hash >> 16) & bit(word, hash >> 22) & bit(word, hash >> 28)
}

/// The mask that sets what [`long_bits`] reads.
#[inline(always)]
const fn long_mask(hash: u64) -> u64 {
    1 << ((hash >> 58) & 63) | 1 << ((hash >> 52) & 63) | 1 << ((hash >> 46) & 63)
}

/// The mask that sets what [`block_bits`] reads.
#[inline(always)]
const fn block_mask(hash: u64) -> u64 {
    1 << ((hash >> 16) & 63) | 1 << ((hash >> 22) & 63) | 1 << ((hash >> 28) & 63)
}

const _: () = {
    assert!(size_of::<Engine4>() == 48);
    assert!(size_of::<Engine6>() == 96);
    assert!(size_of::<Engine>() == 152);
};
