//! The agent: built with everything ready and nothing running, then run to its end.
//!
//! Three stages, each a task with a span, joined by bounded channels:
//! *collect* attends the kernel and drains it, *assemble* puts flows together and
//! splits them into rows, *write* writes lines. Between assemble and write stands
//! the limiter, the one place that drops while running, and counts it: when the
//! output does not keep up, memory stays bounded and the kernel is still drained.

mod assemble;
mod authority;
mod collect;
mod follow;
pub mod grants;
mod keep;
mod limiter;
mod outlets;
mod papers;
mod publisher;
mod surroundings;
mod write;

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use sensor_common::FlowPart;
use thiserror::Error;
use tokio::{sync::mpsc, task::JoinError};
use tracing::Instrument as _;

use self::{
    assemble::Begin,
    collect::{Batch, Collect},
    keep::Keeper,
    papers::Papers,
};
pub use self::{
    authority::{Authority, Look},
    outlets::{Gauge, Outlets},
    papers::Recording,
    publisher::{Content, PublishError, Publisher},
    surroundings::{Links, Steady},
};
use crate::{
    clock::{Anchors, ClockError, ClockSource},
    exporters::json::Mark,
    kernel::{Datapath, DatapathError, PinError, Read},
    pipeline::{Alarm, AlarmKind, Names, Summary, Timeouts},
    records::{
        Pseudonyms,
        store::{Part, Store},
    },
    settings::{anchors::AnchorsError, runtime::RuntimeError},
};

/// How the agent runs.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Time between two drains.
    pub tick: Duration,
    /// How far ahead the agent promises its attendance, 60 s at most.
    pub lease: Duration,
    /// When flows are complete.
    pub timeouts: Timeouts,
    /// Lines that wait for the output before the limiter drops.
    pub backlog: usize,
    /// Whether the run ends with the last approval in force.
    pub ends_with_approvals: bool,
    /// Marks of every line.
    pub mark: Mark,
}

impl Config {
    /// Drains between assembling, each with all it brought.
    const BATCHES: usize = 4;
}

