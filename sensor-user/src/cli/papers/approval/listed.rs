//! `sekisho approval list` of papers: what they say, whatever the kernel has.

use std::{collections::BTreeMap, io::Write, sync::Arc};

use anyhow::Context as _;
use serde::Serialize;

use crate::{
    cli::{
        Exit,
        papers::{source::Opened, told},
        printer,
    },
    documents::{Attended, Body, Digest, Granted, Kind, Paper, Refusal, Rule, Time, paper::Answer},
};

/// An approval or a consent that stands alone, in force or not.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) paper: Arc<Paper>,
    pub(super) state: State,
    pub(super) granted: Result<Granted, Refusal>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    InForce,
    Waits,
    Stopped,
    Ended,
    Refused,
}

impl State {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::Waits => "waits",
            Self::Stopped => "stopped",
            Self::Ended => "ended",
            Self::Refused => "refused",
        }
    }

    pub(super) const fn of(granted: &Result<Granted, Refusal>) -> Self {
        match granted {
            Ok(_) => Self::InForce,
            Err(refusal) => match refusal.rule {
                Rule::Waits | Rule::NotYet | Rule::TooFew | Rule::NoConsent | Rule::FeedBytes => {
                    Self::Waits
                }
                Rule::Stopped => Self::Stopped,
                Rule::Ended | Rule::Revoked | Rule::KeyLeft => Self::Ended,
                _ => Self::Refused,
            },
        }
    }
}

/// Every approval and every consent that stands alone.
pub(super) fn rows(opened: &Opened) -> Vec<Row> {
    let papers: BTreeMap<Digest, Arc<Paper>> = (opened.shelf.papers())
        .map(|paper| (paper.digest, paper.clone()))
        .collect();
    let mut granted: BTreeMap<Digest, Result<Granted, Refusal>> = (opened.gate)
        .approvals(opened.now)
        .into_iter()
        .map(|listed| (listed.document, listed.granted))
        .collect();
    let mut rows = Vec::new();
    for paper in papers.values() {
        let id = match &paper.body {
            Body::Approval(approval) => match papers.get(&approval.request).map(|p| &p.body) {
                Some(Body::Request(request)) => request.id.to_string(),
                _ => "(unknown)".into(),
            },
            Body::Consent(consent) if consent.alone.is_some() => {
                format!("consent.{}.{}", &*consent.operator, paper.number)
            }
            _ => continue,
        };
        let granted = (granted.remove(&paper.digest)).unwrap_or_else(|| Err(why(opened, paper)));
        rows.push(Row {
            id,
            state: State::of(&granted),
            granted,
            paper: paper.clone(),
        });
    }
    rows.sort_by_key(|row| {
        (
            row.paper.kind() == Kind::Consent,
            row.paper.number,
            row.id.clone(),
        )
    });
    rows
}

/// Why a document is not listed by the gate.
fn why(opened: &Opened, paper: &Paper) -> Refusal {
    if let Body::Approval(approval) = &paper.body
        && approval.decision == Answer::Refused
        && is_admitted(opened, paper)
    {
        return Refusal {
            file: paper.file.clone(),
            rule: Rule::Refused,
            text: format!("the overseers refused the request: {}", &*approval.reason),
        };
    }
    let own = |refusal: &&Refusal| refusal.file == paper.file;
    let beside = |refusal: &&Refusal| refusal.file.starts_with(&format!("{}.sig.", paper.file));
    let refusals = || opened.gate.refusals().iter();
    let found = refusals().find(own).or_else(|| refusals().find(beside));
    found.cloned().unwrap_or_else(|| Refusal {
        file: paper.file.clone(),
        rule: Rule::Waits,
        text: "it is not admitted".into(),
    })
}

pub(super) fn is_admitted(opened: &Opened, paper: &Paper) -> bool {
    let admitted = opened.gate.admitted(paper.kind());
    admitted
        .iter()
        .any(|(_, other)| other.digest == paper.digest)
}

