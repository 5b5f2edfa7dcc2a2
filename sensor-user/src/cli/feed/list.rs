//! `sekisho feed list` and `show`: what is known of feeds and of indicators.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use anyhow::Context as _;
use clap::Args;
use ipnet::IpNet;
use jiff::Timestamp;
use serde::Serialize;

use super::store::{StoreArgs, age, plain, second, state};
use crate::{
    cli::{Exit, inputs::InputError, printer, summary::count},
    documents::Time,
    feeds::{
        item::About,
        merge::{Key, Source},
        plain::{self as lists, Shortest},
    },
    sources::{Feed, FeedConfig, Status, Store},
    watchlist::PortRule,
    words,
};

/// Arguments of `sekisho feed list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    store: StoreArgs,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// Arguments of `sekisho feed show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sekisho feed show drop
  sekisho feed show 192.0.2.1")]
pub(super) struct ShowArgs {
    /// A feed; or an address or prefix, of which all feeds are asked
    #[arg(value_name = "NAME|PREFIX")]
    what: String,

    #[command(flatten)]
    store: StoreArgs,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
    #[serde(flatten)]
    config: &'a FeedConfig,
    status: &'a Status,
}

fn listed(feed: &Feed, now: Time) -> Listed<'_> {
    Listed {
        name: &feed.name,
        state: state(feed),
        age_seconds: age(feed, now),
        config: &feed.config,
        status: &feed.status,
    }
}

fn json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

pub(super) fn list(args: &ListArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let feeds = args.store.open()?.feeds()?;
    let now = Time::of(Timestamp::now());
    let written = if args.json {
        let all: Vec<Listed<'_>> = feeds.iter().map(|feed| listed(feed, now)).collect();
        json(&all, out)
    } else {
        table(&feeds, now, out)
    };
    printer::unless_gone(written).context("cannot print the feeds")?;
    Ok(Exit::Done)
}

fn table(feeds: &[Feed], now: Time, out: &mut dyn Write) -> io::Result<()> {
    if feeds.is_empty() {
        return writeln!(out, "there are no feeds; 'sekisho feed add' adds one");
    }
    let width = feeds
        .iter()
        .map(|feed| feed.name.len())
        .max()
        .unwrap_or(0)
        .max(4);
    writeln!(
        out,
        "{:width$}  {:12}  {:>8}  {:>10}  SOURCE",
        "FEED", "STATE", "AGE", "PREFIXES"
    )?;
    for feed in feeds {
        let age = age(feed, now).map_or_else(|| "-".into(), told_age);
        let copy = feed.status.copy.as_ref();
        let prefixes = copy.map_or_else(|| "-".into(), |copy| copy.prefixes.to_string());
        writeln!(
            out,
            "{:width$}  {:12}  {age:>8}  {prefixes:>10}  {}",
            feed.name,
            state(feed),
            plain(&feed.config.source)
        )?;
    }
    Ok(())
}

pub(super) fn show(args: &ShowArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let store = args.store.open()?;
    let now = Time::of(Timestamp::now());
    let written = match lists::prefix(&args.what, Shortest::ANY) {
        Ok(prefix) => {
            let named = named(&store, prefix, now)?;
            if args.json {
                json(&named, out)
            } else {
                tell_named(&named, out)
            }
        }
        Err(_) if args.what.contains(['/', '.', ':']) => {
            let text = format!("'{}' is neither a feed nor an address or prefix", args.what);
            return Err(InputError::Usage(text).into());
        }
        Err(_) => {
            let feed = store.feed(&args.what)?;
            if args.json {
                json(&listed(&feed, now), out)
            } else {
                tell(&feed, now, out)
            }
        }
    };
    printer::unless_gone(written).context("cannot print what is known")?;
    Ok(Exit::Done)
}

