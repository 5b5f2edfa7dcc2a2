//! IPFIX, RFC 7011.
//!
//! A template for each combination of what a record says, made when the first such record comes:
//! its number is 256 and the bits of `Shape`, so that the same combination always has the same
//! number. What a record does not say has no element in it, where a 0 would be read as a value.
//! Elements are those of IANA; `fields` has the table, with those of the enterprise.
//! All numbers are big-endian.

mod fields;
mod message;

use std::{collections::BTreeMap, time::Duration};

use self::{
    fields::{MATCHES, Shape},
    message::Message,
};
use super::{Admitted, Encode, Frame, Item, Kinds};
use crate::{Matched, Record};

/// The number RFC 5612 keeps for examples: the project has none of its own.
pub const EXAMPLE_ENTERPRISE: u32 = 32473;

/// The smallest limit: the longest template, and a record without its strings, fit.
pub const SMALLEST_LIMIT: usize = 512;

/// What fits into a datagram at the smallest path MTU of IPv6, 1280.
pub const UDP_LIMIT: usize = 1232;

/// What the length of a message can say.
pub const LARGEST_LIMIT: usize = 65_535;

/// How records are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Observation domain.
    pub domain: u32,
    /// Number of the enterprise whose elements stand for what has none of IANA's.
    pub enterprise: u32,
    /// The longest message, in octets.
    pub limit: usize,
    /// When templates are told again; never within a connection of TCP.
    pub resend: Option<Resend>,
}

/// When a template is told again: whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resend {
    /// After so many messages.
    pub messages: u64,
    /// After so long.
    pub after: Duration,
}

impl Settings {
    /// Over UDP: templates again every 100 messages and every 60 seconds.
    pub const fn udp() -> Self {
        Self {
            domain: 1,
            enterprise: EXAMPLE_ENTERPRISE,
            limit: UDP_LIMIT,
            resend: Some(Resend {
                messages: 100,
                after: Duration::from_mins(1),
            }),
        }
    }

    /// Over TCP: templates once for each connection.
    pub const fn tcp() -> Self {
        Self {
            limit: 16_384,
            resend: None,
            ..Self::udp()
        }
    }
}

/// When a template was told last.
#[derive(Clone, Copy, Debug)]
struct Told {
    message: u64,
    time: u64,
}

/// Encodes records.
#[derive(Debug)]
pub struct Ipfix {
    settings: Settings,
    /// Data records told in this session, modulo 2^32.
    sequence: u32,
    /// Messages of this session.
    messages: u64,
    told: BTreeMap<Shape, Told>,
}

impl Ipfix {
    /// By these settings; a limit that is too small or too large is moved to the nearest that is
    /// not.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Settings {
                limit: settings.limit.clamp(SMALLEST_LIMIT, LARGEST_LIMIT),
                ..settings
            },
            sequence: 0,
            messages: 0,
            told: BTreeMap::new(),
        }
    }

    /// Whether a collector may no longer have, or never had, the template.
    fn is_due(&self, shape: Shape, now: u64) -> bool {
        let Some(told) = self.told.get(&shape) else {
            return true;
        };
        self.settings.resend.is_some_and(|resend| {
            let age = Duration::from_nanos(now.saturating_sub(told.time));
            self.messages - told.message >= resend.messages || age >= resend.after
        })
    }

    fn open(&self, now: u64) -> Message {
        Message::new(self.settings.limit, now, self.settings.domain)
    }

    /// Ends the message that is being written, and begins another.
    fn turn(&mut self, message: &mut Message, now: u64) -> Option<Frame> {
        let full = std::mem::replace(message, self.open(now));
        let rows = full.rows();
        if full.is_empty() {
            message.refused = full.refused;
            return None;
        }
        let frame = full.finish(self.sequence);
        self.sequence = self.sequence.wrapping_add(rows);
        self.messages += 1;
        Some(frame)
    }

    /// The data record, if it fits into a message: its strings may be too long for one.
    fn record(&self, shape: Shape, record: &Record) -> Option<Vec<u8>> {
        let mut data = Vec::new();
        fields::write(shape, record, &mut data)?;
        let room = Message::room(self.settings.limit).checked_sub(data.len())?;
        let (count, list) = matches(&record.notice.indicators, room.checked_sub(MATCHES)?);
        data.extend(count.to_be_bytes());
        fields::string(&list, &mut data)?;
        Some(data)
    }
}

impl Encode for Ipfix {
    fn kinds(&self) -> Kinds {
        Kinds::FLOWS
    }

    fn begin(&mut self) {
        self.sequence = 0;
        self.messages = 0;
        self.told.clear();
    }

    fn encode(&mut self, rows: &[Admitted], now: u64) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut message = self.open(now);
        for row in rows {
            let Item::Flow(record) = &**row else {
                message.refused += 1;
                continue;
            };
            let data = Shape::of(record)
                .and_then(|shape| self.record(shape, record).map(|data| (shape, data)));
            let Some((shape, data)) = data else {
                message.refused += 1;
                continue;
            };
            if self.is_due(shape, now) {
                let template = fields::template(shape, self.settings.enterprise);
                if !message.has_room_for(message::TEMPLATES, &template) {
                    frames.extend(self.turn(&mut message, now));
                }
                message.add(message::TEMPLATES, &template);
                let told = Told {
                    message: self.messages,
                    time: now,
                };
                self.told.insert(shape, told);
            }
            if !message.has_room_for(shape.id(), &data) {
                frames.extend(self.turn(&mut message, now));
            }
            message.add(shape.id(), &data);
        }
        let refused = message.refused;
        match self.turn(&mut message, now) {
            Some(frame) => frames.push(frame),
            None if refused > 0 => frames.push(Frame {
                refused,
                ..Frame::default()
            }),
            None => {}
        }
        frames
    }
}

/// How many matched, and as many of them as there is room for: end, line, feed and prefix with
/// tabs between them, a line each.
fn matches(indicators: &[Matched], room: usize) -> (u16, String) {
    let mut list = String::new();
    for matched in indicators {
        let entry = fields::entry(matched);
        if list.len() + entry.len() > room {
            break;
        }
        list.push_str(&entry);
    }
    (u16::try_from(indicators.len()).unwrap_or(u16::MAX), list)
}

#[cfg(test)]
mod tests;
