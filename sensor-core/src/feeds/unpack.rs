//! gzip, Zstandard, bzip2 and zip around a feed, taken off while it is read.
//!
//! A stranger decides how much comes out of a few bytes, so what comes out is counted: never more
//! than a feed may have, and never more than any list was seen to be packed by. What is cut or
//! corrupt is an error, and so the feed is none: half a feed must not count for the whole.

mod zip;
mod zstd;

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read},
};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;

use self::{zip::Zip, zstd::Zstd};

/// Bytes that come out before their number is held against what went in.
const FREE: u64 = 16 << 20;

/// Bytes that may come out for each that goes in: lists have 3 to 30.
const RATIO: u64 = 400;

/// Bytes that tell a packing.
const MARK: usize = 4;

/// How a feed is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
    /// `.bz2`
    Bzip2,
    /// `.zip`, with one file in it.
    Zip,
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Zip => "zip",
        })
    }
}

impl Packing {
    /// Told from the first bytes; the name of a file says nothing here.
    pub fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Self::Bzip2),
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            _ => None,
        }
    }
}

/// A feed with its packing taken off.
pub struct Unpacked<R: Read> {
    inner: Inner<Counted<R>>,
    packing: Option<Packing>,
    /// Bytes that came out.
    out: u64,
    most: u64,
}

enum Inner<R: Read> {
    Plain(BufReader<R>),
    Gzip(Box<MultiGzDecoder<BufReader<R>>>),
    Zstd(Box<Zstd<BufReader<R>>>),
    Bzip2(Box<MultiBzDecoder<BufReader<R>>>),
    Zip(Box<Zip<BufReader<R>>>),
}

/// A reader that knows how much was read of it.
struct Counted<R> {
    reader: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    /// The first time it gives as much as tells a packing, however little comes at a time: a pipe
    /// gives what is there.
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let least = if self.count == 0 { MARK } else { 1 };
        let mut held = 0;
        while held < least.min(target.len()) {
            match self.reader.read(&mut target[held..]) {
                Ok(0) => break,
                Ok(count) => held += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.count += held as u64;
        Ok(held)
    }
}

impl<R: Read> Unpacked<R> {
    /// Looks at the first bytes. No more than `most` bytes come out.
    pub fn open(reader: R, most: u64) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(1 << 16, Counted { reader, count: 0 });
        let packing = Packing::of(reader.fill_buf()?);
        let inner = match packing {
            None => Inner::Plain(reader),
            Some(Packing::Gzip) => Inner::Gzip(Box::new(MultiGzDecoder::new(reader))),
            Some(Packing::Zstd) => Inner::Zstd(Box::new(Zstd::new(reader))),
            Some(Packing::Bzip2) => Inner::Bzip2(Box::new(MultiBzDecoder::new(reader))),
            Some(Packing::Zip) => Inner::Zip(Box::new(Zip::open(reader)?)),
        };
        Ok(Self {
            inner,
            packing,
            out: 0,
            most,
        })
    }

    /// How it is packed.
    pub const fn packing(&self) -> Option<Packing> {
        self.packing
    }

    /// Bytes read so far of what was packed, unless it was read to its end.
    fn read_of(&self) -> Option<u64> {
        let reader = match &self.inner {
            Inner::Plain(reader) => Some(reader),
            Inner::Gzip(decoder) => Some(decoder.get_ref()),
            Inner::Zstd(decoder) => Some(decoder.get_ref()),
            Inner::Bzip2(decoder) => Some(decoder.get_ref()),
            Inner::Zip(decoder) => decoder.get_ref(),
        };
        reader.map(|reader| reader.get_ref().count)
    }

    fn told(&self, error: io::Error) -> io::Error {
        let Some(packing) = self.packing else {
            return error;
        };
        match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("{packing}: it ends before its data do; fetch it again"),
            ),
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, format!("{packing}: {error}")),
        }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.inner {
            Inner::Plain(reader) => reader.read(target),
            Inner::Gzip(decoder) => decoder.read(target),
            Inner::Zstd(decoder) => decoder.read(target),
            Inner::Bzip2(decoder) => decoder.read(target),
            Inner::Zip(decoder) => decoder.read(target),
        };
        let count = read.map_err(|error| self.told(error))?;
        self.out += count as u64;
        let too_large = |text: String| Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        if self.out > self.most {
            return too_large(format!("larger than {} bytes", self.most));
        }
        let is_bomb = |read| self.packing.is_some() && self.out > FREE && self.out / RATIO > read;
        if self.read_of().is_some_and(is_bomb) {
            return too_large(format!(
                "more than {RATIO} bytes come out for each that goes in, as of no list; unpack it \
                 by hand if it is one"
            ));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
