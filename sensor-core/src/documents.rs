//! The papers of the gate: who may have what recorded, signed and numbered.
//!
//! A core: bytes and times go in, decisions come out. Nothing here reads a file or a clock, so
//! that the sensor, a replay and a carrier's own machine come to the same decisions.

mod decision;
mod digest;
pub mod field;
pub mod journal;
mod kind;
pub mod paper;
mod principal;
mod refusal;
mod time;

pub use decision::{Attended, Decision, Folder, Granted, Identity, IndicatorSet};
pub use digest::{Digest, NoDigest};
pub use kind::Kind;
pub use paper::{Body, Paper, PaperError};
pub use principal::{NoPrincipal, Principal, Role};
pub use refusal::{Refusal, Rule};
pub use time::{NoTime, Time};
