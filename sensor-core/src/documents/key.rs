//! Public keys, of the few types whose signatures are taken.
//!
//! A key is read from bytes that have one form only: two keys are equal when, and only when,
//! their bytes are. What is no point of its curve is no key, so that whoever holds one can
//! check with it.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use ed25519_dalek::VerifyingKey;
use ssh_key::{
    HashAlg, PublicKey,
    public::{EcdsaPublicKey, KeyData},
};
use thiserror::Error;

use super::wire::Wire;

/// The types, as they are named in key lines.
const TYPES: [&str; 5] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// A public key of one of the types that are taken.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(KeyData);

/// A text or some bytes are no key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoKey {
    /// Of another form.
    #[error("a key is written as TYPE BASE64, as ssh-keygen writes it into the file .pub")]
    Form,
    /// RSA.
    #[error("RSA keys are not taken; make a key with ssh-keygen -t ed25519-sk or -t ed25519")]
    Rsa,
    /// Of another type: DSA, another curve, a certificate.
    #[error("keys of the type '{0}' are not taken; make one with ssh-keygen -t ed25519-sk")]
    Unsupported(String),
    /// The line names another type than the bytes.
    #[error("the line says '{line}' but the key is '{key}'; copy the whole line of the file .pub")]
    OtherType {
        /// Before the key.
        line: String,
        /// In it.
        key: String,
    },
    /// No base64.
    #[error("the key is no whole base64; copy the whole line of the file .pub")]
    Base64,
    /// Cut off, with something behind it, or not written as OpenSSH writes it.
    #[error("the bytes of the key are not those that OpenSSH writes; copy the file .pub again")]
    Bytes,
    /// No point of the curve, or one that anybody can sign for.
    #[error("the key is no point that can be signed for; make another key")]
    Point,
}

impl Key {
    /// From a line of OpenSSH: `TYPE BASE64 [COMMENT]`, parted by spaces, with or without its end.
    pub fn read(text: &str) -> Result<Self, NoKey> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        if text.chars().any(char::is_control) {
            return Err(NoKey::Form);
        }
        let mut fields = text.split(' ').filter(|field| !field.is_empty());
        let (Some(named), Some(base64)) = (fields.next(), fields.next()) else {
            return Err(NoKey::Form);
        };
        is_taken(named)?;
        let blob = Base64::decode_vec(base64).map_err(|_| NoKey::Base64)?;
        let key = Self::of_blob(&blob)?;
        let of_key = key.type_name();
        if of_key == named {
            Ok(key)
        } else {
            Err(NoKey::OtherType {
                line: named.into(),
                key: of_key,
            })
        }
    }

    /// From the bytes that are base64 in a line.
    pub fn of_blob(blob: &[u8]) -> Result<Self, NoKey> {
        is_taken(Wire(blob).text().ok_or(NoKey::Bytes)?)?;
        let key = Self(
            PublicKey::from_bytes(blob)
                .map_err(|_| NoKey::Bytes)?
                .key_data()
                .clone(),
        );
        if !key.is_point() {
            return Err(NoKey::Point);
        }
        let application = key.application().unwrap_or_default();
        if key.blob() != blob || application.chars().any(char::is_control) {
            return Err(NoKey::Bytes);
        }
        Ok(key)
    }

    /// The bytes that are base64 in a line.
    pub fn blob(&self) -> Vec<u8> {
        let key = PublicKey::new(self.0.clone(), "");
        key.to_bytes().unwrap_or_default()
    }

    /// The type, as in a line.
    pub fn type_name(&self) -> String {
        self.0.algorithm().to_string()
    }

    /// As `ssh-keygen -l` prints it: `SHA256:` and base64.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Whether it is kept in a security key, whose signatures say if it was touched.
    pub fn is_sk(&self) -> bool {
        self.0.is_sk_ed25519() || self.0.is_sk_ecdsa_p256()
    }

    /// What a security key keeps it for, usually `ssh:`.
    pub(super) fn application(&self) -> Option<&str> {
        match &self.0 {
            KeyData::SkEd25519(key) => Some(key.application()),
            KeyData::SkEcdsaSha2NistP256(key) => Some(key.application()),
            _ => None,
        }
    }

    /// What checks signatures.
    pub(super) fn point(&self) -> Option<Point> {
        let p256 = |point: &[u8]| {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point);
            key.ok().map(Point::P256)
        };
        match &self.0 {
            KeyData::Ed25519(key) => ed25519(&key.0),
            KeyData::SkEd25519(key) => ed25519(&key.public_key().0),
            KeyData::Ecdsa(EcdsaPublicKey::NistP256(point)) => p256(point.as_bytes()),
            KeyData::SkEcdsaSha2NistP256(key) => p256(key.ec_point().as_bytes()),
            KeyData::Ecdsa(EcdsaPublicKey::NistP384(point)) => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point.as_bytes());
                key.ok().map(Point::P384)
            }
            _ => None,
        }
    }

    /// Whether it is a point, and the points of ECDSA are written in full, as OpenSSH wants.
    fn is_point(&self) -> bool {
        let is_full = match &self.0 {
            KeyData::Ecdsa(key) => key.as_sec1_bytes().first() == Some(&4),
            KeyData::SkEcdsaSha2NistP256(key) => key.ec_point().as_bytes().first() == Some(&4),
            _ => true,
        };
        is_full && self.point().is_some()
    }
}

