//! `sekisho consent`: an operator and its own prefixes.

use std::io::Write;

use clap::{Args, Subcommand};

use super::{
    draft::{Draft, OutputArgs, Signers},
    request::indicators::{IndicatorArgs, Indicators, tell},
    values,
};
use crate::{
    cli::{Exit, inputs::InputError},
    documents::{
        Kind, Role, Time,
        field::{Name, Number, Period, Prefix, Text},
        paper::{Alone, Consent, Interface},
    },
};

/// Arguments of `sekisho consent`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ConsentArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draft a consent; it takes the place of the operator's earlier ones
    New(Box<NewArgs>),
    /// Draft what ends every earlier consent of an operator
    Withdraw(WithdrawArgs),
}

/// Arguments of `sekisho consent new`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sekisho consent new --number 1 --operator power --prefix 133.10.0.0/17 \\
    --from 2026-11-01T00:00:00Z --until 2027-03-01T00:00:00Z \\
    --interface eth0=02:00:00:00:00:01@pci-0000:03:00.0 --output consent-1.toml")]
struct NewArgs {
    /// Number of the consent, higher than that of the operator's last one
    #[arg(long, value_name = "N", value_parser = values::number)]
    number: Number,

    /// The operator: NAME of operator/NAME
    #[arg(long, value_name = "NAME", value_parser = values::value::<Name>)]
    operator: Name,

    /// Prefix of its own; give it again for each further one
    #[arg(long = "prefix", value_name = "PREFIX", required = true,
        value_parser = values::value::<Prefix>)]
    prefixes: Vec<Prefix>,

    /// First moment, in UTC
    #[arg(long, value_name = "TIME")]
    from: Time,

    /// First moment no longer, in UTC
    #[arg(long, value_name = "TIME")]
    until: Time,

    /// Interface of a sensor; give it again for each further one
    #[arg(long = "interface", value_name = "NAME=MAC@BUS", required = true,
        value_parser = values::interface)]
    interfaces: Vec<Interface>,

    /// Let it stand alone, without an approval, where the policy allows that; needs --retention,
    /// --necessity and indicators
    #[arg(long, requires_all = ["retention", "necessity"])]
    alone: bool,

    /// Of one that stands alone, what records may say: ports, protocol, `tcp_flags`, ttl, vlan,
    /// fragment; give it again for each further one
    #[arg(long = "field", value_name = "FIELD", requires = "alone")]
    fields: Vec<String>,

    /// Of one that stands alone, how long records are kept, as P30D
    #[arg(long, value_name = "PERIOD", requires = "alone",
        value_parser = values::value::<Period>)]
    retention: Option<Period>,

    /// Of one that stands alone, why it is necessary
    #[arg(long, value_name = "TEXT", requires = "alone", value_parser = values::value::<Text>)]
    necessity: Option<Text>,

    #[command(flatten)]
    indicators: IndicatorArgs,

    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `sekisho consent withdraw`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sekisho consent withdraw --number 2 --operator power --output consent-2.toml")]
struct WithdrawArgs {
    /// Number of the withdrawal, higher than that of the operator's last consent
    #[arg(long, value_name = "N", value_parser = values::number)]
    number: Number,

    /// The operator: NAME of operator/NAME
    #[arg(long, value_name = "NAME", value_parser = values::value::<Name>)]
    operator: Name,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn consent(args: &ConsentArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let (consent, output) = match &args.command {
        Command::New(args) => {
            args.output.check()?;
            (args.consent()?, &args.output)
        }
        Command::Withdraw(args) => {
            let WithdrawArgs {
                number,
                operator,
                output,
            } = args;
            let consent = Consent {
                kind: Kind::Consent.name().into(),
                number: *number,
                operator: operator.clone(),
                withdrawn: true,
                prefixes: Vec::new(),
                from: None,
                until: None,
                interfaces: Vec::new(),
                alone: None,
            };
            (consent, output)
        }
    };
    let signer = Signers::one(Role::Operator, &consent.operator);
    let draft = Draft::of(&consent, (Kind::Consent, consent.number.0), signer)?;
    let alone = consent.alone.as_ref();
    tell(alone.and_then(|alone| alone.feed.as_ref()));
    output.put(&draft, out)
}

impl NewArgs {
    fn consent(&self) -> anyhow::Result<Consent> {
        Ok(Consent {
            kind: Kind::Consent.name().into(),
            number: self.number,
            operator: self.operator.clone(),
            withdrawn: false,
            prefixes: self.prefixes.clone(),
            from: Some(self.from),
            until: Some(self.until),
            interfaces: self.interfaces.clone(),
            alone: self.alone()?,
        })
    }

    fn alone(&self) -> anyhow::Result<Option<Alone>> {
        let indicators = self.indicators.read()?;
        let (Some(retention), Some(necessity)) = (self.retention, self.necessity.clone()) else {
            if indicators.is_some() {
                let text = "indicators are named by a consent that stands alone: add --alone, or \
                            leave them to the request";
                return Err(InputError::Usage(text.into()).into());
            }
            return Ok(None);
        };
        let (indicators, feed) = match indicators {
            Some(Indicators::Inline(inline)) => (inline, None),
            Some(Indicators::Bound(feed)) => (Vec::new(), Some(feed)),
            None => (Vec::new(), None),
        };
        Ok(Some(Alone {
            fields: values::fields(&self.fields)?,
            retention,
            necessity,
            indicators,
            feed,
        }))
    }
}
