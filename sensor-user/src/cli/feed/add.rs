//! `sekisho feed add` and `remove`: which feeds are kept.

use std::{io::Write, path::PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::store::StoreArgs;
use crate::{
    cli::{Exit, inputs::InputError, papers::values, printer},
    documents::field::Period,
    feeds::{format::Format, mapping::Mapping},
    sources::{Access, FeedConfig, Protocol},
};

/// Arguments of `sekisho feed add`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sekisho feed add ours /etc/sekisho/ours.txt
  sekisho feed add drop https://www.spamhaus.org/drop/drop.txt --every PT6H
  sekisho feed add cti https://taxii.example/api1/ --taxii 91a7b528-80eb-42ed-a74d-c6fbd5a26116 \\
    --user sensor --credential cti --every PT1H
Nothing is fetched before 'sekisho feed pull', and only from hosts that stand in the file 'hosts'
of the folder of feeds, one a line.")]
pub(super) struct AddArgs {
    /// Name that it will have
    #[arg(value_name = "NAME")]
    name: String,

    /// A URL, or a file or folder of this machine
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Format; told from what it says without it
    #[arg(long, value_name = "FORMAT", value_parser = str::parse::<Format>)]
    format: Option<Format>,

    /// Which columns or members say what: value=COLUMN,port=COLUMN and so on
    #[arg(long, value_name = "MAPPING", value_parser = mapping)]
    map: Option<String>,

    /// Leave out lines whose count, the number after the address, is less
    #[arg(long, value_name = "N", default_value_t = 0)]
    least_count: u64,

    /// An indicator is over when every source is less sure of it, from 0 to 100
    #[arg(long, value_name = "N", default_value_t = 0)]
    least_confidence: u8,

    /// Confidence of what the feed says none of
    #[arg(long, value_name = "N")]
    unsaid_confidence: Option<u8>,

    /// After which time half of a confidence is left, as P30D
    #[arg(long, value_name = "PERIOD", value_parser = values::value::<Period>)]
    half_life: Option<Period>,

    /// How often 'feed pull --due' and '--follow' pull it, as PT6H
    #[arg(long, value_name = "PERIOD", value_parser = values::value::<Period>)]
    every: Option<Period>,

    /// It is a collection of a TAXII 2.1 server: SOURCE is the API root
    #[arg(long, value_name = "COLLECTION", conflicts_with = "misp")]
    taxii: Option<String>,

    /// It is a feed of MISP over HTTP: SOURCE is the folder of the manifest
    #[arg(long)]
    misp: bool,

    #[command(flatten)]
    access: AccessArgs,

    #[command(flatten)]
    store: StoreArgs,
}

/// What is sent to be let in.
#[derive(Debug, Args)]
struct AccessArgs {
    /// Name for HTTP Basic
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Header that the secret is sent in; Authorization: Bearer without it or --user
    #[arg(long, value_name = "NAME", conflicts_with = "user")]
    header: Option<String>,

    /// File with the secret; it is never on a command line
    #[arg(long, value_name = "FILE", conflicts_with = "credential")]
    secret_file: Option<PathBuf>,

    /// Name of the secret among the credentials of systemd
    #[arg(long, value_name = "NAME")]
    credential: Option<String>,

    /// File with a certificate of this client and its key, in PEM
    #[arg(long, value_name = "FILE")]
    identity_file: Option<PathBuf>,

    /// File with the certificates that the server's is held against, in PEM
    #[arg(long, value_name = "FILE")]
    roots_file: Option<PathBuf>,

    /// Proxy; the variables of the environment are not read
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
}

/// Arguments of `sekisho feed remove`.
#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// The feed
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    store: StoreArgs,
}

/// A mapping that can be read, as it was written.
fn mapping(text: &str) -> Result<String, String> {
    let read: Result<Mapping, String> = text.parse();
    read.map(|_| text.into())
}

fn absolute(path: Option<&PathBuf>) -> Result<Option<PathBuf>, InputError> {
    let absolute = path.map(std::path::absolute).transpose();
    absolute.map_err(|error| InputError::Usage(format!("the path is none: {error}")))
}

pub(super) fn add(args: &AddArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let is_url = args.source.contains("://");
    let source = if is_url {
        args.source.clone()
    } else {
        let path = absolute(Some(&PathBuf::from(&args.source)))?.unwrap_or_default();
        let text = path.to_str().map(str::to_owned);
        text.ok_or_else(|| InputError::Usage("the path of a source is UTF-8".into()))?
    };
    let given = &args.access;
    let config = FeedConfig {
        source,
        protocol: match (&args.taxii, args.misp) {
            (Some(_), _) => Protocol::Taxii,
            (None, true) => Protocol::Misp,
            (None, false) => Protocol::Plain,
        },
        collection: args.taxii.clone(),
        format: args.format.map(|format| format.name().to_owned()),
        map: args.map.clone(),
        least_count: args.least_count,
        least_confidence: args.least_confidence,
        unsaid_confidence: args.unsaid_confidence,
        half_life: args.half_life,
        every: args.every,
        access: Access {
            user: given.user.clone(),
            header: given.header.clone(),
            secret_file: absolute(given.secret_file.as_ref())?,
            credential: given.credential.clone(),
            identity_file: absolute(given.identity_file.as_ref())?,
            roots_file: absolute(given.roots_file.as_ref())?,
            proxy: given.proxy.clone(),
        },
    };
    config.check().map_err(InputError::Usage)?;
    let store = args.store.open_or_make()?;
    let _lock = store.lock()?;
    store.add(&args.name, &config)?;
    let (name, told) = (&args.name, args.store.told());
    let said = writeln!(
        out,
        "feed {name} is added; 'sekisho feed pull {name}{told}' fetches it"
    );
    printer::unless_gone(said).context("cannot print what was added")?;
    Ok(Exit::Done)
}

pub(super) fn remove(args: &RemoveArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let store = args.store.open()?;
    let _lock = store.lock()?;
    store.remove(&args.name)?;
    let said = writeln!(
        out,
        "feed {} is removed; what it took back stays taken back",
        args.name
    );
    printer::unless_gone(said).context("cannot print what was removed")?;
    Ok(Exit::Done)
}
