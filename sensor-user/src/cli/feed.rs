//! `sekisho feed`: feeds of indicators.

mod add;
mod check;
mod diff;
mod list;
mod matched;
mod pull;
mod store;

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
    /// Keep a feed
    Add(Box<add::AddArgs>),
    /// List the feeds that are kept
    List(list::ListArgs),
    /// Show what is known of a feed, or what feeds say of an address
    Show(list::ShowArgs),
    /// Bring feeds up to their sources
    Pull(pull::PullArgs),
    /// Show what feeds say beside what approvals allow
    Diff(diff::DiffArgs),
    /// Keep a feed no more
    Remove(add::RemoveArgs),
}

pub(super) fn feed(args: &FeedArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Check(args) => check::check(args, out),
        Command::Add(args) => add::add(args, out),
        Command::List(args) => list::list(args, out),
        Command::Show(args) => list::show(args, out),
        Command::Pull(args) => pull::pull(args, out),
        Command::Diff(args) => diff::diff(args, out),
        Command::Remove(args) => add::remove(args, out),
    }
}