fn tell(feed: &Feed, now: Time, out: &mut dyn Write) -> io::Result<()> {
    let Feed {
        name,
        config,
        status,
    } = feed;
    writeln!(out, "feed {name}: {}", state(feed))?;
    writeln!(out, "  source           {}", plain(&config.source))?;
    if let Some(every) = config.every {
        writeln!(out, "  pulled every     {every}")?;
    }
    if let Some(half_life) = config.half_life {
        writeln!(out, "  half-life        {half_life}")?;
    }
    if let Some(checked) = status.checked {
        writeln!(out, "  last heard of    {}", second(checked))?;
    }
    if let Some(copy) = &status.copy {
        let age = age(feed, now).map_or_else(String::new, told_age);
        writeln!(
            out,
            "  last good copy   of {}, {age} old",
            second(copy.fetched)
        )?;
        writeln!(
            out,
            "                   {}, {} bytes",
            copy.format, copy.bytes
        )?;
        writeln!(out, "{:>10}  prefixes that could be watched", copy.prefixes)?;
        for (reason, count) in &copy.refused {
            writeln!(out, "{count:>10}  refused: {reason}")?;
        }
        for (reason, count) in &copy.not_expressible {
            writeln!(out, "{count:>10}  not expressible: {reason}")?;
        }
    }
    if let Some(held) = &status.held {
        writeln!(
            out,
            "  held back        since {}: {}",
            second(held.copy.fetched),
            held.why
        )?;
        writeln!(
            out,
            "                   'sekisho feed pull {name} --confirm' takes it"
        )?;
    }
    if let Some(failing) = &status.failing {
        let error = plain(&failing.error);
        let (since, times) = (second(failing.since), count(failing.times, "time"));
        writeln!(out, "  failing          since {since}, {times}")?;
        writeln!(out, "                   {error}")?;
    }
    Ok(())
}

/// Seconds in words.
fn told_age(seconds: u64) -> String {
    words::span(seconds.saturating_mul(1_000_000_000))
}

/// What all feeds say of the indicators in a prefix, and around it.
#[derive(Serialize)]
struct Named {
    prefix: IpNet,
    indicators: Vec<Indicator>,
}

#[derive(Serialize)]
struct Indicator {
    prefix: IpNet,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
    /// How sure the surest source still is; none where no source holds now.
    confidence: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tlp: Option<String>,
    /// From when it is taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    over: Option<Time>,
    sources: Vec<Said>,
}

#[derive(Serialize)]
struct Said {
    feed: String,
    reference: String,
    confidence: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tlp: Option<String>,
}

fn named(store: &Store, prefix: IpNet, now: Time) -> anyhow::Result<Named> {
    let merged = store.merged(None)?;
    let decay = store.decay()?;
    let over = store.over()?;
    let touches = |key: &&Key| key.prefix.contains(&prefix) || prefix.contains(&key.prefix);
    let indicators = merged.groups().filter(touches).map(|key| {
        let known = merged.known(key, now, &decay);
        let said = |(source, about): (&Source, &About)| Said {
            feed: source.feed.to_string(),
            reference: source.reference.to_string(),
            confidence: decay(&source.feed).of(about, now),
            first_seen: about.first_seen,
            last_seen: about.last_seen,
            valid_from: about.from,
            valid_until: about.until,
            tlp: about.tlp.map(|tlp| tlp.to_string()),
        };
        Indicator {
            prefix: key.prefix,
            ports: key.ports.iter().map(PortRule::to_string).collect(),
            confidence: known.map(|known| known.confidence),
            first_seen: known.and_then(|known| known.first_seen),
            last_seen: known.and_then(|known| known.last_seen),
            valid_until: known.and_then(|known| known.until),
            tlp: known.and_then(|known| known.tlp).map(|tlp| tlp.to_string()),
            over: over.since(key.prefix),
            sources: merged.sources(key).map(said).collect(),
        }
    });
    Ok(Named {
        prefix,
        indicators: indicators.collect(),
    })
}

fn tell_named(named: &Named, out: &mut dyn Write) -> io::Result<()> {
    if named.indicators.is_empty() {
        return writeln!(
            out,
            "no feed names {}, or a prefix in or around it",
            named.prefix
        );
    }
    for indicator in &named.indicators {
        let mut about = String::new();
        if !indicator.ports.is_empty() {
            let _ = write!(about, " on {}", indicator.ports.join(", "));
        }
        match indicator.confidence {
            Some(confidence) => {
                let _ = write!(about, ", confidence {confidence}");
            }
            None => about.push_str(", which holds no more"),
        }
        if let Some(tlp) = &indicator.tlp {
            let _ = write!(about, ", TLP {tlp}");
        }
        if let Some(over) = indicator.over {
            let _ = write!(about, ", taken back from {} on", second(over));
        }
        writeln!(out, "{}{about}", indicator.prefix)?;
        for said in &indicator.sources {
            let reference = plain(&said.reference);
            let mut line = format!(
                "  {}  {reference}  confidence {}",
                said.feed, said.confidence
            );
            for (what, time) in [
                ("first seen", said.first_seen),
                ("last seen", said.last_seen),
                ("from", said.valid_from),
                ("until", said.valid_until),
            ] {
                if let Some(time) = time {
                    let _ = write!(line, ", {what} {}", second(time));
                }
            }
            if let Some(tlp) = &said.tlp {
                let _ = write!(line, ", TLP {tlp}");
            }
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}
