//! Syslog, RFC 5424, with what is told in structured data.
//!
//! Names of parameters are those of the JSON lines; what a record does not say has none. A
//! message that would be too long has fewer indicators, and `indicators` says how many matched.

use std::fmt::Write as _;

use sensor_common::Fragment;

use super::{Admitted, Encode, Frame, Item, Kinds, ipfix::EXAMPLE_ENTERPRISE, names};
use crate::{Notice, Record};

/// Form of a time.
const TIME: &str = "%Y-%m-%dT%H:%M:%S.%6fZ";

/// What every receiver should take, in RFC 5424.
pub const LIMIT: usize = 2048;

/// Severity `notice`, for a new flow.
const NOTICE: u8 = 5;
/// Severity `informational`, for a record.
const INFORMATIONAL: u8 = 6;

/// How messages are parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Each in a datagram: UDP, and sockets of UNIX.
    Datagram,
    /// The length before each, RFC 6587: TCP.
    OctetCounting,
    /// A line each: a file.
    Lines,
}

/// Encodes messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syslog {
    /// Facility, 0 to 23.
    pub facility: u8,
    /// Name of the machine; `-` where there is none.
    pub host: String,
    /// Number of the process, or what else parts two runs.
    pub process: String,
    /// Number of the enterprise in the name of the structured data.
    pub enterprise: u32,
    /// The longest message, in octets.
    pub limit: usize,
    /// How they are parted.
    pub framing: Framing,
}

impl Syslog {
    /// Facility `local0`, without a host and a process.
    pub const fn new(framing: Framing) -> Self {
        Self {
            facility: 16,
            host: String::new(),
            process: String::new(),
            enterprise: EXAMPLE_ENTERPRISE,
            limit: LIMIT,
            framing,
        }
    }

    /// The message; none where it is too long even without indicators.
    fn message(&self, item: &Item) -> Option<String> {
        let notice = item.notice();
        let (severity, kind, time) = match item {
            Item::Notice(notice) => (NOTICE, "event", notice.start),
            Item::Flow(record) => (INFORMATIONAL, "flow", record.end),
        };
        let mut text = format!(
            "<{}>1 {} {} sekisho {} {kind} [sekisho@{}",
            self.facility.min(23) * 8 + severity,
            names::time(TIME, time),
            word(&self.host, 255),
            word(&self.process, 128),
            self.enterprise,
        );
        ends(notice, &mut text);
        if let Item::Flow(record) = item {
            counts(record, &mut text);
        }
        parameter(&mut text, "indicators", &notice.indicators.len());
        let close = format!(
            "] {kind} {} {}",
            notice.class.name(),
            notice.direction.name()
        );
        let room = self.limit.checked_sub(text.len() + close.len())?;
        let mut list = String::new();
        for matched in &notice.indicators {
            let before = list.len();
            let end = names::end(matched.end);
            let entry = format!("{end} {} {}", matched.line, matched.feed);
            parameter(&mut list, "indicator", &entry);
            if list.len() > room {
                list.truncate(before);
                break;
            }
        }
        Some(text + &list + &close)
    }
}

impl Encode for Syslog {
    fn kinds(&self) -> Kinds {
        Kinds::ALL
    }

    fn encode(&mut self, rows: &[Admitted], _: u64) -> Vec<Frame> {
        let frame = |row: &Admitted| match self.message(row) {
            Some(text) => Frame {
                bytes: match self.framing {
                    Framing::Datagram => text.into_bytes(),
                    Framing::OctetCounting => format!("{} {text}", text.len()).into_bytes(),
                    Framing::Lines => (text + "\n").into_bytes(),
                },
                rows: 1,
                refused: 0,
            },
            None => Frame {
                refused: 1,
                ..Frame::default()
            },
        };
        rows.iter().map(frame).collect()
    }
}

fn ends(notice: &Notice, text: &mut String) {
    parameter(text, "class", &notice.class.name());
    parameter(text, "direction", &notice.direction.name());
    parameter(text, "approval", &names::approvals(notice));
    parameter(text, "interface", &notice.interface);
    for tag in notice.vlan.iter().flatten() {
        parameter(text, "vlan", tag);
    }
    if let Some((kind, id)) = notice.tunnel {
        parameter(text, "tunnel", &kind.name());
        if kind.has_id() {
            parameter(text, "tunnel_id", &id);
        }
    }
    parameter(text, "src", &notice.source);
    parameter(text, "dst", &notice.destination);
    parameter(text, "src_kind", &notice.source.kind());
    parameter(text, "dst_kind", &notice.destination.kind());
    if let Some(protocol) = notice.protocol {
        parameter(text, "proto", &protocol);
    }
    if let Some((source, destination)) = notice.ports {
        parameter(text, "src_port", &source);
        parameter(text, "dst_port", &destination);
    }
    parameter(text, "start", &names::time(TIME, notice.start));
}

fn counts(record: &Record, text: &mut String) {
    parameter(text, "end", &names::time(TIME, record.end));
    parameter(text, "packets", &record.packets);
    parameter(text, "octets", &record.octets);
    if let Some(flags) = record.tcp_flags {
        parameter(text, "tcp_flags", &flags);
    }
    match record.notice.fragment {
        None | Some(Fragment::Whole) => {}
        Some(Fragment::First) => parameter(text, "fragment", "first"),
        Some(Fragment::Later) => parameter(text, "fragment", "later"),
    }
    if let Some((lowest, highest)) = record.ttl {
        parameter(text, "ttl_min", &lowest);
        parameter(text, "ttl_max", &highest);
    }
    parameter(text, "record", &record.id.0);
}

/// Adds a parameter. What would end a value is escaped; control characters are spaces, since
/// receivers make escapes of their own of them.
fn parameter(text: &mut String, name: &str, value: &(impl ToString + ?Sized)) {
    // Writing to a string cannot fail.
    let _ = write!(text, " {name}=\"");
    for character in value.to_string().chars() {
        if matches!(character, '"' | '\\' | ']') {
            text.push('\\');
        }
        text.push(if character.is_control() {
            ' '
        } else {
            character
        });
    }
    text.push('"');
}

/// A word of the header: printable ASCII without spaces, `-` where nothing is left.
fn word(text: &str, longest: usize) -> String {
    let word: String = (text.chars())
        .filter(char::is_ascii_graphic)
        .take(longest)
        .collect();
    if word.is_empty() { "-".into() } else { word }
}

#[cfg(test)]
mod tests;
