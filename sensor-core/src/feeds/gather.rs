//! What a feed says of each indicator, gathered from all its files.
//!
//! A [`Tally`] judges and counts; what it lets pass is kept here with what the feed says of it.

use std::{collections::HashMap, sync::Arc};

use super::{
    guard::Guard,
    item::{About, At, Item, Sink, Tlp},
    merge::{Key, Merged, Source},
    tally::{Counts, Tally, Wanted},
};
use crate::documents::Time;

/// Gathers what decoders find in the files of one feed.
#[derive(Debug)]
pub struct Gather<'g> {
    tally: Tally<'g>,
    feed: Arc<str>,
    /// The file that is read, where there are several.
    file: Option<String>,
    rows: Vec<Row>,
    /// Rows before this one were told how widely they may be told.
    told: usize,
}

#[derive(Debug)]
struct Row {
    key: Key,
    /// Of the version it comes of; the line where it has no name.
    number: u32,
    reference: Box<str>,
    about: About,
}

impl<'g> Gather<'g> {
    /// Begins with nothing.
    pub fn new(feed: &str, guard: &'g Guard, wanted: Wanted, most_told: usize) -> Self {
        Self {
            tally: Tally::new(guard, wanted, most_told),
            feed: feed.into(),
            file: None,
            rows: Vec::new(),
            told: 0,
        }
    }

    /// What follows stands in this file of several.
    pub fn file(&mut self, name: &str) {
        self.file = Some(name.into());
        self.told = self.rows.len();
    }

    /// Everything that holds, and what was counted.
    pub fn finish(self) -> (Merged, Counts) {
        let mut merged = Merged::default();
        let exceptions = self.tally.exceptions();
        for row in self.rows {
            let is_over = self.tally.is_over(row.number);
            if !is_over && exceptions.touching(row.key.prefix).is_none() {
                let feed = Arc::clone(&self.feed);
                let reference = row.reference;
                merged.add(row.key, Source { feed, reference }, row.about);
            }
        }
        (merged, self.tally.finish().1)
    }

    fn reference(&self, at: At<'_>) -> Box<str> {
        match (at.id, &self.file) {
            ("", None) => format!("line {}", at.line).into(),
            ("", Some(file)) => format!("{file} line {}", at.line).into(),
            (id, _) => id.into(),
        }
    }

    /// What was found since the last such word and does not say so itself.
    fn told(&mut self, tlp: Tlp) {
        for row in self.rows.iter_mut().skip(self.told) {
            row.about.tlp.get_or_insert(tlp);
        }
        self.told = self.rows.len();
    }
}

impl Sink for Gather<'_> {
    fn take(&mut self, at: At<'_>, item: Item<'_>) {
        match item {
            Item::Watch(watch) => {
                let Some(number) = self.tally.watch(at, &watch) else {
                    return;
                };
                self.rows.push(Row {
                    key: Key::new(watch.prefix, watch.ports),
                    number,
                    reference: self.reference(at),
                    about: watch.about,
                });
            }
            Item::Told(tlp) => self.told(tlp),
            other => self.tally.take(at, other),
        }
    }
}

/// When a feed named each indicator for the first time, so far as it was read.
pub type FirstSeen = HashMap<Key, Time>;

