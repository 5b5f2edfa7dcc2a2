//! What a decoder finds in a feed, one thing at a time.
//!
//! Decoders hand on what they find and keep nothing of it, so that a feed of any size is read in
//! the memory of one line or object. Whatever a feed says is handed on in one of these ways:
//! watched, refused, not expressible, or no indicator at all. Nothing is dropped in silence.

use std::fmt;

use ipnet::IpNet;

use super::reason::{Inexpressible, Refusal};
use crate::{documents::Time, watchlist::PortRule};

/// Takes what a decoder finds.
pub trait Sink {
    /// Takes one thing, and says where it stands.
    fn take(&mut self, at: At<'_>, item: Item<'_>);
}

impl<F: FnMut(At<'_>, Item<'_>)> Sink for F {
    fn take(&mut self, at: At<'_>, item: Item<'_>) {
        self(at, item);
    }
}

/// Where something stands in a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At<'a> {
    /// The line it begins in, counted from 1.
    pub line: u64,
    /// What the feed itself calls it; empty where it has no name.
    pub id: &'a str,
}

impl At<'_> {
    /// A line.
    pub const fn line(line: u64) -> Self {
        Self { line, id: "" }
    }
}

/// Something found in a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A prefix to watch for.
    Watch(Watch<'a>),
    /// A prefix that is never to be watched for: an entry of a warninglist.
    Exclude(IpNet),
    /// What could be watched for and is not.
    Refused(Refusal),
    /// What no match of addresses and ports says.
    Inexpressible(Inexpressible),
    /// An object beside the indicators: a report, a relationship.
    Beside,
    /// Of everything since the last such item: how widely it may be told, where it does not say
    /// so itself. MISP writes the tags of an event after its attributes.
    Told(Tlp),
}

/// A prefix to watch for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch<'a> {
    /// The prefix; bits beyond its length are zero.
    pub prefix: IpNet,
    /// The ports of its own side on which it counts; none is any.
    pub ports: &'a [PortRule],
    /// What the feed says of it.
    pub about: About,
}

/// What a feed says of an indicator beside what to watch for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// How sure the source is, from 0 to 100.
    pub confidence: Option<u8>,
    /// When it was first seen.
    pub first_seen: Option<Time>,
    /// When it was last seen.
    pub last_seen: Option<Time>,
    /// From when it counts.
    pub from: Option<Time>,
    /// From when it no longer counts.
    pub until: Option<Time>,
    /// When the source last changed what it says; of two versions the later one holds.
    pub modified: Option<Time>,
    /// How widely it may be told.
    pub tlp: Option<Tlp>,
}

/// The Traffic Light Protocol, versions 1 and 2; the order is that of strictness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tlp {
    /// To anybody; `WHITE` in version 1.
    Clear,
    /// Within the community.
    Green,
    /// Within the organisation and its clients.
    Amber,
    /// Within the organisation.
    AmberStrict,
    /// To the recipient only.
    Red,
}

impl Tlp {
    /// The colour of a label: `amber`, `TLP:AMBER`, `tlp:amber+strict`.
    pub fn of(label: &str) -> Option<Self> {
        let label = label.trim().to_ascii_lowercase();
        let colour = label.strip_prefix("tlp:").unwrap_or(&label);
        match colour {
            "clear" | "white" => Some(Self::Clear),
            "green" => Some(Self::Green),
            "amber" => Some(Self::Amber),
            "amber+strict" => Some(Self::AmberStrict),
            "red" => Some(Self::Red),
            _ => None,
        }
    }
}

impl fmt::Display for Tlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear => "clear",
            Self::Green => "green",
            Self::Amber => "amber",
            Self::AmberStrict => "amber+strict",
            Self::Red => "red",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_both_versions_are_known_and_ordered_by_strictness() {
        let of = |label| Tlp::of(label).map(|tlp| tlp.to_string());
        assert_eq!(of("TLP:WHITE").as_deref(), Some("clear"));
        assert_eq!(of("tlp:amber+strict").as_deref(), Some("amber+strict"));
        assert_eq!(of(" Red "), Some("red".into()));
        assert_eq!(of("tlp:ex:chr"), None);
        assert!(Tlp::Clear < Tlp::Green && Tlp::AmberStrict < Tlp::Red);
    }
}
