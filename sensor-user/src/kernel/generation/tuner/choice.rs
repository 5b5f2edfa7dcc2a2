//! What follows from measurements.

/// Rounds in which every size has its turn.
pub(super) const ROUNDS: usize = 5;

/// Rounds without which nothing is said.
const LEAST_ROUNDS: usize = 2;

/// A size that is slower than the fastest by less than one in so many is as good.
const NEAR: u64 = 25;

/// What one size of a filter came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Bits of the number of the filter's words.
    pub bits: u32,
    /// Picoseconds for both addresses of a packet, in the best of the rounds.
    pub picoseconds: u64,
}

/// Measures sizes in turns, so that whatever else the machine does meets all of them. A turn
/// gives picoseconds, or nothing when the time is up: then whole rounds count, if there are
/// enough of them.
pub(super) fn in_turns<E>(
    sizes: &[u32],
    mut turn: impl FnMut(u32) -> Result<Option<u64>, E>,
) -> Result<Vec<Measured>, E> {
    let mut best: Vec<Measured> = Vec::new();
    for round in 0..ROUNDS {
        let mut measured = Vec::with_capacity(sizes.len());
        for &bits in sizes {
            let Some(picoseconds) = turn(bits)? else {
                let enough = round >= LEAST_ROUNDS;
                return Ok(if enough { best } else { Vec::new() });
            };
            measured.push(Measured { bits, picoseconds });
        }
        if best.is_empty() {
            best = measured;
            continue;
        }
        for (best, new) in best.iter_mut().zip(measured) {
            best.picoseconds = best.picoseconds.min(new.picoseconds);
        }
    }
    Ok(best)
}

/// The fastest, or a smaller one that is hardly slower; nothing where nothing was measured.
pub(super) fn choose(measured: &[Measured]) -> Option<u32> {
    let fastest = measured.iter().map(|size| size.picoseconds).min()?;
    let near = fastest.saturating_add(fastest / NEAR);
    let good = measured.iter().filter(|size| size.picoseconds <= near);
    good.map(|size| size.bits).min()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn measured(sizes: &[(u32, u64)]) -> Vec<Measured> {
        let measured = |&(bits, picoseconds)| Measured { bits, picoseconds };
        sizes.iter().map(measured).collect()
    }

    #[test]
    fn the_fastest_is_chosen() {
        for (sizes, expected) in [
            (&[(18, 30_000), (19, 25_000), (20, 20_000)][..], Some(20)),
            (&[(18, 20_000), (19, 25_000), (20, 30_000)], Some(18)),
            (&[(18, 30_000), (19, 20_000), (20, 25_000)], Some(19)),
            (&[(19, 20_000)], Some(19)),
            (&[], None),
        ] {
            assert_eq!(choose(&measured(sizes)), expected, "{sizes:?}");
        }
    }

    #[test]
    fn of_those_that_are_nearly_as_fast_the_smallest_is() {
        for (sizes, expected) in [
            (&[(18, 20_800), (19, 20_400), (20, 20_000)][..], 18),
            (&[(18, 20_801), (19, 20_800), (20, 20_000)], 19),
            (&[(18, 20_801), (19, 20_801), (20, 20_000)], 20),
            (&[(20, 20_000), (18, 20_000)], 18),
        ] {
            assert_eq!(choose(&measured(sizes)), Some(expected), "{sizes:?}");
        }
    }

    #[test]
    fn sizes_take_turns_and_the_best_round_counts() {
        let mut turns = Vec::new();
        let mut times = [7, 9, 8, 4, 6, 9, 9, 5, 8, 8].into_iter();
        let measured = in_turns(&[13, 15], |bits| {
            turns.push(bits);
            Ok::<_, Infallible>(times.next())
        });
        assert_eq!(turns, [13, 15, 13, 15, 13, 15, 13, 15, 13, 15]);
        assert_eq!(measured.unwrap(), self::measured(&[(13, 6), (15, 4)]));
    }

    #[test]
    fn when_the_time_is_up_whole_rounds_count() {
        for (turns, expected) in [
            (0, &[][..]),
            (3, &[]),
            (4, &[(13, 97), (15, 96)]),
            (5, &[(13, 97), (15, 96)]),
            (6, &[(13, 95), (15, 94)]),
        ] {
            let mut made = 0;
            let found = in_turns(&[13, 15], |_| {
                made += 1;
                Ok::<_, Infallible>((made <= turns).then_some(100 - made))
            });
            assert_eq!(found.unwrap(), measured(expected), "after {turns} turns");
            assert_eq!(made, turns + 1, "no turn after the time is up");
        }
    }

    #[test]
    fn a_failure_ends_it() {
        let mut made = 0;
        let found = in_turns(&[13, 15], |_| {
            made += 1;
            if made < 8 { Ok(Some(1)) } else { Err(made) }
        });
        assert_eq!(found, Err(8));
    }
}
