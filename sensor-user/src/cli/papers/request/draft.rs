//! `sekisho request new`: a draft of a request.

use std::{collections::BTreeSet, io::Write, path::PathBuf};

use clap::Args;

use super::indicators::{IndicatorArgs, Indicators, tell};
use crate::{
    cli::{
        Exit,
        inputs::InputError,
        papers::{
            draft::{Draft, OutputArgs, Signers},
            files::{self, Asked},
            values,
        },
        printer,
    },
    documents::{
        Gate, Kind, Role, Shelf, Time,
        field::{
            ClassName, DirectionName, FieldNames, Fingerprint, Name, Number, Period, RequestId,
            Text,
        },
        paper::{Interface, Request, Severity, Tunnel},
    },
};

/// Options that a request named by one of these may leave out.
const BASES: [&str; 2] = ["extends", "from_diff"];

/// Arguments of `sekisho request new`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sekisho request new --number 1 --id R-1 --requester npa --class transit --direction through \\
    --sensor SHA256:... --field ports --field protocol --recipient 'National Police Agency' \\
    --necessity '...' --alternatives '...' --threat T-2026-17 --severity high \\
    --expected-volume '10,000 flows a day' --from 2026-11-21T00:00:00Z \\
    --until 2027-02-21T00:00:00Z --retention P30D \\
    --interface eth0=02:00:00:00:00:01@pci-0000:03:00.0 --feed feed.txt --output request-1.toml
An extension, for another time:
  sekisho request new --extends request-1.toml --number 2 --id R-2 \\
    --from 2027-02-21T00:00:00Z --until 2027-05-21T00:00:00Z --output request-2.toml
Only what a newer feed has more:
  sekisho request new --from-diff request-1.toml --feed newer.txt --number 2 --id R-1b \\
    --output request-2.toml")]
pub(super) struct NewArgs {
    /// Number of the request, higher than that of the requester's last one
    #[arg(long, value_name = "N", value_parser = values::number)]
    number: Number,

    /// Its name, which records under it will have
    #[arg(long, value_name = "ID", value_parser = values::value::<RequestId>)]
    id: RequestId,

    /// Extend this request: the same for another time, with its fields and indicators or fewer
    #[arg(long, value_name = "REQUEST.toml", conflicts_with = "from_diff")]
    extends: Option<PathBuf>,

    /// Ask for what --feed has and this request lacks; all else is taken over
    #[arg(long, value_name = "REQUEST.toml", requires = "feed")]
    from_diff: Option<PathBuf>,

