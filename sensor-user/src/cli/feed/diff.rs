//! `sekisho feed diff`: what feeds say beside what approvals allow.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use ipnet::IpNet;
use serde::Serialize;

use super::{
    check::guard_of,
    store::{StoreArgs, second},
};
use crate::{
    cli::{Exit, inputs::InputError, papers::source::SourceArgs, printer},
    documents::{
        Time,
        field::{ClassName, PortNames, Prefix},
        paper::Asked,
    },
    feeds::merge::Key,
    watchlist::{PortRule, Prefixes},
};

/// Lines of each sort that are shown.
const SHOWN: usize = 20;

/// Arguments of `sekisho feed diff`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sekisho feed diff --state /var/lib/sekisho --class transit
  sekisho feed diff --state /var/lib/sekisho --class transit --write new/
  sekisho request new --from-diff request-1.toml --feed new/additions.txt ...
A feed adds nothing by itself: what is new has to be asked for and approved.")]
pub(super) struct DiffArgs {
    #[command(flatten)]
    store: StoreArgs,

    #[command(flatten)]
    source: SourceArgs,

    /// Class that additions are for: transit, infrastructure or relay; approvals of others do not
    /// count
    #[arg(long, value_name = "CLASS", value_parser = super::check::class)]
    class: Option<ClassName>,

    /// Prefix of the network that the sensor is in; give it again for each further one
    #[arg(long, value_name = "CIDR")]
    own: Vec<IpNet>,

    /// Write what is new into this folder: additions.txt, a plain list, and additions.toml, those
    /// that count on some ports only
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// What feeds say beside what approvals allow.
#[derive(Default, Serialize)]
struct Diff {
    at: Option<Time>,
    /// Named and allowed.
    same: u64,
    /// Named, and in no approval.
    additions: Vec<Addition>,
    /// Named, in no approval, and refused by the guards, by reason.
    refused: BTreeMap<&'static str, u64>,
    /// Allowed, and taken back by the feeds.
    taken_back: Vec<TakenBack>,
    /// Allowed, and in no feed that is kept.
    elsewhere: u64,
}

#[derive(Serialize)]
struct Addition {
    prefix: IpNet,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
    confidence: u8,
    feeds: Vec<String>,
    #[serde(skip)]
    rules: Box<[PortRule]>,
}

#[derive(Serialize)]
struct TakenBack {
    prefix: IpNet,
    approval: String,
    since: Time,
}

/// Indicators as a request has them.
#[derive(Serialize)]
struct Tables {
    indicator: Vec<Asked>,
}

/// What approvals allow: the ports of each prefix, none of which is any.
#[derive(Default)]
struct Allowed(BTreeMap<IpNet, Vec<PortRule>>);

impl Allowed {
    fn add(&mut self, prefixes: &Prefixes) {
        for (at, (prefix, _)) in prefixes.iter().enumerate() {
            let ports: Vec<PortRule> = prefixes.ports(at).collect();
            match self.0.get_mut(&prefix) {
                Some(known) if known.is_empty() || ports.is_empty() => known.clear(),
                Some(known) => known.extend(ports),
                None => {
                    self.0.insert(prefix, ports);
                }
            }
        }
    }

    /// Whether all packets of an indicator may be recorded.
    fn has(&self, key: &Key) -> bool {
        std::iter::successors(Some(key.prefix), IpNet::supernet)
            .filter_map(|around| self.0.get(&around))
            .any(|ports| {
                let is_on = |rule: &PortRule| ports.contains(rule);
                ports.is_empty() || (!key.ports.is_empty() && key.ports.iter().all(is_on))
            })
    }
}

pub(super) fn diff(args: &DiffArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    if !args.source.is_given() {
        let text = "name the papers: --state DIR, or --papers DIR with --root SHA256";
        return Err(InputError::Usage(text.into()).into());
    }
    let diff = found(args)?;
    if let Some(folder) = &args.write {
        write(&diff, folder)?;
    }
    let written = if args.json {
        serde_json::to_writer_pretty(&mut *out, &diff)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))
    } else {
        tell(&diff, args, out)
    };
    printer::unless_gone(written).context("cannot print what differs")?;
    Ok(Exit::Done)
}

