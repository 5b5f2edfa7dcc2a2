//! `sekisho stop` and `sekisho lift`: the end of all recording, and its end.

use std::{io::Write, path::PathBuf};

use clap::Args;

use super::{
    draft::{Draft, OutputArgs, Signers},
    files, values,
};
use crate::{
    cli::Exit,
    documents::{
        Kind, Role,
        field::{Number, Text},
        paper::{Lift, Stop},
    },
};

/// Arguments of `sekisho stop`.
#[derive(Debug, Args)]
#[command(after_help = "\
By an overseer or the carrier it stops everything, by an operator what is of its own prefixes.
Example:
  sekisho stop --number 1 --reason 'a complaint' --output stop-1.toml")]
pub(in crate::cli) struct StopArgs {
    /// Number of the stop
    #[arg(long, value_name = "N", value_parser = values::number)]
    number: Number,

    /// Why
    #[arg(long, value_name = "TEXT", value_parser = values::value::<Text>)]
    reason: Text,

    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `sekisho lift`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sekisho lift stop-1.toml --number 1 --reason 'the complaint is settled' --output lift-1.toml")]
pub(in crate::cli) struct LiftArgs {
    /// The stop
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Number of the lift
    #[arg(long, value_name = "N", value_parser = values::number)]
    number: Number,

    /// Why
    #[arg(long, value_name = "TEXT", value_parser = values::value::<Text>)]
    reason: Text,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn stop(args: &StopArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let stop = Stop {
        kind: Kind::Stop.name().into(),
        number: args.number,
        reason: args.reason.clone(),
    };
    let signers = Signers::AnyOf(&[Role::Carrier, Role::Overseer, Role::Operator]);
    let draft = Draft::of(&stop, (Kind::Stop, args.number.0), signers)?;
    args.output.put(&draft, out)
}

pub(super) fn lift(args: &LiftArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    args.output.check()?;
    let lift = Lift {
        kind: Kind::Lift.name().into(),
        number: args.number,
        lifts: files::of_kind(&args.file, &[Kind::Stop])?.digest,
        reason: args.reason.clone(),
    };
    let draft = Draft::of(&lift, (Kind::Lift, args.number.0), Signers::Overseers)?;
    args.output.put(&draft, out)
}
