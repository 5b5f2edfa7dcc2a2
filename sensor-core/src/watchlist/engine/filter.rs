//! Filters: how large they are, and the words of them.

use sensor_common::engine::FILTER_BITS;

use super::lines::shares;

/// How large filters are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The IPv4 filter.
    pub v4: Chosen,
    /// The IPv6 filter; that of wide prefixes has the size of the rule.
    pub v6: Chosen,
}

/// The sizes of one address family's filters, by the size of the rule: that one, unless
/// another was chosen. All are bits of the number of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen([u32; FILTER_BITS.len()]);

impl Default for Chosen {
    fn default() -> Self {
        Self(FILTER_BITS)
    }
}

impl Chosen {
    /// Chooses a size for filters that by the rule would have `rule`.
    pub fn set(&mut self, rule: u32, bits: u32) {
        for (of, chosen) in FILTER_BITS.into_iter().zip(&mut self.0) {
            if of == rule {
                *chosen = bits;
            }
        }
    }

    /// The size of a filter in which so many bits are set at most.
    pub(super) fn bits(&self, set: usize) -> u32 {
        let rule = bits_for(set);
        let mut sizes = FILTER_BITS.into_iter().zip(self.0);
        sizes
            .find(|(of, _)| *of == rule)
            .map_or(rule, |(_, chosen)| chosen)
    }
}

/// The rule: the smallest filter in which at most every sixth bit is set, or the largest.
pub fn bits_for(set: usize) -> u32 {
    smallest(set, 1, 6)
}

/// The sizes that may be faster than that of the rule, which is among them: smaller ones, if
/// at most two fifths of the bits are set, and the next larger one. A larger one still would
/// hold back half a packet in a hundred more at most.
pub fn candidates(set: usize) -> impl Iterator<Item = u32> {
    let (least, rule) = (smallest(set, 2, 5), bits_for(set));
    let sizes = FILTER_BITS.into_iter();
    let smaller = sizes
        .clone()
        .filter(move |bits| (least..rule).contains(bits));
    smaller.chain(sizes.filter(move |&bits| bits >= rule).take(2))
}

/// The smallest filter in which at most a part of the bits is set, or the largest.
fn smallest(set: usize, part: usize, of: usize) -> u32 {
    let fits = |&bits: &u32| set.saturating_mul(of) <= part * (64 << bits);
    let [.., largest] = FILTER_BITS;
    FILTER_BITS.into_iter().find(fits).unwrap_or(largest)
}

/// A filter of so many words: `marks` hands every mark, as the hash that chooses the word and
/// what is set there, of the items of a range.
pub(super) fn fill<M>(bits: u32, items: usize, marks: M) -> Vec<u64>
where
    M: Fn(&mut dyn FnMut(u64, u64)) + Sync,
{
    let mut words = vec![0u64; 1 << bits];
    let shift = 64 - bits;
    let share = shares(items, words.len());
    std::thread::scope(|scope| {
        for (first, part) in (0u64..).step_by(share).zip(words.chunks_mut(share)) {
            let marks = &marks;
            scope.spawn(move || {
                marks(&mut |hash, mask| {
                    let index = (hash >> shift).wrapping_sub(first);
                    if let Some(word) = usize::try_from(index).ok().and_then(|at| part.get_mut(at))
                    {
                        *word |= mask;
                    }
                });
            });
        }
    });
    words
}
