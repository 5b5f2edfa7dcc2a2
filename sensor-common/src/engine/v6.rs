//! IPv6. An address is two words, the upper first.

use super::{
    Engine6, Passed, SHORT_BITS, block_bits, block_mask, long_bits, long_mask, lower, v4::Spot,
};

/// Which kinds of prefixes may cover an address, each in the lowest bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// Of 64 bits and more.
    pub long: u64,
    /// Of 48 to 63.
    pub block: u64,
    /// Of 24 to 47.
    pub wide: u64,
    /// Of fewer.
    pub short: u64,
}

/// Lengths of prefixes that are still to be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    whole: u64,
    upper: u64,
    lower: u64,
}

impl Lengths {
    /// Takes the longest.
    #[inline(always)]
    pub const fn longest(&mut self) -> Option<u32> {
        if self.whole != 0 {
            self.whole = 0;
            return Some(128);
        }
        if let Some(bit) = self.upper.checked_ilog2() {
            self.upper ^= 1 << (bit & 63);
            return Some(64 + bit);
        }
        if let Some(bit) = self.lower.checked_ilog2() {
            self.lower ^= 1 << (bit & 63);
            return Some(bit);
        }
        None
    }
}

impl Engine6 {
    /// The hash of an address's /48, which chooses the filter's word.
    #[inline(always)]
    pub const fn block_hash(&self, high: u64) -> u64 {
        (high >> 16).wrapping_mul(self.block)
    }

    /// What the filter's word says of an address.
    #[inline(always)]
    pub const fn test(&self, word: u64, high: u64, block_hash: u64) -> Passed {
        Passed {
            long: long_bits(word, self.host_hash(high)),
            short: block_bits(word, block_hash),
        }
    }

    #[inline(always)]
    const fn host_hash(&self, high: u64) -> u64 {
        high.wrapping_mul(self.host)
    }

    /// The hash of an address's /32, which chooses the wide filter's word.
    #[inline(always)]
    pub const fn wide_hash(&self, high: u64) -> u64 {
        (high >> 32).wrapping_mul(self.wide)
    }

    /// 1 in the lowest bit where a prefix of 24 to 47 bits may cover the address.
    #[inline(always)]
    pub const fn test_wide(word: u64, wide_hash: u64) -> u64 {
        block_bits(word, wide_hash)
    }

    /// What a prefix of 64 bits and more sets in its word.
    pub const fn long_mask(&self, high: u64) -> u64 {
        long_mask(self.host_hash(high))
    }

    /// What a prefix of 48 to 63 bits sets in its word.
    pub const fn block_mask(&self, high: u64) -> u64 {
        block_mask(self.block_hash(high))
    }

    /// What a prefix of 24 to 47 bits sets in the wide word of each of its /32.
    pub const fn wide_mask(&self, high: u64) -> u64 {
        block_mask(self.wide_hash(high))
    }

    /// Where a prefix stands.
    #[inline(always)]
    pub const fn prefix(&self, high: u64, low: u64, length: u32) -> Spot {
        let [first, second, counted, last] = self.prefix;
        let mut mixed = high.wrapping_mul(first) ^ low.wrapping_mul(second).rotate_left(32);
        mixed = mixed.wrapping_add((length as u64).wrapping_mul(counted));
        mixed ^= mixed >> 29;
        mixed = mixed.wrapping_mul(last);
        mixed ^= mixed >> 32;
        Spot {
            line: lower(mixed >> (self.line_shift & 63)),
            tag: mixed & 0xffff,
        }
    }

    /// The bit of an address in the bitmap of short prefixes.
    #[inline(always)]
    pub const fn short(high: u64) -> u32 {
        lower(high >> (64 - SHORT_BITS))
    }

    /// The lengths to look up, where these kinds passed: from 64, from 48, from 24, below.
    #[inline(always)]
    pub const fn lengths(&self, kinds: Kinds) -> Lengths {
        let Kinds {
            long,
            block,
            wide,
            short,
        } = kinds;
        let (long, block) = (long & 1, block & 1);
        let (wide, short) = (wide & 1, short & 1);
        let lower = (block.wrapping_neg() & 0xffff_0000_0000_0000)
            | (wide.wrapping_neg() & 0x0000_ffff_ff00_0000)
            | (short.wrapping_neg() & 0xff_ffff);
        Lengths {
            whole: self.has_128 as u64 & long,
            upper: self.lengths[1] & long.wrapping_neg(),
            lower: self.lengths[0] & lower,
        }
    }

    /// An address without the bits after a length.
    #[inline(always)]
    pub const fn masked(high: u64, low: u64, length: u32) -> (u64, u64) {
        if length >= 128 {
            return (high, low);
        }
        let rest = u64::MAX >> (length & 63);
        if length >= 64 {
            (high, low & !rest)
        } else {
            (high & !rest, 0)
        }
    }
}
