//! Replay: a capture through a program of its own, so that a watchlist can be tried, or papers
//! looked at as they were at the time.
//!
//! It uses the file's times, never an interface, and never writes to the state folder.

mod history;

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use sensor_common::{MAX_INTERFACES, ReplayContext, WIRE_VERSION};
use thiserror::Error;

pub use self::history::History;
use self::history::{Then, Turn, terms};
use crate::{
    agent::{PublishError, Publisher, grants},
    capture::{Capture, CaptureError, Truncated},
    exporters::json::Line,
    kernel::{Datapath, DatapathError, Options, ReplayError, Replayer},
    loaded::Loaded,
    pipeline::{Clock, Flow, FlowTable, Losses, Names, RecordId, Summary, Timeouts},
    places::Layers,
    records::Pseudonyms,
    settings::lab,
    watchlist::{Moment, Watchlist},
};

/// Frames between two readings of the kernel: what each can put into the ring buffer, a flow that
/// gives way and a notice, finds room there.
const FRAMES: u32 = 16_384;

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
    /// A generation.
    #[error(transparent)]
    Publish(#[from] PublishError),
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

/// Under what a capture is replayed.
pub enum Under<'a> {
    /// Nobody's approval, at any time and on any interface.
    Lab {
        /// What is watched for.
        watchlist: Watchlist,
        /// What places addresses.
        layers: Layers,
    },
    /// What papers said at the time of each packet.
    Papers {
        /// What they said.
        history: &'a dyn History,
        /// The name of the interface that all packets came through; those of the file otherwise.
        interface: Option<&'a str>,
    },
}

/// Runs a capture and hands over its flows, then the summary.
///
/// `progress` is told the bytes read.
pub fn run<R: Read>(
    mut capture: Capture<R>,
    name: &str,
    under: Under<'_>,
    timeouts: Option<Timeouts>,
    sink: &mut dyn FnMut(Line) -> io::Result<()>,
    progress: &mut dyn FnMut(u64),
) -> Result<Outcome, Error> {
    let mut replay = Replay::new(under, timeouts)?;
    let (mut undrained, mut drained_at) = (0, 0);
    let mut is_first = true;
    let broken = loop {
        let frame = match capture.next_frame() {
            Ok(Some(frame)) => frame.into_ethernet(),
            Ok(None) => break None,
            Err(broken) if is_first => return Err(broken.into()),
            Err(broken) => break Some(broken.into()),
        };
        let given = capture.interface_name(frame.interface);
        let Some(interface) = replay.slot(frame.interface, given) else {
            break Some(Error::Interfaces { name: name.into() });
        };
        let is_due = timeouts.is_some() && frame.time.saturating_sub(drained_at) >= RESOLUTION;
        if undrained == FRAMES || is_due {
            replay.drain()?;
            (undrained, drained_at) = (0, frame.time);
            progress(capture.position());
        }
        replay.turn(frame.time)?;
        let context = ReplayContext {
            time: frame.time,
            wire_length: frame.wire_length,
            interface,
        };
        replay.kernel.run(&frame.data, context)?;
        undrained += 1;
        replay.latest = replay.latest.max(frame.time);
        is_first = false;
    };
    Ok(Outcome {
        summary: replay.finish(sink)?,
        truncated: capture.truncated(),
        broken,
    })
}

/// A replay under way.
struct Replay<'a> {
    kernel: Replayer,
    publisher: Publisher,
    names: Names,
    pseudonyms: Pseudonyms,
    slots: Slots<'a>,
    /// What papers said; `None` in lab.
    then: Option<Then<'a>>,
    table: FlowTable,
    ended: Vec<Flow>,
    /// The latest time of a packet.
    latest: u64,
}

