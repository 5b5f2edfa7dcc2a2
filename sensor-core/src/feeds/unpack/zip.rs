//! A zip archive with one file in it, read from its begin: the list at its end is looked for and
//! not believed.
//!
//! By APPNOTE 6.3.10 of PKWARE, as far as feeds need it: stored or deflated, not encrypted. Names
//! in the archive are never used, so they can lead nowhere.

use std::io::{self, BufRead, Read, Take};

use flate2::{Crc, bufread::DeflateDecoder};

const FILE: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;

/// Flag: encrypted.
const ENCRYPTED: u16 = 1;
/// Flag: sizes and checksum follow the data.
const FOLLOWED: u16 = 1 << 3;

/// The file in an archive.
pub(super) struct Zip<R: BufRead> {
    state: State<R>,
    crc: Crc,
    header: Header,
}

enum State<R: BufRead> {
    Stored(Take<R>),
    Deflated(DeflateDecoder<R>),
    /// Read to its end.
    Done,
}

#[derive(Clone, Copy, Debug)]
struct Header {
    flags: u16,
    method: u16,
    crc: u32,
    packed: u32,
    length: u32,
    is_folder: bool,
}

impl<R: BufRead> Zip<R> {
    /// Passes folders and stands before the file.
    pub(super) fn open(mut reader: R) -> io::Result<Self> {
        loop {
            let header = match word(&mut reader)? {
                FILE => header(&mut reader)?,
                CENTRAL | END => return Err(corrupt("it has no file in it")),
                _ => return Err(corrupt("no file begins there")),
            };
            if header.is_folder {
                continue;
            }
            if header.flags & ENCRYPTED != 0 {
                return Err(corrupt("the file in it is encrypted; unpack it by hand"));
            }
            let state = match header.method {
                0 if header.flags & FOLLOWED == 0 && header.packed == header.length => {
                    State::Stored(reader.take(header.packed.into()))
                }
                8 => State::Deflated(DeflateDecoder::new(reader)),
                _ => {
                    return Err(corrupt(
                        "the file in it is packed in another way than deflate; unpack it by hand",
                    ));
                }
            };
            return Ok(Self {
                state,
                crc: Crc::new(),
                header,
            });
        }
    }

    /// What it is read from, until it is read to its end.
    pub(super) fn get_ref(&self) -> Option<&R> {
        match &self.state {
            State::Stored(take) => Some(take.get_ref()),
            State::Deflated(decoder) => Some(decoder.get_ref()),
            State::Done => None,
        }
    }

    /// Holds what came against what was said, and what follows against what may.
    fn finish(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Stored(take) if take.limit() > 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            State::Stored(take) => self.check(&mut take.into_inner()),
            State::Deflated(decoder) => self.check(&mut decoder.into_inner()),
            State::Done => Ok(()),
        }
    }

    fn check(&self, reader: &mut R) -> io::Result<()> {
        let mut said = self.header.crc;
        let mut next = word(reader)?;
        if self.header.flags & FOLLOWED != 0 {
            // The signature before it may be left out.
            said = if next == DESCRIPTOR {
                word(reader)?
            } else {
                next
            };
            // Its two sizes have 4 bytes each, or 8 in archives of more than 4 GiB.
            next = 0;
            for _ in 0..5 {
                next = word(reader)?;
                if matches!(next, FILE | CENTRAL) {
                    break;
                }
            }
        }
        if said != self.crc.sum() {
            return Err(corrupt("the checksum of the file in it is another"));
        }
        match next {
            CENTRAL => Ok(()),
            FILE => Err(corrupt(
                "it has several files in it; unpack it and name the files",
            )),
            _ => Err(corrupt("its list of files is missing")),
        }
    }
}

impl<R: BufRead> Read for Zip<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.state {
            State::Stored(take) => take.read(target)?,
            State::Deflated(decoder) => decoder.read(target)?,
            State::Done => return Ok(0),
        };
        self.crc.update(&target[..count]);
        if count == 0 && !target.is_empty() {
            self.finish()?;
        }
        Ok(count)
    }
}

fn header(reader: &mut impl Read) -> io::Result<Header> {
    let mut fixed = [0; 26];
    reader.read_exact(&mut fixed)?;
    let half = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
    let whole =
        |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let mut name = vec![0; half(22).into()];
    reader.read_exact(&mut name)?;
    let mut extra = vec![0; half(24).into()];
    reader.read_exact(&mut extra)?;
    Ok(Header {
        flags: half(2),
        method: half(4),
        crc: whole(10),
        packed: whole(14),
        length: whole(18),
        is_folder: name.ends_with(b"/") && whole(14) == 0,
    })
}

fn word(reader: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn corrupt(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
