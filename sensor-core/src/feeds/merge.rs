//! One indicator, many sources.
//!
//! An indicator is a prefix with the ports it counts on. Each source that names it is kept with
//! what it says of it, under the reference it gave; a later version of the same reference takes
//! the place of the earlier one. How sure anybody still is decays with time by a policy, and an
//! indicator of which nobody is sure enough, or whose last source has ended, is over. Time is an
//! argument, so that a merge of today can be made again tomorrow.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use ipnet::IpNet;

use super::item::{About, Tlp};
use crate::{documents::Time, watchlist::PortRule};

/// What is watched for: the same for two sources, or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The prefix.
    pub prefix: IpNet,
    /// Its ports, ascending; none is any.
    pub ports: Box<[PortRule]>,
}

/// Who says so: a feed, and what that calls it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The feed.
    pub feed: Arc<str>,
    /// Its reference, or its line.
    pub reference: Box<str>,
}

/// Indicators of many feeds, with all their sources. One indicator with one source takes about
/// 250 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged(BTreeMap<(Key, Source), About>);

/// How confidence decays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decay {
    /// Nanoseconds after which half of a confidence is left; 0 is never.
    pub half_life: u64,
    /// Confidence of a source that says none.
    pub unsaid: u8,
    /// Confidence below which an indicator is over.
    pub least: u8,
}

/// What is known of an indicator at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// How sure the surest source still is, from 0 to 100.
    pub confidence: u8,
    /// When anybody first saw it.
    pub first_seen: Option<Time>,
    /// When anybody last saw it.
    pub last_seen: Option<Time>,
    /// When the last source ends; `None` where one does not.
    pub until: Option<Time>,
    /// The strictest of what its sources say.
    pub tlp: Option<Tlp>,
    /// Sources that hold now.
    pub sources: usize,
}

impl Key {
    /// Ports in order, each once: two sources may name them in any.
    pub fn new(prefix: IpNet, ports: &[PortRule]) -> Self {
        let mut ports = ports.to_vec();
        ports.sort_unstable();
        ports.dedup();
        let ports = ports.into();
        Self { prefix, ports }
    }
}

impl Source {
    /// Before every other.
    fn first() -> Self {
        Self {
            feed: "".into(),
            reference: "".into(),
        }
    }
}

impl Merged {
    /// Takes what a source says. Of two versions of one reference the later one holds, whichever
    /// comes first; where neither has a time, the one that is taken last.
    pub fn add(&mut self, key: Key, source: Source, about: About) {
        let of_it = self.0.entry((key, source)).or_insert(about);
        if about.modified >= of_it.modified {
            *of_it = about;
        }
    }

    /// Forgets what a feed says under a reference: it took that back.
    pub fn revoke(&mut self, source: &Source) {
        self.0.retain(|(_, other), _| other != source);
    }

    /// Forgets all that a feed says, as before it is read anew.
    pub fn forget(&mut self, feed: &str) {
        self.0.retain(|(_, source), _| &*source.feed != feed);
    }

    /// How many indicators there are.
    pub fn len(&self) -> usize {
        self.groups().count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that was said, by indicator, then by source.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Source, &About)> {
        (self.0.iter()).map(|((key, source), about)| (key, source, about))
    }

    /// Everything that was said, to be changed.
    pub fn into_rows(self) -> impl Iterator<Item = (Key, Source, About)> {
        (self.0.into_iter()).map(|((key, source), about)| (key, source, about))
    }

    /// The sources of an indicator, each with what it says.
    pub fn sources<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = (&'a Source, &'a About)> {
        let begin = Bound::Included((key.clone(), Source::first()));
        (self.0.range((begin, Bound::Unbounded)))
            .take_while(move |((other, _), _)| other == key)
            .map(|((_, source), about)| (source, about))
    }

    /// The indicators that hold at a moment, in order. Each feed decays in its own way.
    pub fn at(
        &self,
        now: Time,
        decay: impl Fn(&str) -> Decay,
    ) -> impl Iterator<Item = (&Key, Known)> {
        self.groups()
            .filter_map(move |key| Some((key, known(self.sources(key), now, &decay)?)))
    }

    /// What is known of one indicator at a moment; `None` where no source holds.
    pub fn known(&self, key: &Key, now: Time, decay: impl Fn(&str) -> Decay) -> Option<Known> {
        known(self.sources(key), now, &decay)
    }

    /// All indicators, in order, whether or not they hold.
    pub fn groups(&self) -> impl Iterator<Item = &Key> {
        let mut last = None;
        (self.0.keys()).filter_map(move |(key, _)| (last.replace(key) != Some(key)).then_some(key))
    }
}

impl Decay {
    /// None: a source is as sure as it said until it ends.
    pub const NEVER: Self = Self {
        half_life: 0,
        unsaid: 50,
        least: 0,
    };

    /// What is left of a confidence after a time. Between two halvings it falls in a straight
    /// line, so that it is the same on every machine.
    pub fn left(self, confidence: u8, age: u64) -> u8 {
        if self.half_life == 0 {
            return confidence;
        }
        let halvings = age / self.half_life;
        let within = u128::from(age % self.half_life);
        let Some(begin) = u32::try_from(halvings)
            .ok()
            .and_then(|n| confidence.checked_shr(n))
        else {
            return 0;
        };
        let (begin, half_life) = (u128::from(begin), u128::from(self.half_life));
        let left = begin - begin * within / (2 * half_life);
        u8::try_from(left).unwrap_or(confidence)
    }

