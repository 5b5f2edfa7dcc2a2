//! Ranges that overlap become ranges that do not: the highest rule wins everywhere.
//!
//! One pass over the ranges by their first address, with a heap of those that are open: the
//! top is the rule in force until it ends or another begins. O(n log n), and ranges need
//! not be nested, as a registry's are not always prefixes.

use std::{cmp::Reverse, collections::BinaryHeap};

use ipnet::IpNet;

use super::number::{Number, bounds4, bounds6};

/// Addresses from `first` to `last` under a rule; the least rule wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span<N, R> {
    pub(super) first: N,
    pub(super) last: N,
    pub(super) rule: R,
}

/// Spans of both families.
#[derive(Clone, Debug)]
pub(super) struct Spans<R> {
    pub(super) v4: Vec<Span<u32, R>>,
    pub(super) v6: Vec<Span<u128, R>>,
}

impl<R> Spans<R> {
    pub(super) const fn new() -> Self {
        Self {
            v4: Vec::new(),
            v6: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, prefix: IpNet, rule: R) {
        match prefix {
            IpNet::V4(prefix) => {
                let (first, last) = bounds4(prefix);
                self.v4.push(Span { first, last, rule });
            }
            IpNet::V6(prefix) => {
                let (first, last) = bounds6(prefix);
                self.v6.push(Span { first, last, rule });
            }
        }
    }
}

/// The rule in force at every address that has one: ascending, without overlaps, joined where
/// neighbours have the same rule.
pub(super) fn resolve<N: Number, R: Copy + Ord>(mut spans: Vec<Span<N, R>>) -> Vec<Span<N, R>> {
    spans.sort_unstable_by_key(|span| span.first);
    let mut resolved: Vec<Span<N, R>> = Vec::with_capacity(spans.len());
    let mut open: BinaryHeap<Reverse<(R, N)>> = BinaryHeap::new();
    let mut waiting = spans.iter().peekable();
    let mut at = spans.first().map(|span| span.first);
    while let Some(first) = at {
        while let Some(span) = waiting.next_if(|span| span.first <= first) {
            open.push(Reverse((span.rule, span.last)));
        }
        while open.peek().is_some_and(|Reverse((_, last))| *last < first) {
            open.pop();
        }
        let begins = waiting.peek().map(|span| span.first);
        let Some(&Reverse((rule, last))) = open.peek() else {
            at = begins;
            continue;
        };
        let last = match begins.and_then(N::previous) {
            Some(before) if before < last => before,
            _ => last,
        };
        append(&mut resolved, Span { first, last, rule });
        at = last.next();
    }
    resolved
}

fn append<N: Number, R: PartialEq>(resolved: &mut Vec<Span<N, R>>, span: Span<N, R>) {
    match resolved.last_mut() {
        Some(before) if before.rule == span.rule && before.last.next() == Some(span.first) => {
            before.last = span.last;
        }
        _ => resolved.push(span),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_least_rule_over_an_address_wins(
            ranges in prop::collection::vec((0..300u32, 0..80u32, 0..6u8), 0..40),
            high in any::<bool>(),
        ) {
            let base = if high { u32::MAX - 379 } else { 0 };
            let spans: Vec<_> = ranges
                .iter()
                .map(|&(first, more, rule)| Span { first: base + first, last: base + first + more, rule })
                .collect();
            let resolved = resolve(spans.clone());
            for pair in resolved.windows(2) {
                prop_assert!(pair[0].last < pair[1].first);
                prop_assert!(pair[0].last + 1 < pair[1].first || pair[0].rule != pair[1].rule);
            }
            for address in base..=base + 379 {
                let covers = |span: &&Span<u32, u8>| span.first <= address && address <= span.last;
                let expected = spans.iter().filter(covers).map(|span| span.rule).min();
                let found = resolved.iter().find(covers).map(|span| span.rule);
                prop_assert_eq!(found, expected);
            }
        }
    }
}
