//! The anchors of a boot, and what follows from them.

use std::{collections::BTreeSet, fmt, time::Duration};

use super::{Anchor, ClockError, Terms};
use crate::watchlist::Moment;

/// Differences up to this are not told as steps.
///
/// Slewing does not move the wall clock against the boot clock: the kernel changes the speed of
/// the one counter that both are read from (`timekeeping_apply_adjustment`,
/// kernel/time/timekeeping.c). What is left is the reading itself, which the source keeps below a
/// fifth of this. A smaller step is not told, but [`Anchors::terms`] counts it like any other.
pub const STEP: Duration = Duration::from_millis(100);

/// What the agent knows of how its clocks are tied, in order of the boot clock.
///
/// Only anchors that can still matter are kept, five at most: every answer depends on the first,
/// on the last, or on a greatest or smallest value over all. The greatest of a set is the
/// greatest of its kept greatest and whatever comes, so dropping the others loses nothing:
/// - the first, which dates what was recorded since;
/// - the last, which the next is compared with;
/// - the one with the greatest offset that it allows, which gives every end;
/// - the one with the smallest offset that it allows, which gives every begin;
/// - of the synchronised ones, that whose smallest offset is the greatest: by it, and by how long
///   this boot lasted, is known what time the next boot cannot be before.
///
/// Of earlier boots only the last of these is kept, as [`Anchors::not_before`].
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    /// Of one boot, in order.
    kept: Vec<Anchor>,
    not_before: u64,
    /// The first since this run began.
    run: Option<Anchor>,
}

/// What an anchor told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Taken {
    /// What is new.
    pub news: News,
    /// Whether terms are narrower than before it: they are to be computed and published again.
    pub narrowed: bool,
}

/// How an anchor compares with the last one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// There was none.
    First,
    /// That was of another boot, and the wall clock has not gone back since.
    Rebooted,
    /// The wall clock was not set in between; the machine may have been suspended.
    Steady,
    /// The wall clock was set in between.
    Stepped(Step),
}

/// A step of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which way.
    pub way: Way,
    /// How far.
    pub by: Duration,
}

/// Which way the wall clock was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To a later time: approvals end earlier.
    Forward,
    /// To an earlier time: approvals begin later.
    Backward,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.way {
            Way::Forward => "forward",
            Way::Backward => "back",
        };
        write!(f, "{way} by {:?}", self.by)
    }
}

impl Anchors {
    /// Takes a reading. It is to be kept in the state folder before anything is published that
    /// begins or widens recording; what it narrows takes effect first.
    ///
    /// # Errors
    ///
    /// [`ClockError::SetBack`] and [`ClockError::BootClockBack`]; then nothing is taken.
    pub fn take(&mut self, anchor: Anchor) -> Result<Taken, ClockError> {
        let taken = match self.last() {
            Some(last) if last.boot_id == anchor.boot_id => self.next(last, &anchor)?,
            earlier => {
                self.check_not_set_back(&anchor)?;
                let news = earlier.map_or(News::First, |_| News::Rebooted);
                self.not_before = self.passed();
                self.kept.clear();
                self.run = None;
                Taken {
                    news,
                    narrowed: true,
                }
            }
        };
        self.kept.push(anchor);
        self.reduce();
        self.run.get_or_insert(anchor);
        Ok(taken)
    }

    /// Begin and end of an approval on the boot clock: the latest begin and the earliest end that
    /// any anchor of this boot gives. `begin` and `end` are nanoseconds since 1970.
    ///
    /// Before the first anchor of this run it is unknown which boot this is, and nothing is in
    /// force.
    pub fn terms(&self, begin: u64, end: u64) -> Terms {
        if self.run.is_none() {
            return Terms::NEVER;
        }
        self.kept
            .iter()
            .map(|anchor| Terms::by(anchor, begin, end))
            .reduce(Terms::narrowed)
            .unwrap_or(Terms::NEVER)
    }