    /// Who asks: NAME of requester/NAME
    #[arg(long, value_name = "NAME", value_parser = values::value::<Name>,
        required_unless_present_any = BASES)]
    requester: Option<Name>,

    /// Class: transit, infrastructure or relay
    #[arg(long, value_name = "CLASS", value_parser = values::value::<ClassName>,
        required_unless_present_any = BASES)]
    class: Option<ClassName>,

    /// Direction: through for transit, inbound or outbound; give it again for both
    #[arg(long, value_name = "DIRECTION", value_parser = values::value::<DirectionName>,
        required_unless_present_any = BASES)]
    direction: Vec<DirectionName>,

    /// Operator whose prefixes are watched, for infrastructure
    #[arg(long, value_name = "NAME", value_parser = values::value::<Name>)]
    operator: Option<Name>,

    /// Fingerprint of a sensor's log key; give it again for each further one
    #[arg(long = "sensor", value_name = "FINGERPRINT", required_unless_present_any = BASES,
        value_parser = values::value::<Fingerprint>)]
    sensors: Vec<Fingerprint>,

    /// What records may say besides addresses, times and counts: ports, protocol, `tcp_flags`, ttl,
    /// vlan, fragment, or none; give it again for each further one
    #[arg(long = "field", value_name = "FIELD", required_unless_present_any = BASES)]
    fields: Vec<String>,

    /// Who gets the records; give it again for each further one
    #[arg(long = "recipient", value_name = "TEXT", required_unless_present_any = BASES,
        value_parser = values::value::<Text>)]
    recipients: Vec<Text>,

    /// Why it is necessary
    #[arg(long, value_name = "TEXT", value_parser = values::value::<Text>,
        required_unless_present_any = BASES)]
    necessity: Option<Text>,

    /// What else was considered, and why it does not do
    #[arg(long, value_name = "TEXT", value_parser = values::value::<Text>,
        required_unless_present_any = BASES)]
    alternatives: Option<Text>,

    /// Reference of the threat
    #[arg(long, value_name = "TEXT", value_parser = values::value::<Text>,
        required_unless_present_any = BASES)]
    threat: Option<Text>,

    /// How severe it is: low, medium, high or critical
    #[arg(long, value_name = "SEVERITY", value_parser = values::word::<Severity>,
        required_unless_present_any = BASES)]
    severity: Option<Severity>,

    /// How much is expected to be recorded
    #[arg(long, value_name = "TEXT", value_parser = values::value::<Text>,
        required_unless_present_any = BASES)]
    expected_volume: Option<Text>,

    /// First moment asked for, in UTC
    #[arg(long, value_name = "TIME", required_unless_present = "from_diff")]
    from: Option<Time>,

    /// First moment no longer asked for, in UTC
    #[arg(long, value_name = "TIME", required_unless_present = "from_diff")]
    until: Option<Time>,

    /// How long records are kept, as P30D
    #[arg(long, value_name = "PERIOD", value_parser = values::value::<Period>,
        required_unless_present_any = BASES)]
    retention: Option<Period>,

    /// Interface of a sensor; give it again for each further one
    #[arg(long = "interface", value_name = "NAME=MAC@BUS", value_parser = values::interface,
        required_unless_present_any = BASES)]
    interfaces: Vec<Interface>,

    /// Tunnel whose packets are opened; give it again for each further one
    #[arg(long = "tunnel", value_name = "TYPE[:PORT][+SKIP]=PREFIX,PREFIX", value_parser = values::tunnel)]
    tunnels: Vec<Tunnel>,

    #[command(flatten)]
    indicators: IndicatorArgs,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn new(args: &NewArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    args.output.check()?;
    let base = match args.extends.as_ref().or(args.from_diff.as_ref()) {
        Some(path) => Some(files::request(path, None)?),
        None => None,
    };
    let indicators = args.indicators(base.as_ref())?;
    let request = args.request(base.as_ref(), indicators)?;
    let signer = Signers::one(Role::Requester, &request.requester);
    let draft = Draft::of(&request, (Kind::Request, request.number.0), signer)?;
    check(args, base.as_ref(), &request, &draft)?;
    tell(request.feed.as_ref());
    args.output.put(&draft, out)
}

/// Holds the draft against its feed and its parent, as the gate will.
fn check(
    args: &NewArgs,
    base: Option<&Asked>,
    request: &Request,
    draft: &Draft,
) -> anyhow::Result<()> {
    let mut folder = base.map(|base| base.folder.clone()).unwrap_or_default();
    if let (Some(feed), Some(path)) = (&request.feed, &args.indicators.feed) {
        folder
            .files
            .insert(feed.file.to_string(), files::bytes(path)?);
        let own = args
            .output
            .folder()
            .map(|folder| folder.canonicalize().ok());
        let beside = files::folder_of(path).canonicalize().ok();
        if own.is_some_and(|own| own != beside) {
            printer::note(&format!("put {} beside the request", &*feed.file));
        }
    }
    let name = args.output.name();
    folder
        .files
        .insert(name.clone(), draft.text.as_bytes().into());
    match Gate::asked(&folder, &mut Shelf::default(), &name) {
        Ok(_) => Ok(()),
        Err(refusal) => Err(InputError::Usage(refusal.text).into()),
    }
}

