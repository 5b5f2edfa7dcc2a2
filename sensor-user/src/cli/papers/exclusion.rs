//! `sekisho exclusion`: prefixes that are never recorded.

use std::{io::Write, path::PathBuf};

use clap::{Args, Subcommand};

use super::{
    draft::{Draft, OutputArgs, Signers},
    files, values,
};
use crate::{
    cli::{Exit, places::read},
    documents::{
        Kind,
        field::{Number, Prefix, Text},
        paper::{self, Exclusion},
    },
    places::list,
};

/// Arguments of `sekisho exclusion`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExclusionArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draft an exclusion
    New(NewArgs),
}

/// Arguments of `sekisho exclusion new`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sekisho exclusion new --number 1 --prefix 9.1.0.0/16 --reason 'a hospital' \\
    --output exclusion-1.toml
  sekisho exclusion new --number 2 --replaces exclusion-1.toml --list hospitals.txt \\
    --reason 'more hospitals' --output exclusion-2.toml")]
struct NewArgs {
    /// Number of the exclusion
    #[arg(long, value_name = "N", value_parser = values::number)]
    number: Number,

    /// Prefix never recorded, of any length; give it again for each further one
    #[arg(long = "prefix", value_name = "PREFIX", value_parser = values::value::<Prefix>)]
    prefixes: Vec<Prefix>,

    /// List of prefixes never recorded, one a line; one bad line refuses it
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,

    /// Why
    #[arg(long, value_name = "TEXT", value_parser = values::value::<Text>)]
    reason: Text,

    /// Earlier exclusion that it takes the place of; give it again for each further one
    #[arg(long, value_name = "FILE")]
    replaces: Vec<PathBuf>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn exclusion(args: &ExclusionArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let Command::New(args) = &args.command;
    args.output.check()?;
    let mut prefixes = args.prefixes.clone();
    if let Some(path) = &args.list {
        let bytes = read(path, paper::LARGEST)?;
        let listed = list::exclusions(&path.display().to_string(), &bytes)?;
        prefixes.extend(listed.iter().map(|exclusion| Prefix(exclusion.prefix)));
    }
    let earlier = args.replaces.iter();
    let replaces = earlier.map(|path| Ok(files::of_kind(path, &[Kind::Exclusion])?.digest));
    let exclusion = Exclusion {
        kind: Kind::Exclusion.name().into(),
        number: args.number,
        reason: args.reason.clone(),
        replaces: replaces.collect::<anyhow::Result<_>>()?,
        prefixes,
    };
    let of = (Kind::Exclusion, args.number.0);
    let draft = Draft::of(&exclusion, of, Signers::Overseers)?;
    args.output.put(&draft, out)
}
