//! The log of arrivals: which document and which signature came when.
//!
//! A document counts from the moment its arrival is logged, and the dates of keys are judged by
//! that moment, also after a restart. Each line names the hash of the line before it, so that a
//! line cannot be taken out or put in between without rewriting all that follow.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Digest, Kind, Principal, Time};

/// Largest log that is read, in bytes.
pub const LARGEST: u64 = 256 << 20;

/// One line of the log: a signature arrived, or the first keyring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrival {
    /// Number of the line, from 1.
    pub line: u64,
    /// SHA-256 of the line before it, without its line feed; of nothing for the first.
    pub previous: Digest,
    /// When.
    pub time: Time,
    /// What the document is.
    pub kind: Kind,
    /// Number of the document.
    pub number: u64,
    /// SHA-256 of the document.
    pub document: Digest,
    /// Who signed; nobody the first keyring, which is known by its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// SHA-256 of the file of the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Digest>,
}

impl Arrival {
    /// The line, without a line feed.
    pub fn text(&self) -> String {
        // Serialising strings and numbers into memory does not fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// SHA-256 of the line, which the next one names.
    pub fn digest(&self) -> Digest {
        Digest::of(self.text().as_bytes())
    }
}

/// The log cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {text}")]
pub struct JournalError {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong.
    pub text: String,
}

/// Reads a log, and says how many of its bytes are whole lines: what a crash left of a last
/// line has had no effect, and is to be cut off before another one is written.
pub fn read(bytes: &[u8]) -> Result<(Vec<Arrival>, usize), JournalError> {
    let mut arrivals: Vec<Arrival> = Vec::new();
    let mut previous = Digest::of(b"");
    let whole = bytes
        .iter()
        .rposition(|&b| b == b'\n')
        .map_or(0, |at| at + 1);
    let mut earliest = Time::MIN;
    for (line, text) in (1..).zip(bytes[..whole].split_inclusive(|&b| b == b'\n')) {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let fault = |text: &str| JournalError {
            line,
            text: text.into(),
        };
        let arrival: Arrival =
            serde_json::from_slice(text).map_err(|error| fault(&error.to_string()))?;
        if arrival.text().as_bytes() != text {
            return Err(fault("it is not as it was written"));
        }
        if arrival.line != line || arrival.previous != previous {
            return Err(fault("it does not follow the line before it"));
        }
        if arrival.time < earliest {
            return Err(fault("it is earlier than the line before it"));
        }
        if arrival.principal.is_some() != arrival.signature.is_some() {
            return Err(fault("a signature has a principal"));
        }
        previous = Digest::of(text);
        earliest = arrival.time;
        arrivals.push(arrival);
    }
    Ok((arrivals, whole))
}
