//! Numbers that look random and are the same in every run.

/// `SplitMix64` (Steele, Lea and Flood 2014): one word of state, and every seed is good.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Any 128 bits.
    pub(crate) fn bits(&mut self) -> u128 {
        u128::from(self.word()) << 64 | u128::from(self.word())
    }

    /// A number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let product = u128::from(self.word()) * limit as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// True in this share of cases.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are chance enough")]
    pub(crate) fn is(&mut self, share: f64) -> bool {
        ((self.word() >> 11) as f64) / ((1u64 << 53) as f64) < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        // The first number of the reference implementation for seed 0.
        assert_eq!(Chance::new(0).word(), 0xe220_a839_7b1d_cdaf);
        let mut chance = Chance::new(7);
        assert!((0..1000).all(|_| chance.below(3) < 3));
        assert!((0..1000).all(|_| !chance.is(0.0)));
        assert!((0..1000).all(|_| chance.is(1.0)));
    }
}
