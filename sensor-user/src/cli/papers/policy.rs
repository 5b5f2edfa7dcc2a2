//! `sekisho policy`: what an approval may be.

use std::{collections::BTreeMap, io::Write, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use sensor_common::Class;
use serde::Serialize;

use super::{
    draft::{Draft, OutputArgs, Signers},
    files, keyring,
    told::{self, Pairs},
    values,
};
use crate::{
    cli::{Exit, inputs::InputError, printer},
    documents::{
        self, AllowedSigners, Body, Digest, Kind, Paper, Refusal, Rule,
        field::{ClassName, Number, Period},
        paper::{Policy, ShortestPrefix},
    },
};

/// Arguments of `sekisho policy`.
#[derive(Debug, Args)]
pub(in crate::cli) struct PolicyArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draft a policy; it takes the place of the one before
    New(NewArgs),
    /// Show what a policy says
    Show(ShowArgs),
    /// Say whether a policy holds, and whether a keyring has the overseers it wants
    Check(CheckArgs),
}

/// Arguments of `sekisho policy new`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sekisho policy new --number 1 --signatures transit=2 --signatures infrastructure=2 \\
    --signatures relay=2 --longest transit=P6M --longest infrastructure=P1Y \\
    --longest relay=P3M --retention P90D --territory-age P30D --output policy-1.toml")]
struct NewArgs {
    /// Number of the policy, higher than that of the one before
    #[arg(long, value_name = "N", value_parser = values::number)]
    number: Number,

    /// Overseers' signatures that an approval of a class needs; give it for each class
    #[arg(long, value_name = "CLASS=K", required = true, value_parser = signatures)]
    signatures: Vec<(ClassName, u32)>,

    /// The longest term of an approval of a class, P6M at most for transit and P3M for relay;
    /// give it for each class
    #[arg(long, value_name = "CLASS=PERIOD", required = true, value_parser = longest)]
    longest: Vec<(ClassName, Period)>,

    /// Shortest IPv4 prefix allowed as an indicator
    #[arg(long, value_name = "LENGTH", default_value_t = ShortestPrefix::default().ipv4)]
    shortest_ipv4: u8,

    /// Shortest IPv6 prefix allowed as an indicator
    #[arg(long, value_name = "LENGTH", default_value_t = ShortestPrefix::default().ipv6)]
    shortest_ipv6: u8,

    /// How long records may be kept at most, as P90D
    #[arg(long, value_name = "PERIOD", value_parser = values::value::<Period>)]
    retention: Period,

    /// Age past which a territory stops recording, as P30D
    #[arg(long, value_name = "PERIOD", value_parser = values::value::<Period>)]
    territory_age: Period,

    /// The longest term of a standing, P7D at most
    #[arg(long, value_name = "PERIOD", default_value = "P7D",
        value_parser = values::value::<Period>)]
    standing: Period,

    /// Let an operator's consent stand alone, without an approval
    #[arg(long)]
    consent_alone: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `sekisho policy show`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sekisho policy show papers/policy-1.toml")]
struct ShowArgs {
    /// The policy
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// Arguments of `sekisho policy check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sekisho policy check papers/policy-1.toml --keyring papers/keyring-1.toml")]
struct CheckArgs {
    /// The policy
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Keyring whose overseers have to be enough
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,

