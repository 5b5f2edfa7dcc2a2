//! `sekisho approval verify`: whether approvals would be in force, on a machine of one's own.
//!
//! It trusts one file, the keyring, and has the same gate as a sensor: no root, no BPF, no state
//! folder, no network.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::listed::{Row, is_admitted, rows};
use crate::{
    cli::{
        Exit,
        inputs::InputError,
        papers::{
            files, keyring,
            source::{self, Opened},
            told,
        },
        printer,
    },
    documents::{
        Attended, Body, Digest, Folder, Gate, Identity, Kind, Paper, Refusal, Rule, Shelf, Time,
        field::Fingerprint, paper::Answer,
    },
};

/// Arguments of `sekisho approval verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Give what a sensor would have: the approval and its request, policy, territory, exclusions, for
infrastructure the consent, and what revokes or stops. Signatures, FILE.sig.*, and the feed of a
request are taken from beside it. The status is 0 only if every document is accepted and every
approval would be in force.
Examples:
  sekisho approval verify --keyring keyring-3.toml papers/
  sekisho approval verify --keyring keyring-3.toml policy-2.toml territory-7.toml \\
    request-9.toml approval-9.toml --at 2026-12-01T00:00:00Z")]
pub(in crate::cli) struct VerifyArgs {
    /// The trusted keyring, of any number
    #[arg(long, value_name = "FILE")]
    keyring: PathBuf,

    /// Its file `allowed_signers`; found by its SHA-256 beside the keyring without this
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,

    /// Documents and feeds, or folders of them; signatures beside them are taken by themselves
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Judge at this moment, in UTC; now without it
    #[arg(long, value_name = "TIME")]
    at: Option<Time>,

    /// Fingerprint of the log key of the sensor to judge for; the only one of the requests
    /// without it
    #[arg(long, value_name = "FINGERPRINT",
        value_parser = crate::cli::papers::values::value::<Fingerprint>)]
    sensor: Option<Fingerprint>,

    /// Require a standing too
    #[arg(long)]
    standing: bool,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn verify(args: &VerifyArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let trusted = files::of_kind(&args.keyring, &[Kind::Keyring])?;
    let folder = args.folder(&trusted)?;
    let now = args.at.unwrap_or_else(source::now);
    let identity = Identity {
        root: trusted.digest,
        log_key: args.sensor(&folder)?,
    };
    let mut shelf = Shelf::default();
    let gate = Gate::trusting(&identity, &folder, &mut shelf, now);
    let opened = Opened {
        gate,
        shelf,
        arrivals: Vec::new(),
        left_out: Vec::new(),
        identity,
        now,
    };
    let found = Found::of(args, &opened, &trusted);
    let written = if args.json {
        told::json(&found, out)
    } else {
        found.print(out)
    };
    printer::unless_gone(written).context("cannot print what was found")?;
    Ok(if found.holds {
        Exit::Done
    } else {
        Exit::Papers
    })
}

impl VerifyArgs {
    /// What is given, with signatures from beside, the keyring and its keys.
    fn folder(&self, trusted: &Paper) -> anyhow::Result<Folder> {
        let mut folder = Folder::default();
        for path in &self.files {
            if path.is_dir() {
                for file in files::list(path)? {
                    take(&mut folder, &file)?;
                }
            } else {
                take(&mut folder, path)?;
                for beside in beside(path)? {
                    take(&mut folder, &beside)?;
                }
            }
        }
        take(&mut folder, &self.keyring)?;
        if let Body::Keyring(keyring) = &trusted.body {
            let beside = files::folder_of(&self.keyring);
            let signers = keyring::signers(keyring, self.signers.as_deref(), beside)?;
            if let Some(bytes) = signers {
                // Any name does: it is found by its hash.
                folder.files.insert(" allowed_signers".into(), bytes);
            }
        }
        Ok(folder)
    }

    fn sensor(&self, folder: &Folder) -> Result<Fingerprint, InputError> {
        if let Some(sensor) = &self.sensor {
            return Ok(sensor.clone());
        }
        let mut sensors: Vec<Fingerprint> = Vec::new();
        for (name, bytes) in &folder.files {
            if files::is_document(name)
                && let Ok(paper) = Paper::read(name, bytes)
                && let Body::Request(request) = &paper.body
            {
                sensors.extend(request.sensors.iter().cloned());
            }
        }
        sensors.sort();
        sensors.dedup();
        match &sensors[..] {
            [one] => Ok(one.clone()),
            [] => {
                let text = "--sensor: no request is given that names a sensor; name the \
                            fingerprint of its log key";
                Err(InputError::Usage(text.into()))
            }
            several => {
                let each: Vec<String> = several.iter().map(ToString::to_string).collect();
                let each = each.join(", ");
                let text = format!("--sensor: the requests name several, {each}; name one");
                Err(InputError::Usage(text))
            }
        }
    }
}

/// Takes a file under its name; two that differ cannot have the same one.
fn take(folder: &mut Folder, path: &Path) -> Result<(), InputError> {
    let (name, bytes) = (files::name(path)?, files::bytes(path)?);
    match folder.files.get(&name) {
        Some(other) if *other != bytes => {
            let text = format!(
                "{}: another file with this name is given too; leave one out",
                path.display()
            );
            Err(InputError::Usage(text))
        }
        _ => {
            folder.files.insert(name, bytes);
            Ok(())
        }
    }
}

