//! `sekisho keyring`: whose keys count.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    draft::{Draft, OutputArgs, Signers},
    files, source,
    told::{self, Pairs},
    values,
};
use crate::{
    cli::{Exit, inputs::InputError, printer},
    documents::{
        self, AllowedSigners, Body, Digest, Folder, Gate, Identity, KeyringHeld, Kind, MAX_SIGNERS,
        Paper, Principal, Refusal, Shelf,
        field::{Fingerprint, Number},
        paper::{Bound, Keyring, Sensor},
    },
};

/// The fingerprint of no key: where only a keyring is judged, no sensor is asked for.
const NO_SENSOR: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Arguments of `sekisho keyring`.
#[derive(Debug, Args)]
pub(in crate::cli) struct KeyringArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draft a keyring: the first one, or the one that follows another
    New(NewArgs),
    /// Show whose keys a keyring counts
    Show(ShowArgs),
    /// Say whether a keyring can be trusted: its keys are there, and enough
    Check(ShowArgs),
}

/// Arguments of `sekisho keyring new`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sekisho keyring new --signers allowed_signers --overseers 2 \\
    --operator power=133.10.0.0/16,2001:200:10::/48 --sensor tokyo-1=SHA256:... \\
    --output keyring-1.toml
A line of allowed_signers says who, what for, from when on and the key:
  overseer/ai namespaces=\"sekisho-approval,sekisho-standing\",valid-after=\"20261101Z\" ssh-ed25519 AAAA...")]
struct NewArgs {
    /// The keyring that this one follows; the first has none
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,

    /// Number of the keyring; without it 1, or one more than of the one before
    #[arg(long, value_name = "N", value_parser = values::number)]
    number: Option<Number>,

    /// File `allowed_signers` with the keys
    #[arg(long, value_name = "FILE")]
    signers: PathBuf,

    /// Overseers whose signatures policy, territory, exclusions, lifts and the next keyring need
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    overseers: u32,

    /// Operator and prefixes of its own; give it again for each further one
    #[arg(long = "operator", value_name = "NAME=PREFIX,...", value_parser = values::operator)]
    operators: Vec<Bound>,

