//! Plain lists: an address or a prefix a line, as in CIDR lists and `IPsum`.
//!
//! A line is `ADDRESS`, `ADDRESS/LENGTH` or either followed by white space and a
//! whole number, `IPsum`'s count of lists. `#` and `;` begin a comment. A line that
//! is none of these is reported and left out; the others count.
//!
//! A list may have ten million lines, so its text is cut at line ends and the pieces are read by
//! threads of their own; what comes out is the same whatever their number.

pub(super) mod canonical;
pub(super) mod line;
mod pieces;

use std::fmt;

use ipnet::IpNet;
use thiserror::Error;

use self::line::LONGEST_LINE;
use crate::{parallel, watchlist::Prefixes};

pub use self::line::prefix;
pub(crate) use self::{line::as_text, pieces::Pieces};

/// Bad lines after which a file is taken for something else than a list.
pub const MOST_BAD: usize = 10_000;

/// The shortest prefixes accepted as indicators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortest {
    /// Shortest IPv4 prefix length.
    pub v4: u8,
    /// Shortest IPv6 prefix length.
    pub v6: u8,
}

impl Shortest {
    /// What policy allows unless it says otherwise.
    pub const POLICY: Self = Self { v4: 16, v6: 32 };
    /// Any length: for trying a list on a capture.
    pub const ANY: Self = Self { v4: 0, v6: 0 };
}

/// A decoded feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Prefixes with their lines, counted from 1, in the order of the file; a
    /// prefix that was listed before is left out.
    pub prefixes: Prefixes,
    /// Lines that could not be read.
    pub bad: Vec<BadLine>,
    /// Lines that repeat an earlier prefix.
    pub repeated: usize,
    /// The first line that is not text.
    pub not_text: Option<u32>,
    /// Whether decoding ended early, after [`MOST_BAD`] bad lines.
    pub gave_up: bool,
}

/// A line that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, counted from 1.
    pub line: u32,
    /// What is wrong and how to mend it.
    pub fault: Fault,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.fault)
    }
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Not UTF-8, or with control characters.
    #[error("not text")]
    NotText,
    /// Longer than any address could make it.
    #[error("longer than {LONGEST_LINE} bytes")]
    TooLong,
    /// Neither an address nor a prefix.
    #[error("'{0}' is neither an address nor a prefix")]
    NotAPrefix(String),
    /// Bits beyond the prefix length.
    #[error("'{given}' has bits beyond its length; write {meant}, or the address alone")]
    HostBits {
        /// As given.
        given: String,
        /// The prefix around it.
        meant: IpNet,
    },
    /// An IPv4 address written as IPv6.
    #[error("'{given}' is an IPv4 address in IPv6 form, which no packet carries; write {meant}")]
    Mapped {
        /// As given.
        given: String,
        /// The IPv4 prefix.
        meant: IpNet,
    },
    /// Broader than allowed.
    #[error("{prefix} is broader than the shortest prefix allowed (/{shortest})")]
    TooBroad {
        /// The prefix.
        prefix: IpNet,
        /// The shortest length allowed.
        shortest: u8,
    },
    /// Something after the address that is no count.
    #[error("'{0}' after the address is no number; put remarks after a #")]
    Trailing(String),
}

/// Decodes a list.
pub fn decode(bytes: &[u8], shortest: Shortest) -> Decoded {
    decode_counted(bytes, shortest, 0)
}

/// Decodes a list, without the lines whose count is less than this; a line without a count has 0.
pub fn decode_counted(bytes: &[u8], shortest: Shortest, least: u64) -> Decoded {
    Pieces::read(bytes, Reading::new(shortest, least), parallel::threads()).decoded()
}

/// How a list is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    shortest: Shortest,
    /// Lines with a lower count are left out.
    least: u64,
    /// Bad lines after which decoding ends.
    most_bad: usize,
}

impl Reading {
    pub(crate) const fn new(shortest: Shortest, least: u64) -> Self {
        Self {
            shortest,
            least,
            most_bad: MOST_BAD,
        }
    }
}

#[cfg(test)]
mod tests;
