//! Which approvals name which numbers, as ranges of numbers that the same ones name.

use std::ops::Range;

use sensor_common::{SLOTS, SlotMask};

use super::classes::Classes;
use crate::watchlist::{InForce, Scope};

/// Ranges that an approval names, ascending, each with its class.
pub(super) struct Spans(Vec<(Range<u32>, u32)>);

impl Spans {
    /// The ranges of numbers below `count`.
    pub(super) fn of(approvals: &[InForce], count: usize, classes: &mut Classes) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        // Where a slot begins or ends to name numbers.
        let mut changes: Vec<(u32, u32)> = Vec::new();
        for held in approvals.iter().filter(|held| held.slot < SLOTS) {
            let mut name = |start: u32, end: u32| {
                let end = end.min(count);
                if start < end {
                    changes.extend([(start, held.slot), (end, held.slot)]);
                }
            };
            match &held.approval.scope {
                Scope::All => name(0, count),
                Scope::Indicators(ids) => {
                    for range in ids.ranges() {
                        name(range.start, range.end);
                    }
                }
            }
        }
        changes.sort_unstable();
        let mut spans = Vec::new();
        let mut naming = SlotMask::EMPTY;
        for (at, &(start, slot)) in changes.iter().enumerate() {
            // The ranges of a slot have gaps between them, so each change is one to the other.
            naming.words[(slot / 64) as usize] ^= SlotMask::of(slot).words[(slot / 64) as usize];
            let end = changes.get(at + 1).map_or(start, |&(next, _)| next);
            if start < end && !naming.is_empty() {
                spans.push((start..end, classes.number(naming)));
            }
        }
        Self(spans)
    }

    /// The class of a number that a span has; 0 of any other.
    pub(super) fn class(&self, number: u32) -> u32 {
        let at = match &self.0[..] {
            [_] => 0,
            spans => spans.partition_point(|(range, _)| range.end <= number),
        };
        match self.0.get(at) {
            Some((range, class)) if range.contains(&number) => *class,
            Some(_) | None => 0,
        }
    }

    /// The places below `count` of what begins with the number `first`, that a span has.
    pub(super) fn within(&self, first: u32, count: usize) -> impl Iterator<Item = Range<usize>> {
        let place = move |number: u32| (number.saturating_sub(first) as usize).min(count);
        let from = self.0.partition_point(|(range, _)| range.end <= first);
        (self.0[from..].iter())
            .map(move |(range, _)| place(range.start)..place(range.end))
            .take_while(|places| !places.is_empty())
    }
}