impl<'a> Replay<'a> {
    fn new(under: Under<'a>, timeouts: Option<Timeouts>) -> Result<Self, Error> {
        let (watchlist, layers, slots, then) = match under {
            Under::Lab { watchlist, layers } => (watchlist, layers, Slots::default(), None),
            Under::Papers { history, interface } => {
                let slots = Slots {
                    one: interface,
                    ..Slots::default()
                };
                let then = Some(Then::new(history));
                (Watchlist::default(), grants::nowhere(), slots, then)
            }
        };
        let is_lab = then.is_none();
        let loaded = Loaded {
            wire_version: WIRE_VERSION,
            run: 0,
            boot_id: String::new(),
            unix_at_boot: 0,
            generation: 0,
            moments: Vec::new(),
            lab: is_lab,
            // They are known when their first packet comes, by the names of the run.
            interfaces: Vec::new(),
            own_addresses: Vec::new(),
            approvals: Vec::new(),
            layers,
            watchlist,
        };
        let mut publisher = Publisher::new(loaded, None)?;
        let mut kernel = Replayer::load(Options::new(is_lab)).map_err(ReplayError::Load)?;
        let mut names = Names::new(Vec::new(), Clock::UNIX);
        let approvals = if is_lab {
            vec![lab::replay()]
        } else {
            // Nobody attends before the first packet has its turn.
            kernel.attend(0)?;
            Vec::new()
        };
        names.add(publisher.publish(&mut kernel, approvals)?);
        Ok(Self {
            kernel,
            publisher,
            names,
            // The same capture gives the same output, so no key is made for it.
            pseudonyms: Pseudonyms::none(),
            slots,
            then,
            table: FlowTable::new(timeouts, RecordId(1)),
            ended: Vec::new(),
            latest: 0,
        })
    }

    fn slot(&mut self, number: u32, given: Option<&str>) -> Option<u32> {
        let by_name = self.then.is_some();
        self.slots.of(&mut self.names, (number, given), by_name)
    }

    /// Brings what is in force to this time.
    fn turn(&mut self, time: u64) -> Result<(), Error> {
        self.publisher.reach(Moment::at(time));
        self.follow(time)?;
        if let Some(changed) = self.publisher.catch_up(&mut self.kernel)?.changed {
            self.names.add(changed);
        }
        Ok(())
    }

    /// Puts into force what papers said at this time.
    fn follow(&mut self, time: u64) -> Result<(), Error> {
        let Some(then) = &mut self.then else {
            return Ok(());
        };
        let Some(Turn { lease, publish }) = then.turn(time, &self.names.interfaces) else {
            return Ok(());
        };
        if let Some((covered, layers)) = publish {
            // The slots of those that end here may be given again.
            self.drain()?;
            let content = grants::content(&covered, layers, terms);
            let generation = self.publisher.publish_all(&mut self.kernel, content)?;
            self.names.add(generation);
        }
        Ok(self.kernel.attend(lease)?)
    }

    fn drain(&mut self) -> Result<(), Error> {
        let Self { table, ended, .. } = self;
        self.kernel.take(&mut |part| {
            if !part.is_notice() {
                ended.extend(table.absorb(part.key, part.value).ended);
            }
        })?;
        ended.extend(table.expire(self.latest));
        Ok(self.publisher.drained().map_err(PublishError::from)?)
    }

    fn finish(mut self, sink: &mut dyn FnMut(Line) -> io::Result<()>) -> Result<Summary, Error> {
        self.drain()?;
        self.ended.extend(self.table.drain());
        let mut summary = Summary::default();
        for (id, flow) in (1..).zip(&self.ended) {
            let record = self.names.record(RecordId(id), flow);
            summary.add(&record);
            for row in record.split(&self.pseudonyms) {
                sink(Line::Flow(row)).map_err(Error::Output)?;
            }
        }
        summary.finish(&self.kernel.counters()?, &Losses::default());
        summary.approvals = self.publisher.lasting(&self.kernel)?.by_approval;
        sink(Line::Summary(summary.clone())).map_err(Error::Output)?;
        Ok(summary)
    }
}

/// Interface slots in the order in which interfaces have their first packet.
#[derive(Default)]
struct Slots<'a> {
    /// By the number of the interface in the file.
    known: BTreeMap<u32, u32>,
    /// The name of all of them.
    one: Option<&'a str>,
}

impl Slots<'_> {
    /// The slot of an interface of the file, which is given its name there or its number;
    /// `None` when there is no slot left. Where names decide, all of a name have one slot.
    fn of(
        &mut self,
        names: &mut Names,
        (number, given): (u32, Option<&str>),
        by_name: bool,
    ) -> Option<u32> {
        if let Some(slot) = self.known.get(&number) {
            return Some(*slot);
        }
        let name = self
            .one
            .or(given)
            .map_or_else(|| number.to_string(), str::to_owned);
        let mut there = names.interfaces.iter();
        let known = there.position(|known| by_name && *known == name);
        let slot = u32::try_from(known.unwrap_or(names.interfaces.len())).ok()?;
        if slot >= MAX_INTERFACES {
            return None;
        }
        if known.is_none() {
            names.interfaces.push(name);
        }
        self.known.insert(number, slot);
        Some(slot)
    }
}

#[cfg(test)]
mod tests;
