//! Why bytes are no signature, or why a signature does not fit.

use thiserror::Error;

use super::{super::NoKey, MAX_SIGNATURE};

/// Bytes are no signature, or it does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignatureFault {
    /// Longer than any signature.
    #[error("a signature has at most {MAX_SIGNATURE} bytes; give the file that ssh-keygen wrote")]
    TooLong,
    /// No first line.
    #[error("this is no signature: it has no line -----BEGIN SSH SIGNATURE-----")]
    NoBegin,
    /// Something stands before it.
    #[error("data before -----BEGIN SSH SIGNATURE-----; leave only the signature in the file")]
    Leading,
    /// No last line.
    #[error("the signature is cut off: the line -----END SSH SIGNATURE----- is not there")]
    NoEnd,
    /// A second one stands behind it.
    #[error("a second signature in one file; write each into a file of its own")]
    Second,
    /// Something stands behind it.
    #[error("data after -----END SSH SIGNATURE-----; leave only the signature in the file")]
    Trailing,
    /// No line end at the end.
    #[error("the last line has no end; copy the signature as ssh-keygen wrote it")]
    NoLineEnd,
    /// Line ends of another system.
    #[error("lines end with CR LF; copy the signature as ssh-keygen wrote it, with LF alone")]
    CarriageReturn,
    /// No base64.
    #[error("the signature is no whole base64; copy it as ssh-keygen wrote it")]
    Base64,
    /// Lines of another length.
    #[error("the lines are not of 70 columns; copy the signature as ssh-keygen wrote it")]
    Columns,
    /// Something else in this clothing.
    #[error("what is inside does not begin with SSHSIG; sign with ssh-keygen -Y sign")]
    Magic,
    /// Of a version that there is not.
    #[error("the signature is of version {0}; only version 1 is read")]
    Version(u32),
    /// A part ends too early, or is of another length.
    #[error("a part of the signature is cut off or has another length; sign again")]
    Cut,
    /// Something stands inside, behind its parts.
    #[error("data inside the signature, behind its last part; sign again with ssh-keygen")]
    Inside,
    /// Something is in the part kept for later.
    #[error("the reserved part of the signature is not empty; sign again with ssh-keygen")]
    Reserved,
    /// A hash that is not taken.
    #[error("the hash '{0}' is not taken; sign with sha512, as ssh-keygen does unless told")]
    Hash(String),
    /// A key that is not taken.
    #[error("the key in the signature: {0}")]
    Key(#[from] NoKey),
    /// Made by another algorithm than that of its key.
    #[error("made by '{found}' with a key of the type '{wanted}'; sign with ssh-keygen -Y sign")]
    OtherAlgorithm {
        /// In the signature.
        found: String,
        /// Of its key.
        wanted: String,
    },
    /// Numbers written in another way than the shortest.
    #[error("a number in the signature is not written as ssh-keygen writes it; sign again")]
    Written,
    /// Made for something else.
    #[error("made for the namespace '{found}'; sign with ssh-keygen -Y sign -n {wanted}")]
    OtherNamespace {
        /// In the signature.
        found: String,
        /// Of the document.
        wanted: &'static str,
    },
    /// Of other bytes, or altered.
    #[error("the signature does not fit the bytes of the document; sign this very file again")]
    Unfit,
    /// Made without touching the security key.
    #[error("the security key was not touched; make a key without -O no-touch-required and sign")]
    NoTouch,
}
