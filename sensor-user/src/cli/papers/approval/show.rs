//! `sekisho approval show`: one approval, with its request and who signed.

use std::{io::Write, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::listed::{Row, rows};
use crate::{
    cli::{
        Exit,
        inputs::InputError,
        papers::{
            source::{Opened, SourceArgs},
            told::{self, Pairs},
        },
        printer,
    },
    documents::{
        Body, Digest, Principal, Refusal, Time,
        paper::{Answer, Approval, Request},
    },
};

/// Arguments of `sekisho approval show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sekisho approval show R-1 --state /var/lib/sekisho
  sekisho approval show approval-1.toml --papers papers --root SHA256")]
pub(in crate::cli) struct ShowArgs {
    /// The approval, by the id of its request, the name of its file or its SHA-256
    #[arg(value_name = "FILE|ID")]
    name: PathBuf,

    #[command(flatten)]
    source: SourceArgs,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    id: &'a str,
    file: &'a str,
    number: u64,
    sha256: Digest,
    state: super::listed::State,
    from: Option<Time>,
    until: Option<Time>,
    refusal: Option<&'a Refusal>,
    approval: Option<&'a Approval>,
    request: Option<&'a Request>,
    signatures: Vec<Signed>,
}

#[derive(Serialize)]
struct Signed {
    principal: Principal,
    arrived: Time,
}

pub(in crate::cli) fn show(args: &ShowArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let opened = args.source.open()?;
    let rows = rows(&opened);
    let wanted = args.name.display().to_string();
    let file = (args.name.file_name()).map_or_else(String::new, |name| name.display().to_string());
    let is_wanted = |row: &&Row| {
        row.id == wanted || row.paper.file == file || row.paper.digest.to_string() == wanted
    };
    let found: Vec<&Row> = rows.iter().filter(is_wanted).collect();
    let row = match found[..] {
        [row] => row,
        [] => {
            let names: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
            let there = match names[..] {
                [] => "there is none".into(),
                _ => format!("there are {}", names.join(", ")),
            };
            let text = format!("{wanted}: no approval has this id, file or SHA-256; {there}");
            return Err(InputError::Usage(text).into());
        }
        _ => {
            let files: Vec<&str> = found.iter().map(|row| row.paper.file.as_str()).collect();
            let text = format!(
                "{wanted}: several answer it; name one of {}",
                files.join(", ")
            );
            return Err(InputError::Usage(text).into());
        }
    };
    let written = if args.json {
        told::json(&document(&opened, row), out)
    } else {
        write!(out, "{}", pairs(&opened, row))
    };
    printer::unless_gone(written).context("cannot print the approval")?;
    Ok(Exit::Done)
}

fn request<'a>(opened: &'a Opened, row: &Row) -> Option<&'a Request> {
    let Body::Approval(approval) = &row.paper.body else {
        return None;
    };
    let paper = (opened.shelf.papers()).find(|paper| paper.digest == approval.request)?;
    match &paper.body {
        Body::Request(request) => Some(request),
        _ => None,
    }
}

fn signatures(opened: &Opened, row: &Row) -> Vec<Signed> {
    let own = |arrival: &&crate::documents::journal::Arrival| arrival.document == row.paper.digest;
    let arrivals = opened.arrivals.iter().filter(own);
    arrivals
        .filter_map(|arrival| {
            Some(Signed {
                principal: arrival.principal.clone()?,
                arrived: arrival.time,
            })
        })
        .collect()
}

fn document<'a>(opened: &'a Opened, row: &'a Row) -> Document<'a> {
    let granted = row.granted.as_ref().ok();
    Document {
        id: &row.id,
        file: &row.paper.file,
        number: row.paper.number,
        sha256: row.paper.digest,
        state: row.state,
        from: granted.map(|granted| granted.from),
        until: granted.map(|granted| granted.until),
        refusal: row.granted.as_ref().err(),
        approval: match &row.paper.body {
            Body::Approval(approval) => Some(approval),
            _ => None,
        },
        request: request(opened, row),
        signatures: signatures(opened, row),
    }
}

fn pairs(opened: &Opened, row: &Row) -> Pairs {
    let mut pairs = Pairs::default();
    pairs
        .add(row.paper.kind().name(), row.paper.number)
        .add("of", &row.id)
        .add("file", &row.paper.file)
        .add("sha256", row.paper.digest)
        .all(
            "signed by",
            (signatures(opened, row).iter())
                .map(|signed| format!("{}, arrived {}", signed.principal, signed.arrived)),
        );
    if let Body::Approval(approval) = &row.paper.body {
        let decision = match approval.decision {
            Answer::Granted => "granted",
            Answer::Refused => "refused",
        };
        pairs
            .add("decision", decision)
            .add("reason", &approval.reason);
        if !approval.conditions.is_empty() {
            pairs.add("conditions", conditions(approval));
        }
    }
    match &row.granted {
        Ok(granted) => {
            pairs
                .add("state", "in force")
                .add("from", granted.from)
                .add("until", granted.until)
                .add("class", granted.class.name())
                .all("direction", granted.directions.iter().map(|d| d.name()))
                .may_add("operator", granted.operator.as_ref())
                .all(
                    "fields",
                    Vec::<String>::from(crate::documents::field::FieldNames(granted.fields)),
                )
                .all("interfaces", told::interfaces(&granted.interfaces))
                .add("retention", granted.retention)
                .add(
                    "indicators",
                    format!(
                        "{} of {}",
                        granted.indicators.prefixes.len(),
                        granted.indicators.file
                    ),
                );
        }
        Err(refusal) => {
            pairs.add("state", row.state.words()).add(
                "because",
                format!("{} [{}]", refusal.text, refusal.rule.name()),
            );
        }
    }
    if let Some(request) = request(opened, row) {
        pairs
            .add("request", request.number.0)
            .add("requester", &*request.requester)
            .add("necessity", &request.necessity)
            .all("recipients", &request.recipients);
    }
    pairs
}

/// Conditions as they stand in the document.
fn conditions(approval: &Approval) -> String {
    // What was read from TOML can be written as TOML.
    let text = toml::to_string(&approval.conditions).unwrap_or_default();
    text.trim_end().to_owned()
}
