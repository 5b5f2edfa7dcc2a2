//! Slots: places in the kernel for approvals in force.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{fields::Fields, verdict::Verdict};

/// Slots of a generation.
pub const SLOTS: u32 = 256;

/// A set of slots, one bit each.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct SlotMask {
    /// Slot `i` is bit `i % 64` of word `i / 64`.
    pub words: [u64; 4],
}

impl SlotMask {
    /// The set without slots.
    pub const EMPTY: Self = Self { words: [0; 4] };

    /// The set with one slot; a number of 256 or more gives the empty set.
    pub const fn of(slot: u32) -> Self {
        let mut words = [0; 4];
        if slot < SLOTS {
            words[(slot / 64) as usize] = 1 << (slot % 64);
        }
        Self { words }
    }

    /// Whether the set has `slot`.
    pub const fn has(&self, slot: u32) -> bool {
        slot < SLOTS && self.words[(slot / 64) as usize] >> (slot % 64) & 1 == 1
    }

    /// The slots of both sets.
    #[must_use]
    pub const fn union(&self, other: &Self) -> Self {
        let (a, b) = (&self.words, &other.words);
        Self {
            words: [a[0] | b[0], a[1] | b[1], a[2] | b[2], a[3] | b[3]],
        }
    }

    /// The slots that are in both sets.
    #[must_use]
    pub const fn intersection(&self, other: &Self) -> Self {
        let (a, b) = (&self.words, &other.words);
        Self {
            words: [a[0] & b[0], a[1] & b[1], a[2] & b[2], a[3] & b[3]],
        }
    }

    /// Whether no slot is in the set.
    pub const fn is_empty(&self) -> bool {
        let [a, b, c, d] = self.words;
        a | b | c | d == 0
    }

    /// Whether exactly one slot is in the set.
    #[inline(always)]
    pub const fn is_one(&self) -> bool {
        let [a, b, c, d] = self.words;
        let more = (a & a.wrapping_sub(1))
            | (b & b.wrapping_sub(1))
            | (c & c.wrapping_sub(1))
            | (d & d.wrapping_sub(1));
        let words = (a != 0) as u32 + (b != 0) as u32 + (c != 0) as u32 + (d != 0) as u32;
        more == 0 && words == 1
    }

    /// The slots of the set in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..SLOTS).filter(|&slot| self.has(slot))
    }
}

/// What one approval allows, on the clock the kernel reads.
///
/// A slot of zeroes allows nothing: it ended before it began.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Slot {
    /// First nanosecond in force: since boot, in replay since 1970.
    pub begin: u64,
    /// First nanosecond no longer in force, like `begin`.
    pub end: u64,
    /// Interfaces covered; interface slot `i` is bit `i`.
    pub interfaces: u64,
    /// Interfaces on which only packets to or from this host's own addresses
    /// are covered (lab on a real network card); bits like `interfaces`.
    pub own_addresses_only: u64,
    /// How often the slot was filled: tells the approvals that had it apart.
    pub epoch: u32,
    /// What a record under the approval may say.
    pub fields: Fields,
    /// The operator whose prefixes `infrastructure` covers: 0 for none.
    pub operator: u16,
    /// Classes covered; class `c` is bit `c`.
    pub classes: u8,
    /// Directions covered; direction `d` is bit `d`.
    pub directions: u8,
    /// Zero.
    pub reserved: [u8; 6],
}

impl Slot {
    /// An end that never comes.
    pub const FOREVER: u64 = u64::MAX;
    /// As [`Slot::operator`]: every operator. Lab only.
    pub const ANY_OPERATOR: u16 = u16::MAX;
}

/// How far packets came in one slot, on one CPU or summed: aggregate counts by reason,
/// without address, indicator or match set.
///
/// A packet counts once in every slot whose approval names its match sets.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct SlotCounts {
    /// Packets by verdict, from [`Verdict::Unapproved`] to [`Verdict::Recorded`].
    pub packets: [u64; Self::VERDICTS],
}

impl SlotCounts {
    /// Verdicts that a slot gives.
    pub const VERDICTS: usize = Verdict::Recorded as usize - Verdict::Unapproved as usize + 1;

    /// Where a verdict is counted; `None` for one that no slot gives.
    #[inline(always)]
    pub const fn cell(verdict: Verdict) -> Option<usize> {
        (verdict as usize).checked_sub(Verdict::Unapproved as usize)
    }

    /// Packets that came as far as this verdict.
    pub fn of(&self, verdict: Verdict) -> u64 {
        Self::cell(verdict).map_or(0, |cell| self.packets[cell])
    }

    /// Adds what `other` counted.
    pub fn absorb(&mut self, other: &Self) {
        for (sum, count) in self.packets.iter_mut().zip(other.packets) {
            *sum = sum.saturating_add(count);
        }
    }
}

const _: () = {
    assert!(size_of::<SlotMask>() == 32);
    assert!(size_of::<Slot>() == 48);
    assert!(size_of::<SlotCounts>() == 64);
};

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn masks_hold_every_slot_and_no_other() {
        for slot in 0..SLOTS {
            let mask = SlotMask::of(slot);
            assert_eq!(mask.iter().collect::<Vec<_>>(), [slot]);
        }
        assert!(SlotMask::of(SLOTS).is_empty());
        let both = SlotMask::of(3).union(&SlotMask::of(255));
        assert_eq!(both.iter().collect::<Vec<_>>(), [3, 255]);
        assert!(!both.is_one() && !SlotMask::EMPTY.is_one());
        assert!((0..SLOTS).all(|slot| SlotMask::of(slot).is_one()));
        assert!(!SlotMask::of(3).union(&SlotMask::of(4)).is_one());
    }
}