/// The signatures beside a document, and the feed that it binds by its hash.
fn beside(path: &Path) -> Result<Vec<PathBuf>, InputError> {
    let name = files::name(path)?;
    if !files::is_document(&name) {
        return Ok(Vec::new());
    }
    let start = format!("{name}.sig.");
    let folder = files::folder_of(path);
    let mut found = files::list(folder)?;
    found.retain(|file| files::name(file).is_ok_and(|name| name.starts_with(&start)));
    let feed = match Paper::read(&name, &files::bytes(path)?).map(|paper| paper.body) {
        Ok(Body::Request(request)) => request.feed.clone(),
        Ok(Body::Consent(consent)) => consent.alone.and_then(|alone| alone.feed),
        Ok(_) | Err(_) => None,
    };
    let feed = feed.and_then(|feed| files::feed_path(folder, &feed));
    found.extend(feed.filter(|feed| feed.is_file()));
    Ok(found)
}

#[derive(Serialize)]
struct Found {
    holds: bool,
    at: Time,
    sensor: String,
    keyring: String,
    documents: Vec<Line>,
    refusals: Vec<Refusal>,
    not_given: Vec<&'static str>,
    standing: &'static str,
}

#[derive(Serialize)]
struct Line {
    file: String,
    kind: Kind,
    number: u64,
    sha256: Digest,
    accepted: bool,
    answer: String,
}

impl Found {
    fn of(args: &VerifyArgs, opened: &Opened, trusted: &Paper) -> Self {
        let rows: BTreeMap<Digest, Row> = (rows(opened).into_iter())
            .map(|row| (row.paper.digest, row))
            .collect();
        let mut refusals: Vec<Refusal> = opened.gate.refusals().to_vec();
        refusals.extend(rows.values().filter_map(|row| {
            let is_answer = is_refusal(&row.paper) && is_admitted(opened, &row.paper);
            row.granted.as_ref().err().filter(|_| !is_answer).cloned()
        }));
        if let Attended::Not(reasons) = opened.gate.decide(opened.now).attended {
            let counts = |reason: &Refusal| args.standing || !is_of_standing(reason);
            refusals.extend(reasons.into_iter().filter(counts));
        }
        refusals.sort();
        refusals.dedup();
        let mut papers: Vec<_> = opened.shelf.papers().cloned().collect();
        papers.sort_by_key(|paper| (paper.kind(), paper.number, paper.file.clone()));
        let documents: Vec<Line> = (papers.iter())
            .map(|paper| line(opened, paper, rows.get(&paper.digest)))
            .collect();
        let has = |kind| documents.iter().any(|line| line.kind == kind);
        let not_given: Vec<_> = [Kind::Policy, Kind::Territory, Kind::Approval]
            .into_iter()
            .filter(|kind| !has(*kind) && (*kind != Kind::Approval || rows.is_empty()))
            .map(Kind::name)
            .collect();
        let every = |line: &Line| line.accepted || (line.kind == Kind::Standing && !args.standing);
        let recording = refusals.iter().any(|refusal| refusal.file.is_empty());
        Self {
            holds: documents.iter().all(every) && not_given.is_empty() && !recording,
            at: opened.now,
            sensor: opened.identity.log_key.to_string(),
            keyring: format!("keyring {} ({})", trusted.number, args.keyring.display()),
            documents,
            refusals,
            not_given,
            standing: if args.standing {
                "required"
            } else {
                "not checked"
            },
        }
    }

    fn print(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(
            out,
            "At {}, by {}, for the sensor {}:",
            self.at, self.keyring, self.sensor
        )?;
        writeln!(out)?;
        let rows: Vec<_> = (self.documents.iter())
            .map(|line| {
                let kind = format!("{} {}", line.kind.name(), line.number);
                ([told::plain(&line.file), kind, line.answer.clone()], None)
            })
            .collect();
        told::table(["FILE", "DOCUMENT", "ANSWER"], &rows, out)?;
        if !self.refusals.is_empty() {
            writeln!(out)?;
            told::refusals(&self.refusals, out)?;
        }
        writeln!(out)?;
        for kind in &self.not_given {
            let article = if *kind == "approval" { "an" } else { "a" };
            writeln!(out, "Not given: {article} {kind}.")?;
        }
        let standing = match self.standing {
            "required" => "",
            _ => " A standing was not asked for; --standing requires one.",
        };
        if self.holds {
            writeln!(out, "Everything given holds.{standing}")
        } else {
            writeln!(out, "Not everything given holds.{standing}")
        }
    }
}

/// Reasons that only a standing can give.
const fn is_of_standing(reason: &Refusal) -> bool {
    matches!(
        reason.rule,
        Rule::NoStanding | Rule::StandingOther | Rule::KeyLeft
    )
}

fn is_refusal(paper: &Paper) -> bool {
    matches!(&paper.body, Body::Approval(approval) if approval.decision == Answer::Refused)
}

fn line(opened: &Opened, paper: &Paper, row: Option<&Row>) -> Line {
    let is_in = is_admitted(opened, paper);
    let (accepted, answer) = match row {
        _ if paper.digest == opened.identity.root && is_in => (true, "trusted".into()),
        Some(row) if is_refusal(paper) && is_in => (true, format!("refuses {}", row.id)),
        Some(row) => match &row.granted {
            Ok(granted) => (
                true,
                format!("in force until {}, as {}", granted.until, row.id),
            ),
            Err(_) => (false, "refused".into()),
        },
        None if is_in => (true, "accepted".into()),
        None => (false, "refused".into()),
    };
    Line {
        file: paper.file.clone(),
        kind: paper.kind(),
        number: paper.number,
        sha256: paper.digest,
        accepted,
        answer,
    }
}
