//! Replay: a capture through a program of its own, so that a watchlist can be tried.
//!
//! It uses the file's times, never an interface, and never the state folder.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use sensor_common::{MAX_INTERFACES, ReplayContext};
use thiserror::Error;

use crate::{
    capture::{Capture, CaptureError, Truncated},
    exporters::json::Line,
    kernel::{Datapath, DatapathError, ReplayError, Replayer},
    pipeline::{Flow, FlowTable, Lasting, Losses, Names, RecordId, Summary, Timeouts},
};

/// Events between two drains of the ring: far fewer than it holds, so none is lost.
const EVENTS: u32 = 4096;

/// Flows the kernel counts before it is drained; each packet makes one at most.
const FLOWS: u32 = 65_536;

/// Nanoseconds of the file's time between two drains when there are timeouts.
const RESOLUTION: u64 = 1_000_000_000;

/// Why a replay failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The file.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The program.
    #[error(transparent)]
    Run(#[from] ReplayError),
    /// The maps.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
    /// More interfaces than slots.
    #[error("capture {name}: packets of more than {MAX_INTERFACES} interfaces; split the file")]
    Interfaces {
        /// The file.
        name: String,
    },
    /// The output.
    #[error("cannot write records")]
    Output(#[source] io::Error),
}

/// How a replay ended.
#[derive(Debug)]
pub struct Outcome {
    /// What was done.
    pub summary: Summary,
    /// The last record of the file, when it was cut.
    pub truncated: Option<Truncated>,
    /// Why the file was not read to its end. Everything before was counted.
    pub broken: Option<Error>,
}

/// Runs a capture and hands over its flows, then the summary.
///
/// `progress` is told the bytes read.
pub fn run<R: Read>(
    mut capture: Capture<R>,
    name: &str,
    mut names: Names,
    timeouts: Option<Timeouts>,
    sink: &mut dyn FnMut(Line) -> io::Result<()>,
    progress: &mut dyn FnMut(u64),
) -> Result<Outcome, Error> {
    let mut kernel = Replayer::load(true, FLOWS).map_err(ReplayError::Load)?;
    if let Some(generation) = names.latest() {
        kernel.publish(&generation.compiled.tables)?;
    }
    let mut table = FlowTable::new(timeouts);
    let mut ended = Vec::new();
    let (mut undrained, mut drained_at, mut latest) = (0, 0, 0);
    let mut slots = Slots::default();
    let mut is_first = true;
    let broken = loop {
        let frame = match capture.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => break None,
            Err(broken) if is_first => return Err(broken.into()),
            Err(broken) => break Some(broken.into()),
        };
        let Some(interface) = slots.of(&mut names, &capture, frame.interface) else {
            break Some(Error::Interfaces { name: name.into() });
        };
        let is_due = timeouts.is_some() && frame.time.saturating_sub(drained_at) >= RESOLUTION;
        if undrained == FLOWS || is_due {
            drain(&mut kernel, &mut table, &mut ended, latest)?;
            (undrained, drained_at) = (0, frame.time);
            progress(capture.position());
        } else if undrained % EVENTS == 0 {
            kernel.drain_events(&mut |_| {})?;
            progress(capture.position());
        }
        let context = ReplayContext {
            time: frame.time,
            wire_length: frame.wire_length,
            interface,
        };
        kernel.run(&frame.data, context)?;
        undrained += 1;
        latest = latest.max(frame.time);
        is_first = false;
    };
    drain(&mut kernel, &mut table, &mut ended, latest)?;
    ended.extend(table.drain());
    let mut summary = Summary::default();
    for (id, flow) in (1..).zip(&ended) {
        let record = names.record(RecordId(id), flow);
        summary.add(&record);
        for row in record.split() {
            sink(Line::Flow(row)).map_err(Error::Output)?;
        }
    }
    summary.finish(&kernel.counters()?, &Losses::default());
    if let Some(generation) = names.latest() {
        let mut lasting = Lasting::default();
        lasting.fold(generation, &kernel.totals()?, &kernel.slot_counts()?);
        summary.approvals = lasting.by_approval;
    }
    sink(Line::Summary(summary.clone())).map_err(Error::Output)?;
    Ok(Outcome {
        summary,
        truncated: capture.truncated(),
        broken,
    })
}

fn drain(
    kernel: &mut Replayer,
    table: &mut FlowTable,
    ended: &mut Vec<Flow>,
    latest: u64,
) -> Result<(), DatapathError> {
    kernel.drain_events(&mut |_| {})?;
    kernel.drain_flows(&mut |key, value| ended.extend(table.absorb(key, value).ended))?;
    ended.extend(table.expire(latest));
    Ok(())
}

/// Interface slots in the order in which interfaces have their first packet.
#[derive(Default)]
struct Slots(BTreeMap<u32, u32>);

impl Slots {
    /// The slot of an interface of the file, which is given its name there or its number;
    /// `None` when there is no slot left.
    fn of<R: Read>(&mut self, names: &mut Names, capture: &Capture<R>, number: u32) -> Option<u32> {
        if let Some(slot) = self.0.get(&number) {
            return Some(*slot);
        }
        let slot = u32::try_from(self.0.len()).ok()?;
        if slot >= MAX_INTERFACES {
            return None;
        }
        let given = capture.interface_name(number).map(str::to_owned);
        names
            .interfaces
            .push(given.unwrap_or_else(|| number.to_string()));
        self.0.insert(number, slot);
        Some(slot)
    }
}
