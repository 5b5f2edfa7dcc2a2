//! What of a feed would be watched, and what not and why, counted.
//!
//! Everything that a decoder finds is counted once. Prefixes are kept in columns, as those of a
//! watchlist are; reasons are counted, and only the first entries of them kept to be shown.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
};

use ipnet::IpNet;

use super::{
    guard::Guard,
    item::{About, At, Item, Sink, Watch},
    reason::Refusal,
};
use crate::{
    documents::Time,
    watchlist::{Limits, Prefixes, Validity},
};

/// By what a feed is judged beside its guards.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// What ended before is expired.
    pub now: Option<Time>,
    /// Leaves out what its source is less sure of; what says nothing is kept.
    pub least_confidence: u8,
}

/// Something that is not watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its line, counted from 1; 0 where it has none.
    pub line: u64,
    /// What the feed calls it.
    pub id: String,
    /// The reason it is counted by.
    pub reason: &'static str,
    /// Why.
    pub why: String,
}

/// Counts what a decoder finds.
#[derive(Debug)]
pub struct Tally<'g> {
    guard: &'g Guard,
    wanted: Wanted,
    /// How many are kept to be shown.
    most_told: usize,
    /// With the number of what they come of, where that has a name, else with their line.
    prefixes: Prefixes,
    exclusions: Vec<IpNet>,
    versions: Versions,
    counts: Counts,
}

/// The versions of what a feed calls by a name: of several the last one holds, of what was taken
/// back none.
#[derive(Debug, Default)]
struct Versions {
    /// By a hash of the name, which takes a sixth of it.
    known: HashMap<u64, Version>,
    hasher: RandomState,
    /// Numbers of those that hold no more.
    over: HashSet<u32>,
    /// How many numbers were given, from the highest on: lines are counted from the lowest.
    given: u32,
}

#[derive(Clone, Copy, Debug)]
struct Version {
    modified: Option<Time>,
    number: u32,
    is_revoked: bool,
}

impl Versions {
    /// The number of a version, unless a later one is known.
    fn number(&mut self, id: &str, modified: Option<Time>) -> Option<u32> {
        let key = self.hasher.hash_one(id);
        match self.known.get_mut(&key) {
            Some(known) if known.is_revoked || modified < known.modified => return None,
            Some(known) if modified == known.modified => return Some(known.number),
            Some(earlier) => {
                self.over.insert(earlier.number);
            }
            None => {}
        }
        let number = u32::MAX - self.given;
        self.given = self.given.saturating_add(1);
        let version = Version {
            modified,
            number,
            is_revoked: false,
        };
        self.known.insert(key, version);
        Some(number)
    }

    fn revoke(&mut self, id: &str) {
        let known = self.known.insert(
            self.hasher.hash_one(id),
            Version {
                modified: None,
                number: 0,
                is_revoked: true,
            },
        );
        if let Some(earlier) = known.filter(|earlier| !earlier.is_revoked) {
            self.over.insert(earlier.number);
        }
    }
}

/// Prefixes that are never to be watched.
#[derive(Debug)]
pub(super) struct Exceptions(BTreeSet<IpNet>);

impl Exceptions {
    /// One that a prefix lies in, or around.
    pub(super) fn touching(&self, prefix: IpNet) -> Option<IpNet> {
        let around = std::iter::successors(Some(prefix), IpNet::supernet);
        let mut around = around.filter(|around| self.0.contains(around));
        // What lies within a prefix comes next after it.
        let within = self.0.range(prefix..).next().copied();
        around
            .next()
            .or(within.filter(|exception| prefix.contains(exception)))
    }
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries that repeat an earlier prefix.
    pub repeated: u64,
    /// Prefixes that are only watched for on some ports.
    pub on_ports: u64,
    /// Refused, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Not expressible, by reason.
    pub not_expressible: BTreeMap<&'static str, u64>,
    /// Entries that say what is never to be watched.
    pub exclusions: u64,
    /// Objects beside the indicators.
    pub beside: u64,
    /// The first of those that are refused.
    pub told_refused: Vec<Told>,
    /// The first of those that are not expressible.
    pub told_not_expressible: Vec<Told>,
}