#[derive(Serialize)]
struct Document<'a> {
    at: Time,
    sensor: String,
    attended_until: Option<Time>,
    not_attended: Vec<Refusal>,
    approvals: Vec<Line<'a>>,
    refusals: Vec<Refusal>,
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    file: &'a str,
    number: u64,
    kind: Kind,
    sha256: Digest,
    state: State,
    from: Option<Time>,
    until: Option<Time>,
    refusal: Option<&'a Refusal>,
}

/// Prints what papers say of approvals.
pub(in crate::cli) fn list(
    opened: &Opened,
    is_json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let rows = rows(opened);
    let attended = opened.gate.decide(opened.now).attended;
    let written = if is_json {
        let document = document(opened, &attended, &rows);
        told::json(&document, out)
    } else {
        text(opened, &attended, &rows, out)
    };
    printer::unless_gone(written).context("cannot print the approvals")?;
    Ok(Exit::Done)
}

fn document<'a>(opened: &Opened, attended: &Attended, rows: &'a [Row]) -> Document<'a> {
    let lines = rows.iter().map(|row| Line {
        id: &row.id,
        file: &row.paper.file,
        number: row.paper.number,
        kind: row.paper.kind(),
        sha256: row.paper.digest,
        state: row.state,
        from: row.granted.as_ref().ok().map(|granted| granted.from),
        until: row.granted.as_ref().ok().map(|granted| granted.until),
        refusal: row.granted.as_ref().err(),
    });
    let (attended_until, not_attended) = match attended {
        Attended::Until(until) => (Some(*until), Vec::new()),
        Attended::Not(reasons) => (None, reasons.clone()),
    };
    Document {
        at: opened.now,
        sensor: opened.identity.log_key.to_string(),
        attended_until,
        not_attended,
        approvals: lines.collect(),
        refusals: others(opened, rows),
    }
}

/// What is refused beside the approvals themselves.
fn others(opened: &Opened, rows: &[Row]) -> Vec<Refusal> {
    let is_told = |refusal: &Refusal| {
        rows.iter()
            .any(|row| row.granted.as_ref().err() == Some(refusal))
    };
    let refusals = opened.gate.refusals().iter().chain(&opened.left_out);
    refusals
        .filter(|refusal| !is_told(refusal))
        .cloned()
        .collect()
}

fn text(
    opened: &Opened,
    attended: &Attended,
    rows: &[Row],
    out: &mut dyn Write,
) -> std::io::Result<()> {
    match attended {
        Attended::Until(until) => {
            writeln!(
                out,
                "At {} what is in force is recorded, until {until}.",
                opened.now
            )?;
        }
        Attended::Not(reasons) => {
            writeln!(out, "At {} nothing is recorded:", opened.now)?;
            for reason in reasons {
                writeln!(out, "  {}", told::sentence(reason))?;
            }
        }
    }
    writeln!(out)?;
    if rows.is_empty() {
        writeln!(
            out,
            "There is no approval, and no consent that stands alone."
        )?;
    } else {
        let cells: Vec<_> = rows.iter().map(cells).collect();
        told::table(["APPROVAL", "STATE", "UNTIL", "FILE"], &cells, out)?;
    }
    let others = others(opened, rows);
    if !others.is_empty() {
        writeln!(out, "\nRefused or waiting besides:")?;
        told::refusals(&others, out)?;
    }
    Ok(())
}

fn cells(row: &Row) -> ([String; 4], Option<String>) {
    let until = (row.granted.as_ref()).map_or_else(|_| "-".into(), |g| g.until.to_string());
    let below = match &row.granted {
        Ok(granted) if granted.is_consent => Some("a consent that stands alone".into()),
        Ok(_) => None,
        Err(refusal) => {
            let text = told::plain(&refusal.text);
            Some(format!("{text} [{}]", refusal.rule.name()))
        }
    };
    let cells = [
        row.id.clone(),
        row.state.words().into(),
        until,
        told::plain(&row.paper.file),
    ];
    (cells, below)
}
