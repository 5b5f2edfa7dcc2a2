//! JSON of any size, an object at a time.
//!
//! What lies between the objects of a feed is walked here, without recursion and without keeping
//! it; each object is cut out and read by `serde_json` from its bytes. That is three times as fast
//! as `serde_json` over a reader, it knows the line of each object, and an object that cannot be
//! read is one refused object: the rest of the feed counts.

mod loose;

use std::io::{self, Read};

use memchr::memchr2;
use thiserror::Error;

pub(super) use self::loose::{Loose, Many};
use super::{address::clip, reason::Refusal};

/// Largest object that is read, in bytes.
pub(super) const LARGEST_OBJECT: usize = 16 << 20;

/// Deepest nesting that is read; `serde_json` itself ends at 128.
pub(super) const DEEPEST: usize = 100;

/// Bytes read at a time.
const SOME: usize = 1 << 16;

/// Longest name of a member that is looked at.
const LONGEST_NAME: usize = 1 << 10;

/// Why a text of JSON cannot be read further.
#[derive(Debug, Error)]
pub enum JsonError {
    /// The reader failed.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It ends in the middle.
    #[error("line {line}: it ends in the middle; fetch it again")]
    Cut {
        /// The last line.
        line: u64,
    },
    /// It is not JSON.
    #[error("line {line}: no JSON: {found} where {expected} is expected")]
    Form {
        /// Where.
        line: u64,
        /// What is there.
        found: String,
        /// What could be there.
        expected: &'static str,
    },
    /// Nested too deep.
    #[error("line {line}: nested more than {DEEPEST} levels deep")]
    Deep {
        /// Where.
        line: u64,
    },
}

/// A text of JSON, walked from its begin to its end.
pub(super) struct Json<R> {
    reader: R,
    buffer: Vec<u8>,
    next: usize,
    end: usize,
    line: u64,
}

/// A value that was cut out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// The line it begins in.
    pub(super) line: u64,
    /// Whether it is all there: what is too large is passed over.
    pub(super) is_whole: bool,
}

