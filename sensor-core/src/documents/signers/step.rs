//! The signature step: whether a principal signed a document, with a key that counted.

use thiserror::Error;

use super::{
    super::{Key, Kind, Principal, Signature, SignatureFault, Time},
    AllowedSigners, Line,
};

const SECOND: u64 = 1_000_000_000;

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StepFault {
    /// Made for another kind of document.
    #[error("made for the namespace '{found}'; sign with ssh-keygen -Y sign -n {wanted}")]
    OtherNamespace {
        /// In the signature.
        found: String,
        /// Of the document.
        wanted: &'static str,
    },
    /// The key is on no line.
    #[error("the key {key} is of nobody here; sign with one that the allowed signers name")]
    Nobody {
        /// Its fingerprint.
        key: String,
    },
    /// The key is on lines of others only.
    #[error("the key {key} is of {owner} and not of {principal}; name the file by who signed")]
    OtherPrincipal {
        /// Its fingerprint.
        key: String,
        /// Who should have signed.
        principal: Principal,
        /// Whose it is; the first of several.
        owner: Principal,
    },
    /// The key is on lines for other kinds of documents only.
    #[error("the key {key} of {principal} may not sign the kind {}; take one that may", .kind.name())]
    NotAllowed {
        /// Its fingerprint.
        key: String,
        /// Who signed.
        principal: Principal,
        /// What was signed.
        kind: Kind,
    },
    /// The key does not count yet.
    #[error("the key {key} of {principal} counts from {from}; sign again then")]
    NotYet {
        /// Its fingerprint.
        key: String,
        /// Who signed.
        principal: Principal,
        /// The first second in which it counts; the next of several.
        from: Time,
    },
    /// The key counts no longer.
    #[error("the key {key} of {principal} counted until {until}; sign with one that counts")]
    NoLonger {
        /// Its fingerprint.
        key: String,
        /// Who signed.
        principal: Principal,
        /// The last second in which it counted; the last of several.
        until: Time,
    },
    /// Of other bytes, or altered.
    #[error("the signature does not fit the bytes of the document; sign this very file again")]
    Unfit,
    /// Made without touching the security key.
    #[error("the security key was not touched; make a key without -O no-touch-required and sign")]
    NoTouch,
}

impl AllowedSigners {
    /// Whether the principal signed this message as a document of this kind, with a key that
    /// counted at a moment; gives that key.
    ///
    /// As `ssh-keygen -Y verify -f FILE -I PRINCIPAL -n NAMESPACE -s SIGNATURE -Overify-time=TIME`
    /// decides, and more strictly in one thing: a security key has to have been touched.
    pub fn check(
        &self,
        principal: &Principal,
        kind: Kind,
        message: &[u8],
        signature: &Signature,
        at: Time,
    ) -> Result<Key, StepFault> {
        self.may_count(principal, kind, signature, at)?;
        signature.fits(kind, message)?;
        Ok(signature.key().clone())
    }

    /// All of [`AllowedSigners::check`] that the message has no part in.
    pub(in super::super) fn may_count(
        &self,
        principal: &Principal,
        kind: Kind,
        signature: &Signature,
        at: Time,
    ) -> Result<(), StepFault> {
        signature.is_for(kind).map_err(step)?;
        self.stands(principal, signature.key(), kind, at)
    }

    /// Whether a key counts for a principal and a kind of document at a moment, whatever is
    /// signed.
    ///
    /// A moment is its second: one that ends at 12:00:00 counts until 12:00:00.999999999.
    pub fn stands(
        &self,
        principal: &Principal,
        key: &Key,
        kind: Kind,
        at: Time,
    ) -> Result<(), StepFault> {
        let of_key = || self.lines.iter().filter(|line| line.key == *key);
        let fingerprint = || key.fingerprint();
        let Some(first) = of_key().flat_map(|line| &line.principals).next() else {
            return Err(StepFault::Nobody { key: fingerprint() });
        };
        let of_principal = || of_key().filter(|line| line.has(principal, key));
        if of_principal().next().is_none() {
            return Err(StepFault::OtherPrincipal {
                key: fingerprint(),
                principal: principal.clone(),
                owner: first.clone(),
            });
        }
        let lines: Vec<_> = of_principal()
            .filter(|line| line.namespaces.contains(&kind))
            .collect();
        if lines.is_empty() {
            return Err(StepFault::NotAllowed {
                key: fingerprint(),
                principal: principal.clone(),
                kind,
            });
        }
        dates(&lines, principal, key, at)
    }
}

impl Signature {
    /// [`Signature::verify`], as a part of the step.
    pub(in super::super) fn fits(&self, kind: Kind, message: &[u8]) -> Result<(), StepFault> {
        self.verify(kind, message).map_err(step)
    }
}

/// Whether one of the lines counts at a moment; if none does, the next that will.
fn dates(lines: &[&Line], principal: &Principal, key: &Key, at: Time) -> Result<(), StepFault> {
    let at = Time(at.0 / SECOND * SECOND);
    let is_early = |line: &&&Line| line.valid_after.is_some_and(|after| at < after);
    let is_late = |line: &&&Line| line.valid_before.is_some_and(|before| at > before);
    if lines.iter().any(|line| !is_early(&line) && !is_late(&line)) {
        return Ok(());
    }
    let (key, principal) = (key.fingerprint(), principal.clone());
    let next = lines.iter().filter(is_early);
    match next.filter_map(|line| line.valid_after).min() {
        Some(from) => Err(StepFault::NotYet {
            key,
            principal,
            from,
        }),
        None => Err(StepFault::NoLonger {
            key,
            principal,
            until: lines
                .iter()
                .filter_map(|line| line.valid_before)
                .max()
                .unwrap_or(at),
        }),
    }
}

/// What of a signature's faults is left when it was read.
fn step(fault: SignatureFault) -> StepFault {
    match fault {
        SignatureFault::OtherNamespace { found, wanted } => {
            StepFault::OtherNamespace { found, wanted }
        }
        SignatureFault::NoTouch => StepFault::NoTouch,
        _ => StepFault::Unfit,
    }
}
