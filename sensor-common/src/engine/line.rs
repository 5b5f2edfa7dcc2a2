//! A line: one cache line of tags.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::lower;

/// Tags in a line.
pub const LANES: u32 = 28;

/// Words of tags, after the word that says which are valid.
const WORDS: usize = 7;

const HIGH: u64 = 0x8000_8000_8000_8000;
const REST: u64 = 0x7fff_7fff_7fff_7fff;
const EVERY: u64 = 0x0001_0001_0001_0001;

/// Seven bits, one for each word.
const GROUP: u64 = 0x7f;

const VALID: u32 = 32;
const OVERFLOW: u64 = 1 << 60;

/// A header and 28 tags of 16 bits.
///
/// The header has, from the lowest bit: the row of the first lane (32), which lanes hold a tag
/// (28), whether the prefixes of this line go on in the overflow table (1), 0 (3). Lane `n` has
/// row `first + n`. Lane 7 l + w stands in 16 bits of word 1 + w, the l-th from the lowest.
#[repr(transparent)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Line(pub [u64; 1 + WORDS]);

impl Line {
    /// The row of the lane with this tag, or 0.
    #[inline(always)]
    pub const fn find(line: &[u64; 1 + WORDS], tag: u64) -> u32 {
        let header = line[0];
        let wanted = (tag & 0xffff).wrapping_mul(EVERY);
        let mut differ = 0;
        let mut word = 0;
        while word < WORDS {
            let difference = line[1 + word] ^ wanted;
            // The highest bit of 16 is set where any of them is: no carry leaves its lane.
            let some = ((difference & REST).wrapping_add(REST) | difference) & HIGH;
            differ |= some >> (15 - word);
            word += 1;
        }
        let same = !differ;
        let lanes = (same & GROUP)
            | ((same >> 9) & (GROUP << 7))
            | ((same >> 18) & (GROUP << 14))
            | ((same >> 27) & (GROUP << 21));
        let lanes = lanes & (header >> VALID);
        if lanes == 0 {
            return super::NO_ROW;
        }
        // Tags of a line are distinct, so one bit is set.
        lower(header).wrapping_add(lanes.wrapping_sub(1).count_ones())
    }

    /// Whether prefixes of this line stand in the overflow table as well.
    #[inline(always)]
    pub const fn overflows(line: &[u64; 1 + WORDS]) -> bool {
        line[0] & OVERFLOW != 0
    }

    /// Says that prefixes of this line stand in the overflow table.
    pub const fn set_overflow(&mut self) {
        self.0[0] |= OVERFLOW;
    }

    /// Sets the row of the first lane.
    pub const fn set_first(&mut self, row: u32) {
        self.0[0] = (self.0[0] & !0xffff_ffff) | row as u64;
    }

    /// The row of the first lane.
    pub const fn first(&self) -> u32 {
        lower(self.0[0])
    }

    /// How many lanes hold a tag, when none was emptied.
    pub const fn len(&self) -> u32 {
        ((self.0[0] >> VALID) & ((1 << LANES) - 1)).count_ones()
    }

    /// Whether no lane holds a tag.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a lane has this tag.
    pub const fn holds(&self, tag: u64) -> bool {
        // Row 0 of lane 0 would be no row, so the rows are numbered from 1 for this.
        let mut line = self.0;
        line[0] = (line[0] & !0xffff_ffff) | 1;
        Self::find(&line, tag) != super::NO_ROW
    }

    /// Puts a tag into the next lane and says which that is; `None` where there is none.
    pub const fn push(&mut self, tag: u16) -> Option<u32> {
        let lane = self.len();
        if lane == LANES {
            return None;
        }
        let (word, shift) = place(lane);
        self.0[word] |= (tag as u64) << shift;
        self.0[0] |= 1 << (VALID + lane);
        Some(lane)
    }

    /// Empties the lane of a row, and says which word the tag stood in. The lane is not used
    /// again: rows follow from lanes.
    pub const fn empty(&mut self, row: u32) -> usize {
        let lane = row.wrapping_sub(self.first());
        if lane >= LANES {
            return 0;
        }
        let (word, shift) = place(lane);
        self.0[0] &= !(1 << (VALID + lane));
        self.0[word] &= !(0xffff << shift);
        word
    }
}

/// The word and the bits of a lane.
const fn place(lane: u32) -> (usize, u32) {
    (1 + (lane % 7) as usize, lane / 7 * 16)
}
