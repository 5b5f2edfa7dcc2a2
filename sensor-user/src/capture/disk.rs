//! The bytes of a file as it lies on the disk, and how many of them were used.
//!
//! A reader that fails looks like the end of the file to whoever reads here, and what failed is
//! kept. A decoder so gives what it holds before the failure is told, and its errors are only ever
//! about its data.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

const READ_AHEAD: usize = 256 * 1024;
/// Bytes that tell how a file is compressed.
const START: usize = 4;

pub(super) struct Disk<R> {
    reader: BufReader<Chain<Cursor<Vec<u8>>, R>>,
    /// Bytes read to tell how the file is compressed; they are given before a failure counts.
    start: u64,
    position: u64,
    failure: Option<io::Error>,
}

impl<R: Read> Disk<R> {
    /// Reads the first four bytes, and gives them too; fewer where there are no more.
    pub(super) fn open(mut reader: R) -> (Self, Vec<u8>) {
        let mut start = Vec::with_capacity(START);
        let failure = loop {
            let mut rest = [0; START];
            let missing = START - start.len();
            match reader.read(&mut rest[..missing]) {
                Ok(0) => break None,
                Ok(count) => start.extend(&rest[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
            if start.len() == START {
                break None;
            }
        };
        let disk = Self {
            reader: BufReader::with_capacity(READ_AHEAD, Cursor::new(start.clone()).chain(reader)),
            start: start.len() as u64,
            position: 0,
            failure,
        };
        (disk, start)
    }

    /// Bytes used so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// What is next, as much as is held; nothing at the end.
    pub(super) fn held(&mut self) -> &[u8] {
        while self.reader.buffer().is_empty()
            && (self.failure.is_none() || self.position < self.start)
        {
            match self.reader.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failure = Some(error),
            }
        }
        self.reader.buffer()
    }

    /// Copies what is next and uses it; 0 is the end.
    pub(super) fn copy(&mut self, target: &mut [u8]) -> usize {
        let held = self.held();
        let count = held.len().min(target.len());
        target[..count].copy_from_slice(&held[..count]);
        self.consume(count);
        count
    }

    /// Why the file ended, if it did so by failing.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }
}

impl<R: Read> BufRead for Disk<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.held())
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
        self.position += amount as u64;
    }
}

impl<R: Read> Read for Disk<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        Ok(self.copy(target))
    }
}