impl Merged {
    /// Where sources do not say when they first saw something: when it was first read, which is
    /// now where it was not there before.
    #[must_use]
    pub fn seen(self, before: &FirstSeen, now: Time) -> Self {
        let mut seen = Self::default();
        for (key, source, about) in self.into_rows() {
            let first = before.get(&key).copied().unwrap_or(now);
            let about = About {
                first_seen: about.first_seen.or(Some(first)),
                ..about
            };
            seen.add(key, source, about);
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::{
        decode::{Options, decode},
        format::Format,
        plain::Shortest,
    };

    fn gathered(texts: &[(&str, &str)], format: Option<Format>) -> (Vec<String>, Counts) {
        let guard = Guard::lab(Shortest::POLICY);
        let mut gather = Gather::new("f", &guard, Wanted::default(), 5);
        for (name, text) in texts {
            if texts.len() > 1 {
                gather.file(name);
            }
            let options = Options {
                format,
                ..Options::default()
            };
            decode(text.as_bytes(), 1 << 20, &options, &mut gather).unwrap();
        }
        let (merged, counts) = gather.finish();
        let told = merged.iter().map(|(key, source, about)| {
            let tlp = about.tlp.map_or_else(String::new, |tlp| format!(" {tlp}"));
            format!("{} {}{tlp}", key.prefix, source.reference)
        });
        (told.collect(), counts)
    }

    #[test]
    fn what_has_no_name_is_called_by_its_line_and_its_file_among_several() {
        let (told, counts) = gathered(&[("a", "8.8.8.8\n8.8.8.8\nbad!\n")], None);
        assert_eq!(told, ["8.8.8.8/32 line 1", "8.8.8.8/32 line 2"]);
        assert_eq!((counts.repeated, counts.refused.len()), (1, 1));
        let (told, _) = gathered(&[("a", "8.8.8.8\n"), ("b", "8.8.8.8\n")], None);
        assert_eq!(told, ["8.8.8.8/32 a line 1", "8.8.8.8/32 b line 1"]);
    }

    #[test]
    fn an_exception_and_an_earlier_version_take_away_here_too() {
        let set = "create x hash:net\nadd x 9.9.9.0/24\nadd x 9.9.9.9 nomatch\nadd x 8.8.8.8\n";
        let (told, _) = gathered(&[("a", set)], Some(Format::Ipset));
        assert_eq!(told, ["8.8.8.8/32 line 4"]);
        let indicator = |version: u8, address: &str, is_revoked: bool| {
            format!(
                "{{\"type\": \"indicator\", \"id\": \"indicator--1\", \"pattern_type\": \"stix\", \
                 \"pattern\": \"[ipv4-addr:value = '{address}']\", \"revoked\": {is_revoked}, \
                 \"valid_from\": \"2026-01-01T00:00:00Z\", \
                 \"modified\": \"2026-01-0{version}T00:00:00Z\"}}"
            )
        };
        let bundle = |objects: &[String]| {
            format!(
                "{{\"type\": \"bundle\", \"objects\": [{}]}}",
                objects.join(",")
            )
        };
        let first = bundle(&[indicator(1, "8.8.8.8", false)]);
        let second = bundle(&[indicator(2, "9.9.9.9", false)]);
        let (told, _) = gathered(&[("a", &second), ("b", &first)], None);
        assert_eq!(told, ["9.9.9.9/32 indicator--1"]);
        let third = bundle(&[indicator(3, "9.9.9.9", true)]);
        let (told, _) = gathered(&[("a", &first), ("b", &second), ("c", &third)], None);
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn tags_of_an_event_are_said_of_its_own_attributes() {
        let event = |address: &str, tag: &str| {
            format!(
                "{{\"Event\": {{\"uuid\": \"u\", \"info\": \"i\", \"Attribute\": [{{\"type\": \
                 \"ip-dst\", \"value\": \"{address}\", \"to_ids\": true, \"uuid\": \"{address}\"}}], \
                 \"Tag\": [{tag}]}}}}"
            )
        };
        let (told, _) = gathered(
            &[
                ("a", &event("8.8.8.8", "")),
                ("b", &event("9.9.9.9", "{\"name\": \"tlp:amber\"}")),
            ],
            None,
        );
        assert_eq!(told, ["8.8.8.8/32 8.8.8.8", "9.9.9.9/32 9.9.9.9 amber"]);
    }

    #[test]
    fn what_a_feed_does_not_say_of_the_first_time_is_when_it_was_read() {
        let key = |prefix: &str| Key::new(prefix.parse().unwrap(), &[]);
        let source = Source {
            feed: "f".into(),
            reference: "x".into(),
        };
        let mut merged = Merged::default();
        merged.add(key("1.1.1.1/32"), source.clone(), About::default());
        let said = About {
            first_seen: Some(Time(1)),
            ..About::default()
        };
        merged.add(key("2.2.2.2/32"), source.clone(), said);
        merged.add(key("3.3.3.3/32"), source, About::default());
        let before = [(key("1.1.1.1/32"), Time(5)), (key("2.2.2.2/32"), Time(5))];
        let seen = merged.seen(&before.into(), Time(9));
        let times: Vec<_> = seen
            .iter()
            .map(|(_, _, about)| about.first_seen.unwrap().0)
            .collect();
        assert_eq!(times, [5, 1, 9]);
    }
}
