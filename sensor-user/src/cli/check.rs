//! `sekisho check`: the preflight of the interfaces to watch.
//!
//! It gathers, waits for the counters to move, judges and prints. It attaches nothing, changes
//! nothing and reads no packet, so it is safe on a machine in production.

use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use crate::kernel::probe;
use crate::preflight::{Facts, Finding, InterfaceFacts, Status, Traffic, judge};

mod table;

/// Arguments of `sekisho check`.
#[derive(Debug, Clone, clap::Args)]
pub struct CheckArgs {
    /// Interface to look at; give it again for each further one
    #[arg(long = "interface", value_name = "NAME", required = true)]
    pub interfaces: Vec<String>,

    /// Seconds to watch the packet counters
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,

    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// What the preflight came to as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No check failed; there may be warnings.
    Ready,
    /// At least one check failed.
    NotReady,
}

impl Verdict {
    /// The verdict on these findings: warnings and unknowns do not stop the sensor.
    pub fn of(findings: &[Finding]) -> Self {
        if findings
            .iter()
            .any(|finding| finding.status == Status::Fail)
        {
            Self::NotReady
        } else {
            Self::Ready
        }
    }
}

/// Checks the interfaces and prints the findings to `out`. Blocks for the seconds asked.
///
/// # Errors
///
/// [`probe::ProbeError`] for an interface that does not exist, and what writing returns.
pub fn check(args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<Verdict> {
    let CheckArgs {
        interfaces,
        seconds,
        json,
    } = args;
    let facts = gather(interfaces, Duration::from_secs(*seconds))?;
    let findings = judge(&facts);
    let verdict = Verdict::of(&findings);
    print(&findings, verdict, *json, out).context("cannot print the findings")?;
    Ok(verdict)
}

fn gather(names: &[String], window: Duration) -> Result<Facts, probe::ProbeError> {
    let mut interfaces: Vec<InterfaceFacts> = Vec::with_capacity(names.len());
    for name in names {
        if interfaces.iter().all(|known| known.name != *name) {
            interfaces.push(probe::interface(name)?);
        }
    }
    let before: Vec<_> = (interfaces.iter())
        .map(|interface| probe::sample(interface.index))
        .collect();
    std::thread::sleep(window);
    for (interface, before) in interfaces.iter_mut().zip(before) {
        let after = probe::sample(interface.index);
        interface.traffic = before
            .and_then(|before| Ok(Traffic::between(before, after?, window)))
            .map_err(|error| error.to_string());
    }
    Ok(Facts {
        host: probe::host(),
        interfaces,
    })
}

fn print(
    findings: &[Finding],
    verdict: Verdict,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Document<'a> {
        ready: bool,
        findings: &'a [Finding],
    }

    if json {
        let ready = verdict == Verdict::Ready;
        serde_json::to_writer_pretty(&mut *out, &Document { ready, findings })?;
        writeln!(out)?;
    } else {
        table::write(findings, out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
