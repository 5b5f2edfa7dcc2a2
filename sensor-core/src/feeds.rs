//! Feeds: lists of indicators, one format a module.
//!
//! Decoding is a core without input or output; [`load`] reads the file through a cap.

pub mod address;
pub mod csv;
pub mod decode;
pub mod delegated;
pub mod format;
pub mod gather;
pub mod guard;
pub mod ipset;
pub mod item;
mod json;
pub mod list;
pub mod mapping;
pub mod merge;
pub mod misp;
pub mod over;
pub mod plain;
pub mod reason;
pub mod records;
pub mod stix;
pub mod table;
pub mod tally;
mod text;
pub mod time;
pub mod unpack;

pub use self::json::JsonError;

use std::{io, path::Path};

use thiserror::Error;

use crate::{capped, parallel};

/// Largest feed that is read, in bytes.
pub const LARGEST: u64 = 1 << 30;

/// Why a feed gives no indicators.
#[derive(Debug, Error)]
pub enum FeedError {
    /// The file cannot be read.
    #[error("feed {name}")]
    Unreadable {
        /// The feed.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The path names a directory.
    #[error("feed {name}: is a directory; name a file in it")]
    Directory {
        /// The feed.
        name: String,
    },
    /// Nothing but comments and blank lines.
    #[error("feed {name}: has no indicators; expected one address or prefix a line")]
    Empty {
        /// The feed.
        name: String,
    },
    /// No line could be read.
    #[error("feed {name}: no line is an address or a prefix ({bad} bad), first {first}")]
    NothingValid {
        /// The feed.
        name: String,
        /// Lines that could not be read.
        bad: usize,
        /// The first of them.
        first: plain::BadLine,
    },
    /// So many lines could not be read that the file is something else.
    #[error(
        "feed {name}: {bad} lines are no address or prefix, so it is no such list; first {first}"
    )]
    TooManyBad {
        /// The feed.
        name: String,
        /// Lines that could not be read before decoding ended.
        bad: usize,
        /// The first of them.
        first: plain::BadLine,
    },
    /// What it says cannot be read to its end.
    #[error("feed {name}: {source}")]
    Undecodable {
        /// The feed.
        name: String,
        /// Why.
        source: decode::DecodeError,
    },
    /// Not a text file.
    #[error(
        "feed {name}: line {line} is not text; decompress the file, or name a list with one address or prefix a line"
    )]
    NotText {
        /// The feed.
        name: String,
        /// The first line that is not text, counted from 1.
        line: u32,
    },
}

/// Reads and decodes a feed of plain addresses and prefixes.
pub fn load(path: &Path, shortest: plain::Shortest) -> Result<plain::Decoded, FeedError> {
    let name = path.display().to_string();
    if path.is_dir() {
        return Err(FeedError::Directory { name });
    }
    let bytes = match capped::read(path, LARGEST) {
        Ok(bytes) => bytes,
        Err(source) => return Err(FeedError::Unreadable { name, source }),
    };
    let reading = plain::Reading::new(shortest, 0);
    let pieces = plain::Pieces::read(&bytes, reading, parallel::threads());
    // The text is the most of it, so it goes before more is made.
    drop(bytes);
    let decoded = pieces.decoded();
    if !decoded.prefixes.is_empty() && !decoded.gave_up {
        return Ok(decoded);
    }
    if let Some(line) = decoded.not_text {
        return Err(FeedError::NotText { name, line });
    }
    match decoded.bad.first() {
        Some(first) if decoded.gave_up => Err(FeedError::TooManyBad {
            name,
            bad: decoded.bad.len(),
            first: first.clone(),
        }),
        Some(first) => Err(FeedError::NothingValid {
            name,
            bad: decoded.bad.len(),
            first: first.clone(),
        }),
        None => Err(FeedError::Empty { name }),
    }
}

#[cfg(test)]
mod tests;
