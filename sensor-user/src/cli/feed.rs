//! `sekisho feed`: feeds of indicators.

mod check;
mod matched;

use std::io::Write;

use clap::{Args, Subcommand};

use super::Exit;

/// Arguments of `sekisho feed`.
#[derive(Debug, Args)]
pub(super) struct FeedArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what of feeds would be watched, what not and why
    Check(check::CheckArgs),
}

pub(super) fn feed(args: &FeedArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Check(args) => check::check(args, out),
    }
}
