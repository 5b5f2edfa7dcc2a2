//! Indicators of a feed as they are kept: an object of JSON a line, in order.

use std::{
    io::{self, BufRead, Write},
    sync::Arc,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    gather::FirstSeen,
    item::{About, Tlp},
    merge::{Key, Merged, Source},
    plain::{self, Shortest},
};
use crate::{
    documents::{Time, field::ports::rule},
    watchlist::PortRule,
};

/// Longest line that is read, in bytes; a reference is at most 1 MiB.
const LONGEST: u64 = 2 << 20;

/// Why a table cannot be read.
#[derive(Debug, Error)]
pub enum NoTable {
    /// A line is not what was written.
    #[error("line {line}: {reason}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The system refuses.
    #[error(transparent)]
    Read(#[from] io::Error),
}

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    prefix: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
    reference: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confidence: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_seen: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_seen: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_from: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_until: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modified: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tlp: Option<String>,
}

/// Writes what one feed says.
pub fn write(merged: &Merged, out: &mut impl Write) -> io::Result<()> {
    for (key, source, about) in merged.iter() {
        let line = Line {
            prefix: key.prefix.to_string(),
            ports: key.ports.iter().map(PortRule::to_string).collect(),
            reference: source.reference.to_string(),
            confidence: about.confidence,
            first_seen: about.first_seen,
            last_seen: about.last_seen,
            valid_from: about.from,
            valid_until: about.until,
            modified: about.modified,
            tlp: about.tlp.map(|tlp| tlp.to_string()),
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Reads what one feed said, and adds it to what others say. What it did not say it last saw at
/// any time it saw when it was last heard of.
pub fn read(
    feed: &str,
    heard: Option<Time>,
    from: impl BufRead,
    merged: &mut Merged,
) -> Result<(), NoTable> {
    let feed: Arc<str> = feed.into();
    each(from, |key, reference, mut about| {
        let feed = Arc::clone(&feed);
        about.last_seen = about.last_seen.or(heard);
        merged.add(key, Source { feed, reference }, about);
    })
}

/// When each indicator was named for the first time.
pub fn first_seen(from: impl BufRead) -> Result<FirstSeen, NoTable> {
    let mut first = FirstSeen::new();
    each(from, |key, _, about| {
        if let Some(seen) = about.first_seen {
            let of_it = first.entry(key).or_insert(seen);
            *of_it = seen.min(*of_it);
        }
    })?;
    Ok(first)
}

fn each(mut from: impl BufRead, mut take: impl FnMut(Key, Box<str>, About)) -> Result<(), NoTable> {
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        io::Read::take(&mut from, LONGEST).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            break;
        }
        let of_line = |reason| NoTable::Line {
            line: number,
            reason,
        };
        if bytes.pop() != Some(b'\n') {
            return Err(of_line("it is not whole".into()));
        }
        let line: Line =
            serde_json::from_slice(&bytes).map_err(|error| of_line(error.to_string()))?;
        let (key, about) = line.read().map_err(of_line)?;
        take(key, line.reference.into(), about);
    }
    Ok(())
}

impl Line {
    fn read(&self) -> Result<(Key, About), String> {
        let prefix: IpNet = plain::prefix(&self.prefix, Shortest::ANY)
            .map_err(|_| format!("'{}' is no prefix", self.prefix))?;
        let ports: Result<Vec<PortRule>, String> =
            self.ports.iter().map(|text| rule(text)).collect();
        let tlp = match &self.tlp {
            None => None,
            Some(label) => {
                Some(Tlp::of(label).ok_or_else(|| format!("'{label}' is no label of TLP"))?)
            }
        };
        let about = About {
            confidence: self.confidence,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            from: self.valid_from,
            until: self.valid_until,
            modified: self.modified,
            tlp,
        };
        Ok((Key::new(prefix, &ports?), about))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn about() -> impl Strategy<Value = About> {
        let time = || prop::option::of(any::<u64>().prop_map(|n| Time(n >> 1)));
        let tlp = prop::option::of(prop::sample::select(vec![Tlp::Clear, Tlp::AmberStrict]));
        (
            prop::option::of(0..=100u8),
            time(),
            time(),
            time(),
            time(),
            time(),
            tlp,
        )
            .prop_map(
                |(confidence, first_seen, last_seen, from, until, modified, tlp)| About {
                    confidence,
                    first_seen,
                    last_seen,
                    from,
                    until,
                    modified,
                    tlp,
                },
            )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            rows in prop::collection::vec(
                (any::<u32>(), 0..=32u8, any::<u16>(), ".{0,20}", about()), 0..20,
            ),
        ) {
            let mut merged = Merged::default();
            for (address, length, port, reference, about) in rows {
                let prefix = IpNet::new(std::net::Ipv4Addr::from(address).into(), length).unwrap();
                let ports = [PortRule { protocol: 6, port }, PortRule { protocol: 136, port }];
                let key = Key::new(prefix.trunc(), &ports[..usize::from(port % 3)]);
                let source = Source { feed: "f".into(), reference: reference.into() };
                merged.add(key, source, about);
            }
            let mut text = Vec::new();
            write(&merged, &mut text).unwrap();
            let mut again = Merged::default();
            read("f", None, &text[..], &mut again).unwrap();
            prop_assert_eq!(&merged, &again);
            let first = first_seen(&text[..]).unwrap();
            for (key, _, about) in merged.iter() {
                prop_assert!(about.first_seen.is_none_or(|seen| first[key] <= seen));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read("f", None, &bytes[..], &mut Merged::default());
        }
    }

    #[test]
    fn what_was_not_written_names_its_line() {
        let good = "{\"prefix\":\"8.8.8.8/32\",\"reference\":\"x\"}\n";
        for (bad, says) in [
            (
                "{\"prefix\":\"8.8.8.8/32\",\"reference\":\"x\"}",
                "line 2: it is not whole",
            ),
            (
                "{\"prefix\":\"8.8.8/32\",\"reference\":\"x\"}\n",
                "line 2: '8.8.8/32' is no prefix",
            ),
            (
                "{\"prefix\":\"8.8.8.8\",\"ports\":[\"tcp\"],\"reference\":\"x\"}\n",
                "line 2: 'tcp' ",
            ),
            (
                "{\"prefix\":\"8.8.8.8\",\"tlp\":\"pink\",\"reference\":\"x\"}\n",
                "line 2: 'pink' is no label of TLP",
            ),
            ("\n", "line 2: EOF"),
        ] {
            let text = format!("{good}{bad}");
            let error = read("f", None, text.as_bytes(), &mut Merged::default()).unwrap_err();
            assert!(error.to_string().starts_with(says), "{error}");
        }
    }
}
