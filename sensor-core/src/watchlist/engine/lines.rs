//! Fills lines with tags, and rows with what they lead to.

use std::thread;

use sensor_common::engine::{Line, NO_ROW, Spot};

/// Items from which on more than one thread pays.
const MANY: usize = 65_536;

/// Prefixes that a line has on average at most: with 28 lanes few are left over.
const AVERAGE: usize = 20;

/// The bits of the number of lines for so many prefixes.
pub(super) fn bits_for(prefixes: usize, range: std::ops::RangeInclusive<u32>) -> u32 {
    let lines = prefixes.div_ceil(AVERAGE).next_power_of_two();
    lines.ilog2().clamp(*range.start(), *range.end())
}

/// How much of a table one thread fills.
pub(super) fn shares(items: usize, length: usize) -> usize {
    let threads = match thread::available_parallelism() {
        Ok(threads) if items >= MANY => threads.get().min(16),
        _ => 1,
    };
    length.div_ceil(threads).max(1)
}

/// Fills lines with the tags of items `0..items`, and hands back those that found no room.
///
/// Each thread has lines of its own and goes through all items, so nothing is shared.
pub(super) fn fill<S>(lines: &mut [Line], items: usize, spot: S) -> Vec<usize>
where
    S: Fn(usize) -> Option<Spot> + Sync,
{
    let share = shares(items, lines.len());
    let spot = &spot;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..)
            .step_by(share)
            .zip(lines.chunks_mut(share))
            .map(|(first, part)| scope.spawn(move || fill_part(part, first, items, spot)))
            .collect();
        let left = threads.into_iter().flat_map(|thread| match thread.join() {
            Ok(left) => left,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        let mut left: Vec<usize> = left.collect();
        left.sort_unstable();
        left
    })
}

fn fill_part(
    part: &mut [Line],
    first: usize,
    items: usize,
    spot: &impl Fn(usize) -> Option<Spot>,
) -> Vec<usize> {
    let mut left = Vec::new();
    for item in 0..items {
        let Some(Spot { line, tag }) = spot(item) else {
            continue;
        };
        let Some(line) = (line as usize)
            .checked_sub(first)
            .and_then(|at| part.get_mut(at))
        else {
            continue;
        };
        #[expect(clippy::cast_possible_truncation, reason = "a tag has 16 bits")]
        let new = tag as u16;
        // A fingerprint that is there already would lead to one row for two prefixes.
        if line.holds(tag) || line.push(new).is_none() {
            line.set_overflow();
            left.push(item);
        }
    }
    left
}

/// Numbers the lanes: the first is row `next`. Hands back the row after the last.
pub(super) fn number(lines: &mut [Line], next: u32) -> u32 {
    lines.iter_mut().fold(next, |next, line| {
        line.set_first(next);
        next + line.len()
    })
}

/// Writes what every item that stands in a line has for its row: `rows` begins with the row of
/// the first lane. Items in `left`, which is ascending, found no room.
pub(super) fn write_rows<T, S>(
    (lines, left): (&[Line], &[usize]),
    (first, rows): (u32, &mut [T]),
    items: usize,
    (spot, row): (S, impl Fn(usize) -> T + Sync),
) where
    T: Send,
    S: Fn(usize) -> Option<Spot> + Sync,
{
    let share = shares(items, lines.len());
    thread::scope(|scope| {
        let (mut rest, mut next) = (rows, first);
        for (number, part) in (0..).step_by(share).zip(lines.chunks(share)) {
            let count: usize = part.iter().map(|line| line.len() as usize).sum();
            let (own, after) = std::mem::take(&mut rest).split_at_mut(count);
            let (begin, spot, row) = (next, &spot, &row);
            rest = after;
            next += u32::try_from(count).unwrap_or(0);
            scope.spawn(move || {
                for item in 0..items {
                    let Some(Spot { line, tag }) = spot(item) else {
                        continue;
                    };
                    let line = (line as usize).checked_sub(number);
                    let Some(line) = line.and_then(|at| part.get(at)) else {
                        continue;
                    };
                    if Line::overflows(&line.0) && left.binary_search(&item).is_ok() {
                        continue;
                    }
                    let found = Line::find(&line.0, tag);
                    if found != NO_ROW
                        && let Some(place) = own.get_mut((found - begin) as usize)
                    {
                        *place = row(item);
                    }
                }
            });
        }
    });
}