impl<'g> Tally<'g> {
    /// Begins with nothing.
    pub fn new(guard: &'g Guard, wanted: Wanted, most_told: usize) -> Self {
        Self {
            guard,
            wanted,
            most_told,
            prefixes: Prefixes::default(),
            exclusions: Vec::new(),
            versions: Versions::default(),
            counts: Counts::default(),
        }
    }

    /// The prefixes that would be watched, each once with all its ports and times, and the counts.
    pub fn finish(mut self) -> (Prefixes, Counts) {
        self.leave_out_earlier();
        self.hold_against_exceptions();
        let all = self.prefixes.len();
        let (v4, v6) = self.prefixes.sorted();
        let distinct = v4.len() + v6.len();
        self.counts.repeated = all.saturating_sub(distinct) as u64;
        if !self.prefixes.has_limits() {
            let v4 = v4.into_iter().map(IpNet::from);
            let prefixes = v4.chain(v6.into_iter().map(IpNet::from));
            return (prefixes.map(|prefix| (prefix, 0)).collect(), self.counts);
        }
        (self.joined(), self.counts)
    }

    /// Entries of one prefix, joined: one without ports counts on all of them.
    fn joined(&mut self) -> Prefixes {
        let prefixes = self.prefixes.iter().enumerate();
        let mut order: Vec<(IpNet, usize, u32)> = prefixes
            .map(|(at, (prefix, line))| (prefix, at, line))
            .collect();
        order.sort_unstable();
        let mut joined = Prefixes::default();
        for of_one in order.chunk_by(|a, b| a.0 == b.0) {
            let Some(((prefix, at, line), others)) = of_one.split_first() else {
                continue;
            };
            let mut limits = self.prefixes.limits(*at);
            for (_, other, _) in others {
                join(&mut limits, &self.prefixes.limits(*other));
            }
            self.counts.on_ports += u64::from(!limits.ports.is_empty());
            joined.push_limited(*prefix, *line, &limits);
        }
        joined
    }

    /// What a later version of the same took the place of.
    fn leave_out_earlier(&mut self) {
        if self.versions.over.is_empty() {
            return;
        }
        let mut kept = Prefixes::default();
        let prefixes = std::mem::take(&mut self.prefixes);
        for (at, (prefix, number)) in prefixes.iter().enumerate() {
            if self.versions.over.contains(&number) {
                self.refuse(At::default(), &Refusal::Superseded);
            } else {
                kept.push_limited(prefix, number, &prefixes.limits(at));
            }
        }
        self.prefixes = kept;
    }

    /// A prefix that lies in an exception of the feed itself, or around one, is left out.
    fn hold_against_exceptions(&mut self) {
        if self.exclusions.is_empty() || self.prefixes.is_empty() {
            return;
        }
        let exceptions = self.exceptions();
        let mut kept = Prefixes::default();
        let prefixes = std::mem::take(&mut self.prefixes);
        for (at, (prefix, line)) in prefixes.iter().enumerate() {
            match exceptions.touching(prefix) {
                None => kept.push_limited(prefix, line, &prefixes.limits(at)),
                Some(exception) => {
                    let by = format!("the feed's own exception {exception}");
                    self.refuse(At::line(line.into()), &Refusal::Excluded { prefix, by });
                }
            }
        }
        self.prefixes = kept;
    }

    /// What the feed itself says is never to be watched.
    pub(super) fn exceptions(&self) -> Exceptions {
        Exceptions(self.exclusions.iter().copied().collect())
    }

    /// Whether a later version took the place of what this number was given to.
    pub(super) fn is_over(&self, number: u32) -> bool {
        self.versions.over.contains(&number)
    }

    /// Takes a prefix, and gives the number of what it comes of; `None` where it is refused.
    pub(super) fn watch(&mut self, at: At<'_>, watch: &Watch<'_>) -> Option<u32> {
        let judged = self.judge(at, watch);
        match judged {
            Ok(number) => {
                self.keep(watch, number);
                Some(number)
            }
            Err(refusal) => {
                self.refuse(at, &refusal);
                None
            }
        }
    }

