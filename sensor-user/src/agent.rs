//! The agent: built with everything ready and nothing running, then run to its end.
//!
//! Three stages, each a task with a span, joined by bounded channels:
//! *collect* attends the kernel and drains it, *assemble* puts flows together and
//! splits them into rows, *write* writes lines. Between assemble and write stands
//! the limiter, the one place that drops while running, and counts it: when the
//! output does not keep up, memory stays bounded and the kernel is still drained.

mod assemble;
mod collect;
mod limiter;
mod write;

use std::{io::Write, time::Duration};

use thiserror::Error;
use tokio::{sync::mpsc, task::JoinError};
use tracing::Instrument as _;

use crate::{
    exporters::json::Mark,
    kernel::{Datapath, DatapathError},
    pipeline::{Names, Summary, Timeouts},
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
    /// The output refused; what could not be written was not recorded.
    #[error("recording has stopped, because records cannot be written")]
    Output(#[source] std::io::Error),
    /// A stage ended before its work did.
    #[error("a stage of the agent ended early: {0}")]
    Stage(#[from] JoinError),
}

/// An agent that is ready to run.
pub struct Agent<D, W> {
    datapath: D,
    names: Names,
    output: W,
    config: Config,
}

impl<D, W> Agent<D, W>
where
    D: Datapath + Send + 'static,
    W: Write + Send + 'static,
{
    /// Takes what is needed to run. The datapath has the generation of `names` in force
    /// and holds its interfaces; nothing is recorded before [`Self::run`], because
    /// nobody attends.
    pub const fn new(datapath: D, names: Names, output: W, config: Config) -> Self {
        Self {
            datapath,
            names,
            output,
            config,
        }
    }

    /// Runs until `stop` completes, then detaches, drains and writes the summary.
    ///
    /// `attended` is called once, when the kernel has the first promise of attendance and
    /// so begins to record.
    pub async fn run(
        self,
        stop: impl Future<Output = ()> + Send,
        attended: impl FnOnce() + Send,
    ) -> Result<Summary, AgentError> {
        let Self {
            datapath,
            names,
            output,
            config,
        } = self;
        let (batches, drained) = mpsc::channel(Config::BATCHES);
        let (lines, passed) = mpsc::channel(config.backlog);
        let writer = tokio::task::spawn_blocking(move || {
            let _span = tracing::info_span!("write").entered();
            write::run(passed, output, config.mark)
        });
        let assembler = tokio::spawn(
            assemble::run(drained, lines, names, config.timeouts)
                .instrument(tracing::info_span!("assemble")),
        );
        let collected = collect::run(datapath, batches, &config, stop, attended)
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
