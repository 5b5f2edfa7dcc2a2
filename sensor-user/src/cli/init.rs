//! `sekisho init`: the state folder of a sensor, made once.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::Context as _;
use clap::Args;

use super::{Exit, inputs::InputError, printer};
use crate::{
    capped,
    documents::{Digest, field::Fingerprint},
    settings::state,
};

/// Largest file of a public key that is read, in bytes; one line of the longest RSA key is less.
const LARGEST_KEY: u64 = 16 * 1024;

/// Arguments of `sekisho init`.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// SHA-256 of the first keyring, 64 digits: the sensor trusts whom that names, and no other
    #[arg(long, value_name = "SHA256")]
    root: Digest,

    /// Public key of the sensor's log, the file .pub; only its fingerprint is kept
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,

    /// Folder to make
    #[arg(long, value_name = "DIR", default_value = state::DEFAULT_FOLDER)]
    state: PathBuf,
}

pub(super) fn init(args: &InitArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let log_key = log_key(args)?;
    state::init(&args.state, args.root, log_key.clone())?;
    printer::unless_gone(print(args, &log_key, out)).context("cannot print what was made")?;
    Ok(Exit::Done)
}

fn log_key(args: &InitArgs) -> Result<Fingerprint, InputError> {
    let path = || args.log_key.clone();
    let file = capped::read(&args.log_key, LARGEST_KEY).map_err(|source| InputError::LogKey {
        path: path(),
        source,
    })?;
    state::fingerprint(&file).map_err(|source| InputError::NoLogKey {
        path: path(),
        source,
    })
}

fn print(args: &InitArgs, log_key: &Fingerprint, out: &mut dyn Write) -> io::Result<()> {
    let InitArgs { root, state, .. } = args;
    let state = state.display();
    writeln!(out, "{state} is the state folder of a sensor now, for ever")?;
    writeln!(out, "  root     {root}")?;
    writeln!(out, "  log key  {log_key}")?;
    writeln!(out, "  papers   {state}/papers")?;
    writeln!(
        out,
        "Next: put the keyring with this SHA-256, allowed_signers and the other documents with \
         their signatures into {state}/papers. Private keys stay elsewhere."
    )
}
