//! `sekisho feed check`: what of feeds would be watched, without loading anything.

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use ipnet::IpNet;
use sensor_common::Class;
use serde::Serialize;

use super::{
    matched::matched,
    store::{plain, progress},
};
use crate::{
    cli::{
        Exit,
        inputs::InputError,
        papers::source::{Opened, SourceArgs},
        places::PlacesArgs,
        printer,
        summary::count,
    },
    documents::{Body, Kind, field::ClassName},
    feeds::{
        self, FeedError,
        decode::{Decoded, Options, decode},
        format::Format,
        guard::Guard,
        mapping::Mapping,
        plain::Shortest,
        tally::{Counts, Tally, Told, Wanted},
    },
    watchlist::Prefixes,
};

/// Entries of each sort that are shown without `--all`.
const SHOWN: usize = 5;

/// Entries of each sort that `--all` keeps of a feed.
const ALL: usize = 1_000_000;

/// Arguments of `sekisho feed check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sekisho feed check ipblocklist.csv
  sekisho feed check bundle.json --state /var/lib/sekisho --class transit
  sekisho feed check list.csv.gz --format csv --map value=host,port=dport --json")]
pub(super) struct CheckArgs {
    /// Feed, which may be packed with gzip, zstd, bzip2 or zip; a folder is all files in it
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Format; told from what stands in the file without it
    #[arg(long, value_name = "FORMAT", value_parser = str::parse::<Format>)]
    format: Option<Format>,

    /// Which columns or members say what: value=COLUMN,port=COLUMN and so on
    #[arg(long, value_name = "MAPPING", value_parser = str::parse::<Mapping>)]
    map: Option<Mapping>,

    /// Leave out lines whose count, the number after the address, is less
    #[arg(long, value_name = "N", default_value_t = 0)]
    least_count: u64,

    /// Leave out indicators of which their source is less sure, from 0 to 100
    #[arg(long, value_name = "N", default_value_t = 0)]
    least_confidence: u8,

    /// Class they are for: transit, infrastructure or relay
    #[arg(long, value_name = "CLASS", value_parser = class)]
    class: Option<ClassName>,

    /// Prefix of the network that the sensor is in; give it again for each further one
    #[arg(long, value_name = "CIDR")]
    own: Vec<IpNet>,

    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    places: PlacesArgs,

    /// Say how many packets of a capture would have matched, at whatever time; needs privilege
    #[arg(long, value_name = "CAPTURE")]
    replay: Option<PathBuf>,

    /// Show every entry that is refused or not expressible, not only the first
    #[arg(long)]
    all: bool,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub(super) fn class(text: &str) -> Result<ClassName, &'static str> {
    ClassName::try_from(text.to_owned())
}

/// What is told of one feed.
#[derive(Serialize)]
struct Checked {
    file: String,
    format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    packing: Option<String>,
    /// Distinct prefixes that would be watched.
    prefixes: u64,
    on_ports: u64,
    repeated: u64,
    refused: BTreeMap<&'static str, u64>,
    not_expressible: BTreeMap<&'static str, u64>,
    exclusions: u64,
    beside: u64,
    #[serde(skip)]
    told: Vec<Told>,
}

/// What is told of all of them.
#[derive(Serialize)]
struct Document<'a> {
    /// The format of the feeds; `several` where they are of more than one.
    format: &'static str,
    prefixes: u64,
    refused: BTreeMap<&'static str, u64>,
    not_expressible: BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_packets: Option<u64>,
    files: &'a [Checked],
}

pub(super) fn check(args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let guard = args.guard()?;
    let mut checked = Vec::new();
    let mut watched = Vec::new();
    for file in files(&args.files)? {
        let (one, prefixes) = args.one(&file, &guard)?;
        checked.push(one);
        watched.push(prefixes);
    }
    let prefixes = match &watched[..] {
        [one] => one.len(),
        several => {
            let all = several.iter().flat_map(Prefixes::iter);
            all.map(|(prefix, _)| prefix).collect::<HashSet<_>>().len()
        }
    };
    let matched_packets = match &args.replay {
        None => None,
        Some(capture) => Some(matched(capture, &checked_names(&checked), watched)?),
    };
    let format = match &checked[..] {
        [first, rest @ ..] if rest.iter().all(|other| other.format == first.format) => first.format,
        _ => "several",
    };
    let document = Document {
        format,
        prefixes: prefixes as u64,
        refused: summed(checked.iter().map(|one| &one.refused)),
        not_expressible: summed(checked.iter().map(|one| &one.not_expressible)),
        matched_packets,
        files: &checked,
    };
    let written = if args.json {
        serde_json::to_writer_pretty(&mut *out, &document)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))
    } else {
        print(&document, args.all, out)
    };
    printer::unless_gone(written).context("cannot print what was found")?;
    Ok(Exit::Done)
}

/// What prefixes are held against by papers.
pub(super) fn guard_of(
    opened: &Opened,
    class: Option<Class>,
    own: &[IpNet],
) -> anyhow::Result<Guard> {
    let policies = opened.gate.admitted(Kind::Policy);
    let policy = policies.last().map(|(_, paper)| &paper.body);
    let layers = opened.gate.decide(opened.now).layers;
    let (Some(Body::Policy(policy)), Some(layers)) = (policy, layers) else {
        let text = "there is no policy or no territory yet to check by";
        return Err(InputError::Papers(text.into()).into());
    };
    let mut guard = Guard::of(policy.shortest.into(), &layers, class)?;
    for own in own {
        guard.add_own(own.trunc());
    }
    Ok(guard)
}

