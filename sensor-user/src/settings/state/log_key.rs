//! The fingerprint of a public key, from the line that `ssh-keygen` writes into the file `.pub`.

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::guard;
use crate::documents::field::Fingerprint;

/// The characters of base64, in their order (RFC 4648).
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A file holds no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoLogKey {
    /// It holds the other half.
    #[error(
        "holds a private key, which the sensor must not see; name its public half, the file .pub"
    )]
    Private,
    /// It holds something else or something more.
    #[error("is no OpenSSH public key; name the file .pub that ssh-keygen wrote")]
    Form,
}

/// The fingerprint as `ssh-keygen -l` prints it, of a file with one public key.
pub fn fingerprint(file: &[u8]) -> Result<Fingerprint, NoLogKey> {
    if guard::is_private_key(file) {
        return Err(NoLogKey::Private);
    }
    let line = str::from_utf8(file).ok().map(str::trim_end);
    (line.filter(|line| !line.contains(char::is_control)))
        .and_then(of_line)
        .ok_or(NoLogKey::Form)
}

fn of_line(line: &str) -> Option<Fingerprint> {
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let (named, base64) = (words.next()?, words.next()?);
    let blob = decode(base64.as_bytes())?;
    // Its own type comes first, and nothing is cut off or left over.
    let (type_name, mut rest) = string(&blob)?;
    if type_name != named.as_bytes() || rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        (_, rest) = string(rest)?;
    }
    let digest = encode(&Sha256::digest(&blob));
    format!("SHA256:{digest}").try_into().ok()
}

/// The first string of a blob and what follows it (RFC 4251: a length in four bytes, then bytes).
fn string(blob: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = blob.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Base64 with its padding, in the one form there is for some bytes.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (quads, rest) = text.as_chunks::<4>();
    let padded = text.iter().rev().take_while(|byte| **byte == b'=').count();
    if quads.is_empty() || !rest.is_empty() || padded > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    for quad in quads {
        let mut bits = 0;
        for byte in quad {
            let digit = BASE64.iter().position(|known| known == byte);
            // Padding counts as zeroes; elsewhere than at the end it is not as it is written.
            bits = bits << 6 | u32::try_from(digit.unwrap_or(0)).ok()?;
        }
        bytes.extend(&bits.to_be_bytes()[1..]);
    }
    bytes.truncate(bytes.len() - padded);
    let plain = text.strip_suffix(&b"=="[..padded])?;
    (encode(&bytes).as_bytes() == plain).then_some(bytes)
}

/// Base64 without padding.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = [0; 4];
        bits[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(bits);
        let digits = [bits >> 18, bits >> 12, bits >> 6, bits];
        text.extend(
            (digits.iter().take(group.len() + 1))
                .map(|digit| char::from(BASE64[*digit as usize & 63])),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `ssh-keygen -t ed25519` for this test; `ssh-keygen -l` gave the fingerprint.
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOxjRijFRr2FNixRMSbB0XAoc+j+nQwkGm+ClrRSMczW log of a test\n";
    const FINGERPRINT: &str = "SHA256:KaE78YfGQg3pbnXpJIv0O3T1FO0YiA4LQlc2a4wpLpw";

    #[test]
    fn the_fingerprint_is_the_one_of_ssh_keygen() {
        for text in [KEY, KEY.trim_end(), &KEY.replace(" log of", "")] {
            let found = fingerprint(text.as_bytes()).unwrap();
            assert_eq!(found.to_string(), FINGERPRINT);
        }
    }

    #[test]
    fn base64_has_one_form() {
        for (bytes, text) in [
            (&b"f"[..], "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"\xfb\xef\xff\x00", "++//AA=="),
        ] {
            assert_eq!(decode(text.as_bytes()).unwrap(), bytes);
            assert_eq!(encode(bytes), text.trim_end_matches('='));
        }
        for text in [
            "", "Zg", "Zg=", "Zh==", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm-v", "Z=9v",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_public_key_is_said() {
        let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n";
        assert_eq!(fingerprint(private.as_bytes()), Err(NoLogKey::Private));
        let (first, rest) = KEY.split_at(60);
        for text in [
            "",
            "ssh-ed25519",
            &KEY.replace("ssh-ed25519", "ssh-rsa"),
            &format!("{KEY}{KEY}"),
            &format!("# log\n{KEY}"),
            &format!("{first}{}", &rest[4..]).replace("IOt", "\u{7f}"),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
            "ssh-ed25519 AAAA////",
        ] {
            assert_eq!(fingerprint(text.as_bytes()), Err(NoLogKey::Form), "{text}");
        }
    }
}
