//! The directory of the table of places: the leading bits of an address choose a bucket,
//! which holds the place of all its addresses or leads to the ranges that begin in it.
//!
//! There are at least as many buckets as ranges, up to a limit, so that few ranges share
//! one. `sensor-ebpf/src/places.rs` reads them.

use sensor_common::{Place, PlaceBucket, PlaceRow4, PlaceRow6};

/// Most bits that choose a bucket: 8 MiB of buckets.
const MOST_BITS: u32 = 20;

/// The global unicast addresses that are given out, `2000::/3`.
const GLOBAL: u128 = 1 << 125;

/// Buckets, the first of which holds the shift, and the ranges they lead to.
pub(super) struct Directory<R> {
    pub(super) buckets: Vec<PlaceBucket>,
    pub(super) rows: Vec<R>,
}

pub(super) fn buckets_v4(ranges: &[(u32, Place)]) -> Directory<PlaceRow4> {
    let bits = bits_for(ranges.len());
    let shift = 32 - bits;
    let mut ranges_before = Cursor::new(ranges);
    let mut buckets = vec![header(shift)];
    for bucket in 0..1u64 << bits {
        let first = bucket << shift;
        let last = ((bucket + 1) << shift) - 1;
        buckets.push(ranges_before.bucket(
            |start| u64::from(start) <= first,
            |start| u64::from(start) <= last,
        ));
    }
    let rows = ranges
        .iter()
        .map(|&(start, place)| PlaceRow4 {
            start,
            place: place.number(),
        })
        .collect();
    Directory { buckets, rows }
}

pub(super) fn buckets_v6(ranges: &[(u128, Place)]) -> Directory<PlaceRow6> {
    let bits = bits_for(ranges.len());
    // Of the upper 64 bits without the first three.
    let shift = 64 - bits;
    let mut ranges_before = Cursor::new(ranges);
    let below = ranges_before.bucket(|start| start == 0, |start| start < GLOBAL);
    let mut inside = Vec::with_capacity(1 << bits);
    for bucket in 0..1u128 << bits {
        let first = GLOBAL + (bucket << (125 - bits));
        let last = first + ((1 << (125 - bits)) - 1);
        inside.push(ranges_before.bucket(|start| start <= first, |start| start <= last));
    }
    let above = ranges_before.bucket(|start| start <= 2 * GLOBAL, |_| true);
    let mut buckets = vec![header(shift), below, above];
    buckets.extend(inside);
    let rows = ranges
        .iter()
        .map(|&(start, place)| PlaceRow6 {
            start_high: high(start),
            start_low: low(start),
            place: u64::from(place.number()),
        })
        .collect();
    Directory { buckets, rows }
}

const fn header(shift: u32) -> PlaceBucket {
    PlaceBucket {
        first: shift,
        more: 0,
    }
}

/// At least one bit, since a shift by all bits is none.
fn bits_for(ranges: usize) -> u32 {
    ranges.next_power_of_two().ilog2().clamp(1, MOST_BITS)
}

const fn high(address: u128) -> u64 {
    (address >> 64) as u64
}

#[expect(clippy::cast_possible_truncation, reason = "the lower 64 of 128 bits")]
const fn low(address: u128) -> u64 {
    address as u64
}

/// Walks along ascending ranges, bucket by bucket.
struct Cursor<'a, A> {
    ranges: &'a [(A, Place)],
    /// The range that the last bucket's addresses end in.
    at: usize,
}

impl<'a, A: Copy> Cursor<'a, A> {
    const fn new(ranges: &'a [(A, Place)]) -> Self {
        Self { ranges, at: 0 }
    }

    /// The next bucket: `starts_before` says of a range that it begins at the bucket's first
    /// address or before, `starts_inside` that it begins at its last or before.
    fn bucket(
        &mut self,
        starts_before: impl Fn(A) -> bool,
        starts_inside: impl Fn(A) -> bool,
    ) -> PlaceBucket {
        self.advance(starts_before);
        let first = self.at;
        self.advance(starts_inside);
        let more = self.at - first;
        let number = |row: usize| u32::try_from(row).unwrap_or(u32::MAX);
        let place = self
            .ranges
            .get(first)
            .map_or(Place::Unknown, |range| range.1);
        PlaceBucket {
            first: if more == 0 {
                place.number()
            } else {
                number(first)
            },
            more: number(more),
        }
    }

