//! A detached signature of OpenSSH: what `ssh-keygen -Y sign` writes.
//!
//! A signature is read from bytes that have one form only: what was read is written again and
//! must give the same file, so that nothing can be hidden in it.

mod armor;
mod fault;
mod proof;
#[cfg(test)]
mod tests;

use sha2::{Digest as _, Sha256, Sha512};

use self::proof::Proof;
use super::{
    Digest, Key, Kind, Principal, shown,
    wire::{Wire, put},
};

pub use fault::SignatureFault;

/// The longest file of a signature, in bytes.
pub const MAX_SIGNATURE: usize = 4096;

/// What stands before everything that is signed, and before every signature.
const MAGIC: &[u8] = b"SSHSIG";

/// The only version there is.
const VERSION: u32 = 1;

/// A signature that was read, fitting or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    key: Key,
    namespace: String,
    hash: Hash,
    proof: Proof,
    digest: Digest,
}

/// What the message is hashed with before it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha512,
}

impl Signature {
    /// From the bytes of a file.
    pub fn read(bytes: &[u8]) -> Result<Self, SignatureFault> {
        if bytes.len() > MAX_SIGNATURE {
            return Err(SignatureFault::TooLong);
        }
        let blob = armor::open(bytes)?;
        let signature = Self::of_blob(&blob, Digest::of(bytes))?;
        if signature.blob() != blob {
            return Err(SignatureFault::Written);
        }
        Ok(signature)
    }

    /// The key that it says it was made with.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What it says it was made for.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// SHA-256 of the file.
    ///
    /// It names the file and not the signing: from a signature of ECDSA anybody can make a second
    /// one that fits the same message.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether the key in it signed this message as a document of this kind, and was touched if
    /// it is kept in a security key.
    ///
    /// Whose key it is, and from when to when it counts, is for [`super::AllowedSigners`].
    pub fn verify(&self, kind: Kind, message: &[u8]) -> Result<(), SignatureFault> {
        self.is_for(kind)?;
        if !self.proof.fits(&self.key, &self.signed(message)) {
            return Err(SignatureFault::Unfit);
        }
        if self.proof.is_touched() {
            Ok(())
        } else {
            Err(SignatureFault::NoTouch)
        }
    }

    /// Whether it is for documents of this kind.
    pub(super) fn is_for(&self, kind: Kind) -> Result<(), SignatureFault> {
        if self.namespace == kind.namespace() {
            return Ok(());
        }
        Err(SignatureFault::OtherNamespace {
            found: shown(&self.namespace),
            wanted: kind.namespace(),
        })
    }

    fn of_blob(blob: &[u8], digest: Digest) -> Result<Self, SignatureFault> {
        let Some(rest) = blob.strip_prefix(MAGIC) else {
            return Err(SignatureFault::Magic);
        };
        let cut = SignatureFault::Cut;
        let mut wire = Wire(rest);
        let version = wire.number().ok_or(cut.clone())?;
        if version != VERSION {
            return Err(SignatureFault::Version(version));
        }
        let key = Key::of_blob(wire.string().ok_or(cut.clone())?)?;
        let namespace = wire.text().ok_or(cut.clone())?.to_owned();
        if !wire.string().ok_or(cut.clone())?.is_empty() {
            return Err(SignatureFault::Reserved);
        }
        let hash = match wire.text().ok_or(cut.clone())? {
            "sha256" => Hash::Sha256,
            "sha512" => Hash::Sha512,
            other => return Err(SignatureFault::Hash(shown(other))),
        };
        let proof = Proof::read(&key, wire.string().ok_or(cut)?)?;
        if !wire.0.is_empty() {
            return Err(SignatureFault::Inside);
        }
        Ok(Self {
            key,
            namespace,
            hash,
            proof,
            digest,
        })
    }

    fn blob(&self) -> Vec<u8> {
        let mut out = [MAGIC, &VERSION.to_be_bytes()].concat();
        put(&mut out, &self.key.blob());
        put(&mut out, self.namespace.as_bytes());
        put(&mut out, b"");
        put(&mut out, self.hash.name());
        put(&mut out, &self.proof.blob(&self.key));
        out
    }

    /// What the key signs (PROTOCOL.sshsig of OpenSSH).
    fn signed(&self, message: &[u8]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put(&mut out, self.namespace.as_bytes());
        put(&mut out, b"");
        put(&mut out, self.hash.name());
        put(&mut out, &self.hash.of(message));
        out
    }
}

impl Hash {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Sha256 => b"sha256",
            Self::Sha512 => b"sha512",
        }
    }

    fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

/// The line for a shell with which a signer signs a document.
///
/// `file` is the document, `key_file` the private key or, of a key in an agent, the public one.
pub fn sign_help(kind: Kind, principal: &Principal, file: &str, key_file: &str) -> String {
    let namespace = kind.namespace();
    let signature = format!("{file}.sig.{}", principal.in_file_names());
    format!(
        "ssh-keygen -Y sign -n {namespace} -f {} - < {} > {}",
        quoted(key_file),
        quoted(file),
        quoted(&signature)
    )
}

/// One word of a POSIX shell.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./+:@%,=".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
