//! What feeds took back: prefixes that are over, each from a moment on.
//!
//! A feed gives no authority and may take away: an approved indicator that no feed names any more
//! is no longer watched for. It is an end of the indicator's own, so that it holds to the
//! nanosecond, in a replay too, and nothing is wider for it than what was approved.
//!
//! The file has a line for each prefix: the prefix, a tab, and the moment. Which feeds there were
//! does not stand in it.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use ipnet::IpNet;
use thiserror::Error;

use super::plain::{self, Shortest};
use crate::{
    documents::Time,
    watchlist::{Prefixes, Validity},
};

/// Prefixes that are over, or will be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Over(BTreeMap<IpNet, Time>);

/// A line that is none of such a file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: '{shown}' is no prefix, tab and moment")]
pub struct NotOver {
    /// Counted from 1.
    pub line: u64,
    /// The line, or its begin.
    pub shown: String,
}

impl Over {
    /// Reads the file.
    pub fn read(text: &str) -> Result<Self, NotOver> {
        let mut over = BTreeMap::new();
        for (line, text) in (1..).zip(text.lines()) {
            let read = || {
                let (prefix, since) = text.split_once('\t')?;
                let prefix = plain::prefix(prefix, Shortest::ANY).ok()?;
                Some((prefix, since.parse().ok()?))
            };
            let (prefix, since) = read().ok_or_else(|| NotOver {
                line,
                shown: super::address::clip(text),
            })?;
            over.insert(prefix, since);
        }
        Ok(Self(over))
    }