    fn judge(&mut self, at: At<'_>, watch: &Watch<'_>) -> Result<u32, Refusal> {
        let About {
            confidence, until, ..
        } = watch.about;
        let expired = until.filter(|until| self.wanted.now.is_some_and(|now| *until <= now));
        if let Some(until) = expired {
            return Err(Refusal::Expired(until));
        }
        let least = self.wanted.least_confidence;
        if let Some(confidence) = confidence.filter(|confidence| *confidence < least) {
            return Err(Refusal::Confidence { confidence, least });
        }
        if let Some(refusal) = self.guard.judge(watch.prefix) {
            return Err(refusal);
        }
        if at.id.is_empty() {
            return Ok(u32::try_from(at.line).unwrap_or(u32::MAX));
        }
        let number = self.versions.number(at.id, watch.about.modified);
        number.ok_or(Refusal::Superseded)
    }

    fn keep(&mut self, watch: &Watch<'_>, number: u32) {
        let About { from, until, .. } = watch.about;
        let is_timed = from.is_some() || until.is_some();
        if !is_timed && watch.ports.is_empty() {
            return self.prefixes.push(watch.prefix, number);
        }
        let limits = Limits {
            validity: is_timed.then(|| Validity {
                begin: from.unwrap_or(Time::MIN).0,
                end: until.unwrap_or(Time::MAX).0,
            }),
            ports: watch.ports.to_vec(),
        };
        self.prefixes.push_limited(watch.prefix, number, &limits);
    }

    fn refuse(&mut self, at: At<'_>, refusal: &Refusal) {
        *self.counts.refused.entry(refusal.name()).or_default() += 1;
        if self.counts.told_refused.len() < self.most_told {
            self.counts
                .told_refused
                .push(told(at, refusal.name(), refusal.to_string()));
        }
    }
}

impl Sink for Tally<'_> {
    fn take(&mut self, at: At<'_>, item: Item<'_>) {
        match item {
            Item::Watch(watch) => {
                self.watch(at, &watch);
            }
            Item::Exclude(prefix) => {
                self.counts.exclusions += 1;
                self.exclusions.push(prefix);
            }
            Item::Refused(refusal) => {
                if refusal == Refusal::Revoked && !at.id.is_empty() {
                    self.versions.revoke(at.id);
                }
                self.refuse(at, &refusal);
            }
            Item::Inexpressible(why) => {
                *self.counts.not_expressible.entry(why.name()).or_default() += 1;
                if self.counts.told_not_expressible.len() < self.most_told {
                    let text = why.meaning().into();
                    self.counts
                        .told_not_expressible
                        .push(told(at, why.name(), text));
                }
            }
            Item::Beside => self.counts.beside += 1,
            Item::Told(_) => {}
        }
    }
}

fn told(at: At<'_>, reason: &'static str, why: String) -> Told {
    Told {
        line: at.line,
        id: super::address::clip(at.id),
        reason,
        why,
    }
}

