//! Filters: how large they are, and the words of them.

use sensor_common::engine::FILTER_BITS;

use super::lines::shares;

/// How large filters are, against what they would be of themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Bits of the number of words of the IPv4 filter.
    pub v4: Option<u32>,
    /// Bits of the number of words of the IPv6 filter.
    pub v6: Option<u32>,
}

/// The bits of the number of words for a filter in which so many bits are set: the smallest
/// in which at most every sixth one is, or the largest.
pub(super) fn bits_for(set: usize) -> u32 {
    let fits = |&bits: &u32| set.saturating_mul(6) <= 64 << bits;
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