    /// File `allowed_signers` of the keyring; found by its SHA-256 beside it without this
    #[arg(long, value_name = "FILE", requires = "keyring")]
    signers: Option<PathBuf>,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

fn signatures(text: &str) -> Result<(ClassName, u32), String> {
    let form = "write CLASS=K, as transit=2";
    let (class, needed) = text.split_once('=').ok_or(form)?;
    Ok((values::value(class)?, needed.parse().map_err(|_| form)?))
}

fn longest(text: &str) -> Result<(ClassName, Period), String> {
    let form = "write CLASS=PERIOD, as transit=P6M";
    let (class, period) = text.split_once('=').ok_or(form)?;
    Ok((values::value(class)?, values::value(period)?))
}

pub(super) fn policy(args: &PolicyArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match &args.command {
        Command::New(args) => new(args, out),
        Command::Show(args) => show(args, out),
        Command::Check(args) => check(args, out),
    }
}

fn new(args: &NewArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let policy = Policy {
        kind: Kind::Policy.name().into(),
        number: args.number,
        signatures: each_once("signatures", &args.signatures)?,
        longest: each_once("longest", &args.longest)?,
        shortest: ShortestPrefix {
            ipv4: args.shortest_ipv4,
            ipv6: args.shortest_ipv6,
        },
        retention: args.retention,
        territory_age: args.territory_age,
        standing: args.standing,
        consent_alone: args.consent_alone,
    };
    let draft = Draft::of(&policy, (Kind::Policy, args.number.0), Signers::Overseers)?;
    args.output.put(&draft, out)
}

fn each_once<T: Clone>(
    option: &str,
    given: &[(ClassName, T)],
) -> Result<BTreeMap<ClassName, T>, InputError> {
    let mut by_class = BTreeMap::new();
    for (class, value) in given {
        if by_class.insert(*class, value.clone()).is_some() {
            let text = format!("--{option}: {} is given twice", class.0.name());
            return Err(InputError::Usage(text));
        }
    }
    Ok(by_class)
}

fn read(path: &std::path::Path) -> anyhow::Result<(Paper, Policy)> {
    let paper = files::of_kind(path, &[Kind::Policy])?;
    match &paper.body {
        Body::Policy(policy) => {
            let policy = policy.clone();
            Ok((paper, policy))
        }
        _ => Err(InputError::Usage(format!("{}: this is no policy", path.display())).into()),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    file: &'a str,
    sha256: Digest,
    policy: &'a Policy,
}

fn show(args: &ShowArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let (paper, policy) = read(&args.file)?;
    let written = if args.json {
        let document = Document {
            file: &paper.file,
            sha256: paper.digest,
            policy: &policy,
        };
        told::json(&document, out)
    } else {
        write!(out, "{}", pairs(&paper, &policy))
    };
    printer::unless_gone(written).context("cannot print the policy")?;
    Ok(Exit::Done)
}

fn pairs(paper: &Paper, policy: &Policy) -> Pairs {
    let class = |class: &Class| {
        let name = class.name();
        let longest = policy.longest.get(&ClassName(*class));
        let longest = longest.map_or_else(String::new, ToString::to_string);
        format!(
            "{name}: {} signatures, {longest} at most",
            policy.signatures(*class)
        )
    };
    let ShortestPrefix { ipv4, ipv6 } = policy.shortest;
    let mut pairs = Pairs::default();
    pairs
        .add("policy", paper.number)
        .add("sha256", paper.digest)
        .all("approvals", Class::ALL.iter().map(class))
        .add(
            "indicators",
            format!("IPv4 /{ipv4} or longer, IPv6 /{ipv6} or longer"),
        )
        .add("retention", format!("{} at most", policy.retention))
        .add("territory", format!("{} old at most", policy.territory_age))
        .add("standing", format!("{} at most", policy.standing))
        .add(
            "consent alone",
            if policy.consent_alone {
                "allowed"
            } else {
                "not allowed"
            },
        );
    pairs
}

fn check(args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let (paper, policy) = read(&args.file)?;
    let mut refusals = Vec::new();
    let mut against = "no keyring was given to hold it against".to_owned();
    if let Some(path) = &args.keyring {
        let (overseers, name) = overseers(path, args.signers.as_deref())?;
        against = format!("{name} has {overseers} overseers");
        if let Some((class, needed)) = policy.unfulfillable(overseers) {
            refusals.push(Refusal {
                file: paper.file.clone(),
                rule: Rule::Unfulfillable,
                text: format!(
                    "policy {} wants {needed} signatures for {} where {against}",
                    paper.number,
                    class.name()
                ),
            });
        }
    }
    let written = if args.json {
        told::json(&refusals, out)
    } else if refusals.is_empty() {
        writeln!(
            out,
            "{}: policy {} holds; {against}",
            paper.file, paper.number
        )
    } else {
        told::refusals(&refusals, out)
    };
    printer::unless_gone(written).context("cannot print what was found")?;
    Ok(if refusals.is_empty() {
        Exit::Done
    } else {
        Exit::Papers
    })
}

/// How many overseers a keyring has, and its name.
fn overseers(
    path: &std::path::Path,
    named: Option<&std::path::Path>,
) -> anyhow::Result<(u32, String)> {
    let paper = files::of_kind(path, &[Kind::Keyring])?;
    let Body::Keyring(keyring) = &paper.body else {
        return Err(InputError::Usage(format!("{}: this is no keyring", path.display())).into());
    };
    let signers = keyring::signers(keyring, named, files::folder_of(path))?;
    let Some(signers) = signers else {
        let text = format!(
            "{}: its allowed_signers, SHA-256 {}, is not beside it; name it with --signers",
            path.display(),
            keyring.allowed_signers.short()
        );
        return Err(InputError::Papers(text).into());
    };
    let signers = AllowedSigners::read(&signers)
        .map_err(|error| InputError::Papers(format!("allowed_signers {error}")))?;
    let most = documents::overseers(&signers);
    Ok((most, format!("keyring {} ({})", paper.number, paper.file)))
}
