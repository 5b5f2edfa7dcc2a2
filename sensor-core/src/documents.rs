//! The papers of the gate: who may have what recorded, signed and numbered.
//!
//! A core: bytes and times go in, decisions come out. Nothing here reads a file or a clock, so
//! that the sensor, a replay and a carrier's own machine come to the same decisions.

mod decision;
mod digest;
pub mod field;
mod gate;
pub mod indicators;
pub mod journal;
mod key;
mod kind;
pub mod paper;
mod principal;
mod refusal;
mod signature;
mod signers;
mod time;
mod wire;

#[cfg(test)]
#[path = "../tests/ssh_keygen/soft.rs"]
mod soft;

pub use decision::{Attended, Decision, Folder, Granted, Identity, IndicatorSet};
pub use digest::{Digest, NoDigest};
pub use gate::{
    Gate, KeyringHeld, Listed, RequestHeld, Shelf, ToStand, may_sign, overseers, signer,
    signers_of, wider,
};
pub use key::{Key, NoKey};
pub use kind::Kind;
pub use paper::{Body, Paper, PaperError};
pub use principal::{NoPrincipal, Principal, Role};
pub use refusal::{Refusal, Rule};
pub use signature::{MAX_SIGNATURE, Signature, SignatureFault, sign_help};
pub use signers::{AllowedSigners, Line, MAX_SIGNERS, SignersError, SignersFault, StepFault};
pub use time::{NoTime, Time};

/// A text of a stranger, as it may stand in a sentence: short and without control characters.
fn shown(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars().take(64) {
        match character {
            '"' | '\'' | '\\' => out.push(character),
            _ => out.extend(character.escape_debug()),
        }
    }
    out
}
