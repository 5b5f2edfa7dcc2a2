//! `cargo xtask bench`: the match engine and the program beside others.
//!
//! Builds the package `sensor-bench` as it is to be measured, and runs it as root. All that
//! is measured, and how, is there.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    exec, privilege,
    say::say,
    tools::{self, Need},
    workspace,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A million prefixes only, in less than two minutes
    #[arg(long)]
    quick: bool,
    /// Keep no JSON and draw no plots
    #[arg(long)]
    dry: bool,
}

/// Builds the bench and runs it.
pub(crate) fn run(args: &Args) -> Result<()> {
    tools::ensure(&[Need::Bench])?;
    say("bench", "building it");
    let bench: PathBuf = workspace::build_bench()?;
    let mut command = privilege::as_root(bench)?;
    if args.quick {
        command.arg("--quick");
    }
    if !args.dry {
        command.arg("--keep").arg(workspace::root());
    }
    // Sudo passes nothing of our environment on.
    let data = workspace::root().join("../shared/data");
    let data = std::env::var_os("SEKISHO_DATA").map_or(data, PathBuf::from);
    command.arg("--data").arg(data);
    exec::check(&mut command)
}
