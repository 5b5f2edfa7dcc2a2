//! What a batch becomes, computed before the transaction: a lock is held for writing only.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{
    Batch,
    memory::{Memory, ZONE, Zone},
    number,
    rollup::Rollups,
    write::Fault,
};
use crate::{End, Record, record::Under};
use sensor_core::documents::Time;

/// A row with its numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) record: &'a Record,
    /// Its number.
    pub(super) number: i64,
    /// How many rows the record has.
    pub(super) rows: i64,
    pub(super) approval: i64,
    pub(super) interface: i64,
    pub(super) kept_until: Option<i64>,
    /// Where its indicators end in [`Plan::words`]; they begin where those of the row before end.
    pub(super) words: usize,
}

#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    pub(super) rows: Vec<Row<'a>>,
    /// Indicators of all rows, eight bytes each: twice the number, and 1 at the destination.
    pub(super) words: Vec<u8>,
    /// Indicator, end, row.
    pub(super) matches: Vec<(i64, i64, i64)>,
    /// First and last match of each indicator.
    pub(super) matched: HashMap<i64, (i64, i64), RandomState>,
    pub(super) zones: Vec<Zone>,
    pub(super) rollups: Rollups,
    pub(super) next_record: u64,
}

impl<'a> Plan<'a> {
    pub(super) fn of(batch: &Batch<'a>, memory: &mut Memory) -> Result<Self, Fault> {
        let mut plan = Self {
            next_record: next_record(batch, memory.next_record),
            ..Self::default()
        };
        plan.rows.reserve(batch.rows.len());
        plan.matches.reserve(batch.rows.len());
        let mut sorted: Vec<&Record> = batch.rows.iter().collect();
        if !sorted.is_sorted_by_key(|record| record.id) {
            sorted.sort_by_key(|record| record.id);
        }
        let mut zone = memory.zone;
        let mut named = Vec::new();
        for rows in sorted.chunk_by(|one, other| one.id == other.id) {
            plan.add_record(rows, memory, &mut named)?;
        }
        for row in &plan.rows {
            let into = Zone {
                first: row.number,
                last: row.number,
                first_start: number(row.record.notice.start),
                last_end: number(row.record.end),
                expires: row.kept_until,
            };
            match &mut zone {
                Some(zone) if row.number - zone.first < ZONE => widen(zone, &into),
                _ => {
                    plan.zones.extend(zone);
                    zone = Some(into);
                }
            }
        }
        plan.zones.extend(zone.filter(|_| !plan.rows.is_empty()));
        plan.matches.sort_unstable();
        Ok(plan)
    }

    fn add_record(
        &mut self,
        rows: &[&'a Record],
        memory: &mut Memory,
        named: &mut Vec<i64>,
    ) -> Result<(), Fault> {
        named.clear();
        let mut ends = Vec::with_capacity(rows.len());
        let from = self.rows.len();
        for record in rows {
            let [under] = &record.notice.approvals[..] else {
                return Err(Fault::NotSplit(record.id));
            };
            let begin = named.len();
            let row = memory.next_row + number(self.rows.len() as u64);
            self.add_indicators(record, row, memory, named);
            ends.push((begin, named.len()));
            let approval = memory.approvals.id(under.id.0.as_str());
            let kept_until = kept_until(memory, approval, under, record.end);
            self.rows.push(Row {
                record,
                number: row,
                rows: number(rows.len() as u64),
                approval,
                interface: memory.interfaces.id(record.notice.interface.as_str()),
                kept_until,
                words: self.words.len(),
            });
        }
        let of_record = self.rows.iter().skip(from).zip(&ends);
        if let [(begin, end)] = ends[..] {
            let row = self.rows[from];
            self.rollups.count(&[(row, &named[begin..end])]);
        } else {
            let counted: Vec<(Row<'a>, &[i64])> = of_record
                .map(|(row, &(begin, end))| (*row, &named[begin..end]))
                .collect();
            self.rollups.count(&counted);
        }
        Ok(())
    }

    /// Adds the indicators of a row to its words, its matches and, each once, to `named`.
    fn add_indicators(
        &mut self,
        record: &Record,
        row: i64,
        memory: &mut Memory,
        named: &mut Vec<i64>,
    ) {
        let (begin, end_ns) = (named.len(), number(record.end));
        for indicator in &record.notice.indicators {
            let feed = memory.feeds.id(indicator.feed.as_str());
            let id = (memory.indicators).id(&(feed, indicator.line, indicator.prefix));
            let end = i64::from(indicator.end == End::Destination);
            self.words.extend((id * 2 + end).to_le_bytes());
            if named[begin..].contains(&id) {
                continue;
            }
            named.push(id);
            self.matches.push((id, end_ns, row));
            let seen = self.matched.entry(id).or_insert((end_ns, end_ns));
            *seen = (seen.0.min(end_ns), seen.1.max(end_ns));
        }
    }
}

fn widen(zone: &mut Zone, row: &Zone) {
    zone.last = row.last;
    zone.first_start = zone.first_start.min(row.first_start);
    zone.last_end = zone.last_end.max(row.last_end);
    zone.expires = match (zone.expires, row.expires) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
}

/// When a record is erased.
fn kept_until(memory: &mut Memory, approval: i64, under: &Under, end: u64) -> Option<i64> {
    const DAY: u64 = 86_400 * 1_000_000_000;
    let retention = under.handling.retention?;
    let day = end / DAY;
    // In UTC a period has the same length from any moment of a day.
    let after = match memory.kept.get(&approval) {
        Some((known, after)) if *known == day => *after,
        _ => {
            let until = retention.from(Time(end));
            let after = (until != Time::MAX).then(|| until.0.saturating_sub(end));
            memory.kept.insert(approval, (day, after));
            after
        }
    };
    // Past the end of time is no time.
    after.map(|after| number(end.saturating_add(after)))
}

fn next_record(batch: &Batch<'_>, next: u64) -> u64 {
    let rows = batch.rows.iter().map(|record| record.id);
    let parts = batch.parts.iter().map(|part| part.record);
    let last = rows.chain(parts).max();
    last.map_or(next, |last| next.max(last.0.saturating_add(1)))
}

/// What tells one batch from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Print {
    position: Option<super::Position>,
    lengths: [usize; 3],
    rows: [Option<Record>; 2],
    parts: [Option<super::Part>; 2],
    ended: [Option<crate::RecordId>; 2],
}

impl Print {
    pub(super) fn of(batch: &Batch<'_>) -> Self {
        fn ends<T: Clone>(of: &[T]) -> [Option<T>; 2] {
            [of.first().cloned(), of.last().cloned()]
        }
        Self {
            position: batch.position,
            lengths: [batch.rows.len(), batch.parts.len(), batch.ended.len()],
            rows: ends(batch.rows),
            parts: ends(batch.parts),
            ended: ends(batch.ended),
        }
    }
}
