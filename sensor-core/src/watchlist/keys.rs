//! Prefixes with their numbers, packed so that sorting them is sorting words.

use super::{Prefix4, Prefix6};

/// A prefix with a number. The order is by prefix, then by number.
pub(crate) trait Key: Copy + Ord + Send {
    type Prefix: Prefix;

    fn new(prefix: Self::Prefix, number: u32) -> Self;
    fn prefix(self) -> Self::Prefix;
    fn number(self) -> u32;
}

/// A prefix of either family.
pub(crate) trait Prefix: Copy + Eq {
    fn covers(self, other: Self) -> bool;
}

impl Prefix for Prefix4 {
    fn covers(self, other: Self) -> bool {
        self.covers(other)
    }
}

impl Prefix for Prefix6 {
    fn covers(self, other: Self) -> bool {
        self.covers(other)
    }
}

/// Bits of the number in one word beside an IPv4 prefix.
const NUMBER: u32 = 26;

/// Numbers below this fit into one word beside an IPv4 prefix.
pub(crate) const FIT: usize = 1 << NUMBER;

/// An IPv4 prefix with a number below [`FIT`].
impl Key for u64 {
    type Prefix = Prefix4;

    fn new(Prefix4 { address, length }: Prefix4, number: u32) -> Self {
        Self::from(address) << 32 | Self::from(length) << NUMBER | Self::from(number)
    }

    fn prefix(self) -> Prefix4 {
        Prefix4 {
            address: low(self >> 32),
            length: low(self >> NUMBER).to_le_bytes()[0] & 63,
        }
    }

    fn number(self) -> u32 {
        low(self) & ((1 << NUMBER) - 1)
    }
}

/// An IPv4 prefix with any number.
impl Key for [u64; 2] {
    type Prefix = Prefix4;

    fn new(prefix: Prefix4, number: u32) -> Self {
        [u64::new(prefix, 0), number.into()]
    }

    fn prefix(self) -> Prefix4 {
        self[0].prefix()
    }

    fn number(self) -> u32 {
        low(self[1])
    }
}

/// An IPv6 prefix.
impl Key for [u64; 3] {
    type Prefix = Prefix6;

    fn new(Prefix6 { address, length }: Prefix6, number: u32) -> Self {
        let [high, low] = [(address >> 64) & MASK, address & MASK];
        let half = |half: u128| u64::try_from(half).unwrap_or(0);
        let last = u64::from(length) << 32 | u64::from(number);
        [half(high), half(low), last]
    }

    fn prefix(self) -> Prefix6 {
        let [high, below, last] = self;
        Prefix6 {
            address: u128::from(high) << 64 | u128::from(below),
            length: low(last >> 32).to_le_bytes()[0],
        }
    }

    fn number(self) -> u32 {
        low(self[2])
    }
}

const MASK: u128 = u64::MAX as u128;

/// The lower half of a word.
fn low(word: u64) -> u32 {
    let [a, b, c, d, ..] = word.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Prefixes with their places, sorted.
pub(crate) fn sorted<K: Key>(
    prefixes: impl Iterator<Item = (usize, K::Prefix)>,
    count: usize,
    threads: usize,
) -> Vec<K> {
    let mut keys = Vec::with_capacity(count);
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    keys.extend(prefixes.map(|(at, prefix)| K::new(prefix, number(at))));
    sort(&mut keys, threads);
    keys
}

/// Fewer keys than these are sorted by one thread.
const WORTH_IT: usize = 1 << 16;

/// Sorts keys on so many threads. Equal ones do not exist, so there is one outcome.
pub(crate) fn sort<K: Key>(keys: &mut [K], threads: usize) {
    if keys.is_sorted() {
        return;
    }
    if threads < 2 || keys.len() < WORTH_IT {
        keys.sort_unstable();
        return;
    }
    let half = threads / 2;
    let place = keys.len() / threads * half;
    let (before, _, after) = keys.select_nth_unstable(place);
    std::thread::scope(|scope| {
        scope.spawn(|| sort(before, half));
        sort(after, threads - half);
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn survives<K: Key<Prefix: PartialEq + std::fmt::Debug>>(prefix: K::Prefix, number: u32) {
        let key = K::new(prefix, number);
        assert_eq!((key.prefix(), key.number()), (prefix, number));
    }

    proptest! {
        #[test]
        fn keys_hold_and_order_prefixes_and_numbers(
            (a, b) in (any::<(u32, u128, u32)>(), any::<(u32, u128, u32)>()),
            (short, long) in ([0..=32u8, 0..=32u8], [0..=128u8, 0..=128u8]),
            same: bool,
        ) {
            let (a4, a6) = (Prefix4::around(a.0, short[0]), Prefix6::around(a.1, long[0]));
            let b = if same { (a.0, a.1, b.2) } else { b };
            let (b4, b6) = (Prefix4::around(b.0, short[1]), Prefix6::around(b.1, long[1]));
            let fit = |number: u32| number % (1 << NUMBER);
            survives::<u64>(a4, fit(a.2));
            survives::<[u64; 2]>(a4, a.2);
            survives::<[u64; 3]>(a6, a.2);
            let order = <u64 as Key>::new(a4, fit(a.2)).cmp(&<u64 as Key>::new(b4, fit(b.2)));
            prop_assert_eq!(order, (a4, fit(a.2)).cmp(&(b4, fit(b.2))));
            let order = <[u64; 2]>::new(a4, a.2).cmp(&<[u64; 2]>::new(b4, b.2));
            prop_assert_eq!(order, (a4, a.2).cmp(&(b4, b.2)));
            let order = <[u64; 3]>::new(a6, a.2).cmp(&<[u64; 3]>::new(b6, b.2));
            prop_assert_eq!(order, (a6, a.2).cmp(&(b6, b.2)));
        }

        #[test]
        fn threads_make_no_difference(seed: u64, threads in 1..6usize) {
            let step = |key: &u64| Some(key.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            let mut keys: Vec<u64> =
                std::iter::successors(Some(seed), step).take(WORTH_IT + 3).collect();
            let mut expected = keys.clone();
            expected.sort_unstable();
            sort(&mut keys, threads);
            prop_assert!(keys == expected);
        }
    }
}
