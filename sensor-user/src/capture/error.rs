//! What can be wrong with a capture file.
//!
//! Every variant has the name of the file, since replay takes several. A record cut short at the
//! end of the file is no error: what came before it is good, so it is a value of its own,
//! [`Truncated`], to be counted and reported.

use std::fmt;
use std::io;

use super::compression::{Compressed, Compression};
use super::link::LinkType;

/// Why a capture cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The reader failed.
    #[error("capture {name}: cannot be read at byte {offset}")]
    Read {
        /// The file.
        name: String,
        /// Bytes read before.
        offset: u64,
        /// The reader's own error.
        source: io::Error,
    },
    /// Not one byte.
    #[error("capture {name}: the file is empty{}", after(*compression))]
    Empty {
        /// The file.
        name: String,
        /// What was taken off before.
        compression: Option<Compression>,
    },
    /// Neither of the two formats.
    #[error("capture {name}: neither pcap nor pcapng ({start})")]
    NotACapture {
        /// The file.
        name: String,
        /// What the file starts with.
        start: String,
    },
    /// Ends before the first record.
    #[error(
        "capture {name}: ends inside its file header ({available} of {needed} bytes){}",
        cut(*compressed)
    )]
    HeaderCut {
        /// The file.
        name: String,
        /// Bytes of the header.
        needed: u64,
        /// Bytes there.
        available: u64,
        /// What was taken off before.
        compressed: Option<Compressed>,
    },
    /// A version of the format nobody writes today.
    #[error("capture {name}: {format} version {major}.{minor} is not supported")]
    Version {
        /// The file.
        name: String,
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// Frames that start with a header that is not read.
    #[error(
        "capture {name}: {}link type {link} is not supported; supported are {}",
        of_interface(interface.as_deref()),
        LinkType::all_read()
    )]
    Link {
        /// The file.
        name: String,
        /// Number of the interface in the file, and its name where it has one.
        interface: Option<String>,
        /// The link type found.
        link: LinkType,
    },
    /// A record that contradicts itself or passes a cap.
    #[error(
        "capture {name}: record {record} at byte {offset}{} is corrupt: {problem}",
        after(*compression)
    )]
    Corrupt {
        /// The file.
        name: String,
        /// Number of the record, from 1; in pcapng every block is one.
        record: u64,
        /// Where the record starts in the capture, in bytes.
        offset: u64,
        /// What was taken off before.
        compression: Option<Compression>,
        /// What is wrong.
        problem: Problem,
    },
    /// Compressed data that cannot be read further.
    #[error("capture {name}: {compression} data are corrupt before byte {offset}: {problem}")]
    Compressed {
        /// The file.
        name: String,
        /// How it is compressed.
        compression: Compression,
        /// How far the file was read, in bytes.
        offset: u64,
        /// What is wrong.
        problem: String,
    },
}

/// Where offsets are counted: in what was decompressed.
fn after(compression: Option<Compression>) -> &'static str {
    match compression {
        None => "",
        Some(_) => " after decompression",
    }
}

fn cut(compressed: Option<Compressed>) -> String {
    match compressed {
        None => String::new(),
        Some(Compressed { cut: None, .. }) => " after decompression".to_owned(),
        Some(Compressed {
            compression,
            cut: Some(length),
        }) => format!(": its {compression} data are cut short at byte {length}"),
    }
}

fn of_interface(interface: Option<&str>) -> String {
    interface.map_or_else(String::new, |interface| format!("interface {interface}: "))
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A packet longer than [`MAX_PACKET`](super::MAX_PACKET).
    #[error(
        "a packet of {length} bytes, more than {} are not read",
        super::MAX_PACKET
    )]
    PacketTooLong {
        /// The length claimed, in bytes.
        length: u32,
    },
    /// A block with a packet, an interface or a section, too long to be one.
    #[error("a block of {length} bytes")]
    BlockTooLong {
        /// The length claimed, in bytes.
        length: u32,
    },
    /// A block shorter than its own frame, or not a multiple of four bytes.
    #[error("{length} bytes is not a length a block can have")]
    BlockLength {
        /// The length claimed, in bytes.
        length: u32,
    },
    /// The length before a block and the length after it differ.
    #[error("its lengths before and after, {before} and {after} bytes, differ")]
    Lengths {
        /// The length before, in bytes.
        before: u32,
        /// The length after, in bytes.
        after: u32,
    },
    /// A section without a byte order.
    #[error("its byte order is unknown")]
    ByteOrder,
    /// A length inside the record does not fit the record.
    #[error("its fields do not fit in it")]
    Fields,
    /// A packet of an interface the section has not described.
    #[error("a packet of interface {index}, which the section does not describe")]
    Interface {
        /// Position of the interface in its section.
        index: u32,
    },
    /// More interfaces than are kept.
    #[error("more than {limit} interfaces")]
    Interfaces {
        /// How many are kept.
        limit: usize,
    },
}

/// The last record of a capture, cut short, or its compressed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncated {
    /// Number of the record, from 1; in pcapng every block is one.
    pub record: u64,
    /// Where the record starts in the capture, in bytes.
    pub offset: u64,
    /// Bytes of the whole record, or of its header while that is cut too.
    pub needed: u64,
    /// Bytes there; 0 only where compressed data are cut between two records.
    pub available: u64,
    /// What was taken off before.
    pub compressed: Option<Compressed>,
}

impl fmt::Display for Truncated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            record,
            offset,
            needed,
            available,
            compressed,
        } = *self;
        let cut = compressed.and_then(|compressed| Some((compressed.compression, compressed.cut?)));
        if let Some((compression, length)) = cut {
            write!(f, "{compression} data are cut short at byte {length}, ")?;
            if available == 0 {
                return write!(f, "where record {record} would begin");
            }
        }
        let after = after(compressed.map(|compressed| compressed.compression));
        write!(
            f,
            "record {record} at byte {offset}{after} is cut short: {available} of {needed} bytes"
        )
    }
}