    /// The calendar time of a moment since boot, as far as every anchor of this boot allows it:
    /// by it begins and ends what [`Self::terms`] would say. Before the first anchor of this run
    /// nothing has begun and everything has ended.
    pub fn moment(&self, boot: u64) -> Moment {
        let never = Moment {
            earliest: 0,
            latest: u64::MAX,
        };
        if self.run.is_none() {
            return never;
        }
        let wall = |offset: i128| {
            let wall = i128::from(boot).saturating_add(offset).max(0);
            u64::try_from(wall).unwrap_or(u64::MAX)
        };
        let smallest = self.kept.iter().map(Anchor::smallest).min();
        let greatest = self.kept.iter().map(Anchor::greatest).max();
        match (smallest, greatest) {
            (Some(smallest), Some(greatest)) => Moment {
                earliest: wall(smallest),
                latest: wall(greatest),
            },
            _ => never,
        }
    }

    /// Nanoseconds since 1970 of a time since boot, for records: by the first anchor of this run,
    /// so that a later step does not move what was seen. None before that anchor.
    pub fn wall_of(&self, boot: u64) -> Option<u64> {
        let wall = i128::from(boot) + self.run?.offset();
        Some(u64::try_from(wall.max(0)).unwrap_or(u64::MAX))
    }

    /// The anchors that are kept, oldest first.
    pub fn kept(&self) -> &[Anchor] {
        &self.kept
    }

    /// Nanoseconds since 1970 that had passed, by a synchronised clock, before the boot of the
    /// anchors kept; 0 when none is known.
    pub const fn not_before(&self) -> u64 {
        self.not_before
    }

    /// What was kept by an earlier run, in order and of one boot.
    pub(super) fn restored(kept: Vec<Anchor>, not_before: u64) -> Self {
        let mut anchors = Self {
            kept,
            not_before,
            run: None,
        };
        anchors.reduce();
        anchors
    }

    fn last(&self) -> Option<Anchor> {
        self.kept.last().copied()
    }

    fn next(&self, last: Anchor, anchor: &Anchor) -> Result<Taken, ClockError> {
        if anchor.boot < last.boot {
            return Err(ClockError::BootClockBack {
                boot: anchor.boot,
                last: last.boot,
            });
        }
        let moved = anchor.offset() - last.offset();
        let by = duration(moved.unsigned_abs());
        let way = if moved < 0 {
            Way::Backward
        } else {
            Way::Forward
        };
        Ok(Taken {
            news: if by > STEP {
                News::Stepped(Step { way, by })
            } else {
                News::Steady
            },
            narrowed: self.kept.iter().all(|k| k.greatest() < anchor.greatest())
                || self.kept.iter().all(|k| k.smallest() > anchor.smallest()),
        })
    }

    /// A clock that may be off by its uncertainty was not set back when it is behind by less.
    /// What the other side may be off is in [`Anchors::passed`] already.
    fn check_not_set_back(&self, anchor: &Anchor) -> Result<(), ClockError> {
        let passed = self.passed();
        if anchor.wall.saturating_add(anchor.uncertainty) < passed {
            return Err(ClockError::SetBack {
                wall: anchor.wall,
                passed,
            });
        }
        Ok(())
    }

    /// Nanoseconds since 1970 that had passed at the last anchor by some synchronised one. An
    /// unsynchronised clock says nothing about the time.
    fn passed(&self) -> u64 {
        let passed = self.surest().zip(self.last()).map_or(0, |(surest, last)| {
            self.kept[surest].smallest() + i128::from(last.boot)
        });
        u64::try_from(passed.max(0))
            .unwrap_or(u64::MAX)
            .max(self.not_before)
    }

    /// Where the synchronised anchor is whose smallest offset is the greatest.
    fn surest(&self) -> Option<usize> {
        (0..self.kept.len())
            .filter(|&at| self.kept[at].synchronised)
            .max_by_key(|&at| self.kept[at].smallest())
    }

    fn reduce(&mut self) {
        let all = 0..self.kept.len();
        let matter: BTreeSet<usize> = [
            all.clone().next(),
            all.clone().next_back(),
            all.clone().max_by_key(|&at| self.kept[at].greatest()),
            all.min_by_key(|&at| self.kept[at].smallest()),
            self.surest(),
        ]
        .into_iter()
        .flatten()
        .collect();
        self.kept = matter.into_iter().map(|at| self.kept[at]).collect();
    }
}

fn duration(nanoseconds: u128) -> Duration {
    u64::try_from(nanoseconds).map_or(Duration::MAX, Duration::from_nanos)
}
