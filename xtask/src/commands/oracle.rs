//! `cargo xtask oracle`: what `sekisho replay` counts in captures, held against tshark.
//!
//! tshark knows nothing of the sensor, which is the point. Every capture of a folder is read by
//! both; flows that differ are looked at frame by frame, and each difference is in a table. One
//! that is not the sensor's is explained in `tests/expected/oracle.tsv`, and any other is an
//! error. `docs/oracle.md` says how to read it.

mod capture;
mod compare;
mod explained;
mod frames;
mod sensor;
mod table;
mod tshark;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use self::{
    compare::Difference, explained::Explanations, frames::Frames, sensor::Sensor, table::Table,
};
use super::scratch::Scratch;
use crate::{
    say::{say, show},
    tools::{self, Need},
    workspace,
};

/// What is explained, in the repository.
const EXPLAINED: &str = "tests/expected/oracle.tsv";

/// Frames of one capture that are looked at by themselves; each takes milliseconds. What differs
/// beyond them is in the table without its frames.
const MOST_FRAMES: usize = 5_000;

/// Differences of one capture for which the sensor is asked by themselves why; each takes most
/// of a second.
const MOST_ASKED: usize = 50;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of captures: names in .pcap, .pcapng or .cap, also with .gz or .zst, at any depth
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The sensor's binary, instead of one that is built now
    #[arg(long, value_name = "FILE")]
    sensor: Option<PathBuf>,
}

/// All captures so far.
struct Oracle {
    sensor: Sensor,
    scratch: Scratch,
    explanations: Explanations,
    table: Table,
    /// Differences that nothing explains.
    unexplained: usize,
    explained: usize,
}

/// Compares every capture of a folder, and fails if a difference is not explained.
pub(crate) fn run(args: &Args) -> Result<()> {
    tools::ensure(&[Need::Oracle])?;
    let captures = capture::find(&args.folder)?;
    let explanations = Explanations::read(&workspace::root().join(EXPLAINED))?;
    let sensor = if let Some(sensor) = &args.sensor {
        sensor.clone()
    } else {
        say("oracle", "building the sensor");
        workspace::build_sensor(&[])?
    };
    say(
        "oracle",
        format_args!("comparing {} captures", captures.len()),
    );
    let mut oracle = Oracle {
        sensor: Sensor(sensor),
        scratch: Scratch::create()?,
        explanations,
        table: Table::new(),
        unexplained: 0,
        explained: 0,
    };
    for capture in &captures {
        let name = capture.strip_prefix(&args.folder).unwrap_or(capture);
        oracle
            .compare(&name.to_string_lossy(), capture)
            .with_context(|| format!("cannot compare {}", capture.display()))?;
    }
    oracle.conclude()
}

impl Oracle {
    fn compare(&mut self, name: &str, capture: &Path) -> Result<()> {
        let readable = capture::readable(capture, &self.scratch)?;
        let shown = tshark::read(&readable, &self.scratch)?;
        let replay = self.sensor.replay(capture, &self.scratch)?;
        for (reader, fault) in [("tshark", &shown.fault), ("the sensor", &replay.fault)] {
            if let Some(fault) = fault {
                say("oracle", format_args!("{name}: {reader} stopped: {fault}"));
            }
        }
        let sha256 = capture::sha256(capture)?;
        self.explanations.meet(&sha256);
        let folded = compare::fold(shown.frames.iter().flatten());
        let flows = compare::by_flow(&folded, &replay.flows);
        if flows.is_empty() {
            return Ok(());
        }
        let suspects = compare::suspects(&shown.frames, &flows, MOST_FRAMES);
        let recorded = self
            .sensor
            .frames(&readable, &suspects, &shown.times, &self.scratch)?;
        let frames = recorded.map_or(Vec::new(), |recorded| {
            let shown = (shown.frames.as_slice(), &shown.contradicting);
            compare::by_frame(shown, &recorded, &suspects)
        });
        let said = self.said(&readable, &frames)?;
        for (difference, said) in frames.iter().zip(&said) {
            // Both say that it contradicts; only that tshark shows what it reads all the same.
            if difference.contradicts && said.starts_with("malformed") {
                continue;
            }
            self.add(name, &sha256, difference, said);
        }
        for difference in compare::left(&flows, &frames) {
            self.add(name, &sha256, &difference, "");
        }
        Ok(())
    }

    /// Why the frames of each difference are in no flow, in the sensor's words.
    fn said(&self, capture: &Path, differences: &[Difference]) -> Result<Vec<String>> {
        let is_missing = |difference: &&Difference| difference.sensor.is_none();
        let missing = differences.iter().filter(is_missing);
        let missing: BTreeSet<u64> = missing.flat_map(|one| &one.frames.0).copied().collect();
        if missing.is_empty() {
            return Ok(vec![String::new(); differences.len()]);
        }
        let of_all = self
            .sensor
            .reasons(capture, &Frames(missing), &self.scratch)?;
        let mut asked = 0;
        let mut said = Vec::new();
        for difference in differences {
            said.push(match of_all.as_slice() {
                _ if difference.sensor.is_some() => String::new(),
                // Most often it is the same for all, which spares asking again.
                [one] => one.clone(),
                several if asked == MOST_ASKED => several.join(" or "),
                _ => {
                    asked += 1;
                    let frames = &difference.frames;
                    let reasons = self.sensor.reasons(capture, frames, &self.scratch)?;
                    reasons.join(", ")
                }
            });
        }
        Ok(said)
    }

    fn add(&mut self, name: &str, sha256: &str, difference: &Difference, said: &str) {
        let explained = self.explanations.explain(sha256, &difference.frames);
        if explained.is_some() {
            self.explained += 1;
        } else {
            self.unexplained += 1;
        }
        self.table.add(name, difference, said, explained.as_deref());
    }

    /// Prints what was found, and fails if there is something to do.
    fn conclude(self) -> Result<()> {
        if !self.table.is_empty() {
            show(&self.table);
        }
        let unused = self.explanations.unused();
        for line in &unused {
            say("oracle", format_args!("{EXPLAINED} {line}"));
        }
        let not_met = self.explanations.not_met();
        if not_met > 0 {
            say(
                "oracle",
                format_args!("{not_met} explanations are of captures that are not in the folder"),
            );
        }
        let (explained, unexplained) = (self.explained, self.unexplained);
        if unexplained > 0 || !unused.is_empty() {
            bail!(
                "{unexplained} differences are not explained and {explained} are, and {} lines of \
                 {EXPLAINED} explain what does not differ; see above",
                unused.len()
            );
        }
        say(
            "oracle",
            format_args!("no difference that is not explained; {explained} are"),
        );
        Ok(())
    }
}
