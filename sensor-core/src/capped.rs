//! Reading files through a cap.
//!
//! Every file Sekisho reads was written by somebody else: an operator, a feed, the kernel. The
//! uncapped readers of the standard library are banned in `clippy.toml`; this module is what
//! replaces them. A file past its cap is an error, never a silently shortened answer: half a
//! feed of indicators would look like a whole one.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a whole file of at most `cap` bytes.
///
/// # Errors
///
/// [`io::ErrorKind::FileTooLarge`] when the file holds more than `cap` bytes, and whatever
/// opening or reading it returns. The text does not name the path, as in the standard library:
/// that is for the caller's error.
pub fn read(path: impl AsRef<Path>, cap: u64) -> io::Result<Vec<u8>> {
    read_from(File::open(path)?, cap)
}

/// Reads a whole UTF-8 file of at most `cap` bytes.
///
/// # Errors
///
/// As [`read`], and [`io::ErrorKind::InvalidData`] when the bytes are not UTF-8.
pub fn read_to_string(path: impl AsRef<Path>, cap: u64) -> io::Result<String> {
    String::from_utf8(read(path, cap)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("not UTF-8 after byte {at}"),
        )
    })
}

/// Reads a stream to its end, which must come within `cap` bytes.
///
/// The length a file claims is not consulted: files below `/proc` and `/sys` claim 0 or 4096.
///
/// # Errors
///
/// [`io::ErrorKind::FileTooLarge`] when more than `cap` bytes come, and whatever reading returns.
pub fn read_from(stream: impl Read, cap: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "the stream ends at the cap: this is the one place that may"
    )]
    stream.take(cap.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len <= cap) {
        return Ok(bytes);
    }
    Err(io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("larger than {cap} bytes"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file_with(content: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[test]
    fn a_file_up_to_its_cap_is_read_whole() {
        for (content, cap) in [(&b""[..], 0), (b"", 5), (b"abcd", 5), (b"abcde", 5)] {
            let file = file_with(content);
            assert_eq!(read(file.path(), cap).unwrap(), content);
        }
        let file = file_with("関所".as_bytes());
        assert_eq!(read_to_string(file.path(), 6).unwrap(), "関所");
    }

    #[test]
    fn one_byte_more_is_an_error_that_names_the_cap() {
        let file = file_with(b"abcdef");
        let error = read(file.path(), 5).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "larger than 5 bytes");
        assert!(read_to_string(file.path(), 5).is_err());
    }

    #[test]
    fn an_endless_stream_ends_at_the_cap() {
        let error = read_from(io::repeat(0), 1 << 16).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn the_largest_cap_does_not_overflow() {
        assert_eq!(read_from(&b"abc"[..], u64::MAX).unwrap(), b"abc");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_an_error() {
        let file = file_with(b"ok\xff");
        let error = read_to_string(file.path(), 10).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), "not UTF-8 after byte 2");
    }

    #[test]
    fn a_missing_file_keeps_its_kind() {
        let error = read("/nonexistent/file", 10).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
