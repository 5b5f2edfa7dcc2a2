//! Sets of indicators, by their numbers.
//!
//! An approval names whole feeds, one after the other in the watchlist: a few ranges say what a
//! set of ten million numbers would.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::IndicatorId;

/// Numbers of indicators, as ascending ranges with gaps between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u32, u32)>", into = "Vec<(u32, u32)>")]
pub struct IndicatorIds(Vec<Range<u32>>);

impl IndicatorIds {
    /// Whether a number is among them.
    pub fn contains(&self, IndicatorId(number): IndicatorId) -> bool {
        let at = self.0.partition_point(|range| range.end <= number);
        self.0.get(at).is_some_and(|range| range.start <= number)
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[Range<u32>] {
        &self.0
    }
}

impl FromIterator<Range<u32>> for IndicatorIds {
    fn from_iter<T: IntoIterator<Item = Range<u32>>>(ranges: T) -> Self {
        let mut given: Vec<Range<u32>> = ranges.into_iter().collect();
        given.retain(|range| !range.is_empty());
        given.sort_unstable_by_key(|range| range.start);
        let mut ranges: Vec<Range<u32>> = Vec::new();
        for range in given {
            match ranges.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => ranges.push(range),
            }
        }
        Self(ranges)
    }
}

impl FromIterator<IndicatorId> for IndicatorIds {
    fn from_iter<T: IntoIterator<Item = IndicatorId>>(numbers: T) -> Self {
        let one = |IndicatorId(number)| number..number.saturating_add(1);
        numbers.into_iter().map(one).collect()
    }
}

impl<const N: usize> From<[IndicatorId; N]> for IndicatorIds {
    fn from(numbers: [IndicatorId; N]) -> Self {
        numbers.into_iter().collect()
    }
}

impl From<Range<u32>> for IndicatorIds {
    fn from(range: Range<u32>) -> Self {
        [range].into_iter().collect()
    }
}

impl From<Vec<(u32, u32)>> for IndicatorIds {
    fn from(pairs: Vec<(u32, u32)>) -> Self {
        pairs.into_iter().map(|(start, end)| start..end).collect()
    }
}

impl From<IndicatorIds> for Vec<(u32, u32)> {
    fn from(IndicatorIds(ranges): IndicatorIds) -> Self {
        let pairs = ranges.into_iter().map(|range| (range.start, range.end));
        pairs.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_the_numbers_that_were_given(
            numbers in prop::collection::btree_set(0..40u32, 0..40),
        ) {
            let ids: IndicatorIds = numbers.iter().copied().map(IndicatorId).collect();
            let again: BTreeSet<u32> = ids.ranges().iter().cloned().flatten().collect();
            prop_assert_eq!(&again, &numbers);
            prop_assert!(ids.ranges().is_sorted_by(|a, b| a.end < b.start));
            for number in 0..41 {
                prop_assert_eq!(ids.contains(IndicatorId(number)), numbers.contains(&number));
            }
            let text = serde_json::to_string(&ids).unwrap();
            prop_assert_eq!(serde_json::from_str::<IndicatorIds>(&text).unwrap(), ids);
        }
    }

    #[test]
    fn ranges_that_touch_or_overlap_are_one() {
        let ids: IndicatorIds = [5..9, 0..3, 3..4, 7..12, 2..2].into_iter().collect();
        assert_eq!(ids.ranges(), [0..4, 5..12]);
        assert_eq!(serde_json::to_string(&ids).unwrap(), "[[0,4],[5,12]]");
    }
}