/// What either says: the longer time, and the ports of both.
fn join(joined: &mut Limits, other: &Limits) {
    joined.validity = match (joined.validity, other.validity) {
        (Some(one), Some(two)) => Some(Validity {
            begin: one.begin.min(two.begin),
            end: one.end.max(two.end),
        }),
        _ => None,
    };
    if joined.ports.is_empty() || other.ports.is_empty() {
        joined.ports.clear();
    } else {
        joined.ports.extend_from_slice(&other.ports);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::{list, plain::Shortest, reason::Inexpressible};

    #[test]
    fn everything_is_counted_once() {
        let guard = Guard::lab(Shortest::POLICY);
        let mut tally = Tally::new(&guard, Wanted::default(), 2);
        let text =
            "8.8.8.8\n8.8.8.8/32\n8.8.8.8:53\n9.9.9.9:53\n10.0.0.1\n0.0.0.0/0\nx.example\nbad!\n";
        list::decode(text.as_bytes(), 0, &mut tally).unwrap();
        let (prefixes, counts) = tally.finish();
        let all: Vec<String> = prefixes
            .iter()
            .map(|(prefix, _)| prefix.to_string())
            .collect();
        assert_eq!(all, ["8.8.8.8/32", "9.9.9.9/32"]);
        assert_eq!((counts.repeated, counts.on_ports), (2, 1));
        assert!(prefixes.limits(0).ports.is_empty());
        let refused = [("bogon", 1), ("default-route", 1), ("not-an-address", 1)];
        assert_eq!(counts.refused, refused.into());
        assert_eq!(
            counts.not_expressible,
            [(Inexpressible::Domain.name(), 1)].into()
        );
        assert_eq!(counts.told_refused.len(), 2);
        assert_eq!(counts.told_refused[0].line, 5);
    }

    #[test]
    fn of_several_versions_the_last_one_holds_and_of_what_was_taken_back_none() {
        let guard = Guard::lab(Shortest::POLICY);
        let mut tally = Tally::new(&guard, Wanted::default(), 9);
        let mut give = |id, prefix: &str, modified| {
            let about = About {
                modified,
                ..About::default()
            };
            let prefix = prefix.parse().unwrap();
            let watch = Watch {
                prefix,
                ports: &[],
                about,
            };
            tally.take(At { line: 1, id }, Item::Watch(watch));
        };
        give("a", "1.1.1.1/32", Some(Time(1)));
        give("a", "1.1.1.2/32", Some(Time(1)));
        give("a", "2.2.2.2/32", Some(Time(2)));
        give("a", "1.1.1.3/32", Some(Time(1)));
        give("b", "3.3.3.3/32", Some(Time(1)));
        give("c", "4.4.4.4/32", None);
        for id in ["b", "d"] {
            tally.take(At { line: 1, id }, Item::Refused(Refusal::Revoked));
        }
        let mut give = |id, prefix: &str| {
            let prefix = prefix.parse().unwrap();
            let about = About::default();
            let watch = Watch {
                prefix,
                ports: &[],
                about,
            };
            tally.take(At { line: 1, id }, Item::Watch(watch));
        };
        give("d", "5.5.5.5/32");
        give("", "6.6.6.6/32");
        let (prefixes, counts) = tally.finish();
        let all: Vec<String> = prefixes
            .iter()
            .map(|(prefix, _)| prefix.to_string())
            .collect();
        assert_eq!(all, ["2.2.2.2/32", "4.4.4.4/32", "6.6.6.6/32"]);
        assert_eq!(counts.refused, [("revoked", 2), ("superseded", 5)].into());
    }

    #[test]
    fn what_is_over_or_unsure_or_an_exception_is_left_out() {
        let guard = Guard::lab(Shortest::POLICY);
        let wanted = Wanted {
            now: Some(Time(100)),
            least_confidence: 50,
        };
        let mut tally = Tally::new(&guard, wanted, 9);
        let mut give = |prefix: &str, about| {
            let prefix = prefix.parse().unwrap();
            let watch = Watch {
                prefix,
                ports: &[],
                about,
            };
            tally.take(At::line(1), Item::Watch(watch));
        };
        let none = About::default();
        give(
            "1.1.1.1/32",
            About {
                until: Some(Time(100)),
                ..none
            },
        );
        give(
            "1.1.1.2/32",
            About {
                until: Some(Time(101)),
                ..none
            },
        );
        give(
            "1.1.1.3/32",
            About {
                confidence: Some(49),
                ..none
            },
        );
        give(
            "1.1.1.4/32",
            About {
                confidence: Some(50),
                ..none
            },
        );
        give("1.2.0.0/16", none);
        give("1.2.3.4/32", none);
        tally.take(At::line(2), Item::Exclude("1.2.3.0/24".parse().unwrap()));
        let (prefixes, counts) = tally.finish();
        assert_eq!(prefixes.len(), 2);
        let refused = [("excluded", 2), ("expired", 1), ("low-confidence", 1)];
        assert_eq!((counts.refused, counts.exclusions), (refused.into(), 1));
    }
}
