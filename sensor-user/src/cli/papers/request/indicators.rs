//! Indicators of a draft: named one by one, from a file of them with evidence, or a feed.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::Args;
use ipnet::IpNet;
use serde::Deserialize;

use crate::{
    capped,
    cli::{
        inputs::InputError,
        papers::{files, values},
        printer,
        summary::count,
    },
    documents::{
        field::Prefix,
        indicators::bind,
        paper::{Asked, Feed, Format, LARGEST, Mapping},
    },
    feeds::{self, FeedError, plain::Shortest},
};

/// Arguments that name indicators.
#[derive(Debug, Args)]
pub(in crate::cli::papers) struct IndicatorArgs {
    /// Address or prefix to watch for, for relay with its evidence as
    /// PREFIX@ATTACK@WHEN@SOURCE; give it again for each further one
    #[arg(long = "indicator", value_name = "PREFIX", value_parser = values::indicator)]
    indicators: Vec<Asked>,

    /// File of indicators: a table `[[indicator]]` each, as in the request itself
    #[arg(
        long = "indicators",
        value_name = "FILE",
        help = "File of indicators: a table [[indicator]] each, as in the request itself",
        conflicts_with = "indicators"
    )]
    listed: Option<PathBuf>,

    /// Feed with the indicators, bound by its SHA-256; it has to lie beside the request
    #[arg(long, value_name = "FILE", conflicts_with_all = ["indicators", "listed"])]
    pub(in crate::cli::papers) feed: Option<PathBuf>,

    /// Take only lines of the feed whose count, the number after the prefix, is this at least
    #[arg(long, value_name = "N", requires = "feed")]
    least_count: Option<u32>,
}

/// Indicators inline, or bound.
#[derive(Debug)]
pub(in crate::cli::papers) enum Indicators {
    Inline(Vec<Asked>),
    Bound(Feed),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    indicator: Vec<Asked>,
}

impl IndicatorArgs {
    /// What is named, if anything is.
    pub(in crate::cli::papers) fn read(&self) -> anyhow::Result<Option<Indicators>> {
        if !self.indicators.is_empty() {
            return Ok(Some(Indicators::Inline(self.indicators.clone())));
        }
        if let Some(path) = &self.listed {
            return Ok(Some(Indicators::Inline(listed(path)?)));
        }
        let Some(path) = &self.feed else {
            return Ok(None);
        };
        Ok(Some(Indicators::Bound(self.bind(path)?)))
    }

    /// What a feed has that others lack, inline.
    pub(in crate::cli::papers) fn new_since(
        &self,
        path: &Path,
        had: &BTreeSet<IpNet>,
    ) -> anyhow::Result<Vec<Asked>> {
        let decoded = load(path, self.mapping())?;
        let new = decoded.into_iter().filter(|prefix| !had.contains(prefix));
        let asked = new.map(|prefix| Asked::of(Prefix(prefix)));
        Ok(asked.collect())
    }

    fn mapping(&self) -> Mapping {
        Mapping {
            least_count: self.least_count.unwrap_or(0).into(),
        }
    }

    fn bind(&self, path: &Path) -> anyhow::Result<Feed> {
        load(path, self.mapping())?;
        let bytes = files::bytes(path)?;
        let file = files::name(path)?;
        let named = values::value(&file)
            .map_err(|error| InputError::Usage(format!("--feed: the name of {file}: {error}")))?;
        let feed = bind(named, &bytes, Format::Plain, self.mapping());
        if feed.count == 0 {
            let least = self.mapping().least_count;
            let text = format!("--least-count: no line of {file} has a count of {least} or more");
            return Err(InputError::Usage(text).into());
        }
        Ok(feed)
    }
}

/// Tells what was bound.
pub(in crate::cli::papers) fn tell(feed: Option<&Feed>) {
    if let Some(feed) = feed {
        let (file, digest) = (&*feed.file, feed.sha256.short());
        let indicators = count(feed.count, "indicator");
        printer::note(&format!("feed {file}: {indicators}, SHA-256 {digest}…"));
    }
}

/// The prefixes of a feed that can be read; bad lines are told.
fn load(path: &Path, mapping: Mapping) -> Result<Vec<IpNet>, FeedError> {
    let decoded = feeds::load(path, Shortest::ANY)?;
    for bad in decoded.bad.iter().take(5) {
        let name = path.display();
        printer::warn(&format!("feed {name}: {bad}; the line is left out"));
    }
    if decoded.bad.len() > 5 {
        let more = count(decoded.bad.len() as u64 - 5, "bad line");
        printer::warn(&format!("feed {}: {more} more", path.display()));
    }
    let name = || path.display().to_string();
    let bytes = capped::read(path, feeds::LARGEST).map_err(|source| FeedError::Unreadable {
        name: name(),
        source,
    })?;
    let prefixes = crate::documents::indicators::decode(&bytes, Format::Plain, mapping);
    Ok(prefixes.iter().map(|(prefix, _)| prefix).collect())
}

fn listed(path: &Path) -> anyhow::Result<Vec<Asked>> {
    let shown = path.display();
    let text = capped::read_to_string(path, LARGEST).map_err(|source| InputError::Paper {
        path: path.into(),
        source,
    })?;
    let read: Result<Listed, toml::de::Error> = toml::from_str(&text);
    let listed = read.map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.get(..at).unwrap_or_default().split('\n').count();
        let message = error.message().replace('\n', ", ");
        InputError::Papers(format!("{shown} line {line}: {message}"))
    })?;
    Ok(listed.indicator)
}
