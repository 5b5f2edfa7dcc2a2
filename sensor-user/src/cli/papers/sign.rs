//! `sekisho sign-help`: the line with which somebody signs.

use std::{io::Write, path::PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::files;
use crate::{
    capped,
    cli::{Exit, inputs::InputError, printer},
    documents::{Key, Kind, Principal, may_sign, sign_help as line, signer, signers_of},
};

/// Largest file of a key that is read, in bytes.
const LARGEST: u64 = 64 * 1024;

/// Arguments of `sekisho sign-help`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sekisho sign-help approval-1.toml --principal overseer/ai --key ~/.ssh/id_ed25519_sk")]
pub(in crate::cli) struct SignArgs {
    /// The document, or its kind
    #[arg(value_name = "FILE|KIND")]
    document: PathBuf,

    /// Who signs: requester, overseer, operator, carrier or inspector, and a name
    #[arg(long, value_name = "ROLE/NAME")]
    principal: Principal,

    /// The key: its private file, or the .pub of one in an agent
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
}

pub(super) fn sign_help(args: &SignArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let named = args.document.to_str().and_then(Kind::of_name);
    let (kind, file) = match named.filter(|_| !args.document.is_file()) {
        Some(kind) => (kind, "FILE.toml".to_owned()),
        None => document(args)?,
    };
    let key = key(args)?;
    let key_file = args.key.display().to_string();
    let line = line(kind, &args.principal, &file, &key_file);
    printer::unless_gone(writeln!(out, "{line}")).context("cannot print the line")?;
    if let Some(key) = key {
        let touch = if key.is_sk() {
            ", a security key: touch it when it asks"
        } else {
            ""
        };
        let (kind, fingerprint) = (key.type_name(), key.fingerprint());
        printer::note(&format!("the key is {fingerprint} ({kind}{touch})"));
    } else {
        printer::note("the type of the key shows when it is used: no .pub is beside it");
    }
    Ok(Exit::Done)
}

/// Kind and name of the document, which this principal may sign.
fn document(args: &SignArgs) -> anyhow::Result<(Kind, String)> {
    if !args.document.exists() {
        let kinds = Kind::ALL.map(Kind::name).join(", ");
        let text = format!(
            "{}: no such file, and no kind of document; there are {kinds}",
            args.document.display()
        );
        return Err(InputError::Usage(text).into());
    }
    let paper = files::paper(&args.document)?;
    if !may_sign(&paper, args.principal.role) {
        let text = format!(
            "--principal: {} may not sign this {}: {}",
            args.principal,
            paper.kind().name(),
            signers_of(paper.kind())
        );
        return Err(InputError::Usage(text).into());
    }
    if let Some(own) = signer(&paper)
        && own != args.principal
    {
        let text = format!("--principal: this {} is of {own}", paper.kind().name());
        return Err(InputError::Usage(text).into());
    }
    Ok((paper.kind(), args.document.display().to_string()))
}

/// The public half, if it is to be found.
fn key(args: &SignArgs) -> anyhow::Result<Option<Key>> {
    let usage = |text: String| InputError::Usage(format!("--key: {text}"));
    let shown = args.key.display();
    let text = capped::read_to_string(&args.key, LARGEST)
        .map_err(|source| InputError::Paper {
            path: args.key.clone(),
            source,
        })
        .context("--key")?;
    let read = |text: &str| {
        let line = text.lines().next().unwrap_or_default();
        Key::read(line).map_err(|error| usage(format!("{shown}: {error}")))
    };
    if !text.contains("PRIVATE KEY-----") {
        return Ok(Some(read(&text)?));
    }
    let public = PathBuf::from(format!("{shown}.pub"));
    match capped::read_to_string(&public, LARGEST) {
        Ok(text) => Ok(Some(read(&text)?)),
        Err(_) => Ok(None),
    }
}
