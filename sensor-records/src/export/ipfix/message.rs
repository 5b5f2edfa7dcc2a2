//! A message: its header, and sets of records.

use super::Frame;

/// Number of the set of templates.
pub(super) const TEMPLATES: u16 = 2;

const VERSION: u16 = 10;
const HEADER: usize = 16;
const SET_HEADER: usize = 4;

/// A message that is being written.
pub(super) struct Message {
    bytes: Vec<u8>,
    limit: usize,
    /// The last set: its number, and where it begins.
    set: Option<(u16, usize)>,
    rows: u32,
    /// Rows that came meanwhile and have no form.
    pub(super) refused: usize,
}

impl Message {
    /// The sequence number and lengths are filled in later.
    pub(super) fn new(limit: usize, now: u64, domain: u32) -> Self {
        let seconds = u32::try_from(now / 1_000_000_000).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(limit.min(2048));
        bytes.extend(VERSION.to_be_bytes());
        bytes.extend([0; 2]);
        bytes.extend(seconds.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(domain.to_be_bytes());
        Self {
            bytes,
            limit,
            set: None,
            rows: 0,
            refused: 0,
        }
    }

    /// Octets of a record that is alone in a message of this length.
    pub(super) const fn room(limit: usize) -> usize {
        limit.saturating_sub(HEADER + SET_HEADER)
    }

    pub(super) const fn rows(&self) -> u32 {
        self.rows
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.set.is_none()
    }

    pub(super) fn has_room_for(&self, set: u16, record: &[u8]) -> bool {
        let header = match self.set {
            Some((last, _)) if last == set => 0,
            _ => SET_HEADER,
        };
        self.bytes.len() + header + record.len() <= self.limit
    }

    /// Adds a record to a set of this number.
    pub(super) fn add(&mut self, set: u16, record: &[u8]) {
        if self.set.is_none_or(|(last, _)| last != set) {
            self.close();
            self.set = Some((set, self.bytes.len()));
            self.bytes.extend(set.to_be_bytes());
            self.bytes.extend([0; 2]);
        }
        self.bytes.extend(record);
        if set != TEMPLATES {
            self.rows += 1;
        }
    }

    pub(super) fn finish(mut self, sequence: u32) -> Frame {
        self.close();
        let length = length(self.bytes.len());
        self.bytes[2..4].copy_from_slice(&length);
        self.bytes[8..12].copy_from_slice(&sequence.to_be_bytes());
        Frame {
            bytes: self.bytes,
            rows: usize::try_from(self.rows).unwrap_or(usize::MAX),
            refused: self.refused,
        }
    }

    /// Writes the length of the last set.
    fn close(&mut self) {
        if let Some((_, start)) = self.set {
            let length = length(self.bytes.len() - start);
            self.bytes[start + 2..start + 4].copy_from_slice(&length);
        }
    }
}

/// Messages are at most [`super::LARGEST_LIMIT`] octets long.
fn length(octets: usize) -> [u8; 2] {
    u16::try_from(octets).unwrap_or(u16::MAX).to_be_bytes()
}
