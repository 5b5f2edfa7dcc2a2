//! IPv4.

use super::{Engine4, Passed, SHORT_BITS, block_bits, block_mask, long_bits, long_mask, lower};

/// Where a prefix stands: its line, and its tag there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Number of the line.
    pub line: u32,
    /// The tag.
    pub tag: u64,
}

impl Engine4 {
    /// The hash of an address's /24, which chooses the filter's word.
    #[inline(always)]
    pub const fn block_hash(&self, address: u32) -> u64 {
        ((address >> 8) as u64).wrapping_mul(self.block)
    }

    /// The hash of an address, which chooses bits of the word.
    #[inline(always)]
    pub const fn host_hash(&self, address: u32) -> u64 {
        (address as u64).wrapping_mul(self.host)
    }

    /// What the filter's word says of an address.
    #[inline(always)]
    pub const fn test(&self, word: u64, address: u32, block_hash: u64) -> Passed {
        Passed {
            long: long_bits(word, self.host_hash(address)),
            short: block_bits(word, block_hash),
        }
    }

    /// What a host sets in its word.
    pub const fn host_mask(&self, address: u32) -> u64 {
        long_mask(self.host_hash(address))
    }

    /// What any shorter prefix sets in the word of each of its /24.
    pub const fn block_mask(&self, address: u32) -> u64 {
        block_mask(self.block_hash(address))
    }

    /// Where a host stands.
    #[inline(always)]
    pub const fn host(&self, address: u32) -> Spot {
        self.spot(address, 0)
    }

    /// Where a prefix of 17 to 31 bits stands: a one after its last bit makes lengths differ.
    #[inline(always)]
    pub const fn prefix(&self, address: u32, length: u32) -> Spot {
        let marker: u32 = 0x8000_0000 >> (length & 31);
        self.spot(
            (address & marker.wrapping_neg() & !marker) | marker,
            1 << 15,
        )
    }

    #[inline(always)]
    const fn spot(&self, value: u32, kind: u64) -> Spot {
        let [added, first, second] = self.permutation;
        let mut mixed = value ^ added;
        mixed ^= mixed >> 16;
        mixed = mixed.wrapping_mul(first);
        mixed ^= mixed >> 15;
        mixed = mixed.wrapping_mul(second);
        mixed ^= mixed >> 16;
        let shift = self.line_shift & 31;
        Spot {
            line: mixed >> shift,
            tag: (mixed & ((1 << shift) - 1)) as u64 | kind,
        }
    }

    /// The row of a short prefix, of the two that a word holds.
    #[inline(always)]
    pub const fn short_row(word: u64, block: u32) -> u32 {
        lower(word >> ((block & 1) * 32))
    }

    /// The /16 of an address, which has half a word in the table of short prefixes.
    #[inline(always)]
    pub const fn short(address: u32) -> u32 {
        address >> (32 - SHORT_BITS)
    }
}
