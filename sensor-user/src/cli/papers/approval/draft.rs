//! `sekisho approval new`: a draft of what overseers answer to a request.

use std::{io::Write, path::PathBuf};

use clap::Args;

use crate::{
    cli::{
        Exit,
        inputs::InputError,
        papers::{
            draft::{Draft, OutputArgs, Signers},
            files, values,
        },
    },
    documents::{
        Kind, Time,
        field::{
            DirectionName, FieldNames, Fingerprint, InterfaceName, Number, Period, Prefix, Text,
        },
        paper::{Answer, Approval, Conditions},
        wider,
    },
};

/// Arguments of `sekisho approval new`.
#[derive(Debug, Args)]
#[command(after_help = "\
What no condition narrows stays as it was asked for.
Examples:
  sekisho approval new --number 1 --request request-1.toml \\
    --reason 'necessary and proportionate' --until 2027-01-21T00:00:00Z --output approval-1.toml
  sekisho approval new --number 2 --request request-2.toml --refuse \\
    --reason 'the hosters can be asked' --output approval-2.toml")]
pub(in crate::cli) struct NewArgs {
    /// Number of the approval
    #[arg(long, value_name = "N", value_parser = values::number)]
    number: Number,

    /// The request
    #[arg(long, value_name = "FILE")]
    request: PathBuf,

    /// Refuse it, for ever
    #[arg(long)]
    refuse: bool,

    /// Why
    #[arg(long, value_name = "TEXT", value_parser = values::value::<Text>)]
    reason: Text,

    /// Not before, in UTC
    #[arg(long, value_name = "TIME", help_heading = "Conditions")]
    from: Option<Time>,

    /// Not from this moment on, in UTC
    #[arg(long, value_name = "TIME", help_heading = "Conditions")]
    until: Option<Time>,

    /// Only this direction; give it again for each further one
    #[arg(long, value_name = "DIRECTION", help_heading = "Conditions",
        value_parser = values::value::<DirectionName>)]
    direction: Vec<DirectionName>,

    /// Only this sensor; give it again for each further one
    #[arg(long = "sensor", value_name = "FINGERPRINT", help_heading = "Conditions",
        value_parser = values::value::<Fingerprint>)]
    sensors: Vec<Fingerprint>,

    /// Only this interface; give it again for each further one
    #[arg(long = "interface", value_name = "NAME", help_heading = "Conditions",
        value_parser = values::value::<InterfaceName>)]
    interfaces: Vec<InterfaceName>,

    /// Only this field, or none; give it again for each further one
    #[arg(long = "field", value_name = "FIELD", help_heading = "Conditions")]
    fields: Vec<String>,

    /// Kept no longer, as P30D
    #[arg(long, value_name = "PERIOD", help_heading = "Conditions",
        value_parser = values::value::<Period>)]
    retention: Option<Period>,

    /// Only this indicator; give it again for each further one
    #[arg(long = "indicator", value_name = "PREFIX", help_heading = "Conditions",
        value_parser = values::value::<Prefix>)]
    indicators: Vec<Prefix>,

    /// Open no tunnels
    #[arg(long, help_heading = "Conditions")]
    no_tunnels: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(in crate::cli) fn new(args: &NewArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    args.output.check()?;
    let asked = files::request(&args.request, None)?;
    let conditions = args.conditions()?;
    // Whoever refuses need not have the feed.
    if !args.refuse {
        let held = asked.held()?;
        if let Some(wider) = wider(&conditions, &asked.request, &held.indicators) {
            let option = match wider {
                "sensors" | "interfaces" | "fields" | "indicators" => &wider[..wider.len() - 1],
                other => other,
            };
            let text = format!(
                "--{option}: a condition narrows what {} asks for, and this one does not",
                args.request.display()
            );
            return Err(InputError::Usage(text).into());
        }
    }
    let approval = Approval {
        kind: Kind::Approval.name().into(),
        number: args.number,
        request: asked.paper.digest,
        decision: if args.refuse {
            Answer::Refused
        } else {
            Answer::Granted
        },
        reason: args.reason.clone(),
        conditions,
    };
    let of = (Kind::Approval, args.number.0);
    let draft = Draft::of(&approval, of, Signers::Overseers)?;
    args.output.put(&draft, out)
}

impl NewArgs {
    fn conditions(&self) -> Result<Conditions, InputError> {
        let fields: Option<FieldNames> = match self.fields[..] {
            [] => None,
            _ => Some(values::fields(&self.fields)?),
        };
        Ok(Conditions {
            from: self.from,
            until: self.until,
            direction: some(&self.direction),
            sensors: some(&self.sensors),
            interfaces: some(&self.interfaces),
            fields,
            retention: self.retention,
            indicators: some(&self.indicators),
            no_tunnels: self.no_tunnels,
        })
    }
}

fn some<T: Clone>(given: &[T]) -> Option<Vec<T>> {
    (!given.is_empty()).then(|| given.to_vec())
}
