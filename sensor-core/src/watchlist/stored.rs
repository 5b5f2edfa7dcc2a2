//! A watchlist as bytes: columns one after the other, little-endian.
//!
//! Ten million indicators are 90 MB so, and are written and read in a fraction of a second; as
//! JSON they would be ten times that.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{Prefixes, Watchlist};

/// What the bytes begin with; the last one is the version of what follows.
const MARK: [u8; 8] = *b"watched\x02";

/// Bytes that are no watchlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StoredError {
    /// Something else, or another version.
    #[error("it is no watchlist of this version")]
    Mark,
    /// It ends early.
    #[error("it ends early")]
    Short,
    /// Something follows.
    #[error("something follows its end")]
    Long,
    /// A name is not UTF-8, or a prefix is none.
    #[error("feed {feed} of it is damaged")]
    Damaged {
        /// The feed, counted from 1.
        feed: usize,
    },
}

impl Watchlist {
    /// Writes it.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&MARK)?;
        write_number(out, self.feeds().len())?;
        for (name, (_, prefixes)) in self.feeds().zip(self.parts()) {
            write_number(out, name.len())?;
            out.write_all(name.as_bytes())?;
            prefixes.write_to(out)?;
        }
        Ok(())
    }

    /// SHA-256 of what is written, in lower-case hex.
    pub fn digest(&self) -> String {
        let mut sum = Summed(Sha256::new());
        // What it writes to takes everything.
        let _taken = self.write_to(&mut sum);
        hex(&sum.0.finalize())
    }

    /// Reads what was written, all of it.
    pub fn read_from(bytes: &[u8]) -> Result<Self, StoredError> {
        let mut rest = bytes.strip_prefix(&MARK).ok_or(StoredError::Mark)?;
        let mut watchlist = Self::default();
        for feed in 1..=take_number(&mut rest)? {
            let length = take_number(&mut rest)?;
            let name = std::str::from_utf8(take(&mut rest, length)?);
            let name = name.map_err(|_| StoredError::Damaged { feed })?;
            let prefixes = Prefixes::take_from(&mut rest)?;
            let prefixes = prefixes.ok_or(StoredError::Damaged { feed })?;
            watchlist.share_feed(name.into(), prefixes.into());
        }
        if rest.is_empty() {
            Ok(watchlist)
        } else {
            Err(StoredError::Long)
        }
    }
}

/// SHA-256 of bytes, as [`Watchlist::digest`] gives it.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Counts and lengths have eight bytes.
pub(super) fn write_number(out: &mut impl Write, number: usize) -> io::Result<()> {
    out.write_all(&(number as u64).to_le_bytes())
}

/// Writes a column of numbers, some at a time.
pub(super) fn write_column<T: Copy, const N: usize>(
    out: &mut impl Write,
    column: &[T],
    bytes: impl Fn(T) -> [u8; N],
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(1 << 16);
    for some in column.chunks(1 << 12) {
        buffer.clear();
        buffer.extend(some.iter().flat_map(|&number| bytes(number)));
        out.write_all(&buffer)?;
    }
    Ok(())
}

pub(super) fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], StoredError> {
    let (taken, after) = rest.split_at_checked(length).ok_or(StoredError::Short)?;
    *rest = after;
    Ok(taken)
}

pub(super) fn take_number(rest: &mut &[u8]) -> Result<usize, StoredError> {
    let bytes = take_column(rest, 1, u64::from_le_bytes)?;
    let number = bytes
        .first()
        .and_then(|&number| usize::try_from(number).ok());
    number.ok_or(StoredError::Short)
}

/// A column of so many numbers. What is not there takes no memory.
pub(super) fn take_column<T, const N: usize>(
    rest: &mut &[u8],
    count: usize,
    number: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, StoredError> {
    let length = count.checked_mul(N).ok_or(StoredError::Short)?;
    let (rows, _) = take(rest, length)?.as_chunks::<N>();
    Ok(rows.iter().map(|&row| number(row)).collect())
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

/// Takes bytes into a hash.
struct Summed(Sha256);

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::watchlist::tests::{limits, prefix};

    fn written(watchlist: &Watchlist) -> Vec<u8> {
        let mut bytes = Vec::new();
        watchlist.write_to(&mut bytes).unwrap();
        bytes
    }

    fn watchlist() -> impl Strategy<Value = Watchlist> {
        let feed = (
            "[a-z関]{0,5}",
            prop::collection::vec((prefix(), any::<u32>(), limits()), 0..20),
        );
        prop::collection::vec(feed, 0..4).prop_map(|feeds| {
            let mut watchlist = Watchlist::default();
            for (name, rows) in feeds {
                let mut prefixes = Prefixes::default();
                for (prefix, line, limits) in rows {
                    prefixes.push_limited(prefix, line, &limits);
                }
                watchlist.share_feed(name, prefixes.into());
            }
            watchlist
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(watchlist in watchlist()) {
            let bytes = written(&watchlist);
            prop_assert_eq!(digest(&bytes), watchlist.digest());
            prop_assert_eq!(Watchlist::read_from(&bytes), Ok(watchlist));
        }

        #[test]
        fn no_shorter_or_longer_bytes_are_a_watchlist(
            watchlist in watchlist(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = written(&watchlist);
            let cut = cut.index(bytes.len());
            prop_assert!(Watchlist::read_from(&bytes[..cut]).is_err());
            bytes.push(0);
            prop_assert_eq!(Watchlist::read_from(&bytes), Err(StoredError::Long));
        }

        #[test]
        fn other_bytes_are_refused_or_are_another_watchlist(
            watchlist in watchlist(),
            at in any::<prop::sample::Index>(),
            other in 1..=255u8,
        ) {
            let mut bytes = written(&watchlist);
            let at = at.index(bytes.len());
            bytes[at] ^= other;
            match Watchlist::read_from(&bytes) {
                Ok(read) => {
                    prop_assert_ne!(&read, &watchlist);
                    prop_assert_eq!(written(&read), bytes);
                }
                Err(error) => prop_assert!(at >= MARK.len() || error == StoredError::Mark),
            }
        }
    }
}
