//! The bytes of a capture, record by record, its compression taken off.
//!
//! A format first says how long a record must be at least ([`Source::begin`]), then how long it
//! claims to be ([`Source::claim`]), and asks for bytes in between. The end of the file inside a
//! record is noted here, once for both formats, and so are the offset and the number that every
//! message needs. The buffer grows to what is asked for; callers check a length before they ask.

use std::io::Read;

use super::compression::Compression;
use super::error::{CaptureError, Problem, Truncated};
use super::input::{Fault, Input};
use super::link::LinkType;

/// Bytes passed over at a time.
const STRIDE: usize = 4096;

pub(super) struct Source<R> {
    name: String,
    input: Input<R>,
    /// Bytes of the current record that were kept.
    buffer: Vec<u8>,
    /// Bytes of the capture read so far.
    position: u64,
    /// Offset of the current record.
    start: u64,
    /// Number of the current record; 0 is a pcap file's header.
    record: u64,
    claimed: u64,
    truncated: Option<Truncated>,
}

impl<R: Read> Source<R> {
    pub(super) fn new(name: String, reader: R) -> Self {
        Self {
            name,
            input: Input::open(reader),
            buffer: Vec::new(),
            position: 0,
            start: 0,
            record: 0,
            claimed: 0,
            truncated: None,
        }
    }

    /// The first four bytes; `None` in an empty file. What is shorter is padded with zeroes, which
    /// end no magic number.
    pub(super) fn magic(&mut self) -> Result<Option<[u8; 4]>, CaptureError> {
        self.claimed = 4;
        if !self.fill(4)? && self.is_cut() {
            return Err(self.header_cut());
        }
        let mut magic = [0; 4];
        magic[..self.buffer.len()].copy_from_slice(&self.buffer);
        Ok((!self.buffer.is_empty()).then_some(magic))
    }

    /// Goes on to the next record, of at least `minimum` bytes.
    pub(super) fn begin(&mut self, minimum: u64) {
        self.buffer.clear();
        self.start = self.position;
        self.record += 1;
        self.claimed = minimum;
    }

    /// Counts what was read so far as the first record of the file.
    pub(super) fn begin_at_zero(&mut self, minimum: u64) {
        self.record = 1;
        self.claimed = minimum;
    }

    /// The current record says it has `length` bytes altogether.
    pub(super) fn claim(&mut self, length: u64) {
        self.claimed = length;
    }

    /// Keeps bytes until `length` of the current record are kept; `false` if the file ends before.
    pub(super) fn fill(&mut self, length: usize) -> Result<bool, CaptureError> {
        let mut held = self.buffer.len();
        self.buffer.resize(length.max(held), 0);
        while held < length {
            match self.input.read(&mut self.buffer[held..]) {
                Ok(0) => {
                    self.buffer.truncate(held);
                    return Ok(self.end());
                }
                Ok(count) => {
                    held += count;
                    self.position += count as u64;
                }
                Err(fault) => return Err(self.failed(fault)),
            }
        }
        Ok(true)
    }

    /// Passes over `length` bytes; `false` if the file ends before.
    pub(super) fn skip(&mut self, length: u64) -> Result<bool, CaptureError> {
        let mut passed = [0; STRIDE];
        let mut left = length;
        while left > 0 {
            let most = usize::try_from(left).map_or(STRIDE, |left| left.min(STRIDE));
            match self.input.read(&mut passed[..most]) {
                Ok(0) => return Ok(self.end()),
                Ok(count) => {
                    left -= count as u64;
                    self.position += count as u64;
                }
                Err(fault) => return Err(self.failed(fault)),
            }
        }
        Ok(true)
    }

    /// The bytes of the current record that were kept.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Bytes of the file, as it lies on the disk, used so far.
    pub(super) fn position(&self) -> u64 {
        self.input.position()
    }

    pub(super) fn truncated(&self) -> Option<Truncated> {
        self.truncated
    }

    pub(super) fn empty(self) -> CaptureError {
        CaptureError::Empty {
            compression: self.input.compression(),
            name: self.name,
        }
    }

    pub(super) fn not_a_capture(self, start: [u8; 4]) -> CaptureError {
        let start = match start {
            start if Compression::of(&start).is_some() => {
                "it is compressed twice: decompress it once first".to_owned()
            }
            [0xfd, b'7', b'z', b'X'] => "it looks like xz: decompress it first".to_owned(),
            [b's', b'n', b'o', b'o'] => "it looks like a snoop capture".to_owned(),
            [0x34, 0xcd, 0xb2, 0xa1] | [0xa1, 0xb2, 0xcd, 0x34] => {
                "it is a pcap variant with longer record headers".to_owned()
            }
            [a, b, c, d] => format!("it starts with {a:02x} {b:02x} {c:02x} {d:02x}"),
        };
        CaptureError::NotACapture {
            name: self.name,
            start,
        }
    }

    pub(super) fn header_cut(&self) -> CaptureError {
        CaptureError::HeaderCut {
            name: self.name.clone(),
            needed: self.claimed,
            available: self.position,
            compressed: self.input.compressed(),
        }
    }

    pub(super) fn version(&self, format: &'static str, major: u16, minor: u16) -> CaptureError {
        CaptureError::Version {
            name: self.name.clone(),
            format,
            major,
            minor,
        }
    }

    /// `interface` is its number in the file and its name, where the file describes interfaces.
    pub(super) fn link(
        &self,
        link: LinkType,
        interface: Option<(usize, Option<&str>)>,
    ) -> CaptureError {
        let interface = interface.map(|(number, name)| match name {
            Some(name) => format!("{number} ({name})"),
            None => number.to_string(),
        });
        CaptureError::Link {
            name: self.name.clone(),
            interface,
            link,
        }
    }

    pub(super) fn corrupt(&self, problem: Problem) -> CaptureError {
        let Self { record, start, .. } = *self;
        CaptureError::Corrupt {
            name: self.name.clone(),
            record,
            offset: start,
            compression: self.input.compression(),
            problem,
        }
    }

    /// Whether the file ends before its compressed data do.
    fn is_cut(&self) -> bool {
        let compressed = self.input.compressed();
        compressed.is_some_and(|compressed| compressed.cut.is_some())
    }

    fn failed(&self, fault: Fault) -> CaptureError {
        let (name, offset) = (self.name.clone(), self.input.position());
        match fault {
            Fault::Read(source) => CaptureError::Read {
                name,
                offset,
                source,
            },
            Fault::Data {
                compression,
                problem,
            } => CaptureError::Compressed {
                name,
                compression,
                offset,
                problem,
            },
        }
    }

    /// Notes the end of the capture, a clean one between two records. Always `false`.
    fn end(&mut self) -> bool {
        let available = self.position - self.start;
        let compressed = self.input.compressed();
        self.truncated = (available > 0 || self.is_cut()).then_some(Truncated {
            record: self.record,
            offset: self.start,
            needed: self.claimed,
            available,
            compressed,
        });
        false
    }
}
