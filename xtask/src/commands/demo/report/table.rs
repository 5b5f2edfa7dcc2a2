//! Flows as a table.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    super::count::{Count, Counts, Flow},
    words,
};

const HEAD: [&str; 6] = [
    "source",
    "destination",
    "protocol",
    "packets",
    "octets",
    "on the feed",
];

/// Columns of numbers.
const NUMBERS: [usize; 2] = [3, 4];

/// Rows of text, as wide as they need.
#[derive(Debug)]
pub(super) struct Table(Vec<[String; 6]>);

impl Table {
    pub(super) fn new(flows: &Counts, indicators: &BTreeMap<Flow, BTreeSet<String>>) -> Self {
        let row = |(flow, count): (&Flow, &Count)| {
            let matched = indicators.get(flow).into_iter().flatten();
            [
                flow.source_end(),
                flow.destination_end(),
                words::protocol(flow.protocol),
                count.packets.to_string(),
                count.octets.to_string(),
                matched.map(String::as_str).collect::<Vec<_>>().join(" "),
            ]
        };
        let head = HEAD.map(str::to_owned);
        Self([head].into_iter().chain(flows.iter().map(row)).collect())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(rows) = self;
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        for row in rows {
            let cells = row
                .iter()
                .zip(widths)
                .enumerate()
                .map(|(column, (cell, width))| {
                    if NUMBERS.contains(&column) {
                        format!("{cell:>width$}")
                    } else {
                        format!("{cell:<width$}")
                    }
                });
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(f, "  {}", line.trim_end())?;
        }
        Ok(())
    }
}
