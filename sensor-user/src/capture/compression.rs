//! How a capture file is compressed, told from its first bytes.
//!
//! The name of a file says nothing here. One layer is taken off; what is compressed twice is
//! refused by name.

use std::fmt;

/// A compression that is taken off while reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip (RFC 1952), of one member or several.
    Gzip,
    /// Zstandard (RFC 8878), of one frame or several.
    Zstd,
}

impl Compression {
    /// Told from the first four bytes of a file, or fewer where there are no more.
    pub(super) const fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // The second is a frame to skip: pzstd begins with one.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Self::Zstd),
            _ => None,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// What was taken off, and whether it was whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compressed {
    /// How it was compressed.
    pub compression: Compression,
    /// Length of the file in bytes, where it ends before the compressed data does.
    pub cut: Option<u64>,
}
