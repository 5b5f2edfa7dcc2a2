//! Sums per minute, hour and day, per approval and indicator.
//!
//! They are computed before the transaction, so that each sum is stored once a batch, and they
//! are stored in the order of their key: what one minute adds lies together.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rusqlite::{Transaction, params};

use super::{number, plan::Row};

/// In the place of an indicator: any or none, each record counted once.
pub const ALL: i64 = 0;

/// In the place of an approval: what rows of several approvals count more than once, to be taken
/// from their sum. Most records have one row, and nothing is stored twice for them.
pub const AGAIN: i64 = 0;

/// How long a sum is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day, of UTC.
    Day,
}

impl Level {
    /// All, the shortest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// As it is stored.
    pub const fn number(self) -> i64 {
        match self {
            Self::Minute => 0,
            Self::Hour => 1,
            Self::Day => 2,
        }
    }

    /// Seconds.
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }
}

/// Begin in seconds since 1970, indicator, approval.
type Key = (u64, i64, i64);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    flows: u64,
    packets: u64,
    octets: u64,
}

impl Sum {
    const fn absorb(&mut self, other: &Self) {
        self.flows = self.flows.saturating_add(other.flows);
        self.packets = self.packets.saturating_add(other.packets);
        self.octets = self.octets.saturating_add(other.octets);
    }
}

/// The sums of a batch, per minute.
#[derive(Debug, Default)]
pub(super) struct Rollups {
    minutes: HashMap<Key, Sum, RandomState>,
    /// Sums over all indicators are the busiest: those of the last minute are at hand.
    busy: Vec<(Key, Sum)>,
}

impl Rollups {
    /// Counts a record: `rows` are all of its rows, each with the distinct indicators it names.
    pub(super) fn count(&mut self, rows: &[(Row<'_>, &[i64])]) {
        let Some((Row { record, .. }, _)) = rows.first() else {
            return;
        };
        let begin = record.end / 1_000_000_000 / 60 * 60;
        let sum = Sum {
            flows: 1,
            packets: record.packets,
            octets: record.octets,
        };
        for (row, indicators) in rows {
            self.add_busy((begin, ALL, row.approval), &sum);
            for &indicator in *indicators {
                self.add((begin, indicator, row.approval), &sum);
            }
        }
        if rows.len() > 1 {
            self.count_again(begin, &sum, rows);
        }
    }

    /// Counts what the second row of a record, and each that follows, repeats.
    fn count_again(&mut self, begin: u64, sum: &Sum, rows: &[(Row<'_>, &[i64])]) {
        for _ in rows.iter().skip(1) {
            self.add_busy((begin, ALL, AGAIN), sum);
        }
        let named = rows.iter().flat_map(|(_, indicators)| indicators.iter());
        let mut named: Vec<i64> = named.copied().collect();
        named.sort_unstable();
        for pair in named.windows(2) {
            if let [one, other] = pair
                && one == other
            {
                self.add((begin, *one, AGAIN), sum);
            }
        }
    }

    fn add(&mut self, key: Key, sum: &Sum) {
        self.minutes.entry(key).or_default().absorb(sum);
    }

    fn add_busy(&mut self, key: Key, sum: &Sum) {
        if let Some((_, known)) = self.busy.iter_mut().find(|(known, _)| *known == key) {
            return known.absorb(sum);
        }
        if self.busy.len() >= 8 {
            for (key, sum) in std::mem::take(&mut self.busy) {
                self.add(key, &sum);
            }
        }
        self.busy.push((key, *sum));
    }

    /// Stores them, and what they are by hour and day.
    pub(super) fn store(mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        for (key, sum) in std::mem::take(&mut self.busy) {
            self.add(key, &sum);
        }
        let mut sums: Vec<(Key, Sum)> = self.minutes.into_iter().collect();
        let mut upsert = transaction.prepare_cached(
            "INSERT INTO rollup VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
             flows = flows + excluded.flows, packets = packets + excluded.packets, \
             octets = octets + excluded.octets",
        )?;
        for level in Level::ALL {
            sums = longer(sums, level);
            for ((begin, indicator, approval), sum) in &sums {
                let (flows, packets, octets) =
                    (number(sum.flows), number(sum.packets), number(sum.octets));
                let level = level.number();
                let begin = number(*begin);
                upsert.execute(params![
                    level, begin, indicator, approval, flows, packets, octets
                ])?;
            }
        }
        Ok(())
    }
}

/// Sums of a level in the order of their keys.
fn longer(mut sums: Vec<(Key, Sum)>, level: Level) -> Vec<(Key, Sum)> {
    for ((begin, ..), _) in &mut sums {
        *begin = *begin / level.seconds() * level.seconds();
    }
    sums.sort_unstable_by_key(|(key, _)| *key);
    sums.dedup_by(|(key, sum), (kept, total)| {
        let is_same = key == kept;
        if is_same {
            total.absorb(sum);
        }
        is_same
    });
    sums
}
