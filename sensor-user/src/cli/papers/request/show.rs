//! `sekisho request show`: what a request asks for.

use std::{io::Write, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        Exit,
        papers::{
            files::{self, Asked},
            told::{self, Pairs},
        },
        printer,
        summary::count,
    },
    documents::{
        Digest, Refusal,
        field::Prefix,
        paper::{Asked as Indicator, Request, Tunnel},
    },
    words::list,
};

/// Indicators that are shown; the rest is counted.
const SHOWN: usize = 5;

/// Arguments of `sekisho request show`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sekisho request show papers/request-1.toml")]
pub(super) struct ShowArgs {
    /// The request; its feed is looked for beside it
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    file: &'a str,
    sha256: Digest,
    request: &'a Request,
    indicators: Option<usize>,
    refusals: Vec<&'a Refusal>,
}

pub(super) fn show(args: &ShowArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let asked = files::request(&args.file, None)?;
    let written = if args.json {
        let held = asked.held.as_ref().ok();
        let document = Document {
            file: &asked.paper.file,
            sha256: asked.paper.digest,
            request: &asked.request,
            indicators: held.map(|held| held.indicators.prefixes.len()),
            refusals: asked.held.as_ref().err().into_iter().collect(),
        };
        told::json(&document, out)
    } else {
        write!(out, "{}", pairs(&asked))
    };
    printer::unless_gone(written).context("cannot print the request")?;
    Ok(match asked.held {
        Ok(_) => Exit::Done,
        Err(_) => Exit::Papers,
    })
}

fn pairs(asked: &Asked) -> Pairs {
    let request = &asked.request;
    let mut pairs = Pairs::default();
    pairs
        .add("request", request.number.0)
        .add("id", &*request.id)
        .add("sha256", asked.paper.digest)
        .add("requester", &*request.requester)
        .may_add("extends", request.parent)
        .add("class", request.class.0.name())
        .all("direction", request.direction.iter().map(|d| d.0.name()))
        .may_add("operator", request.operator.as_ref())
        .all("sensors", &request.sensors)
        .all("fields", Vec::<String>::from(request.fields))
        .all("interfaces", told::interfaces(&request.interfaces));
    if !request.tunnels.is_empty() {
        pairs.all("tunnels", request.tunnels.iter().map(tunnel));
    }
    pairs
        .add("from", request.from)
        .add("until", request.until)
        .add("retention", request.retention)
        .all("recipients", &request.recipients)
        .add("necessity", &request.necessity)
        .add("alternatives", &request.alternatives)
        .add("threat", &request.threat)
        .add("severity", format!("{:?}", request.severity).to_lowercase())
        .add("volume", &request.expected_volume);
    if let Some(feed) = &request.feed {
        let least = match feed.mapping.least_count {
            0 => String::new(),
            least => format!(", lines with a count of {least} or more"),
        };
        pairs.all(
            "feed",
            [
                format!("{}{least}", &*feed.file),
                format!("bytes {}", feed.sha256),
                format!("set {}", feed.set_sha256),
            ],
        );
    }
    match &asked.held {
        Ok(held) => {
            let prefixes = &held.indicators.prefixes;
            let mut lines = vec![count(prefixes.len() as u64, "indicator")];
            lines.extend(prefixes.iter().take(SHOWN).map(|(prefix, line)| {
                let asked = request
                    .indicators
                    .iter()
                    .find(|i| i.prefix == Prefix(prefix));
                let limits = asked.map_or_else(String::new, limits);
                let evidence = asked.and_then(|asked| asked.evidence.as_ref());
                let evidence = evidence.map_or_else(String::new, |evidence| {
                    format!(
                        ", {} at {}, {}",
                        &*evidence.attack, evidence.when, &*evidence.source
                    )
                });
                format!("{prefix} (line {line}){limits}{evidence}")
            }));
            if prefixes.len() > SHOWN {
                lines.push(format!("and {} more", prefixes.len() - SHOWN));
            }
            pairs.all("indicators", lines);
        }
        Err(refusal) => {
            pairs.all(
                "refused",
                [format!("{} [{}]", refusal.text, refusal.rule.name())],
            );
        }
    }
    pairs
}

/// What narrows an indicator, in words that follow it.
fn limits(asked: &Indicator) -> String {
    let ports = asked.ports.clone().map(Vec::<String>::from);
    let words = [
        ports.map(|ports| format!(", on {} only", list(&ports, "and"))),
        asked.from.map(|from| format!(", from {from}")),
        asked.until.map(|until| format!(", until {until}")),
    ];
    words.into_iter().flatten().collect()
}

fn tunnel(tunnel: &Tunnel) -> String {
    let port = tunnel
        .port
        .map_or_else(String::new, |port| format!(":{port}"));
    let skip = tunnel
        .skip
        .map_or_else(String::new, |skip| format!("+{skip}"));
    let [one, other] = tunnel.ends.map(|end| end.0);
    // Its name is that of the document.
    let name = serde_json::to_value(tunnel.tunnel).unwrap_or_default();
    format!(
        "{}{port}{skip}={one},{other}",
        name.as_str().unwrap_or_default()
    )
}