    fn advance(&mut self, is_reached: impl Fn(A) -> bool) {
        let next = |at: usize| {
            self.ranges
                .get(at + 1)
                .is_some_and(|range| is_reached(range.0))
        };
        let mut at = self.at;
        while next(at) {
            at += 1;
        }
        self.at = at;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the kernel side searches.
    fn place_v4(directory: &Directory<PlaceRow4>, address: u32) -> u32 {
        let shift = directory.buckets[0].first;
        let bucket = directory.buckets[1 + (address >> shift) as usize];
        if bucket.more == 0 {
            return bucket.first;
        }
        let rows = &directory.rows[bucket.first as usize..][..=bucket.more as usize];
        assert!(rows[0].start <= address);
        rows[rows.partition_point(|row| row.start <= address) - 1].place
    }

    fn place_v6(directory: &Directory<PlaceRow6>, address: u128) -> u64 {
        let shift = directory.buckets[0].first;
        let row = match high(address) >> 61 {
            0 => 1,
            1 => 3 + usize::try_from((high(address) << 3) >> shift).unwrap(),
            _ => 2,
        };
        let bucket = directory.buckets[row];
        if bucket.more == 0 {
            return u64::from(bucket.first);
        }
        let rows = &directory.rows[bucket.first as usize..][..=bucket.more as usize];
        let starts_before =
            |row: &PlaceRow6| (row.start_high, row.start_low) <= (high(address), low(address));
        assert!(starts_before(&rows[0]));
        rows[rows.partition_point(starts_before) - 1].place
    }

    fn place(number: u8) -> Place {
        match number % 5 {
            0 => Place::Unknown,
            1 => Place::Foreign,
            2 => Place::Domestic,
            3 => Place::Operator(u16::from(number)),
            _ => Place::Excluded,
        }
    }

    fn ranges<A: Ord + Default + Copy>(starts: &[A]) -> Vec<(A, Place)> {
        let mut starts = starts.to_vec();
        starts.push(A::default());
        starts.sort();
        starts.dedup();
        starts
            .into_iter()
            .zip((0..=u8::MAX).cycle().map(place))
            .collect()
    }

    proptest! {
        #[test]
        fn every_ipv4_address_is_placed_as_by_its_range(
            starts in prop::collection::vec(prop_oneof![any::<u32>(), 0x0a00_0000..0x0a00_0100u32], 0..300),
            others in prop::collection::vec(any::<u32>(), 20),
        ) {
            let ranges = ranges(&starts);
            let directory = buckets_v4(&ranges);
            let near = starts.iter().flat_map(|&s| [s, s.wrapping_sub(1), s.wrapping_add(1)]);
            for address in near.chain(others).chain([0, u32::MAX]) {
                let range = ranges.partition_point(|range| range.0 <= address) - 1;
                prop_assert_eq!(place_v4(&directory, address), ranges[range].1.number());
            }
        }

        #[test]
        fn every_ipv6_address_is_placed_as_by_its_range(
            starts in prop::collection::vec(
                prop_oneof![
                    any::<u128>(),
                    (0..1u128 << 125).prop_map(|low| GLOBAL + low),
                    (0..256u128).prop_map(|low| (0x2a00u128 << 112) + (low << 90)),
                    Just(GLOBAL),
                    Just(2 * GLOBAL),
                ],
                0..300,
            ),
            others in prop::collection::vec(any::<u128>(), 20),
        ) {
            let ranges = ranges(&starts);
            let directory = buckets_v6(&ranges);
            let near = starts.iter().flat_map(|&s| [s, s.wrapping_sub(1), s.wrapping_add(1)]);
            let edges = [0, GLOBAL - 1, GLOBAL, 2 * GLOBAL - 1, 2 * GLOBAL, u128::MAX];
            for address in near.chain(others).chain(edges) {
                let range = ranges.partition_point(|range| range.0 <= address) - 1;
                prop_assert_eq!(place_v6(&directory, address), u64::from(ranges[range].1.number()));
            }
        }
    }
}
