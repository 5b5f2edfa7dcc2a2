//! `sekisho request`: what is asked for.

mod check;
mod draft;
pub(super) mod indicators;
mod show;

use std::io::Write;

use clap::{Args, Subcommand};

use crate::cli::Exit;

/// Arguments of `sekisho request`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RequestArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draft a request: anew, as an extension, or for what a newer feed has more
    New(Box<draft::NewArgs>),
    /// Show what a request asks for
    Show(show::ShowArgs),
    /// Say whether a request holds, as far as that can be said before it is signed
    Check(check::CheckArgs),
}

pub(super) fn request(args: &RequestArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match &args.command {
        Command::New(args) => draft::new(args, out),
        Command::Show(args) => show::show(args, out),
        Command::Check(args) => check::check(args, out),
    }
}
