//! Plain lists: an address or a prefix a line, as in CIDR lists and `IPsum`.
//!
//! A line is `ADDRESS`, `ADDRESS/LENGTH` or either followed by white space and a
//! whole number, `IPsum`'s count of lists. `#` and `;` begin a comment. A line that
//! is none of these is reported and left out; the others count.

use std::{fmt, net::IpAddr};

use ipnet::{IpNet, Ipv4Net};
use thiserror::Error;

/// Longest line that is read, in bytes.
const LONGEST_LINE: usize = 1024;

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
    pub prefixes: Vec<(IpNet, u32)>,
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
    let mut decoded = Decoded::default();
    let mut seen = std::collections::HashSet::new();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (line, content) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        match decode_line(content, shortest) {
            Ok(None) => {}
            Ok(Some((_, count))) if count < least => {}
            Ok(Some((prefix, _))) if seen.insert(prefix) => decoded.prefixes.push((prefix, line)),
            Ok(Some(_)) => decoded.repeated += 1,
            Err(fault) => {
                if fault == Fault::NotText && decoded.not_text.is_none() {
                    decoded.not_text = Some(line);
                }
                decoded.bad.push(BadLine { line, fault });
                if decoded.bad.len() == MOST_BAD {
                    decoded.gave_up = true;
                    break;
                }
            }
        }
    }
    decoded
}

/// Decodes the text of one indicator, without comments or count.
pub fn prefix(text: &str, shortest: Shortest) -> Result<IpNet, Fault> {
    let prefix = match text.parse::<IpNet>() {
        Ok(prefix) => prefix,
        Err(_) => match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => return Err(Fault::NotAPrefix(clip(text))),
        },
    };
    if prefix.trunc() != prefix {
        return Err(Fault::HostBits {
            given: clip(text),
            meant: prefix.trunc(),
        });
    }
    if let IpNet::V6(v6) = prefix
        && v6.prefix_len() >= 96
        && let Some(v4) = v6.addr().to_ipv4_mapped()
    {
        let length = v6.prefix_len() - 96;
        let meant = Ipv4Net::new(v4, length).map_or(IpNet::from(IpAddr::V4(v4)), IpNet::V4);
        return Err(Fault::Mapped {
            given: clip(text),
            meant,
        });
    }
    let limit = match prefix {
        IpNet::V4(_) => shortest.v4,
        IpNet::V6(_) => shortest.v6,
    };
    if prefix.prefix_len() < limit {
        return Err(Fault::TooBroad {
            prefix,
            shortest: limit,
        });
    }
    Ok(prefix)
}

fn decode_line(line: &[u8], shortest: Shortest) -> Result<Option<(IpNet, u64)>, Fault> {
    if line.len() > LONGEST_LINE {
        let start = line.trim_ascii_start();
        let is_comment = matches!(start.first(), Some(b'#' | b';'));
        return if is_comment {
            Ok(None)
        } else {
            Err(too_long(line))
        };
    }
    let text = as_text(line).ok_or(Fault::NotText)?;
    let content = text.split(['#', ';']).next().unwrap_or_default();
    let mut words = content.split_whitespace();
    let Some(word) = words.next() else {
        return Ok(None);
    };
    let prefix = prefix(word, shortest)?;
    let Some(word) = words.next() else {
        return Ok(Some((prefix, 0)));
    };
    let Ok(count) = word.parse() else {
        return Err(Fault::Trailing(clip(word)));
    };
    match words.next() {
        None => Ok(Some((prefix, count))),
        Some(more) => Err(Fault::Trailing(clip(more))),
    }
}

fn too_long(line: &[u8]) -> Fault {
    if as_text(line).is_some() {
        Fault::TooLong
    } else {
        Fault::NotText
    }
}

/// The text of a line, unless it is not UTF-8 or has control characters.
pub(crate) fn as_text(line: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(line).ok()?;
    let is_control = |c: char| c.is_control() && !matches!(c, '\t' | '\r' | '\u{c}');
    (!text.contains(is_control)).then_some(text)
}

/// The first characters of a faulty text: enough to find it, short enough to print.
fn clip(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}
