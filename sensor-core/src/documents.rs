//! The papers of the gate: who may have what recorded, signed and numbered.
//!
//! A core: bytes and times go in, decisions come out. Nothing here reads a file or a clock, so
//! that the sensor, a replay and a carrier's own machine come to the same decisions.

mod digest;
mod kind;
mod principal;
mod time;

pub use digest::{Digest, NoDigest};
pub use kind::Kind;
pub use principal::{NoPrincipal, Principal, Role};
pub use time::{NoTime, Time};
