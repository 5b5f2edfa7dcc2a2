//! What makes one generation's hashes differ from another's.

use sensor_common::{Engine, Engine4, Engine6};

/// Random numbers for the hashes of a generation. Who does not know them cannot choose
/// addresses that pass the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds([u64; Self::WORDS]);

impl Seeds {
    const WORDS: usize = 11;

    /// Bytes of randomness they are made of.
    pub const BYTES: usize = Self::WORDS * size_of::<u64>();

    /// Takes randomness.
    pub fn new(random: [u8; Self::BYTES]) -> Self {
        let (words, _) = random.as_chunks::<{ size_of::<u64>() }>();
        let mut seeds = [0; Self::WORDS];
        for (seed, word) in seeds.iter_mut().zip(words) {
            *seed = u64::from_le_bytes(*word);
        }
        Self(seeds)
    }

    /// Seeds for tests and measurements, made from one number (`SplitMix64`).
    pub fn from_number(number: u64) -> Self {
        let mut state = number;
        Self(std::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }))
    }

    /// An engine with these seeds and without any prefix.
    pub(super) fn engine(&self) -> Engine {
        let [
            block4,
            host4,
            added,
            permutation,
            block6,
            host6,
            wide6,
            prefix @ ..,
        ] = self.0;
        let odd = |word: u64| word | 1;
        #[expect(clippy::cast_possible_truncation, reason = "halves are meant")]
        let halves = |word: u64| [(word >> 32) as u32, word as u32];
        let [first, second] = halves(permutation);
        Engine {
            v4: Engine4 {
                block: odd(block4),
                host: odd(host4),
                permutation: [halves(added)[0], first | 1, second | 1],
                ..Engine4::default()
            },
            v6: Engine6 {
                block: odd(block6),
                host: odd(host6),
                wide: odd(wide6),
                prefix: prefix.map(odd),
                ..Engine6::default()
            },
            ..Engine::default()
        }
    }
}
