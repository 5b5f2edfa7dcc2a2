//! Where allocations contradict each other.
//!
//! A claim is in conflict where another over the same address says otherwise and wins. Each
//! losing claim counts once, with the first address it loses.

use std::fmt;

use super::{
    build::{Layer, Rank},
    number::Number,
    resolve::{Span, Spans, resolve},
    territory::{Placed, Source},
};

/// Conflicts that are named; the rest is counted.
const NAMED: usize = 5;

/// Where allocations contradict each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts {
    /// Claims that give way somewhere.
    pub count: usize,
    /// The first of them, in the order of sources and lines, IPv4 before IPv6.
    pub first: Vec<Conflict>,
}

/// A claim that gives way to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The first address in dispute.
    pub address: std::net::IpAddr,
    /// What gives way.
    pub beaten: Claim,
    /// What wins there.
    pub winner: Claim,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            beaten,
            winner,
        } = self;
        write!(f, "{beaten} gives way to {winner}, first at {address}")
    }
}

/// What a line says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Where the address lies.
    pub place: Placed,
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, file, line } = self;
        write!(f, "{} by {file} line {line}", place.name())
    }
}

/// The conflicts among the allocations of these spans.
pub(super) fn find(spans: &Spans<Rank>, sources: &[Source]) -> Conflicts {
    let mut conflicts = Conflicts::default();
    collect(&spans.v4, sources, &mut conflicts);
    collect(&spans.v6, sources, &mut conflicts);
    conflicts
}

fn collect<N: Number>(spans: &[Span<N, Rank>], sources: &[Source], conflicts: &mut Conflicts) {
    let is_allocation = |span: &&Span<N, Rank>| matches!(span.rule.layer, Layer::Allocated(_));
    let allocations: Vec<Span<N, Rank>> = spans.iter().filter(is_allocation).copied().collect();
    let resolved = resolve(allocations.clone());
    let changes = changes(&resolved);
    for span in allocations {
        // Every address of the span has a winner, if only the span itself.
        let at = resolved.partition_point(|winner| winner.last < span.first);
        let Some(here) = resolved.get(at) else {
            continue;
        };
        let against = if here.rule.layer == span.rule.layer {
            changes[at]
        } else {
            at
        };
        let Some(winner) = resolved.get(against).filter(|w| w.first <= span.last) else {
            continue;
        };
        conflicts.count += 1;
        if conflicts.first.len() < NAMED {
            conflicts.first.push(Conflict {
                address: winner.first.max(span.first).prefix(0).addr(),
                beaten: claim(span.rule, sources),
                winner: claim(winner.rule, sources),
            });
        }
    }
}

/// For each range the number of the next that lies elsewhere.
fn changes<N>(resolved: &[Span<N, Rank>]) -> Vec<usize> {
    let mut changes = vec![resolved.len(); resolved.len()];
    for at in (1..resolved.len()).rev() {
        let is_same = resolved[at - 1].rule.layer == resolved[at].rule.layer;
        changes[at - 1] = if is_same { changes[at] } else { at };
    }
    changes
}

fn claim(rank: Rank, sources: &[Source]) -> Claim {
    let source = (rank.source as usize).checked_sub(1);
    let file = source.and_then(|index| sources.get(index));
    Claim {
        place: rank.layer.placed(),
        file: file.map_or_else(String::new, |source| source.file.clone()),
        line: rank.line,
    }
}
