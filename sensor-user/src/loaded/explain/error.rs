//! What is wrong with a question.

use thiserror::Error;

use crate::words::list;

/// What is wrong with the line that describes a packet.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LineError {
    /// No `>`.
    #[error(
        "no '>' between source and destination; write the packet in quotes, since a shell takes \
         '>' for itself: 'SRC > DST'"
    )]
    NoArrow,
    /// An end is missing.
    #[error("no {end}; expected SRC > DST, each an address")]
    NoEnd {
        /// Which.
        end: &'static str,
    },
    /// No address where one has to be.
    #[error(
        "{end}: '{found}' is no address; expected one like 203.0.113.5, 203.0.113.5:443, \
         2001:db8::1 or [2001:db8::1]:443"
    )]
    NotAnAddress {
        /// Which end.
        end: &'static str,
        /// What stands there.
        found: String,
    },
    /// A prefix where an address has to be.
    #[error("{end}: '{found}' is a prefix; a packet has one address, so name one of it")]
    Prefix {
        /// Which end.
        end: &'static str,
        /// What stands there.
        found: String,
    },
    /// No port after the colon.
    #[error("{end}: '{found}' is no port; expected a number from 0 to 65535")]
    NotAPort {
        /// Which end.
        end: &'static str,
        /// What stands there.
        found: String,
    },
    /// An IPv4 address and an IPv6 address.
    #[error("an IPv4 address and an IPv6 address; both ends of a packet have the same version")]
    TwoVersions,
    /// Something is missing at the end.
    #[error("nothing after '{after}'; expected {what}")]
    Missing {
        /// The last word.
        after: &'static str,
        /// What is missing.
        what: &'static str,
    },
    /// Another word than may stand there.
    #[error("'{found}' is not understood; expected {expected}")]
    Unexpected {
        /// The word.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// Ports of a protocol without.
    #[error("a packet of protocol {protocol} has no ports; leave them out")]
    NoPorts {
        /// The protocol.
        protocol: String,
    },
}

impl LineError {
    pub(super) fn unexpected(found: &str, expected: &'static str) -> Self {
        Self::Unexpected {
            found: shown(found),
            expected,
        }
    }

    pub(super) fn not_an_address(end: &'static str, found: &str) -> Self {
        let is_prefix = found.parse::<ipnet::IpNet>().is_ok();
        let found = shown(found);
        if is_prefix {
            Self::Prefix { end, found }
        } else {
            Self::NotAnAddress { end, found }
        }
    }

    pub(super) fn not_a_port(end: &'static str, found: &str) -> Self {
        let found = shown(found);
        Self::NotAPort { end, found }
    }
}

/// A word as far as it fits a message, without what moves a cursor.
fn shown(word: &str) -> String {
    word.chars().take(60).flat_map(char::escape_debug).collect()
}

/// Why a packet has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AskError {
    /// Several interfaces, and the packet is on none of them.
    #[error(
        "{} interfaces are watched, and what becomes of a packet may depend on which: add {}",
        watched.len(), list(&ons(watched), "or")
    )]
    WhichInterface {
        /// Those that are watched.
        watched: Vec<String>,
    },
    /// No interface is watched.
    #[error("no interface is watched, so no packet is seen at all")]
    NoInterface,
}

fn ons(watched: &[String]) -> Vec<String> {
    watched.iter().map(|name| format!("'on {name}'")).collect()
}
