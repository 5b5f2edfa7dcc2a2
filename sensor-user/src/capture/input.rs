//! A capture file with its compression taken off.
//!
//! A file that ends before its compressed data does is no error here, as a capture without
//! compression that is cut is none: what came before is good. It is noted, and looks like the end.

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;

use super::compression::{Compressed, Compression};
use super::disk::Disk;
use super::zstd::Zstd;

/// Why a file cannot be read further.
pub(super) enum Fault {
    /// The reader failed.
    Read(io::Error),
    /// The compressed data are corrupt.
    Data {
        /// What they should be.
        compression: Compression,
        /// What is wrong.
        problem: String,
    },
}

pub(super) struct Input<R> {
    decoder: Decoder<R>,
    /// Whether the file ends before the compressed data do.
    is_cut: bool,
}

enum Decoder<R> {
    None(Disk<R>),
    Gzip(Box<MultiGzDecoder<Disk<R>>>),
    Zstd(Box<Zstd<R>>),
}

/// What a decoder says of its data.
pub(super) enum Ended {
    /// The file ends before them.
    Cut,
    /// They cannot be.
    Corrupt(String),
}

impl<R: Read> Input<R> {
    pub(super) fn open(reader: R) -> Self {
        let (disk, start) = Disk::open(reader);
        let decoder = match Compression::of(&start) {
            None => Decoder::None(disk),
            Some(Compression::Gzip) => Decoder::Gzip(Box::new(MultiGzDecoder::new(disk))),
            Some(Compression::Zstd) => Decoder::Zstd(Box::new(Zstd::new(disk))),
        };
        Self {
            decoder,
            is_cut: false,
        }
    }

    /// Reads some bytes; 0 is the end.
    pub(super) fn read(&mut self, target: &mut [u8]) -> Result<usize, Fault> {
        let (compression, read) = match &mut self.decoder {
            _ if self.is_cut => return Ok(0),
            Decoder::None(disk) => {
                let count = disk.copy(target);
                let failure = if count == 0 { disk.failure() } else { None };
                return failure.map_or(Ok(count), |failure| Err(Fault::Read(failure)));
            }
            Decoder::Gzip(decoder) => {
                let read = decoder.read(target).map_err(|error| ended(&error));
                (Compression::Gzip, read)
            }
            Decoder::Zstd(decoder) => (Compression::Zstd, decoder.read(target)),
        };
        if let Ok(count @ 1..) = read {
            return Ok(count);
        }
        if let Some(failure) = self.disk_mut().failure() {
            return Err(Fault::Read(failure));
        }
        match read {
            Ok(count) => Ok(count),
            Err(Ended::Corrupt(problem)) => Err(Fault::Data {
                compression,
                problem,
            }),
            Err(Ended::Cut) => {
                self.is_cut = true;
                Ok(0)
            }
        }
    }

    /// Bytes of the file used so far.
    pub(super) fn position(&self) -> u64 {
        match &self.decoder {
            Decoder::None(disk) => disk.position(),
            Decoder::Gzip(decoder) => decoder.get_ref().position(),
            Decoder::Zstd(decoder) => decoder.disk().position(),
        }
    }

    /// How the file is compressed.
    pub(super) fn compression(&self) -> Option<Compression> {
        match self.decoder {
            Decoder::None(_) => None,
            Decoder::Gzip(_) => Some(Compression::Gzip),
            Decoder::Zstd(_) => Some(Compression::Zstd),
        }
    }

    /// How the file is compressed, and whether that was whole so far.
    pub(super) fn compressed(&self) -> Option<Compressed> {
        let cut = self.is_cut.then(|| self.position());
        let compression = self.compression()?;
        Some(Compressed { compression, cut })
    }

    fn disk_mut(&mut self) -> &mut Disk<R> {
        match &mut self.decoder {
            Decoder::None(disk) => disk,
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Zstd(decoder) => decoder.disk_mut(),
        }
    }
}

/// What flate2 says: it keeps the kind for an early end.
fn ended(error: &io::Error) -> Ended {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Ended::Cut,
        _ => Ended::Corrupt(error.to_string()),
    }
}
