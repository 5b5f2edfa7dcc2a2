//! The state folder: lab or real, for ever.
//!
//! `state.toml` in the folder says which, and for a real sensor what it is known by before it
//! reads any paper: the hash of the first keyring and the key of its log. Whoever writes into
//! the folder decides what is recorded, so it is its owner's alone, and no key that could sign
//! lies in it. `papers/` holds documents, signatures, feeds and `allowed_signers` as people
//! put them there; `arrivals.jsonl` says what of it came when.

mod folder;
mod guard;
mod journal;
mod kind;
mod log_key;
mod papers;

pub use folder::{FolderError, StateFolder, init};
pub use journal::Journal;
pub use kind::{Kind, State, StateError, check_lab, read as read_kind};
pub use log_key::{NoLogKey, fingerprint};
pub(crate) use papers::is_ignored;
pub use papers::{AGAIN, Papers, Scan};

/// Where the state folder is unless named.
pub const DEFAULT_FOLDER: &str = "/var/lib/sekisho";
