//! Measures the sensor's match engine beside what the kernel and other tools have, and its
//! whole program beside an empty one. `cargo xtask bench` builds and runs it.
//!
//! One process measures everything in turns, so that ratios hold on a machine that others
//! use. Every timed walk is checked: a way that finds other match sets than the oracle has
//! no figure, the run fails.

mod bench;
mod chance;
mod draw;
mod lists;
mod live;
mod load;
mod machine;
mod measure;
mod oracle;
mod ours;
mod peers;
mod plan;
mod plot;
mod record;
mod report;
mod say;
mod traces;
mod tune;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::Parser;
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};

use crate::{
    machine::Machine,
    report::Run,
    say::{say, show},
};

/// Measure the match engine and the program beside others.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
struct Args {
    /// A million prefixes only, in less than two minutes
    #[arg(long)]
    quick: bool,
    /// The repository: the run is kept in tests/bench/runs, plots are drawn in docs/bench
    #[arg(long, value_name = "ROOT")]
    keep: Option<PathBuf>,
    /// Material that is not in the repository, such as lists
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Say what filters of every size measured, for lists of three sizes, and nothing else
    #[arg(long, hide = true)]
    tune: bool,
    /// Measure what a recorded packet costs, and nothing else
    #[arg(long, hide = true)]
    record: bool,
    /// Assert that every one of many packets is counted where it should be, and nothing else
    #[arg(long, hide = true)]
    exact: bool,
    /// Load this list and say what it took: what another process of this program asks for
    #[arg(long, hide = true, value_name = "FILE")]
    load: Option<PathBuf>,
}

fn main() -> ExitCode {
    match perform(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn perform(args: &Args) -> Result<()> {
    if let Some(list) = &args.load {
        unpin()?;
        show(serde_json::to_string(&load::load(list)?)?);
        return Ok(());
    }
    if args.tune {
        let cpu = pin()?;
        say(format_args!("all on CPU {cpu}"));
        return tune::perform();
    }
    if args.exact {
        let cpu = pin()?;
        return record::exact(cpu);
    }
    peers::own_mounts()?;
    let mut run = Run {
        date: jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
        machine: Machine::here(),
        commit: machine::commit(),
        quick: args.quick,
        lists: Vec::new(),
        walks: Vec::new(),
        live: Vec::new(),
        peers: Vec::new(),
        loads: Vec::new(),
        records: Vec::new(),
        missing: Vec::new(),
        figures: BTreeMap::new(),
    };
    let Machine {
        cpu: model,
        cpus,
        kernel,
        ..
    } = &run.machine;
    let cpu = pin()?;
    say(format_args!(
        "{cpus} CPUs {model}, Linux {kernel}; all on CPU {cpu}"
    ));
    if args.record {
        let rounds = plan::ROUNDS[usize::from(run.quick)];
        record::perform(&mut run, cpu, rounds)?;
    } else {
        plan::perform(&mut run, args.data.as_deref(), cpu)?;
    }
    show(run.table());
    if let Some(root) = &args.keep {
        draw::keep(&run, root)?;
    }
    show(serde_json::to_string(&run.figures)?);
    Ok(())
}

/// Lets this process run on every CPU again, whoever started it.
fn unpin() -> Result<()> {
    let mut set = CpuSet::new();
    for cpu in 0..CpuSet::count() {
        set.set(cpu)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// Puts this process on the last CPU, and says which that is.
fn pin() -> Result<usize> {
    let cpus = std::thread::available_parallelism().context("cannot count the CPUs")?;
    let cpu = cpus.get() - 1;
    let mut set = CpuSet::new();
    set.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &set)?;
    Ok(cpu)
}