impl<R: Read> Json<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; SOME],
            next: 0,
            end: 0,
            line: 1,
        }
    }

    /// The first byte of the next value, or what else comes.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, JsonError> {
        loop {
            let rest = &self.buffer[self.next..self.end];
            for (at, &byte) in rest.iter().enumerate() {
                match byte {
                    b'\n' => self.line += 1,
                    b' ' | b'\t' | b'\r' => {}
                    other => {
                        self.next += at;
                        return Ok(Some(other));
                    }
                }
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Walks an object: `each` has to read, cut or skip the value of the member that it is told.
    pub(super) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.expect(b'{', "an object")?;
        if self.is(b'}')? {
            return Ok(());
        }
        let mut name = Vec::new();
        loop {
            if self.peek()? != Some(b'"') {
                return Err(self.unexpected("the name of a member"));
            }
            name.clear();
            self.cut(&mut name, LONGEST_NAME)?;
            let member: String = serde_json::from_slice(&name).unwrap_or_default();
            self.expect(b':', "':'")?;
            each(self, &member)?;
            if self.is(b'}')? {
                return Ok(());
            }
            self.expect(b',', "',' or '}'")?;
        }
    }

    /// Walks an array: `each` has to read, cut or skip one value.
    pub(super) fn array(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.expect(b'[', "an array")?;
        if self.is(b']')? {
            return Ok(());
        }
        loop {
            each(self)?;
            if self.is(b']')? {
                return Ok(());
            }
            self.expect(b',', "',' or ']'")?;
        }
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self) -> Result<(), JsonError> {
        self.scan(&mut |_| {}).map(drop)
    }

    /// Adds the bytes of a value to those that are there, if they are no more than `most`.
    pub(super) fn cut(&mut self, into: &mut Vec<u8>, most: usize) -> Result<Cut, JsonError> {
        let begin = into.len();
        let mut is_whole = true;
        let line = self.scan(&mut |some| {
            if into.len() - begin + some.len() > most {
                is_whole = false;
            }
            if is_whole {
                into.extend_from_slice(some);
            }
        })?;
        Ok(Cut { line, is_whole })
    }

    /// Nothing but space may follow.
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end")),
        }
    }

    /// Hands on the bytes of the next value, and says in which line it begins.
    fn scan(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<u64, JsonError> {
        let first = self.peek()?;
        let line = self.line;
        match first {
            None => return Err(JsonError::Cut { line }),
            Some(b'{' | b'[' | b'"') => {}
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => return self.scalar(take, line),
            Some(_) => return Err(self.unexpected("a value")),
        }
        let mut inside = Inside::default();
        loop {
            let rest = &self.buffer[self.next..self.end];
            let lines = &mut self.line;
            if let Some(end) = inside
                .end(rest, lines)
                .map_err(|TooDeep| JsonError::Deep { line })?
            {
                take(&rest[..end]);
                self.next += end;
                return Ok(line);
            }
            take(rest);
            self.next = self.end;
            if !self.fill()? {
                return Err(JsonError::Cut { line: self.line });
            }
        }
    }

    /// A number or a word.
    fn scalar(&mut self, take: &mut dyn FnMut(&[u8]), line: u64) -> Result<u64, JsonError> {
        loop {
            let rest = &self.buffer[self.next..self.end];
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
            let end = rest.iter().position(|byte| !is_part(byte));
            take(&rest[..end.unwrap_or(rest.len())]);
            self.next += end.unwrap_or(rest.len());
            if end.is_some() || !self.fill()? {
                return Ok(line);
            }
        }
    }

    /// Passes a byte if it is the next one.
    fn is(&mut self, byte: u8) -> Result<bool, JsonError> {
        let is_next = self.peek()? == Some(byte);
        self.next += usize::from(is_next);
        Ok(is_next)
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), JsonError> {
        if self.is(byte)? {
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    fn unexpected(&mut self, expected: &'static str) -> JsonError {
        let line = self.line;
        match self.peek() {
            Err(error) => error,
            Ok(None) => JsonError::Cut { line },
            Ok(Some(byte)) => JsonError::Form {
                line,
                found: format!("'{}'", byte.escape_ascii()),
                expected,
            },
        }
    }

    /// Reads more; `false` at the end. What was there has to be used.
    fn fill(&mut self) -> Result<bool, JsonError> {
        loop {
            match self.reader.read(&mut self.buffer) {
                Ok(count) => {
                    (self.next, self.end) = (0, count);
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// An object that `serde_json` does not read; it says lines of the object, not of the feed.
pub(super) fn unread(error: &serde_json::Error) -> Refusal {
    let text = error.to_string();
    Refusal::Record(clip(text.split(" at line").next().unwrap_or_default()))
}

struct TooDeep;

/// Where a scan stands inside a value.
#[derive(Default)]
struct Inside {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
}

impl Inside {
    /// The end of the value in these bytes, if it ends there.
    fn end(&mut self, bytes: &[u8], line: &mut u64) -> Result<Option<usize>, TooDeep> {
        let mut at = 0;
        while at < bytes.len() {
            if self.is_escaped {
                self.is_escaped = false;
                at += 1;
                continue;
            }
            if self.in_string {
                let Some(found) = memchr2(b'"', b'\\', &bytes[at..]) else {
                    return Ok(None);
                };
                at += found + 1;
                self.is_escaped = bytes[at - 1] == b'\\';
                self.in_string = self.is_escaped;
                if !self.in_string && self.depth == 0 {
                    return Ok(Some(at));
                }
                continue;
            }
            match bytes[at] {
                b'"' => self.in_string = true,
                b'{' | b'[' if self.depth == DEEPEST => return Err(TooDeep),
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Ok(Some(at + 1));
                    }
                }
                b'\n' => *line += 1,
                _ => {}
            }
            at += 1;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
