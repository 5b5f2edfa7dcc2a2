//! Text of any size, some whole lines at a time.

use std::io::{self, Read};

use memchr::{memchr, memrchr};

/// Longest line of any format, in bytes: a line of JSON may be long.
pub(super) const LONGEST: usize = 1 << 20;

/// Some lines.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lines<'a> {
    /// Whole lines, of which only the last of the text may lack its end.
    Whole(&'a [u8]),
    /// The begin of a line that is longer than is read.
    TooLong(&'a [u8]),
}

/// Hands on the lines of a text, with the number of the first.
pub(super) fn lines(mut reader: impl Read, mut each: impl FnMut(u64, Lines<'_>)) -> io::Result<()> {
    let mut buffer = vec![0; LONGEST];
    let (mut held, mut line) = (0, 1);
    let mut is_passing = false;
    loop {
        let count = match reader.read(&mut buffer[held..]) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let is_last = count == 0;
        held += count;
        let mut begin = 0;
        if is_passing {
            match memchr(b'\n', &buffer[..held]) {
                Some(end) => {
                    begin = end + 1;
                    line += 1;
                    is_passing = false;
                }
                None => begin = held,
            }
        }
        let end = match memrchr(b'\n', &buffer[begin..held]) {
            _ if is_last => held,
            Some(end) => begin + end + 1,
            None => begin,
        };
        if end > begin {
            let some = &buffer[begin..end];
            each(line, Lines::Whole(some));
            line += ends(some);
        }
        if is_last {
            return Ok(());
        }
        buffer.copy_within(end..held, 0);
        held -= end;
        if held == buffer.len() {
            each(line, Lines::TooLong(&buffer[..64]));
            is_passing = true;
            held = 0;
        }
    }
}

/// Hands on one line after the other, without its end; `None` is one too long.
pub(super) fn each_line(
    reader: impl Read,
    mut each: impl FnMut(u64, Option<&[u8]>),
) -> io::Result<()> {
    lines(reader, |mut line, lines| match lines {
        Lines::TooLong(_) => each(line, None),
        Lines::Whole(mut rest) => {
            while !rest.is_empty() {
                let end = memchr(b'\n', rest);
                let content = &rest[..end.unwrap_or(rest.len())];
                each(line, Some(content.strip_suffix(b"\r").unwrap_or(content)));
                rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
                line += 1;
            }
        }
    })
}

fn ends(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct InPieces<'a>(&'a [u8], usize);

    impl Read for InPieces<'_> {
        fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(target.len());
            self.0.read(&mut target[..most])
        }
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_text(text in "[ab\n]{0,60}", pieces in 1..9usize) {
            let mut found = Vec::new();
            each_line(InPieces(text.as_bytes(), pieces), |line, content| {
                found.push((line, content.map(<[u8]>::to_vec)));
            })
            .unwrap();
            let lines = text.split_terminator('\n').map(|line| Some(line.as_bytes().to_vec()));
            prop_assert_eq!(found, (1..).zip(lines).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_line_too_long_is_told_once_and_the_next_ones_are_read() {
        let long = vec![b'x'; 3 * LONGEST];
        let text = [b"a\n", &long[..], b"\nb\nc"].concat();
        let mut found = Vec::new();
        each_line(&text[..], |line, content| {
            found.push((line, content.map(<[u8]>::len)));
        })
        .unwrap();
        assert_eq!(found, [(1, Some(1)), (2, None), (3, Some(1)), (4, Some(1))]);
    }
}
