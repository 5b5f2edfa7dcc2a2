//! Indicators with their provenance.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Number of an indicator in its [`Watchlist`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IndicatorId(pub u32);

/// A prefix to watch for and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indicator {
    /// The prefix; bits beyond its length are zero.
    pub prefix: IpNet,
    /// Number of the feed in [`Watchlist::feeds`].
    pub feed: u32,
    /// Line in the feed, counted from 1.
    pub line: u32,
}

/// All indicators, of all feeds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watchlist {
    /// Names of the feeds.
    pub feeds: Vec<String>,
    /// The indicators, in the order of feeds and lines.
    pub indicators: Vec<Indicator>,
}

impl Watchlist {
    /// Adds a feed with its prefixes and their lines.
    pub fn add_feed(&mut self, name: String, prefixes: impl IntoIterator<Item = (IpNet, u32)>) {
        let feed = u32::try_from(self.feeds.len()).unwrap_or(u32::MAX);
        self.feeds.push(name);
        self.indicators
            .extend(
                prefixes
                    .into_iter()
                    .map(|(prefix, line)| Indicator { prefix, feed, line }),
            );
    }

    /// The indicator with this number.
    pub fn indicator(&self, IndicatorId(number): IndicatorId) -> Option<&Indicator> {
        self.indicators.get(number as usize)
    }

    /// The name of the feed an indicator stands in.
    pub fn feed_of(&self, indicator: &Indicator) -> &str {
        self.feeds
            .get(indicator.feed as usize)
            .map_or("", String::as_str)
    }
}
