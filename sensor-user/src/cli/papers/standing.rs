//! `sekisho standing`: an overseer's word that everything still stands.

use std::io::Write;

use clap::{Args, Subcommand};
use jiff::ToSpan as _;

use super::{
    draft::{Draft, OutputArgs, Signers},
    source::SourceArgs,
    values,
};
use crate::{
    cli::{Exit, inputs::InputError, papers::told, printer, summary::count},
    documents::{Attended, Body, Gate, Kind, Role, Rule, Time, field::Number, paper::Standing},
};

/// Arguments of `sekisho standing`.
#[derive(Debug, Args)]
pub(in crate::cli) struct StandingArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draft a standing that names what is in force, and all that was revoked
    New(NewArgs),
}

/// Arguments of `sekisho standing new`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sekisho standing new --state /var/lib/sekisho --output standing-2.toml")]
struct NewArgs {
    #[command(flatten)]
    source: SourceArgs,

    /// Number of the standing; without it one more than the last
    #[arg(long, value_name = "N", value_parser = values::number)]
    number: Option<Number>,

    /// First moment, in UTC; the moment it is drafted without it
    #[arg(long, value_name = "TIME")]
    from: Option<Time>,

    /// Days that it is good for; as long as the policy allows without it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=7))]
    days: Option<u16>,

    #[command(flatten)]
    output: OutputArgs,
}

impl NewArgs {
    /// The end, which the policy has to allow.
    fn until(&self, gate: &Gate, from: Time) -> Result<Time, InputError> {
        let policies = gate.admitted(Kind::Policy);
        let longest = policies.last().and_then(|(_, paper)| match &paper.body {
            Body::Policy(policy) => Some((paper.number, policy.standing)),
            _ => None,
        });
        let days = |days: u16| from.after(i64::from(days).days());
        let Some((number, longest)) = longest else {
            return Ok(days(self.days.unwrap_or(1)));
        };
        let latest = longest.from(from);
        match self.days.map(days) {
            Some(until) if until > latest => Err(InputError::Usage(format!(
                "--days: policy {number} lets a standing be good for {longest} at most"
            ))),
            Some(until) => Ok(until),
            None => Ok(latest),
        }
    }
}

pub(super) fn standing(args: &StandingArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let Command::New(args) = &args.command;
    args.output.check()?;
    let opened = args.source.open_for_any()?;
    let decision = opened.gate.decide(opened.now);
    if let Attended::Not(reasons) = &decision.attended {
        let is_missing = |rule| matches!(rule, Rule::Missing | Rule::Journal | Rule::Clock);
        if let Some(missing) = reasons.iter().find(|reason| is_missing(reason.rule)) {
            return Err(InputError::Papers(told::sentence(missing)).into());
        }
    }
    let Some(stand) = opened.gate.to_stand() else {
        let text = "there is nothing to stand by: a keyring, a policy and a territory have to be \
                    in force first; 'sekisho approval list' says what is refused";
        return Err(InputError::Papers(text.into()).into());
    };
    let number = args.number.unwrap_or(Number(stand.last + 1));
    if number.0 <= stand.last {
        let text = format!(
            "--number: standing {} was admitted before; take {} or more",
            stand.last,
            stand.last + 1
        );
        return Err(InputError::Usage(text).into());
    }
    let from = args.from.unwrap_or(opened.now);
    let until = args.until(&opened.gate, from)?;
    let standing = Standing {
        kind: Kind::Standing.name().into(),
        number,
        from,
        until,
        keyring: stand.keyring,
        policy: stand.policy,
        territory: stand.territory,
        exclusions: stand.exclusions,
        revoked: stand.revoked,
    };
    let signers = Signers::AnyOf(&[Role::Overseer]);
    let draft = Draft::of(&standing, (Kind::Standing, number.0), signers)?;
    let exit = args.output.put(&draft, out)?;
    printer::note(&format!(
        "it names keyring, policy, territory, {} and {}",
        count(standing.exclusions.len() as u64, "exclusion"),
        count(standing.revoked.len() as u64, "revoked document")
    ));
    Ok(exit)
}
