//! Exporters: what is kept of flows, told to others in forms that their tools read.
//!
//! An exporter has one recipient. [`Recipient::admit`] is the one place that decides what it may
//! have, and encoders take nothing but what was admitted there. Encoders are pure: rows and the
//! time in, bytes out. What sends the bytes runs in a thread of its own behind a bounded queue,
//! so that who offers a row never waits for who receives it. `docs/exporters.md` describes the
//! formats.

mod recipients;

mod names;

pub mod eve;
pub mod ipfix;
pub mod openmetrics;
pub mod sink;
pub mod stix;
pub mod syslog;

pub use recipients::{Admitted, Recipient};

use crate::{Notice, Record};

/// What is offered to exporters: rows, each under one approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A new flow.
    Notice(Notice),
    /// A record.
    Flow(Record),
}

impl Item {
    /// Who spoke with whom.
    pub const fn notice(&self) -> &Notice {
        match self {
            Self::Notice(notice) => notice,
            Self::Flow(record) => &record.notice,
        }
    }
}

/// Which items a format has a form for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// Notices of new flows.
    pub notices: bool,
    /// Records.
    pub flows: bool,
}

impl Kinds {
    /// Both.
    pub const ALL: Self = Self {
        notices: true,
        flows: true,
    };
    /// Records alone.
    pub const FLOWS: Self = Self {
        notices: false,
        flows: true,
    };

    /// Whether an item is one of them.
    pub const fn has(self, item: &Item) -> bool {
        match item {
            Item::Notice(_) => self.notices,
            Item::Flow(_) => self.flows,
        }
    }
}

/// Bytes that are sent together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// A datagram, a line, a message; empty where all rows were refused.
    pub bytes: Vec<u8>,
    /// Rows in it.
    pub rows: usize,
    /// Rows that stood among them and have no form: too long, or without a clear end where the
    /// format must have one.
    pub refused: usize,
}

impl Frame {
    /// Rows that it settles: those in it and those refused.
    pub const fn settles(&self) -> usize {
        self.rows + self.refused
    }
}

/// What makes bytes of rows.
pub trait Encode: Send {
    /// Items that it has a form for; others are not offered to it.
    fn kinds(&self) -> Kinds;

    /// A new connection, file or socket begins.
    fn begin(&mut self) {}

    /// Frames of rows, in their order; together they settle every row. `now` is in nanoseconds
    /// since 1970.
    fn encode(&mut self, rows: &[Admitted], now: u64) -> Vec<Frame>;
}

#[cfg(test)]
mod samples;
