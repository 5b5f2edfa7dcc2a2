//! The fingerprint of a public key, from the line that `ssh-keygen` writes into the file `.pub`.

use base64ct::{Base64, Base64Unpadded, Encoding as _};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::guard;
use crate::documents::field::Fingerprint;

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
    let bytes = Base64::decode_vec(str::from_utf8(text).ok()?).ok()?;
    (!bytes.is_empty()).then_some(bytes)
}

/// Base64 without padding.
fn encode(bytes: &[u8]) -> String {
    Base64Unpadded::encode_string(bytes)
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
