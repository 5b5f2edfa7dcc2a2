//! `sekisho request check`: whether a request holds, before anybody signs it.

use std::{io::Write, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        Exit,
        papers::{files, source::SourceArgs, told},
        printer,
        summary::count,
    },
    documents::Refusal,
};

/// Arguments of `sekisho request check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sekisho request check request-2.toml
  sekisho request check request-2.toml --state /var/lib/sekisho")]
pub(super) struct CheckArgs {
    /// The request
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Folder with its feed and, of an extension, its parent; its own folder without it
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    #[command(flatten)]
    source: SourceArgs,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    holds: bool,
    against_papers: bool,
    refusals: &'a [Refusal],
}

pub(super) fn check(args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let asked = files::request(&args.file, args.folder.as_deref())?;
    let (held, mut refusals) = match asked.held {
        Ok(held) => (Some(held), Vec::new()),
        Err(refusal) => (None, vec![refusal]),
    };
    let mut opened = args.source.may_open()?;
    if let (Some(held), Some(opened)) = (&held, &mut opened) {
        let (gate, now) = (&opened.gate, opened.now);
        refusals.extend(gate.objections(held, &mut opened.shelf, now));
    }
    let against_papers = opened.is_some();
    let written = if args.json {
        let document = Document {
            holds: refusals.is_empty(),
            against_papers,
            refusals: &refusals,
        };
        told::json(&document, out)
    } else {
        told::refusals(&refusals, out).and_then(|()| {
            let Some(held) = held.filter(|_| refusals.is_empty()) else {
                return Ok(());
            };
            let indicators = count(held.indicators.prefixes.len() as u64, "indicator");
            let against = if against_papers {
                "it fits the papers there; signatures are judged when it is signed"
            } else {
                "not held against policy, territory and exclusions: --state or --papers does"
            };
            writeln!(
                out,
                "{}: request {} holds, with {indicators}; {against}",
                held.paper.file, held.paper.number
            )
        })
    };
    printer::unless_gone(written).context("cannot print what was found")?;
    Ok(if refusals.is_empty() {
        Exit::Done
    } else {
        Exit::Papers
    })
}
