//! The strings of the SSH protocols: a length of four bytes, big-endian, then the bytes
//! (RFC 4251, section 5).

/// What is left to read.
pub(super) struct Wire<'a>(pub(super) &'a [u8]);

impl<'a> Wire<'a> {
    /// The next byte.
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// The next number.
    pub(super) fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    /// The next string.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    /// The next string, as text.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.string()?).ok()
    }

    /// The next integer, unsigned and filled up in front to `width` bytes.
    ///
    /// Any number of zeros may stand before it: whether it was written in the one right way is
    /// for the caller to see, by writing it again.
    pub(super) fn integer(&mut self, width: usize) -> Option<Vec<u8>> {
        let bytes = without_zeros(self.string()?);
        let zeros = width.checked_sub(bytes.len())?;
        Some([vec![0; zeros], bytes.to_vec()].concat())
    }
}

/// Writes a string.
pub(super) fn put(out: &mut Vec<u8>, string: &[u8]) {
    let length = u32::try_from(string.len()).unwrap_or(u32::MAX);
    out.extend(length.to_be_bytes());
    out.extend(string);
}

/// Writes an unsigned integer: no zeros before it but the one that keeps it from being negative.
pub(super) fn put_integer(out: &mut Vec<u8>, integer: &[u8]) {
    let bytes = without_zeros(integer);
    let has_sign = bytes.first().is_some_and(|first| *first >= 0x80);
    let sign: &[u8] = if has_sign { &[0] } else { &[] };
    put(out, &[sign, bytes].concat());
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_what_is_cut_off_is_not() {
        let mut out = Vec::new();
        put(&mut out, b"sekisho");
        put_integer(&mut out, &[0, 0, 0x80, 1]);
        assert_eq!(out[11..], [0, 0, 0, 3, 0, 0x80, 1]);
        let mut wire = Wire(&out);
        assert_eq!(wire.text(), Some("sekisho"));
        assert_eq!(wire.integer(4), Some(vec![0, 0, 0x80, 1]));
        assert!(wire.0.is_empty());
        assert_eq!(wire.byte(), None);
        assert_eq!(wire.number(), None);
        for end in 0..11 {
            assert_eq!(Wire(&out[..end]).string(), None);
        }
        assert_eq!(Wire(&[0, 0, 0, 2, 1, 1]).integer(1), None);
        assert_eq!(Wire(&[255; 8]).string(), None);
    }
}
