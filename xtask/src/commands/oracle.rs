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

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use self::{compare::Difference, explained::Explanations, sensor::Sensor, table::Table};
use super::scratch::Scratch;
use crate::{
    say::{say, show},
    tools::{self, Need},
    workspace,
};

/// What is explained, in the repository.
const EXPLAINED: &str = "tests/expected/oracle.tsv";

/// Rows of a capture of whose frames the sensor is asked again why they are in no flow.
const ASKED: usize = 100;

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
    let sensor = match &args.sensor {
        Some(sensor) => sensor.clone(),
        None => {
            say("oracle", "building the sensor");
            workspace::build_sensor(&[])?
        }
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
        let begin = shown.begin.unwrap_or_default();
        let frames = self.sensor.frames(&readable, begin, &self.scratch)?;
        let frames = frames.map_or(Vec::new(), |recorded| {
            compare::by_frame(&shown.frames, &recorded)
        });
        let left = compare::left(&flows, &frames);
        for (row, difference) in frames.iter().chain(&left).enumerate() {
            let said = if difference.sensor.is_some() || difference.frames.0.is_empty() {
                String::new()
            } else if row < ASKED {
                let frames = &difference.frames;
                self.sensor.reasons(&readable, frames, &self.scratch)?
            } else {
                "not asked, as there are so many".to_owned()
            };
            self.add(name, &sha256, difference, &said);
        }
        Ok(())
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
            format_args!("no difference but {explained} that {EXPLAINED} explains"),
        );
        Ok(())
    }
}