impl CheckArgs {
    /// What prefixes are held against: papers, or the places that are named.
    fn guard(&self) -> anyhow::Result<Guard> {
        let class = self.class.map(|class| class.0);
        let Some(opened) = self.source.may_open()? else {
            let mut guard = Guard::of(Shortest::POLICY, &self.places.load()?, class)?;
            guard.allow_documentation(true);
            for own in &self.own {
                guard.add_own(own.trunc());
            }
            return Ok(guard);
        };
        if let Some((name, _)) = self.places.given().into_iter().find(|(_, given)| *given) {
            let text = format!("{name} is for a check without papers, which say it");
            return Err(InputError::Usage(text).into());
        }
        guard_of(&opened, class, &self.own)
    }

    fn one(&self, path: &Path, guard: &Guard) -> anyhow::Result<(Checked, Prefixes)> {
        let name = path.display().to_string();
        let options = Options {
            format: self.format,
            mapping: self.map.clone(),
            least_count: self.least_count,
            name: name.clone(),
        };
        let wanted = Wanted {
            now: Some(self.source.moment()),
            least_confidence: self.least_confidence,
        };
        let most = if self.all { ALL } else { SHOWN };
        let mut tally = Tally::new(guard, wanted, most);
        let file = File::open(path).map_err(|source| FeedError::Unreadable {
            name: name.clone(),
            source,
        })?;
        let bar = progress(&name);
        bar.set_length(file.metadata().map_or(0, |there| there.len()));
        let decoded = decode(bar.wrap_read(file), feeds::LARGEST, &options, &mut tally);
        bar.finish_and_clear();
        let decoded = decoded.map_err(|source| FeedError::Undecodable {
            name: name.clone(),
            source,
        })?;
        let (prefixes, counts) = tally.finish();
        Ok((checked(name, decoded, &prefixes, counts), prefixes))
    }
}

fn checked(file: String, decoded: Decoded, prefixes: &Prefixes, counts: Counts) -> Checked {
    let told = [counts.told_refused, counts.told_not_expressible].concat();
    Checked {
        file,
        format: decoded.format.name(),
        packing: decoded.packing.map(|packing| packing.to_string()),
        prefixes: prefixes.len() as u64,
        on_ports: counts.on_ports,
        repeated: counts.repeated,
        refused: counts.refused,
        not_expressible: counts.not_expressible,
        exclusions: counts.exclusions,
        beside: counts.beside,
        told,
    }
}

fn checked_names(checked: &[Checked]) -> Vec<&str> {
    checked.iter().map(|one| one.file.as_str()).collect()
}

/// The files named, and those in the folders named.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, FeedError> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |source| FeedError::Unreadable {
            name: path.display().to_string(),
            source,
        };
        let mut within = Vec::new();
        for entry in path.read_dir().map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if entry.path().is_file() && !is_hidden {
                within.push(entry.path());
            }
        }
        within.sort();
        files.append(&mut within);
    }
    Ok(files)
}

fn summed<'a>(
    each: impl Iterator<Item = &'a BTreeMap<&'static str, u64>>,
) -> BTreeMap<&'static str, u64> {
    let mut summed = BTreeMap::new();
    for (reason, count) in each.flatten() {
        *summed.entry(*reason).or_default() += count;
    }
    summed
}

fn print(document: &Document<'_>, is_all: bool, out: &mut dyn Write) -> io::Result<()> {
    for one in document.files {
        let packing = one.packing.as_ref().map(|packing| format!(", {packing}"));
        writeln!(
            out,
            "feed {}: {}{}",
            one.file,
            one.format,
            packing.unwrap_or_default()
        )?;
        let watched = format!(
            "would be watched, {} of them on some ports only",
            one.on_ports
        );
        row(one.prefixes, &watched, out)?;
        row_unless_none(one.repeated, "repeated", out)?;
        for (reason, count) in &one.refused {
            row(*count, &format!("refused: {reason}"), out)?;
        }
        for (reason, count) in &one.not_expressible {
            row(*count, &format!("not expressible: {reason}"), out)?;
        }
        row_unless_none(one.exclusions, "exclusions, never to be watched", out)?;
        row_unless_none(one.beside, "beside the indicators", out)?;
        for told in &one.told {
            let Told {
                line,
                id,
                reason,
                why,
            } = told;
            let id = if id.is_empty() {
                String::new()
            } else {
                format!(" {id}")
            };
            writeln!(out, "{}:{line}:{id} {} [{reason}]", one.file, plain(why))?;
        }
        let sum = one
            .refused
            .values()
            .chain(one.not_expressible.values())
            .sum::<u64>();
        let more = sum.saturating_sub(one.told.len() as u64);
        if more > 0 {
            let way = if is_all { "" } else { "; --all shows them" };
            writeln!(out, "and {more} more{way}")?;
        }
    }
    if document.files.len() > 1 {
        let plural = if document.prefixes == 1 { "" } else { "es" };
        writeln!(out, "together: {} prefix{plural}", document.prefixes)?;
    }
    if let Some(packets) = document.matched_packets {
        writeln!(out, "{} would have matched", count(packets, "packet"))?;
    }
    Ok(())
}

fn row(number: u64, text: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{number:>10}  {text}")
}

fn row_unless_none(number: u64, text: &str, out: &mut dyn Write) -> io::Result<()> {
    if number == 0 {
        Ok(())
    } else {
        row(number, text, out)
    }
}
