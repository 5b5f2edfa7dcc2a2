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
    /// From a line of OpenSSH: `TYPE BASE64 [COMMENT]`, parted by spaces.
    pub fn read(text: &str) -> Result<Self, NoKey> {
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
