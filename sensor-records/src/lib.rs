//! What Sekisho keeps of flows: records, and everything that stores and tells them.
//!
//! Without kernel and clock: what was counted comes in with its times, and goes out under the
//! approvals it was counted for.

pub mod address;
pub mod export;
pub mod pseudonym;
pub mod query;
pub mod record;
pub mod store;

pub use address::{Address, Endpoint};
pub use pseudonym::{Pseudonym, Pseudonyms};
pub use record::{End, Matched, Notice, Record, RecordId, Under};
