//! One line of a list.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::{Fault, Shortest};

/// Longest line that is read, in bytes.
pub(in crate::feeds) const LONGEST_LINE: usize = 1024;

/// Decodes the text of one indicator, without comments or count.
pub fn prefix(text: &str, shortest: Shortest) -> Result<IpNet, Fault> {
    let address = text.split('/').next().unwrap_or_default();
    let prefix = match text.parse::<IpNet>() {
        // `ipnet` reads octets with leading zeroes, which some take as octal.
        Ok(prefix) if address.parse::<IpAddr>().is_ok() => prefix,
        Ok(_) | Err(_) => match text.parse::<IpAddr>() {
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

pub(super) fn decode_line(line: &[u8], shortest: Shortest) -> Result<Option<(IpNet, u64)>, Fault> {
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