/// A key that was read, as what checks with it wants it.
pub(super) enum Point {
    /// Of ed25519, also in a security key.
    Ed25519(VerifyingKey),
    /// Of NIST P-256, also in a security key.
    P256(p256::ecdsa::VerifyingKey),
    /// Of NIST P-384.
    P384(p384::ecdsa::VerifyingKey),
}

/// A point with one way to write it and of more than small order: for one of small order some
/// signatures fit many messages.
fn ed25519(bytes: &[u8; 32]) -> Option<Point> {
    let key = VerifyingKey::from_bytes(bytes).ok()?;
    let is_canonical = key.to_edwards().compress().to_bytes() == *bytes;
    (is_canonical && !key.is_weak()).then_some(Point::Ed25519(key))
}

fn is_taken(name: &str) -> Result<(), NoKey> {
    if TYPES.contains(&name) {
        Ok(())
    } else if ["ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"].contains(&name) {
        Err(NoKey::Rsa)
    } else {
        Err(NoKey::Unsupported(super::shown(name)))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base64 = Base64::encode_string(&self.blob());
        write!(f, "{} {base64}", self.type_name())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.type_name(), self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::super::soft::{Soft, line, string};
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written_whatever_the_comment() {
        let names = Soft::all(1).map(|soft| {
            let text = soft.line();
            let key = Key::read(&text).unwrap();
            assert_eq!(key.to_string(), text);
            assert_eq!(key.blob(), soft.blob());
            assert_eq!(Key::read(&format!("{text} a comment")), Ok(key.clone()));
            assert_eq!(Key::read(&format!("{text}\n")), Ok(key.clone()));
            let two = format!("{text}\n{text}\n");
            assert_eq!(Key::read(&two), Err(NoKey::Form));
            assert_eq!(key.is_sk(), text.starts_with("sk-"));
            key.type_name()
        });
        assert_eq!(names, TYPES);
    }

    #[test]
    fn the_fingerprint_is_that_of_ssh_keygen() {
        // From the documentation of ssh-key; ssh-keygen -lf prints the same.
        let text =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
        let key = Key::read(text).unwrap();
        assert_eq!(
            key.fingerprint(),
            "SHA256:UCUiLr7Pjs9wFFJMDByLgc3NrtdU344OgUM45wZPcIQ"
        );
    }

    #[test]
    fn what_is_no_key_is_refused_by_its_rule() {
        let [ed25519, p256, _, sk_ed25519, _] = Soft::all(2);
        let text = ed25519.line();
        let base64 = text.split_once(' ').unwrap().1;
        let key = |parts: &[&[u8]]| {
            line(
                &parts
                    .iter()
                    .flat_map(|part| string(part))
                    .collect::<Vec<_>>(),
            )
        };
        let small = |bytes: [u8; 32]| key(&[b"ssh-ed25519", &bytes]);
        let mut one = [0; 32];
        one[0] = 1;
        let mut beyond = [0xff; 32];
        beyond[0] = 0xf0;
        beyond[31] = 0x7f;
        let full = p256.blob();
        let point = &full[full.len() - 65..];
        let mut compressed = point[..33].to_vec();
        compressed[0] = 2 + (point[64] & 1);
        let mut elsewhere = point.to_vec();
        elsewhere[64] ^= 1;
        let nistp256: &[u8] = b"ecdsa-sha2-nistp256";
        let sk_nistp256: &[u8] = b"sk-ecdsa-sha2-nistp256@openssh.com";
        let blob = ed25519.blob();
        let cases = [
            String::new(),
            "ssh-ed25519".into(),
            key(&[b"ssh-rsa", &[1, 0, 1], &[1; 256]]),
            key(&[b"ssh-dss", &[1]]),
            key(&[b"ecdsa-sha2-nistp521", b"nistp521", &[4; 133]]),
            key(&[b"ssh-ed25519-cert-v01@openssh.com", &[1; 32]]),
            format!("ED25519 {base64}"),
            format!("ecdsa-sha2-nistp256 {base64}"),
            format!("ssh-ed25519 {}", &base64[..base64.len() - 1]),
            format!("ssh-ed25519 {base64}===="),
            line(&[blob.clone(), vec![0]].concat()),
            line(&blob[..blob.len() - 1]),
            line(&[&sk_ed25519.blob()[..sk_ed25519.blob().len() - 1], b"\0"].concat()),
            key(&[nistp256, b"nistp384", point]),
            key(&[nistp256, b"nistp256", &compressed]),
            key(&[sk_nistp256, b"nistp256", &compressed, b"ssh:"]),
            key(&[nistp256, b"nistp256", &elsewhere]),
            small(one),
            small(beyond),
            small([2; 32]),
        ];
        let refusals = cases.map(|text| Key::read(&text).unwrap_err().to_string());
        insta::assert_snapshot!(refusals.join("\n"), @"
        a key is written as TYPE BASE64, as ssh-keygen writes it into the file .pub
        a key is written as TYPE BASE64, as ssh-keygen writes it into the file .pub
        RSA keys are not taken; make a key with ssh-keygen -t ed25519-sk or -t ed25519
        keys of the type 'ssh-dss' are not taken; make one with ssh-keygen -t ed25519-sk
        keys of the type 'ecdsa-sha2-nistp521' are not taken; make one with ssh-keygen -t ed25519-sk
        keys of the type 'ssh-ed25519-cert-v01@openssh.com' are not taken; make one with ssh-keygen -t ed25519-sk
        keys of the type 'ED25519' are not taken; make one with ssh-keygen -t ed25519-sk
        the line says 'ecdsa-sha2-nistp256' but the key is 'ssh-ed25519'; copy the whole line of the file .pub
        the key is no whole base64; copy the whole line of the file .pub
        the key is no whole base64; copy the whole line of the file .pub
        the bytes of the key are not those that OpenSSH writes; copy the file .pub again
        the bytes of the key are not those that OpenSSH writes; copy the file .pub again
        the bytes of the key are not those that OpenSSH writes; copy the file .pub again
        the bytes of the key are not those that OpenSSH writes; copy the file .pub again
        the key is no point that can be signed for; make another key
        the key is no point that can be signed for; make another key
        the key is no point that can be signed for; make another key
        the key is no point that can be signed for; make another key
        the key is no point that can be signed for; make another key
        the key is no point that can be signed for; make another key
        ");
    }
}
