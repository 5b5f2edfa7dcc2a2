//! Lists of addresses: CIDR lists, ranges, `IPsum`, Spamhaus DROP, `FireHOL` netsets.
//!
//! They are one grammar: an address, a prefix, a range or an address with a port, then perhaps a
//! count, then perhaps a comment after `#` or `;`. Unlike the plain lists that papers bind, whose
//! reading is fixed for ever, a line here may also be something else that has a name.

use std::io::{self, Read};

use memchr::memchr;

use super::{
    address::{self, Named, No, clip},
    item::{About, At, Item, Sink, Watch},
    plain::{Fault, as_text, canonical, line::LONGEST_LINE},
    reason::Refusal,
    text::{Lines, lines},
};

/// Reads a list, without the lines whose count is less than this; a line without one has 0.
pub fn decode(reader: impl Read, least: u64, sink: &mut (impl Sink + ?Sized)) -> io::Result<()> {
    lines(reader, |mut line, lines| match lines {
        Lines::TooLong(start) => long(line, start, sink),
        Lines::Whole(mut rest) => {
            while !rest.is_empty() {
                if let Some(read) = canonical::read(rest)
                    && read.count >= least
                {
                    let watch = Watch {
                        prefix: read.prefix.into(),
                        ports: &[],
                        about: About::default(),
                    };
                    sink.take(At::line(line), Item::Watch(watch));
                    rest = &rest[read.bytes..];
                } else {
                    let end = memchr(b'\n', rest);
                    one(line, &rest[..end.unwrap_or(rest.len())], least, sink);
                    rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
                }
                line += 1;
            }
        }
    })
}

/// A line of any form.
fn one(line: u64, content: &[u8], least: u64, sink: &mut (impl Sink + ?Sized)) {
    if content.len() > LONGEST_LINE {
        return long(line, content, sink);
    }
    let at = At::line(line);
    match read(content, least) {
        Ok(None) => {}
        Ok(Some(named)) => named.give(at, &[], About::default(), sink),
        Err(no) => sink.take(at, no.into()),
    }
}

/// A line that is too long is bad, unless it is a comment.
fn long(line: u64, start: &[u8], sink: &mut (impl Sink + ?Sized)) {
    let first = start.trim_ascii_start().first();
    if !matches!(first, Some(b'#' | b';')) {
        let item = Item::Refused(Refusal::Address(Fault::TooLong));
        sink.take(At::line(line), item);
    }
}

fn read(content: &[u8], least: u64) -> Result<Option<Named>, No> {
    let text = as_text(content).ok_or(Refusal::Address(Fault::NotText))?;
    let text = text.split(['#', ';']).next().unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (word, rest) = match text.split_once(char::is_whitespace) {
        None => (text, ""),
        // A range may be written with spaces around its hyphen.
        Some((first, rest)) if first.ends_with('-') || rest.trim_start().starts_with('-') => {
            (text, "")
        }
        Some((first, rest)) => (first, rest.trim()),
    };
    let named = address::named(word)?;
    let count = if rest.is_empty() {
        0
    } else {
        let trailing = || Refusal::Address(Fault::Trailing(clip(rest)));
        rest.parse().map_err(|_| trailing())?
    };
    if count < least {
        return Err(Refusal::Count { count, least }.into());
    }
    Ok(Some(named))
}

#[cfg(test)]
mod tests;