/// Why a run failed.
#[derive(Debug, Error)]
pub enum AgentError {
    /// The kernel refused.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
    /// The clock cannot be used.
    #[error("recording has stopped: {0}")]
    Clock(#[from] ClockError),
    /// Interfaces cannot be watched.
    #[error("recording has stopped, because changes of interfaces are not told any more")]
    Links(#[source] io::Error),
    /// Papers cannot be watched.
    #[error("recording has stopped, because arrivals of papers are not told any more")]
    Papers(#[source] io::Error),
    /// A generation cannot be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Anchors cannot be kept.
    #[error(transparent)]
    Anchors(#[from] AnchorsError),
    /// Snapshots cannot be kept.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The store did not take what was left at the end.
    #[error(
        "the store did not take what was left: it stays in the kernel, and the next sensor that is \
         started with the same folder of pins reads it; see what the store says, and start it again"
    )]
    Unkept,
    /// What was taken over cannot be removed.
    #[error(transparent)]
    Pins(#[from] PinError),
    /// The thread that has the store cannot be started.
    #[error("cannot start the thread that writes to the store")]
    Keep(#[source] io::Error),
    /// The output refused; what could not be written was not recorded.
    #[error("recording has stopped, because records cannot be written")]
    Output(#[source] io::Error),
    /// A stage ended before its work did.
    #[error("a stage of the agent ended early: {0}")]
    Stage(#[from] JoinError),
}

/// What an agent works with.
pub struct Parts<D, C, L, A, W> {
    /// The kernel, with a generation in force and its interfaces held.
    pub datapath: D,
    /// What is loaded there.
    pub publisher: Publisher,
    /// The names of what was loaded.
    pub names: Names,
    /// The clocks.
    pub clock: C,
    /// How they are tied.
    pub anchors: Anchors,
    /// The folder in which anchors are kept; lab's are of its own run and serve the reader.
    pub keep: Option<PathBuf>,
    /// The interfaces of the machine.
    pub links: L,
    /// Says what the papers allow; `None` in lab, where what is in force at the start stays.
    pub authority: Option<A>,
    /// What dead agents left.
    pub recovered: Recovery,
    /// Where records are kept.
    pub store: Option<Store>,
    /// Keys for domestic addresses.
    pub pseudonyms: Pseudonyms,
    /// Where else records and counts go.
    pub outlets: Outlets,
    /// Where records go.
    pub output: W,
}

/// What dead agents left.
#[derive(Default)]
pub struct Recovery {
    /// Flows that they had not drained.
    pub flows: Vec<FlowPart>,
    /// What was under way in the store.
    pub under_way: Vec<Part>,
    /// Where the flows were read: it is removed when they are safe.
    pub read: Read,
}

/// An agent that is ready to run.
pub struct Agent<D, C, L, A, W> {
    collect: Collect<D, C, L, A>,
    names: Names,
    recovered: Recovery,
    store: Option<Store>,
    pseudonyms: Pseudonyms,
    outlets: Outlets,
    output: W,
}

impl<D, C, L, A, W> Agent<D, C, L, A, W>
where
    D: Datapath + Send + 'static,
    C: ClockSource + Send + 'static,
    L: Links + Send + 'static,
    A: Authority + Send + 'static,
    W: Write + Send + 'static,
{
    /// Takes what is needed to run. Nothing is recorded before [`Self::prepare`] or [`Self::run`],
    /// because nobody attends.
    pub fn new(parts: Parts<D, C, L, A, W>, config: Config) -> Self {
        let Parts {
            datapath,
            publisher,
            names,
            clock,
            anchors,
            keep,
            links,
            authority,
            recovered,
            store,
            pseudonyms,
            outlets,
            output,
        } = parts;
        let collect = Collect {
            datapath,
            publisher,
            clock,
            anchors,
            keep,
            links,
            papers: authority.map(Papers::new),
            config,
            missed: BTreeSet::new(),
            promised: 0,
            lease: 0,
            told: None,
            kept: 0,
            held_back: None,
            mended: 0,
            unsafe_yet: None,
            drained_under: 0,
            next: Batch::default(),
            gauge: outlets.gauge.clone(),
            observed: 0,
            read: Read::default(),
        };
        Self {
            collect,
            names,
            recovered,
            store,
            pseudonyms,
            outlets,
            output,
        }
    }

    /// Checks the right to record, puts what it covers into force and attends: a program that is
    /// attached afterwards records from its first packet on.
    pub fn prepare(&mut self) -> Result<(), AgentError> {
        self.collect.attend().map(drop)
    }

    /// The kernel, what is published there, what it is called, and the store: for attaching, and
    /// for taking over what dead agents left.
    pub const fn hands(&mut self) -> (&mut D, &mut Publisher, &mut Names, &mut Option<Store>) {
        let Collect {
            datapath,
            publisher,
            ..
        } = &mut self.collect;
        (datapath, publisher, &mut self.names, &mut self.store)
    }

    /// Takes over what dead agents left.
    pub fn recover(&mut self, recovered: Recovery) {
        self.recovered = recovered;
    }

    /// Runs until `stop` completes, then detaches, drains and writes the summary.
    ///
    /// `told` is called when recording has begun or stopped, after the kernel knows.
    pub async fn run(
        self,
        stop: impl Future<Output = ()> + Send,
        told: impl FnMut(&Recording) + Send,
    ) -> Result<Summary, AgentError> {
        let Self {
            mut collect,
            names,
            recovered,
            store,
            pseudonyms,
            outlets,
            output,
        } = self;
        let config = collect.config;
        let Recovery {
            flows,
            under_way,
            read,
        } = recovered;
        let (batches, drained) = mpsc::channel(Config::BATCHES);
        let (lines, passed) = mpsc::channel(config.backlog);
        let writer = tokio::task::spawn_blocking(move || {
            let _span = tracing::info_span!("write").entered();
            write::run(passed, output, config.mark)
        });
        let store = match store {
            Some(store) => {
                let next = store.next_record();
                let keeper = Keeper::new(store).map_err(AgentError::Keep)?;
                Some((keeper, next, under_way))
            }
            None => None,
        };
        let begin = Begin {
            names,
            pseudonyms,
            timeouts: config.timeouts,
            recovered: flows.iter().map(|part| part.value.packets).sum(),
            store,
            outlets,
        };
        let assembler = tokio::spawn(
            assemble::run(drained, lines, begin).instrument(tracing::info_span!("assemble")),
        );
        collect.next.flows = flows;
        collect.read = read;
        let collected = collect
            .run(batches, stop, told)
            .instrument(tracing::info_span!("collect"))
            .await;
        let summary = assembler.await?;
        let output = writer.await?;
        // The output comes first: its failure is why the stages before it ended.
        output.map_err(AgentError::Output)?;
        collected?;
        Ok(summary)
    }
}

#[cfg(test)]
mod tests;