fn found(args: &DiffArgs) -> anyhow::Result<Diff> {
    let opened = args.source.open()?;
    let class = args.class.map(|class| class.0);
    let guard = guard_of(&opened, class, &args.own)?;
    let now = opened.now;
    let granted = opened.gate.decide(now).granted;
    let granted: Vec<_> = granted
        .iter()
        .filter(|granted| class.is_none_or(|class| class == granted.class))
        .collect();
    let mut allowed = Allowed::default();
    for granted in &granted {
        allowed.add(&granted.indicators.prefixes);
    }
    let store = args.store.open()?;
    let (merged, over, decay) = (store.merged(None)?, store.over()?, store.decay()?);
    let mut diff = Diff {
        at: Some(now),
        ..Diff::default()
    };
    for (key, known) in merged.at(now, &decay) {
        if allowed.has(key) {
            diff.same += 1;
        } else if let Some(refusal) = guard.judge(key.prefix) {
            *diff.refused.entry(refusal.name()).or_default() += 1;
        } else {
            let mut feeds: Vec<String> = merged
                .sources(key)
                .map(|(source, _)| source.feed.to_string())
                .collect();
            feeds.dedup();
            diff.additions.push(Addition {
                prefix: key.prefix,
                ports: key.ports.iter().map(PortRule::to_string).collect(),
                confidence: known.confidence,
                feeds,
                rules: key.ports.clone(),
            });
        }
    }
    let named: std::collections::BTreeSet<IpNet> = merged.groups().map(|key| key.prefix).collect();
    for granted in granted {
        for (prefix, _) in granted.indicators.prefixes.iter() {
            match over.since(prefix) {
                Some(since) if since <= now => diff.taken_back.push(TakenBack {
                    prefix,
                    approval: granted.id.clone(),
                    since,
                }),
                _ => diff.elsewhere += u64::from(!named.contains(&prefix)),
            }
        }
    }
    Ok(diff)
}

/// Writes what is new as a request takes it.
fn write(diff: &Diff, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).map_err(|source| unwritten(folder, source))?;
    let (on_ports, plain): (Vec<&Addition>, Vec<&Addition>) =
        (diff.additions.iter()).partition(|addition| !addition.rules.is_empty());
    let mut prefixes: Vec<IpNet> = plain.iter().map(|addition| addition.prefix).collect();
    prefixes.dedup();
    file(&folder.join("additions.txt"), |out| {
        prefixes
            .iter()
            .try_for_each(|prefix| writeln!(out, "{prefix}"))
    })?;
    // An indicator of a request has one table for all its ports.
    let mut tables: BTreeMap<IpNet, Vec<PortRule>> = BTreeMap::new();
    for addition in on_ports {
        tables
            .entry(addition.prefix)
            .or_default()
            .extend(&addition.rules);
    }
    let mut indicator = Vec::new();
    for (prefix, mut rules) in tables {
        rules.sort_unstable();
        rules.dedup();
        let names: Vec<String> = rules.iter().map(PortRule::to_string).collect();
        let ports = PortNames::try_from(names)
            .map_err(|error| InputError::Usage(format!("{prefix}: {error}")))?;
        indicator.push(Asked {
            ports: Some(ports),
            ..Asked::of(Prefix(prefix))
        });
    }
    let text = toml::to_string(&Tables { indicator }).context("cannot write additions.toml")?;
    file(&folder.join("additions.toml"), |out| {
        out.write_all(text.as_bytes())
    })?;
    Ok(())
}

fn file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), InputError> {
    let made = File::create_new(path).map(BufWriter::new);
    made.and_then(|mut out| {
        write(&mut out)?;
        out.flush()
    })
    .map_err(|source| unwritten(path, source))
}

fn unwritten(path: &Path, source: io::Error) -> InputError {
    InputError::Output {
        path: path.into(),
        source,
    }
}

fn tell(diff: &Diff, args: &DiffArgs, out: &mut dyn Write) -> io::Result<()> {
    let Diff {
        same,
        additions,
        refused,
        taken_back,
        elsewhere,
        ..
    } = diff;
    writeln!(out, "{same:>10}  named by feeds and approved")?;
    writeln!(out, "{:>10}  new: to be asked for", additions.len())?;
    for (reason, count) in refused {
        writeln!(out, "{count:>10}  new and refused: {reason}")?;
    }
    writeln!(
        out,
        "{:>10}  approved and taken back by feeds",
        taken_back.len()
    )?;
    writeln!(out, "{elsewhere:>10}  approved and in none of these feeds")?;
    for addition in additions.iter().take(SHOWN) {
        let on = if addition.ports.is_empty() {
            String::new()
        } else {
            format!(" on {}", addition.ports.join(", "))
        };
        let (prefix, feeds) = (addition.prefix, addition.feeds.join(", "));
        writeln!(
            out,
            "+ {prefix}{on}  confidence {}  {feeds}",
            addition.confidence
        )?;
    }
    more(additions.len(), out)?;
    for gone in taken_back.iter().take(SHOWN) {
        writeln!(
            out,
            "- {}  {}, since {}",
            gone.prefix,
            gone.approval,
            second(gone.since)
        )?;
    }
    more(taken_back.len(), out)?;
    match &args.write {
        Some(folder) => writeln!(
            out,
            "written: {0}/additions.txt and {0}/additions.toml, for 'sekisho request new'",
            folder.display()
        ),
        None if !additions.is_empty() => {
            writeln!(
                out,
                "--write DIR writes what is new, for 'sekisho request new'"
            )
        }
        None => Ok(()),
    }
}

fn more(all: usize, out: &mut dyn Write) -> io::Result<()> {
    match all.saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more; --json lists all"),
    }
}
