//! Capture files, pcap and pcapng, read one frame at a time for `sekisho replay`.
//!
//! gzip and zstd are taken off first ([`Compression`]). Places in messages are then those after
//! decompression, and say so.
//!
//! A record is framed here and its fields are decoded by `pcap-parser`. The crate answers
//! `Incomplete` both to a file cut short and to a length inside a block that does not fit the
//! block, and it decodes every block it knows; here a claimed length meets a cap before a byte of
//! the record is read, blocks without packets are passed over, and so a file of any size is read
//! in bounded memory, a cut last record is told from a corrupt one, and each message has the
//! number and the offset of its record. There is no file and no clock in this module: it works on
//! any [`Read`].

mod compression;
mod disk;
mod error;
mod ethernet;
mod input;
mod interface;
mod link;
mod packet;
mod pcap;
mod pcapng;
mod source;
#[cfg(test)]
mod tests;
mod zstd;

use std::io::Read;

use bytes::Bytes;

pub use self::compression::{Compressed, Compression};
pub use self::error::{CaptureError, Problem, Truncated};
pub use self::link::{Link, LinkType};
use self::pcap::Pcap;
use self::pcapng::Pcapng;
use self::source::Source;

/// The longest packet a record may hold, in bytes: the largest snapshot length tcpdump and
/// Wireshark use for Ethernet.
pub const MAX_PACKET: u32 = 256 * 1024;

/// One frame as it was captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Unix time in nanoseconds, held within `u64`; 0 where the file has none (pcapng's simple
    /// packet blocks).
    pub time: u64,
    /// Length on the wire in bytes, never less than what was captured.
    pub wire_length: u32,
    /// The captured bytes, from the link layer on.
    pub data: Bytes,
    /// Position of the interface in the file, counted from 0 through all sections of a pcapng
    /// file; always 0 in a pcap file.
    pub interface: u32,
    /// The link layer `data` starts with.
    pub link: Link,
}

impl Frame {
    /// The same frame with an Ethernet header in place of its link header, for the program, which
    /// knows no other. The length on the wire changes by as much as the header.
    ///
    /// A frame that ends inside its link header has no bytes then.
    #[must_use]
    pub fn into_ethernet(self) -> Self {
        let (data, wire_length) = ethernet::adapt(self.link, self.data, self.wire_length);
        Self {
            data,
            wire_length,
            link: Link::Ethernet,
            ..self
        }
    }
}

/// A capture file being read.
pub struct Capture<R> {
    source: Source<R>,
    format: Format,
    ended: bool,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl<R: Read> Capture<R> {
    /// Reads the file header. `name` stands in messages for the file; `reader` needs no buffer of
    /// its own.
    pub fn new(name: impl Into<String>, reader: R) -> Result<Self, CaptureError> {
        let mut source = Source::new(name.into(), reader);
        let Some(start) = source.magic()? else {
            return Err(source.empty());
        };
        let format = if pcapng::MAGIC == start {
            Format::Pcapng(Pcapng::open(&mut source)?)
        } else if pcap::MAGICS.contains(&start) {
            Format::Pcap(Pcap::open(&mut source)?)
        } else {
            return Err(source.not_a_capture(start));
        };
        Ok(Self {
            source,
            format,
            ended: false,
        })
    }

    /// The next frame, or `None` at the end. An error is the last thing a capture gives; after it
    /// there is only `None`.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        if self.ended {
            return Ok(None);
        }
        let next = match &mut self.format {
            Format::Pcap(pcap) => pcap.next_frame(&mut self.source),
            Format::Pcapng(pcapng) => pcapng.next_frame(&mut self.source),
        };
        self.ended = !matches!(next, Ok(Some(_)));
        next
    }

    /// Bytes of the file as it lies on the disk that were used so far, for a progress bar.
    pub fn position(&self) -> u64 {
        self.source.position()
    }

    /// After the end: where the last record is cut short, or the compressed data, if they are.
    pub fn truncated(&self) -> Option<Truncated> {
        self.source.truncated()
    }

    /// The name of an interface (`if_name`), where the file gives one. Control characters are
    /// replaced, since the name comes from a stranger and is printed.
    pub fn interface_name(&self, index: u32) -> Option<&str> {
        match &self.format {
            Format::Pcap(_) => None,
            Format::Pcapng(pcapng) => pcapng.interface_name(index),
        }
    }
}
