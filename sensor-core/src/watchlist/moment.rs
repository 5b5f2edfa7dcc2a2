//! Which indicators count at a moment, and when that changes.

use serde::{Deserialize, Serialize};

use super::{IndicatorId, Validity, Watchlist};

/// A moment on a clock that may be off: nanoseconds since 1970.
///
/// What begins has begun when it surely has, and what ends has ended as soon as it may have.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// The earliest time it may be.
    pub earliest: u64,
    /// The latest time it may be.
    pub latest: u64,
}

impl Moment {
    /// A moment that is known.
    pub const fn at(time: u64) -> Self {
        Self {
            earliest: time,
            latest: time,
        }
    }

    /// Whether what is valid then counts at this moment.
    pub fn is_within(self, validity: Option<Validity>) -> bool {
        validity
            .is_none_or(|validity| validity.begin <= self.earliest && self.latest < validity.end)
    }

    /// The later one of both: what has begun has not begun less, and what has ended does not
    /// begin again, when a clock is known better.
    #[must_use]
    pub fn later(self, other: Self) -> Self {
        Self {
            earliest: self.earliest.max(other.earliest),
            latest: self.latest.max(other.latest),
        }
    }
}

/// The begins and ends of indicators, in their order.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    begins: Times,
    ends: Times,
}

/// Times with their indicators, ascending, and how many have passed.
#[derive(Clone, Debug, Default)]
struct Times {
    all: Vec<(u64, IndicatorId)>,
    passed: usize,
}

impl Schedule {
    /// Every begin and end in a watchlist, from a moment on.
    pub fn of(watchlist: &Watchlist, moment: Moment) -> Self {
        let (mut begins, mut ends) = (Times::default(), Times::default());
        for (id, Validity { begin, end }) in watchlist.validities() {
            begins.all.push((begin, id));
            ends.all.push((end, id));
        }
        begins.all.sort_unstable();
        ends.all.sort_unstable();
        let mut schedule = Self { begins, ends };
        schedule.pass(moment);
        schedule
    }

    /// Whether something begins or ends up to a moment that has not yet been passed.
    pub fn is_due(&self, moment: Moment) -> bool {
        self.begins.is_due(moment.earliest) || self.ends.is_due(moment.latest)
    }

    /// What has been passed so far, for [`Self::back_to`].
    pub const fn passed(&self) -> (usize, usize) {
        (self.begins.passed, self.ends.passed)
    }

    /// Goes back to where it was: what has been passed since comes again.
    pub const fn back_to(&mut self, passed: (usize, usize)) {
        (self.begins.passed, self.ends.passed) = passed;
    }

    /// Passes a moment: the indicators that begin or end with it, each once, ascending.
    pub fn pass(&mut self, moment: Moment) -> Vec<IndicatorId> {
        let begun = self.begins.pass(moment.earliest);
        let ended = self.ends.pass(moment.latest);
        let mut passed: Vec<_> = begun.iter().chain(ended).map(|(_, id)| *id).collect();
        passed.sort_unstable();
        passed.dedup();
        passed
    }
}

impl Times {
    fn is_due(&self, time: u64) -> bool {
        let next = self.all.get(self.passed);
        next.is_some_and(|(next, _)| *next <= time)
    }

    fn pass(&mut self, time: u64) -> &[(u64, IndicatorId)] {
        let first = self.passed;
        let rest = self.all.get(first..).unwrap_or_default();
        self.passed += rest.partition_point(|(next, _)| *next <= time);
        self.all.get(first..self.passed).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watchlist::{Limits, Prefixes};

    fn watchlist(times: &[Option<(u64, u64)>]) -> Watchlist {
        let mut prefixes = Prefixes::default();
        for (line, time) in (1..).zip(times) {
            let validity = time.map(|(begin, end)| Validity { begin, end });
            let limits = Limits {
                validity,
                ports: Vec::new(),
            };
            prefixes.push_limited("192.0.2.1/32".parse().unwrap(), line, &limits);
        }
        let mut watchlist = Watchlist::default();
        watchlist.add_feed("before".into(), [("::/0".parse().unwrap(), 1)]);
        watchlist.share_feed("timed".into(), prefixes.into());
        watchlist
    }

    #[test]
    fn a_clock_that_may_be_off_begins_late_and_ends_early() {
        let some = Some(Validity { begin: 10, end: 20 });
        let within = |earliest, latest| Moment { earliest, latest }.is_within(some);
        assert!(within(10, 19));
        assert!(!within(9, 11));
        assert!(!within(15, 20));
        assert!(Moment::default().is_within(None));
        let known_better = Moment::at(15).later(Moment {
            earliest: 12,
            latest: 18,
        });
        assert_eq!((known_better.earliest, known_better.latest), (15, 18));
    }

    #[test]
    fn every_begin_and_end_comes_once_and_in_its_turn() {
        let watchlist = watchlist(&[Some((10, 20)), None, Some((0, 15)), Some((15, u64::MAX))]);
        let mut schedule = Schedule::of(&watchlist, Moment::at(5));
        assert!(!schedule.is_due(Moment::at(9)));
        assert!(schedule.is_due(Moment::at(10)));
        assert_eq!(schedule.pass(Moment::at(10)), [IndicatorId(1)]);
        assert!(!schedule.is_due(Moment::at(14)));
        // It may be 15, and is not surely: one ends, the other does not begin.
        let unsure = Moment {
            earliest: 14,
            latest: 15,
        };
        assert_eq!(schedule.pass(unsure), [IndicatorId(3)]);
        let rest = schedule.pass(Moment::at(1000));
        assert_eq!(rest, [IndicatorId(1), IndicatorId(4)]);
        assert!(!schedule.is_due(Moment::at(u64::MAX - 1)));
        let mut again = Schedule::of(&watchlist, Moment::at(5));
        let before = again.passed();
        assert_eq!(again.pass(Moment::at(10)), [IndicatorId(1)]);
        again.back_to(before);
        assert_eq!(again.pass(Moment::at(10)), [IndicatorId(1)]);
    }
}
