//! The line that nearly all lines are: an IPv4 address or prefix as it is printed, and perhaps
//! a count.
//!
//! What is read here at once, `line` reads in the same way; all else is left to it. That is
//! ten times faster, where a list has ten million lines.

use crate::watchlist::Prefix4;

/// Most white space before a count, and most digits of one, that are read here.
const MOST: usize = 16;

/// A line that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::feeds) struct Line {
    pub(in crate::feeds) prefix: Prefix4,
    pub(in crate::feeds) count: u64,
    /// Bytes of the line with its end.
    pub(in crate::feeds) bytes: usize,
}

/// The line that a text begins with, if it is one of these and has no bits beyond its length.
pub(in crate::feeds) fn read(text: &[u8]) -> Option<Line> {
    let mut at = 0;
    let mut address = 0;
    for octet in 0..4 {
        if octet > 0 {
            at = take(text, at, b'.')?;
        }
        let (value, end) = number(text, at, 3)?;
        if value > 255 {
            return None;
        }
        address = address << 8 | value;
        at = end;
    }
    let mut length = 32;
    if text.get(at) == Some(&b'/') {
        (length, at) = number(text, at + 1, 2)?;
    }
    let prefix = Prefix4::around(address, u8::try_from(length).ok()?);
    if length > 32 || prefix.address != address {
        return None;
    }
    let mut count = 0;
    if let Some(b' ' | b'\t') = text.get(at) {
        (count, at) = counted(text, at)?;
    }
    if text.get(at) == Some(&b'\r') {
        at += 1;
    }
    if at < text.len() {
        at = take(text, at, b'\n')?;
    }
    Some(Line {
        prefix,
        count,
        bytes: at,
    })
}

fn take(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    (text.get(at) == Some(&byte)).then_some(at + 1)
}

fn digit(text: &[u8], at: usize) -> Option<u8> {
    let digit = text.get(at)?.wrapping_sub(b'0');
    (digit < 10).then_some(digit)
}

/// A number without leading zeroes, of so many digits at most, and where it ends.
fn number(text: &[u8], at: usize, most: usize) -> Option<(u32, usize)> {
    let first = digit(text, at)?;
    let mut value = u32::from(first);
    let mut end = at + 1;
    while let Some(digit) = digit(text, end) {
        if first == 0 || end == at + most {
            return None;
        }
        value = value * 10 + u32::from(digit);
        end += 1;
    }
    Some((value, end))
}

/// White space and a count, and where it ends.
fn counted(text: &[u8], at: usize) -> Option<(u64, usize)> {
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
    let blanks = text.get(at..)?.iter().take(MOST).take_while(blank).count();
    let begin = at + blanks;
    let mut value = u64::from(digit(text, begin)?);
    let mut end = begin + 1;
    while let Some(digit) = digit(text, end) {
        if end == begin + MOST {
            return None;
        }
        value = value * 10 + u64::from(digit);
        end += 1;
    }
    Some((value, end))
}
