//! The numbers of a signature, and whether they fit.
//!
//! Not those of the `ssh-key` crate: it takes keys of small order for ed25519, and writes the
//! signatures of `sk-ecdsa` keys in another form than it reads (`Signature::encode`, 0.6.7).

use p256::ecdsa::signature::Verifier as _;
use sha2::{Digest as _, Sha256};

use super::{
    super::{
        key::{Key, Point},
        shown,
        wire::{Wire, put, put_integer},
    },
    SignatureFault,
};

/// The bit that says that the security key was touched: user presence (PROTOCOL.u2f of OpenSSH).
const TOUCHED: u8 = 1;

/// Bytes of a signature of ed25519.
const ED25519: usize = 64;

/// What a private key made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    /// Of ed25519 the 64 bytes; of ECDSA both numbers, each as wide as its field.
    numbers: Vec<u8>,
    /// Of a security key only.
    device: Option<Device>,
}

/// What a security key adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Device {
    flags: u8,
    counter: u32,
}

impl Proof {
    /// The last part of a signature.
    pub(super) fn read(key: &Key, blob: &[u8]) -> Result<Self, SignatureFault> {
        let cut = SignatureFault::Cut;
        let mut wire = Wire(blob);
        let found = wire.text().ok_or(cut.clone())?;
        let wanted = key.type_name();
        if found != wanted {
            return Err(SignatureFault::OtherAlgorithm {
                found: shown(found),
                wanted,
            });
        }
        let mut part = Wire(wire.string().ok_or(cut.clone())?);
        let numbers = match field(key) {
            None => {
                let (numbers, rest) = part.0.split_at_checked(ED25519).ok_or(cut.clone())?;
                part.0 = rest;
                numbers.to_vec()
            }
            Some(width) => {
                let first = part.integer(width).ok_or(cut.clone())?;
                let second = part.integer(width).ok_or(cut.clone())?;
                [first, second].concat()
            }
        };
        let device = if key.is_sk() {
            let flags = wire.byte().ok_or(cut.clone())?;
            let counter = wire.number().ok_or(cut)?;
            Some(Device { flags, counter })
        } else {
            None
        };
        if !part.0.is_empty() || !wire.0.is_empty() {
            return Err(SignatureFault::Inside);
        }
        Ok(Self { numbers, device })
    }

    /// As OpenSSH writes it.
    pub(super) fn blob(&self, key: &Key) -> Vec<u8> {
        let part = match field(key) {
            None => self.numbers.clone(),
            Some(width) => {
                let mut part = Vec::new();
                for number in self.numbers.chunks(width) {
                    put_integer(&mut part, number);
                }
                part
            }
        };
        let mut out = Vec::new();
        put(&mut out, key.type_name().as_bytes());
        put(&mut out, &part);
        if let Some(Device { flags, counter }) = self.device {
            out.push(flags);
            out.extend(counter.to_be_bytes());
        }
        out
    }

    /// Whether this key made it of these bytes.
    pub(super) fn fits(&self, key: &Key, signed: &[u8]) -> bool {
        let of_device = match (self.device, key.application()) {
            (Some(Device { flags, counter }), Some(application)) => Some(
                [
                    Sha256::digest(application).as_slice(),
                    &[flags],
                    &counter.to_be_bytes(),
                    &Sha256::digest(signed),
                ]
                .concat(),
            ),
            (None, None) => None,
            _ => return false,
        };
        let signed = of_device.as_deref().unwrap_or(signed);
        match key.point() {
            Some(Point::Ed25519(key)) => ed25519_dalek::Signature::from_slice(&self.numbers)
                .is_ok_and(|numbers| key.verify_strict(signed, &numbers).is_ok()),
            Some(Point::P256(key)) => p256::ecdsa::Signature::from_slice(&self.numbers)
                .is_ok_and(|numbers| key.verify(signed, &numbers).is_ok()),
            Some(Point::P384(key)) => p384::ecdsa::Signature::from_slice(&self.numbers)
                .is_ok_and(|numbers| key.verify(signed, &numbers).is_ok()),
            None => false,
        }
    }

    /// Whether nothing had to be touched, or it was.
    pub(super) fn is_touched(&self) -> bool {
        self.device.is_none_or(|device| device.flags & TOUCHED != 0)
    }
}

/// How wide a number of ECDSA is, in bytes; none for ed25519.
fn field(key: &Key) -> Option<usize> {
    match key.point()? {
        Point::Ed25519(_) => None,
        Point::P256(_) => Some(32),
        Point::P384(_) => Some(48),
    }
}
