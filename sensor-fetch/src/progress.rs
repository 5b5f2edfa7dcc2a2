//! What is going on, for a bar or a log.

use std::time::Duration;

/// What is going on, for a bar or a log. Texts in it may be shown as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// A request is sent.
    Asking {
        /// Where to, as it may be shown.
        url: String,
        /// 1 at first.
        attempt: u8,
    },
    /// A redirect is followed.
    Redirected {
        /// Where to, as it may be shown.
        url: String,
    },
    /// An attempt failed, and the next comes after a while.
    Waiting {
        /// How long.
        pause: Duration,
        /// What failed.
        because: String,
    },
    /// More of a body has come.
    Octets {
        /// How many there are of this body.
        so_far: u64,
        /// How many there will be, by the server's word.
        of: Option<u64>,
    },
    /// A page of TAXII is written.
    Page {
        /// How many there are.
        pages: u64,
        /// Objects in the bundle.
        objects: u64,
    },
    /// An event of MISP is written.
    Event {
        /// How many there are.
        done: u64,
        /// Of how many that are new or changed.
        of: u64,
    },
}