impl NewArgs {
    /// What is asked for: named, new in a feed, or taken over.
    fn indicators(&self, base: Option<&Asked>) -> anyhow::Result<Option<Indicators>> {
        let (Some(base), Some(_), Some(feed)) = (base, &self.from_diff, &self.indicators.feed)
        else {
            return self.indicators.read();
        };
        let had: BTreeSet<_> = base
            .held()?
            .indicators
            .prefixes
            .iter()
            .map(|(prefix, _)| prefix)
            .collect();
        let new = self.indicators.new_since(feed, &had)?;
        if new.is_empty() {
            let text = format!(
                "{} has no indicator that {} lacks: there is nothing to ask for",
                feed.display(),
                base.paper.file
            );
            return Err(InputError::Usage(text).into());
        }
        Ok(Some(Indicators::Inline(new)))
    }

    fn request(
        &self,
        base: Option<&Asked>,
        indicators: Option<Indicators>,
    ) -> Result<Request, InputError> {
        let before = base.map(|base| &*base.request);
        let (inline, feed) = match (indicators, before) {
            (Some(Indicators::Inline(inline)), _) => (inline, None),
            (Some(Indicators::Bound(feed)), _) => (Vec::new(), Some(feed)),
            (None, Some(before)) => (before.indicators.clone(), before.feed.clone()),
            (None, None) => (Vec::new(), None),
        };
        let is_extension = self.extends.is_some();
        Ok(Request {
            kind: Kind::Request.name().into(),
            number: self.number,
            id: self.id.clone(),
            requester: one(
                "requester",
                self.requester.as_ref(),
                before.map(|b| &b.requester),
            )?,
            parent: base.filter(|_| is_extension).map(|base| base.paper.digest),
            class: one("class", self.class.as_ref(), before.map(|b| &b.class))?,
            direction: all(&self.direction, before.map(|b| &b.direction)),
            operator: (self.operator.clone()).or(before.and_then(|b| b.operator.clone())),
            sensors: all(&self.sensors, before.map(|b| &b.sensors)),
            fields: self.fields(before)?,
            recipients: all(&self.recipients, before.map(|b| &b.recipients)),
            necessity: one(
                "necessity",
                self.necessity.as_ref(),
                before.map(|b| &b.necessity),
            )?,
            alternatives: one(
                "alternatives",
                self.alternatives.as_ref(),
                before.map(|b| &b.alternatives),
            )?,
            threat: one("threat", self.threat.as_ref(), before.map(|b| &b.threat))?,
            severity: one(
                "severity",
                self.severity.as_ref(),
                before.map(|b| &b.severity),
            )?,
            expected_volume: one(
                "expected-volume",
                self.expected_volume.as_ref(),
                before.map(|b| &b.expected_volume),
            )?,
            from: one("from", self.from.as_ref(), before.map(|b| &b.from))?,
            until: one("until", self.until.as_ref(), before.map(|b| &b.until))?,
            retention: one(
                "retention",
                self.retention.as_ref(),
                before.map(|b| &b.retention),
            )?,
            interfaces: all(&self.interfaces, before.map(|b| &b.interfaces)),
            tunnels: all(&self.tunnels, before.map(|b| &b.tunnels)),
            indicators: inline,
            feed,
        })
    }

    fn fields(&self, before: Option<&Request>) -> Result<FieldNames, InputError> {
        match before {
            Some(before) if self.fields.is_empty() => Ok(before.fields),
            _ => values::fields(&self.fields),
        }
    }
}

/// A value as given, or that of the request it is taken over from.
fn one<T: Clone>(option: &str, given: Option<&T>, before: Option<&T>) -> Result<T, InputError> {
    let value = given.or(before).cloned();
    value.ok_or_else(|| InputError::Usage(format!("--{option} is missing")))
}

fn all<T: Clone>(given: &[T], before: Option<&Vec<T>>) -> Vec<T> {
    match before {
        Some(before) if given.is_empty() => before.clone(),
        _ => given.to_vec(),
    }
}