    /// How sure a source still is.
    pub fn of(self, about: &About, now: Time) -> u8 {
        let seen = about
            .last_seen
            .or(about.modified)
            .or(about.from)
            .or(about.first_seen);
        let age = seen.map_or(0, |seen| now.0.saturating_sub(seen.0));
        self.left(about.confidence.unwrap_or(self.unsaid), age)
    }
}

/// What sources that hold say together; `None` where none does.
fn known<'a>(
    sources: impl Iterator<Item = (&'a Source, &'a About)>,
    now: Time,
    decay: &impl Fn(&str) -> Decay,
) -> Option<Known> {
    let mut held = sources
        .filter_map(|(source, about)| {
            let is_now = about.from.is_none_or(|from| from <= now)
                && about.until.is_none_or(|until| now < until);
            let decay = decay(&source.feed);
            let confidence = decay.of(about, now);
            (is_now && confidence >= decay.least).then_some((about, confidence))
        })
        .peekable();
    held.peek()?;
    let mut known = Known {
        confidence: 0,
        first_seen: None,
        last_seen: None,
        until: Some(Time::MIN),
        tlp: None,
        sources: 0,
    };
    for (about, confidence) in held {
        known.confidence = known.confidence.max(confidence);
        known.first_seen = match (known.first_seen, about.first_seen) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        known.last_seen = known.last_seen.max(about.last_seen);
        known.until = match (known.until, about.until) {
            (Some(one), Some(two)) => Some(one.max(two)),
            _ => None,
        };
        known.tlp = known.tlp.max(about.tlp);
        known.sources += 1;
    }
    Some(known)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: u64 = 86_400_000_000_000;

    fn key(prefix: &str) -> Key {
        Key::new(prefix.parse().unwrap(), &[])
    }

    fn source(feed: &str, reference: &str) -> Source {
        Source {
            feed: feed.into(),
            reference: reference.into(),
        }
    }

    #[test]
    fn sources_are_kept_together_and_each_by_itself() {
        let mut merged = Merged::default();
        let a = About {
            confidence: Some(80),
            first_seen: Some(Time(5)),
            last_seen: Some(Time(10)),
            until: Some(Time(100)),
            tlp: Some(Tlp::Green),
            ..About::default()
        };
        let b = About {
            confidence: Some(30),
            first_seen: Some(Time(2)),
            until: Some(Time(200)),
            tlp: Some(Tlp::Amber),
            ..About::default()
        };
        merged.add(key("1.1.1.1/32"), source("a", "x"), a);
        merged.add(key("1.1.1.1/32"), source("b", "7"), b);
        merged.add(key("1.1.1.1/32"), source("b", "7"), b);
        let at = |now| {
            merged
                .at(Time(now), |_| Decay::NEVER)
                .map(|(_, known)| known)
                .next()
        };
        let both = at(50).unwrap();
        assert_eq!(
            (both.confidence, both.sources, both.tlp),
            (80, 2, Some(Tlp::Amber))
        );
        assert_eq!(
            (both.first_seen, both.last_seen),
            (Some(Time(2)), Some(Time(10)))
        );
        assert_eq!(both.until, Some(Time(200)));
        let later = at(100).unwrap();
        assert_eq!((later.confidence, later.sources), (30, 1));
        assert_eq!(at(200), None);
        assert_eq!(merged.sources(&key("1.1.1.1/32")).count(), 2);
        merged.forget("a");
        merged.revoke(&source("b", "7"));
        assert!(merged.is_empty());
    }

    #[test]
    fn the_later_version_holds_whichever_comes_first() {
        let version = |modified, confidence| About {
            modified: Some(Time(modified)),
            confidence: Some(confidence),
            ..About::default()
        };
        for order in [[1, 2], [2, 1]] {
            let mut merged = Merged::default();
            for modified in order {
                let about = version(modified, u8::try_from(modified).unwrap());
                merged.add(key("1.1.1.1/32"), source("a", "x"), about);
            }
            let known = merged.at(Time(9), |_| Decay::NEVER).next().unwrap().1;
            assert_eq!(known.confidence, 2);
        }
    }

    #[test]
    fn ports_make_another_indicator_in_whichever_order() {
        let rule = |port| PortRule { protocol: 6, port };
        let prefix: IpNet = "1.1.1.1/32".parse().unwrap();
        let one = Key::new(prefix, &[rule(2), rule(1), rule(2)]);
        assert_eq!(one, Key::new(prefix, &[rule(1), rule(2)]));
        assert_ne!(one, Key::new(prefix, &[]));
    }

    #[test]
    fn confidence_halves_and_what_nobody_is_sure_of_is_over() {
        let decay = Decay {
            half_life: 10 * DAY,
            unsaid: 50,
            least: 20,
        };
        assert_eq!(
            [0, 5, 10, 15, 20].map(|days| decay.left(80, days * DAY)),
            [80, 60, 40, 30, 20]
        );
        assert_eq!(decay.left(80, u64::MAX), 0);
        let mut merged = Merged::default();
        let seen = About {
            last_seen: Some(Time(0)),
            ..About::default()
        };
        merged.add(key("1.1.1.1/32"), source("a", "x"), seen);
        let holds = |days| merged.at(Time(days * DAY), |_| decay).count();
        assert_eq!([0, 10, 15].map(holds), [1, 1, 0]);
    }

    proptest! {
        #[test]
        fn confidence_never_grows_with_age(
            confidence in 0..=100u8, half_life in 1..1000u64, age in 0..5000u64,
        ) {
            let decay = Decay { half_life, ..Decay::NEVER };
            let left = decay.left(confidence, age);
            prop_assert!(left <= confidence);
            prop_assert!(decay.left(confidence, age + 1) <= left);
        }
    }
}
