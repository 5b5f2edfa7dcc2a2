//! Indicators with their provenance.

use std::{ops::Range, sync::Arc};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Limits, PortRule, Prefixes, Validity};

/// Number of an indicator in its [`Watchlist`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IndicatorId(pub u32);

/// A prefix to watch for and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indicator {
    /// The prefix; bits beyond its length are zero.
    pub prefix: IpNet,
    /// Number of the feed in [`Watchlist::feeds`].
    pub feed: u32,
    /// Line in the feed, counted from 1.
    pub line: u32,
}

/// All indicators, of all feeds, numbered in the order of feeds and lines.
///
/// The prefixes of a feed are shared by all that hold them: a clone costs as much as there are
/// feeds, whatever stands in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watchlist {
    feeds: Vec<Feed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Feed {
    name: String,
    /// Number of its first indicator.
    first: u32,
    prefixes: Arc<Prefixes>,
}

impl Watchlist {
    /// Adds a feed with its prefixes and their lines, and says which numbers they have.
    pub fn add_feed(
        &mut self,
        name: String,
        prefixes: impl IntoIterator<Item = (IpNet, u32)>,
    ) -> Range<u32> {
        self.share_feed(name, Arc::new(prefixes.into_iter().collect()))
    }

    /// Adds a feed whose prefixes others hold too.
    pub fn share_feed(&mut self, name: String, prefixes: Arc<Prefixes>) -> Range<u32> {
        let first = self.end();
        self.feeds.push(Feed {
            name,
            first,
            prefixes,
        });
        first..self.end()
    }

    /// How many indicators there are.
    pub fn len(&self) -> usize {
        self.end() as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The indicator with this number.
    pub fn indicator(&self, IndicatorId(number): IndicatorId) -> Option<Indicator> {
        let after = self.feeds.partition_point(|feed| feed.first <= number);
        let at = after.checked_sub(1)?;
        let feed = self.feeds.get(at)?;
        let (prefix, line) = feed.prefixes.get((number - feed.first) as usize)?;
        Some(Indicator {
            prefix,
            feed: u32::try_from(at).unwrap_or(u32::MAX),
            line,
        })
    }

    /// What narrows the indicator with this number.
    pub fn limits(&self, indicator: IndicatorId) -> Limits {
        let place = self.place(indicator);
        place.map_or_else(Limits::default, |(prefixes, at)| prefixes.limits(at))
    }

    /// The ports on which the indicator with this number counts; none is all of them.
    pub fn ports(&self, indicator: IndicatorId) -> impl Iterator<Item = PortRule> + '_ {
        let place = self.place(indicator).into_iter();
        place.flat_map(|(prefixes, at)| prefixes.ports(at))
    }

    /// Whether an indicator counts on some ports only.
    pub fn has_ports(&self) -> bool {
        self.feeds.iter().any(|feed| feed.prefixes.has_ports())
    }

    fn place(&self, IndicatorId(number): IndicatorId) -> Option<(&Prefixes, usize)> {
        let after = self.feeds.partition_point(|feed| feed.first <= number);
        let feed = self.feeds.get(after.checked_sub(1)?)?;
        Some((&feed.prefixes, (number - feed.first) as usize))
    }

    /// The indicators that count at a time only, each with its time, ascending.
    pub fn validities(&self) -> impl Iterator<Item = (IndicatorId, Validity)> {
        self.feeds.iter().flat_map(|feed| {
            let rows = feed.prefixes.validities().iter();
            rows.map(|(at, validity)| (IndicatorId(feed.first.saturating_add(*at)), *validity))
        })
    }

    /// All indicators with their numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (IndicatorId, Indicator)> {
        (0..).zip(&self.feeds).flat_map(|(number, feed)| {
            let indicator = move |(prefix, line)| Indicator {
                prefix,
                feed: number,
                line,
            };
            let ids = (feed.first..).map(IndicatorId);
            ids.zip(feed.prefixes.iter().map(indicator))
        })
    }

    /// The names of the feeds.
    pub fn feeds(&self) -> impl ExactSizeIterator<Item = &str> {
        self.feeds.iter().map(|feed| feed.name.as_str())
    }

    /// The name of the feed an indicator stands in.
    pub fn feed_of(&self, indicator: &Indicator) -> &str {
        self.feeds
            .get(indicator.feed as usize)
            .map_or("", |feed| feed.name.as_str())
    }

    /// The feeds: the number of the first indicator, and the prefixes.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u32, &Prefixes)> {
        (self.feeds.iter()).map(|feed| (feed.first, &*feed.prefixes))
    }

    /// The number after the last. More than there are numbers for would be 36 GiB of them.
    fn end(&self) -> u32 {
        self.feeds.last().map_or(0, |last| {
            let count = u32::try_from(last.prefixes.len()).unwrap_or(u32::MAX);
            last.first.saturating_add(count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_through_all_feeds_in_their_order() {
        let net = |text: &str| -> IpNet { text.parse().unwrap() };
        let mut watchlist = Watchlist::default();
        let a = [(net("2001:db8::/32"), 4), (net("192.0.2.1/32"), 9)];
        assert_eq!(watchlist.add_feed("a".into(), a), 0..2);
        assert_eq!(watchlist.add_feed("none".into(), []), 2..2);
        assert_eq!(watchlist.add_feed("b".into(), [(net("::/0"), 1)]), 2..3);
        let all: Vec<_> = (watchlist.iter())
            .map(|(IndicatorId(id), i)| (id, i.prefix.to_string(), watchlist.feed_of(&i), i.line))
            .collect();
        let expected = [
            (0, "2001:db8::/32".into(), "a", 4),
            (1, "192.0.2.1/32".into(), "a", 9),
            (2, "::/0".into(), "b", 1),
        ];
        assert_eq!(all, expected);
        assert!((watchlist.iter()).all(|(id, i)| watchlist.indicator(id) == Some(i)));
        assert_eq!(watchlist.indicator(IndicatorId(3)), None);
        assert_eq!(watchlist.feeds().collect::<Vec<_>>(), ["a", "none", "b"]);
    }
}
