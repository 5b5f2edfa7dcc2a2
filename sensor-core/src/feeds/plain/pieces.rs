//! The text of a list in pieces that end at line ends, each read by a thread of its own.

use std::{panic, thread};

use super::{BadLine, Decoded, Fault, Reading, canonical, line::decode_line};
use crate::{
    parallel,
    watchlist::{
        Prefixes,
        keys::{self, FIT, Key},
    },
};

/// Shorter pieces are not worth a thread.
const SHORTEST: usize = 1 << 20;

/// What was read of each piece. The text is not needed any more.
pub(crate) struct Pieces {
    pieces: Vec<Piece>,
    reading: Reading,
}

/// A piece; lines are counted from 1 in it.
#[derive(Default)]
struct Piece {
    prefixes: Prefixes,
    bad: Vec<BadLine>,
    lines: u32,
}

impl Pieces {
    /// Reads a text on so many threads at most.
    pub(crate) fn read(bytes: &[u8], reading: Reading, threads: usize) -> Self {
        let threads = threads.min(bytes.len() / SHORTEST).max(1);
        Self::read_in(bytes, reading, threads)
    }

    /// Reads a text in so many pieces.
    pub(super) fn read_in(bytes: &[u8], reading: Reading, count: usize) -> Self {
        let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let pieces = thread::scope(|scope| {
            let mut others = Vec::new();
            for left in (2..=count).rev() {
                let about = rest.len() / left;
                let end = (rest[about..].iter()).position(|&byte| byte == b'\n');
                let (piece, after) = rest.split_at(end.map_or(rest.len(), |end| about + end + 1));
                others.push(scope.spawn(move || Piece::read(piece, reading)));
                rest = after;
            }
            let last = Piece::read(rest, reading);
            let others = others.into_iter().map(|other| match other.join() {
                Ok(piece) => piece,
                Err(panicked) => panic::resume_unwind(panicked),
            });
            others.chain([last]).collect()
        });
        Self { pieces, reading }
    }

    /// What the pieces give together: what one would have given.
    pub(crate) fn decoded(self) -> Decoded {
        let mut decoded = Decoded::default();
        let mut lines_before = 0;
        for piece in self.pieces {
            if decoded.prefixes.is_empty() && lines_before == 0 {
                decoded.prefixes = piece.prefixes;
            } else {
                decoded.prefixes.append(&piece.prefixes, lines_before);
            }
            let room = self.reading.most_bad - decoded.bad.len();
            let bad = piece.bad.into_iter().take(room);
            decoded
                .bad
                .extend(bad.map(|BadLine { line, fault }| BadLine {
                    line: lines_before + line,
                    fault,
                }));
            if decoded.bad.len() == self.reading.most_bad {
                decoded.gave_up = true;
                break;
            }
            lines_before += piece.lines;
        }
        if let (true, Some(last)) = (decoded.gave_up, decoded.bad.last()) {
            decoded.prefixes.end_at_line(last.line);
        }
        let not_text = decoded.bad.iter().find(|bad| bad.fault == Fault::NotText);
        decoded.not_text = not_text.map(|bad| bad.line);
        let repeated = repeated(&decoded.prefixes);
        if !repeated.is_empty() {
            decoded.repeated = repeated.len();
            decoded.prefixes = decoded.prefixes.without(&repeated);
        }
        decoded
    }
}

impl Piece {
    fn read(text: &[u8], reading: Reading) -> Self {
        let Reading {
            shortest,
            least,
            most_bad,
        } = reading;
        let mut piece = Self::default();
        let mut rest = text;
        while !rest.is_empty() && piece.bad.len() < most_bad {
            piece.lines += 1;
            let line = piece.lines;
            if let Some(read) = canonical::read(rest)
                && read.prefix.length >= shortest.v4
            {
                if read.count >= least {
                    piece.prefixes.push_v4(read.prefix, line);
                }
                rest = &rest[read.bytes..];
                continue;
            }
            let end = rest.iter().position(|&byte| byte == b'\n');
            let content = &rest[..end.unwrap_or(rest.len())];
            rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
            match decode_line(content, shortest) {
                Ok(Some((prefix, count))) if count >= least => piece.prefixes.push(prefix, line),
                Ok(_) => {}
                Err(fault) => piece.bad.push(BadLine { line, fault }),
            }
        }
        piece
    }
}

/// The places of prefixes that stand at an earlier one too, ascending.
fn repeated(prefixes: &Prefixes) -> Vec<u32> {
    let all = 0..prefixes.len();
    let (v4, wide) = (prefixes.v4(all.clone()), prefixes.wide());
    let narrow = prefixes.len() - wide;
    let mut places = if prefixes.len() <= FIT {
        repeated_of::<u64>(v4, narrow)
    } else {
        repeated_of::<[u64; 2]>(v4, narrow)
    };
    places.extend(repeated_of::<[u64; 3]>(prefixes.v6(all), wide));
    places.sort_unstable();
    places
}

fn repeated_of<K: Key>(
    prefixes: impl Iterator<Item = (usize, K::Prefix)>,
    count: usize,
) -> Vec<u32> {
    let keys = keys::sorted::<K>(prefixes, count, parallel::threads());
    let neighbours = keys.windows(2);
    neighbours
        .filter_map(|pair| match pair {
            [a, b] if a.prefix() == b.prefix() => Some(b.number()),
            _ => None,
        })
        .collect()
}
