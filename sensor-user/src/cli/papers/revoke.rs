//! `sekisho revoke`: what ends an approval or a consent.

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
        paper::Revocation,
    },
};

/// Arguments of `sekisho revoke`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sekisho revoke approval-1.toml --number 1 --reason 'the servers are gone' \\
    --output revocation-1.toml")]
pub(in crate::cli) struct RevokeArgs {
    /// The approval or consent
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Number of the revocation
    #[arg(long, value_name = "N", value_parser = values::number)]
    number: Number,

    /// Why
    #[arg(long, value_name = "TEXT", value_parser = values::value::<Text>)]
    reason: Text,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn revoke(args: &RevokeArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    args.output.check()?;
    let revoked = files::of_kind(&args.file, &[Kind::Approval, Kind::Consent])?;
    let revocation = Revocation {
        kind: Kind::Revocation.name().into(),
        number: args.number,
        revokes: revoked.digest,
        reason: args.reason.clone(),
    };
    let signers = Signers::AnyOf(&[Role::Overseer, Role::Carrier, Role::Operator]);
    let draft = Draft::of(&revocation, (Kind::Revocation, args.number.0), signers)?;
    args.output.put(&draft, out)
}
