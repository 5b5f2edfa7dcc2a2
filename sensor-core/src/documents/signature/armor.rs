//! The lines around a signature, and its base64 between them.

use base64ct::{Base64, Encoding as _};

use super::SignatureFault;

const BEGIN: &[u8] = b"-----BEGIN SSH SIGNATURE-----";
const END: &[u8] = b"-----END SSH SIGNATURE-----";

/// Base64 digits in a line, as sshbuf-misc.c of OpenSSH wraps them.
const COLUMNS: usize = 70;

/// What is inside.
pub(super) fn open(bytes: &[u8]) -> Result<Vec<u8>, SignatureFault> {
    let Some((before, rest)) = split(bytes, BEGIN) else {
        return Err(SignatureFault::NoBegin);
    };
    if !before.is_empty() {
        return Err(SignatureFault::Leading);
    }
    let Some((body, after)) = split(rest, END) else {
        return Err(SignatureFault::NoEnd);
    };
    if split(after, BEGIN).is_some() {
        return Err(SignatureFault::Second);
    }
    if bytes.contains(&b'\r') {
        return Err(SignatureFault::CarriageReturn);
    }
    match after {
        b"\n" => {}
        b"" => return Err(SignatureFault::NoLineEnd),
        _ => return Err(SignatureFault::Trailing),
    }
    let digits: Vec<u8> = body.iter().copied().filter(|byte| *byte != b'\n').collect();
    let digits = str::from_utf8(&digits).map_err(|_| SignatureFault::Base64)?;
    let blob = Base64::decode_vec(digits).map_err(|_| SignatureFault::Base64)?;
    if close(&blob) != bytes {
        return Err(SignatureFault::Columns);
    }
    Ok(blob)
}

/// As ssh-keygen writes it.
pub(super) fn close(blob: &[u8]) -> Vec<u8> {
    let digits = Base64::encode_string(blob);
    let mut out = [BEGIN, b"\n"].concat();
    for line in digits.as_bytes().chunks(COLUMNS) {
        out.extend(line);
        out.push(b'\n');
    }
    out.extend(END);
    out.push(b'\n');
    out
}

/// What stands before the first of these marks, and what behind it.
fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|part| part == mark)?;
    let (before, rest) = bytes.split_at_checked(at)?;
    Some((before, rest.get(mark.len()..)?))
}
