//! Feeds that are kept: where they come from, their last good copies, and what they took back.
//!
//! A folder holds a folder for each feed, with what is set of it (`feed.toml`), what is known of
//! it (`status.json`), and its last good copy under a number: the files as they came, and beside
//! them what they say, an indicator a line. `over.tsv` says what feeds took back; a sensor reads
//! nothing else of all this. Whatever a feed adds waits for somebody to ask for it.

mod config;
mod copy;
mod error;
mod obtain;
mod over;
mod pull;
mod remote;
mod status;
mod store;

pub use config::{Access, FeedConfig, Protocol, is_name};
pub use error::StoreError;
pub use obtain::{Local, Obtain, ObtainError, Obtained, Progress};
pub use over::{Limits, OverError, TakenBack};
pub use pull::{Pull, Pulled, Puller};
pub use remote::Remote;
pub use status::{Copy, Failing, Held, Mark, Status};
pub use store::{Feed, Store};

/// Where feeds are kept unless named. It is not in the state folder: who fetches need not be who
/// records, and what strangers send is not put beside papers.
pub const DEFAULT_FOLDER: &str = "/var/lib/sekisho-feeds";