    /// Sensor and the fingerprint of its log key; give it again for each further one
    #[arg(long = "sensor", value_name = "NAME=FINGERPRINT", value_parser = values::sensor)]
    sensors: Vec<Sensor>,

    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `sekisho keyring show` and `check`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sekisho keyring check papers/keyring-1.toml")]
struct ShowArgs {
    /// The keyring
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Its file `allowed_signers`; found by its SHA-256 beside the keyring without it
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub(super) fn keyring(args: &KeyringArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match &args.command {
        Command::New(args) => new(args, out),
        Command::Show(args) => show(args, out),
        Command::Check(args) => check(args, out),
    }
}

fn new(args: &NewArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    args.output.check()?;
    let previous = match &args.previous {
        Some(path) => Some(files::of_kind(path, &[Kind::Keyring])?),
        None => None,
    };
    let next = previous.as_ref().map_or(1, |previous| previous.number + 1);
    let number = args.number.unwrap_or(Number(next));
    if number.0 != next {
        let text = match &previous {
            Some(previous) => format!(
                "--number: after keyring {} comes {next}; leave the option out",
                previous.number
            ),
            None => "--number: a keyring that is not the first follows one: name it with \
                     --previous"
                .into(),
        };
        return Err(InputError::Usage(text).into());
    }
    let bytes = files::bytes(&args.signers)?;
    let keyring = Keyring {
        kind: Kind::Keyring.name().into(),
        number,
        previous: previous.map(|previous| previous.digest),
        allowed_signers: Digest::of(&bytes),
        overseers: args.overseers,
        operators: args.operators.clone(),
        sensors: args.sensors.clone(),
    };
    let signers = match number.0 {
        1 => Signers::Nobody,
        _ => Signers::Overseers,
    };
    let draft = Draft::of(&keyring, (Kind::Keyring, number.0), signers)?;
    let judged = Judged::of(&args.output.name(), draft.text.as_bytes(), Some(&bytes))?;
    if let Some(refusal) = judged.refusals.first() {
        let text = format!("{}: {}", args.signers.display(), refusal.text);
        return Err(InputError::Papers(text).into());
    }
    args.output.put(&draft, out)
}

/// A keyring judged alone.
struct Judged {
    held: Option<KeyringHeld>,
    refusals: Vec<Refusal>,
}

impl Judged {
    fn of(file: &str, bytes: &[u8], signers: Option<&[u8]>) -> Result<Self, InputError> {
        let log_key = Fingerprint::try_from(NO_SENSOR.to_owned());
        let identity = Identity {
            root: Digest::of(bytes),
            log_key: log_key.map_err(|error| InputError::Usage(error.into()))?,
        };
        let mut folder = Folder::default();
        folder.files.insert(file.into(), bytes.into());
        if let Some(signers) = signers {
            folder
                .files
                .insert("allowed_signers".into(), signers.into());
        }
        let gate = Gate::trusting(&identity, &folder, &mut Shelf::default(), source::now());
        Ok(Self {
            held: gate.keyring().cloned(),
            refusals: gate.refusals().to_vec(),
        })
    }
}

fn judged(args: &ShowArgs) -> anyhow::Result<(Paper, Keyring, Judged)> {
    let paper = files::of_kind(&args.file, &[Kind::Keyring])?;
    let Body::Keyring(keyring) = &paper.body else {
        let text = format!("{}: this is no keyring", args.file.display());
        return Err(InputError::Usage(text).into());
    };
    let signers = signers(
        keyring,
        args.signers.as_deref(),
        files::folder_of(&args.file),
    )?;
    let judged = Judged::of(&paper.file, &paper.bytes, signers.as_deref())?;
    let keyring = keyring.clone();
    Ok((paper, keyring, judged))
}

/// The file `allowed_signers` of a keyring: the one named, or the one with its hash in a folder.
pub(super) fn signers(
    keyring: &Keyring,
    named: Option<&Path>,
    folder: &Path,
) -> Result<Option<Arc<[u8]>>, InputError> {
    if let Some(path) = named {
        let bytes = files::bytes(path)?;
        let found = Digest::of(&bytes);
        if found == keyring.allowed_signers {
            return Ok(Some(bytes));
        }
        let text = format!(
            "--signers: {} has the SHA-256 {}, and the keyring names {}",
            path.display(),
            found.short(),
            keyring.allowed_signers.short()
        );
        return Err(InputError::Papers(text));
    }
    for path in files::list(folder)? {
        let is_small = path
            .metadata()
            .is_ok_and(|there| there.len() <= MAX_SIGNERS as u64);
        if !is_small {
            continue;
        }
        // What cannot be read is none of the keyring's.
        if let Ok(bytes) = files::bytes(&path)
            && Digest::of(&bytes) == keyring.allowed_signers
        {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

#[derive(Serialize)]
struct Document<'a> {
    file: &'a str,
    sha256: Digest,
    keyring: &'a Keyring,
    keys: Vec<KeyLine>,
    refusals: &'a [Refusal],
}

#[derive(Serialize)]
struct KeyLine {
    principals: Vec<Principal>,
    fingerprint: String,
    r#type: String,
    security_key: bool,
    kinds: Vec<Kind>,
    valid_after: Option<documents::Time>,
    valid_before: Option<documents::Time>,
}

fn lines(signers: &AllowedSigners) -> Vec<KeyLine> {
    let lines = signers.lines().iter();
    lines
        .map(|line| KeyLine {
            principals: line.principals.clone(),
            fingerprint: line.key.fingerprint(),
            r#type: line.key.type_name(),
            security_key: line.key.is_sk(),
            kinds: line.namespaces.iter().copied().collect(),
            valid_after: line.valid_after,
            valid_before: line.valid_before,
        })
        .collect()
}

fn show(args: &ShowArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let (paper, keyring, judged) = judged(args)?;
    let keys = judged.held.as_ref().map(|held| lines(&held.signers));
    let written = if args.json {
        let document = Document {
            file: &paper.file,
            sha256: paper.digest,
            keyring: &keyring,
            keys: keys.unwrap_or_default(),
            refusals: &judged.refusals,
        };
        told::json(&document, out)
    } else {
        write!(out, "{}", pairs(&paper, &keyring, &judged))
    };
    printer::unless_gone(written).context("cannot print the keyring")?;
    Ok(exit(&judged))
}

fn check(args: &ShowArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let (paper, keyring, judged) = judged(args)?;
    let shared = judged.held.as_ref().map(|held| &held.signers);
    for (key, overseers) in shared.map(|s| s.shared_overseer_keys()).unwrap_or_default() {
        let names: Vec<String> = overseers.iter().map(ToString::to_string).collect();
        let names = crate::words::list(&names, "and");
        printer::warn(&format!(
            "{} is the key of {names}: their signatures count as one",
            key.fingerprint()
        ));
    }
    let written = if args.json {
        told::json(&judged.refusals, out)
    } else if let Some(held) = &judged.held {
        writeln!(
            out,
            "{}: keyring {} holds: {} of {} overseers; a sensor trusts it by its SHA-256\n  {}",
            paper.file,
            paper.number,
            keyring.overseers,
            documents::overseers(&held.signers),
            paper.digest
        )
    } else {
        told::refusals(&judged.refusals, out)
    };
    printer::unless_gone(written).context("cannot print what was found")?;
    Ok(exit(&judged))
}

const fn exit(judged: &Judged) -> Exit {
    match judged.held {
        Some(_) => Exit::Done,
        None => Exit::Papers,
    }
}

fn pairs(paper: &Paper, keyring: &Keyring, judged: &Judged) -> Pairs {
    let mut pairs = Pairs::default();
    let operator = |bound: &Bound| {
        let prefixes: Vec<String> = bound.prefixes.iter().map(|p| p.0.to_string()).collect();
        format!("{}={}", &*bound.name, prefixes.join(","))
    };
    pairs
        .add("keyring", paper.number)
        .add("sha256", paper.digest)
        .may_add("follows", keyring.previous)
        .add("allowed_signers", keyring.allowed_signers)
        .add("overseers needed", keyring.overseers)
        .all("operators", keyring.operators.iter().map(operator))
        .all(
            "sensors",
            (keyring.sensors.iter()).map(|s| format!("{}={}", &*s.name, s.log_key)),
        );
    if let Some(held) = &judged.held {
        pairs.all("keys", lines(&held.signers).iter().map(key_line));
    }
    for refusal in &judged.refusals {
        pairs.add(
            "refused",
            format!("{} [{}]", refusal.text, refusal.rule.name()),
        );
    }
    pairs
}

fn key_line(line: &KeyLine) -> String {
    let principals: Vec<String> = line.principals.iter().map(ToString::to_string).collect();
    let kinds = if line.kinds.len() == Kind::ALL.len() {
        "every kind".to_owned()
    } else {
        let names: Vec<&str> = line.kinds.iter().map(|kind| kind.name()).collect();
        names.join(", ")
    };
    let after = (line.valid_after).map_or_else(String::new, |time| format!(", from {time}"));
    let before = (line.valid_before).map_or_else(String::new, |time| format!(", to {time}"));
    format!(
        "{}: {} ({}), {kinds}{after}{before}",
        principals.join(", "),
        line.fingerprint,
        line.r#type
    )
}
