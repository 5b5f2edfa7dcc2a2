//! `cargo xtask fuzz`: what strangers may send, made up and mutated for as long as one likes.
//!
//! What is done with an input stands in `sensor_tests::fuzz`; `tests/fuzz` puts libFuzzer around
//! it. Here the fuzzers are built and run, their hours are added to a ledger in the repository,
//! and what they found is kept where `cargo xtask test` replays it.

mod corpus;
mod fuzzer;
mod ledger;
mod target;

use std::{collections::VecDeque, time::Duration};

use anyhow::{Result, bail, ensure};

use self::{
    corpus::Corpus,
    fuzzer::{Ended, Fuzzer},
    ledger::Ledger,
    target::Target,
};
use super::demo::interrupt::{Interrupt, STEP};
use crate::{
    say::{say, show},
    tools::{self, Need},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these; all without any
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// How long each is fuzzed
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    minutes: u64,
    /// How many are fuzzed at a time, with a processor each
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: u8,
    /// Go on with what was found before, beginning with the target that had the least time
    #[arg(long)]
    resume: bool,
    /// Only add what was found before to the corpora in the repository
    #[arg(long, conflicts_with_all = ["list", "resume"])]
    minimise: bool,
    /// Only say what there is, and for how long each was fuzzed
    #[arg(long)]
    list: bool,
}

/// Fuzzes the targets, and fails if something was found.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut targets = target::chosen(&args.targets)?;
    let ledger = Ledger::open()?;
    if args.list {
        return list(&targets, &ledger);
    }
    tools::ensure(&[Need::Fuzz])?;
    say(
        "fuzz",
        "building the fuzzers; minutes after a change of the sensor",
    );
    target::build(&targets)?;
    if args.minimise {
        return targets.iter().try_for_each(minimise);
    }
    if args.resume {
        let sums = ledger.sums();
        targets.sort_by_key(|target| sums.get(&target.name).map_or(0, |sum| sum.cpu_seconds));
    }
    fuzz(targets, args, &ledger)
}

fn list(targets: &[Target], ledger: &Ledger) -> Result<()> {
    let sums = ledger.sums();
    show("target        CPU hours    executions  corpus  found");
    for target in targets {
        let sum = sums.get(&target.name).copied().unwrap_or_default();
        let inputs = Corpus::of(target)?.stored()?.len();
        // To a hundredth.
        let hours = sum.cpu_seconds * 100 / 3600;
        show(format_args!(
            "{:<12} {:>7}.{:02} {:>13} {:>7} {:>6}",
            target.name,
            hours / 100,
            hours % 100,
            sum.executions,
            inputs,
            sum.crashes
        ));
    }
    Ok(())
}

fn fuzz(targets: Vec<Target>, args: &Args, ledger: &Ledger) -> Result<()> {
    let interrupt = Interrupt::catch()?;
    let time = Duration::from_secs(args.minutes * 60);
    let (mut waiting, mut running) = (VecDeque::from(targets), Vec::new());
    let mut found = Vec::new();
    while !waiting.is_empty() || !running.is_empty() {
        while running.len() < usize::from(args.jobs)
            && let Some(target) = waiting.pop_front()
        {
            running.push(Fuzzer::start(target, time, args.resume)?);
        }
        std::thread::sleep(STEP);
        if interrupt.is_raised() {
            waiting.clear();
            running.iter_mut().for_each(Fuzzer::interrupt);
        }
        let mut at = 0;
        while let Some(fuzzer) = running.get_mut(at) {
            if let Some(ended) = fuzzer.ended()? {
                found.extend(conclude(&running.swap_remove(at), &ended, ledger)?);
            } else {
                at += 1;
            }
        }
    }
    ensure!(!interrupt.is_raised(), "interrupted");
    if !found.is_empty() {
        bail!(
            "fuzzing found something; see docs/fuzz.md for what to do with:\n{}",
            found.join("\n")
        );
    }
    say("fuzz", "nothing found");
    Ok(())
}

/// Books what a fuzzer did and keeps what it found; the findings, as lines.
fn conclude(fuzzer: &Fuzzer, ended: &Ended, ledger: &Ledger) -> Result<Vec<String>> {
    let target = &fuzzer.target;
    let kept = Corpus::of(target)?.keep(&ended.artifacts)?;
    ledger.add(target, ended)?;
    say(
        "fuzz",
        format_args!(
            "{}: {} CPU seconds, {} executions, {} inputs, {} MiB, {} found",
            target.name,
            ended.cpu.as_secs(),
            ended.executions,
            ended.inputs,
            ended.peak_mib,
            kept.len()
        ),
    );
    if kept.is_empty() && !ended.is_good {
        bail!(
            "the fuzzer of {} ended without a finding and not well; it says why in {}",
            target.name,
            fuzzer.log.display()
        );
    }
    if kept.is_empty() {
        minimise(target)?;
    }
    let told = kept.iter().map(|file| {
        format!(
            "  {}\n    replay: {} {}",
            file.display(),
            target.program().display(),
            file.display()
        )
    });
    Ok(told.collect())
}

fn minimise(target: &Target) -> Result<()> {
    let (inputs, bytes) = Corpus::of(target)?.minimise(target)?;
    say(
        "fuzz",
        format_args!(
            "{}: {inputs} inputs of {bytes} bytes in the repository",
            target.name
        ),
    );
    Ok(())
}
