//! The differences as a table: one row for all frames that differ alike.

use std::fmt;

use super::compare::Difference;
use crate::commands::count::{Count, Flow};

const HEAD: [&str; 7] = [
    "capture",
    "frames",
    "flow",
    "tshark",
    "sensor",
    "the sensor says",
    "explained",
];

/// Rows of text, as wide as they need.
#[derive(Debug)]
pub(super) struct Table(Vec<[String; 7]>);

impl Table {
    pub(super) fn new() -> Self {
        Self(vec![HEAD.map(str::to_owned)])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    /// Adds a difference, what the sensor says of its frames, and why it is none to mend.
    pub(super) fn add(
        &mut self,
        capture: &str,
        difference: &Difference,
        said: &str,
        explained: Option<&str>,
    ) {
        let Difference {
            tshark,
            sensor,
            frames,
            contradicts: _,
        } = difference;
        let frames = frames.to_string();
        let flow = match (tshark, sensor) {
            (Some((one, _)), Some((other, _))) if one != other => {
                format!("{}; sensor: {}", ends(one), ends(other))
            }
            (Some((flow, _)), _) | (None, Some((flow, _))) => ends(flow),
            (None, None) => String::new(),
        };
        self.0.push([
            capture.to_owned(),
            if frames.is_empty() {
                "?".to_owned()
            } else {
                frames
            },
            flow,
            counts(tshark.as_ref()),
            counts(sensor.as_ref()),
            said.to_owned(),
            explained.unwrap_or("NO").to_owned(),
        ]);
    }
}

/// Both ends and the protocol, as a person would write them.
fn ends(flow: &Flow) -> String {
    let protocol = flow.protocol;
    let (source, destination) = (flow.source_end(), flow.destination_end());
    format!("{source} > {destination} proto {protocol}")
}

/// Packets and octets.
fn counts(side: Option<&(Flow, Count)>) -> String {
    side.map_or("-".to_owned(), |(_, count)| {
        format!("{}/{}", count.packets, count.octets)
    })
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(rows) = self;
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: [usize; 7] = std::array::from_fn(width);
        for row in rows {
            let cells = row.iter().zip(widths);
            let cells: Vec<String> = cells
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            writeln!(f, "{}", cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}
