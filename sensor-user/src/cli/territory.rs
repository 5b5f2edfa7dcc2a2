//! `sekisho territory`: builds territories and asks them.

mod build;
mod explain;

use clap::{Args, Subcommand};

use super::Exit;

/// Arguments of `sekisho territory`.
#[derive(Debug, Args)]
pub(super) struct TerritoryArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build a numbered table from registries' statistics, lists and corrections
    Build(build::BuildArgs),
    /// Say where addresses lie, and which rule placed them
    Explain(explain::ExplainArgs),
}

pub(super) fn territory(args: &TerritoryArgs) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Build(args) => build::build(args),
        Command::Explain(args) => explain::explain(args),
    }
}