    /// Writes the file.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.iter()
            .try_for_each(|(prefix, since)| writeln!(out, "{prefix}\t{since}"))
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (IpNet, Time)> {
        self.0.iter().map(|(prefix, since)| (*prefix, *since))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// From when on a prefix is over.
    pub fn since(&self, prefix: IpNet) -> Option<Time> {
        self.0.get(&prefix).copied()
    }

    /// Brings it up to what feeds say now. `named` has every prefix that a feed names and whether
    /// that ends by itself; `before` what feeds named until now. A prefix that lies in one that is
    /// named is named.
    pub fn update(
        &mut self,
        named: &BTreeMap<IpNet, Option<Time>>,
        before: impl IntoIterator<Item = IpNet>,
        now: Time,
    ) {
        let end = |prefix: IpNet| -> Option<Option<Time>> {
            let around = std::iter::successors(Some(prefix), IpNet::supernet);
            let ends = around.filter_map(|around| named.get(&around));
            // Without an end is later than any.
            ends.copied().max_by_key(|end| end.unwrap_or(Time::MAX))
        };
        let mut gone: Vec<IpNet> = before.into_iter().collect();
        gone.extend(self.0.keys());
        gone.extend(named.keys());
        for prefix in gone {
            match end(prefix) {
                None => {
                    let since = self.0.entry(prefix).or_insert(now);
                    // It was to end later, and is taken back before.
                    *since = (*since).min(now);
                }
                Some(None) => {
                    self.0.remove(&prefix);
                }
                Some(Some(until)) => {
                    self.0.insert(prefix, until);
                }
            }
        }
    }

    /// Prefixes with these ends; `None` where none of them is over, ever.
    pub fn limit(&self, prefixes: &Prefixes) -> Option<Prefixes> {
        if self.is_empty() || !(prefixes.iter()).any(|(prefix, _)| self.since(prefix).is_some()) {
            return None;
        }
        let mut limited = Prefixes::default();
        for (at, (prefix, line)) in prefixes.iter().enumerate() {
            let mut limits = prefixes.limits(at);
            if let Some(since) = self.since(prefix) {
                let Validity { begin, end } = limits.validity.unwrap_or(Validity {
                    begin: Time::MIN.0,
                    end: Time::MAX.0,
                });
                // One that had not begun counts for no time at all.
                let end = end.min(since.0).max(begin);
                limits.validity = Some(Validity { begin, end });
            }
            limited.push_limited(prefix, line, &limits);
        }
        Some(limited)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::watchlist::{Limits, PortRule};

    fn prefix(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn named(all: &[(&str, Option<u64>)]) -> BTreeMap<IpNet, Option<Time>> {
        let named = all.iter();
        named
            .map(|(text, end)| (prefix(text), end.map(Time)))
            .collect()
    }

    fn told(over: &Over) -> Vec<(String, u64)> {
        over.iter()
            .map(|(prefix, since)| (prefix.to_string(), since.0))
            .collect()
    }

    #[test]
    fn what_no_feed_names_any_more_is_over_until_one_does() {
        let mut over = Over::default();
        let both = named(&[("1.1.1.1/32", None), ("2.2.2.0/24", None)]);
        over.update(&both, [], Time(5));
        assert!(over.is_empty());
        let one = named(&[("2.2.2.0/24", None)]);
        over.update(&one, both.keys().copied(), Time(6));
        over.update(&one, one.keys().copied(), Time(7));
        assert_eq!(told(&over), [("1.1.1.1/32".into(), 6)]);
        // Within what is named: it is named.
        over.update(&one, [prefix("2.2.2.2/32")], Time(8));
        assert_eq!(over.len(), 1);
        over.update(&both, one.keys().copied(), Time(9));
        assert!(over.is_empty());
    }

    #[test]
    fn an_end_stands_before_it_comes_and_moves_with_what_is_said() {
        let mut over = Over::default();
        over.update(&named(&[("1.1.1.1/32", Some(50))]), [], Time(5));
        assert_eq!(told(&over), [("1.1.1.1/32".into(), 50)]);
        over.update(&named(&[("1.1.1.1/32", Some(60))]), [], Time(6));
        assert_eq!(told(&over), [("1.1.1.1/32".into(), 60)]);
        over.update(&named(&[]), [prefix("1.1.1.1/32")], Time(7));
        assert_eq!(told(&over), [("1.1.1.1/32".into(), 7)]);
        over.update(&named(&[]), [], Time(8));
        assert_eq!(told(&over), [("1.1.1.1/32".into(), 7)]);
    }

    #[test]
    fn it_narrows_and_never_widens() {
        let mut over = Over::default();
        let all = ["1.1.1.1/32", "2.2.2.2/32", "3.3.3.3/32"];
        over.update(&named(&[]), all.map(prefix), Time(10));
        let mut prefixes = Prefixes::default();
        assert_eq!(over.limit(&prefixes), None);
        prefixes.push(prefix("4.4.4.4/32"), 1);
        assert_eq!(over.limit(&prefixes), None);
        prefixes.push(prefix("1.1.1.1/32"), 2);
        let limits = |begin, end| Limits {
            validity: Some(Validity { begin, end }),
            ports: vec![PortRule {
                protocol: 6,
                port: 1,
            }],
        };
        prefixes.push_limited(prefix("2.2.2.2/32"), 3, &limits(5, 8));
        prefixes.push_limited(prefix("3.3.3.3/32"), 4, &limits(20, 30));
        let limited = over.limit(&prefixes).unwrap();
        assert_eq!(limited.beyond(&prefixes), None);
        assert_eq!(limited.validity(0), None);
        let ends = [1, 2, 3].map(|at| limited.validity(at).unwrap());
        assert_eq!(
            ends.map(|end| (end.begin, end.end)),
            [(0, 10), (5, 8), (20, 20)]
        );
        assert_eq!(limited.limits(3).ports, limits(0, 0).ports);
        assert_eq!(limited.get(3), Some((prefix("3.3.3.3/32"), 4)));
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let text = "1.1.1.1/32\t2026-01-01T00:00:00Z\n1.1.1.2/32 2026-01-01T00:00:00Z\n";
        let error = Over::read(text).unwrap_err();
        assert_eq!(error.line, 2);
        assert!(Over::read("").unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(all in prop::collection::btree_map(any::<u32>(), any::<u32>(), 0..20)) {
            let all = all.into_iter().map(|(address, since)| {
                let address: std::net::Ipv4Addr = address.into();
                (IpNet::from(std::net::IpAddr::from(address)), Time(u64::from(since) << 20))
            });
            let over = Over(all.collect());
            let mut text = Vec::new();
            over.write(&mut text).unwrap();
            prop_assert_eq!(Over::read(&String::from_utf8(text).unwrap()).unwrap(), over);
        }
    }
}
