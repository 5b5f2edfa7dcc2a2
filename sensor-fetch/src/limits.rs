//! How much, how long and how often.

use std::time::Duration;

/// How much, how long and how often. Nothing here can be switched off.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Octets of the result: a body, a bundle of all pages, a manifest with its events.
    pub bytes: u64,
    /// Octets of a page of TAXII, of a manifest and of an event of MISP, which are held in memory.
    pub page: u64,
    /// Objects of a bundle, or events of a manifest. An object takes 18 to 36 octets of memory.
    pub objects: u64,
    /// Requests for the pages of a bundle.
    pub pages: u64,
    /// For all of a call: names, connections, redirects, pages, attempts and what is waited between.
    pub total: Duration,
    /// For a connection: the name's addresses, TCP, proxy and TLS.
    pub connect: Duration,
    /// For the headers of an answer; and in each such time [`slowest`](Self::slowest) octets come.
    pub idle: Duration,
    /// Octets that come in each [`idle`](Self::idle) at least, until the body ends.
    pub slowest: u64,
    /// Redirects that a request follows.
    pub redirects: u8,
    /// How often a request is tried in all.
    pub attempts: u8,
    /// The first attempt after a failure comes within this, each further one within twice as
    /// much: at a random moment of it, so that many sensors do not come at once.
    pub backoff: Duration,
    /// The longest wait between two attempts, whatever `Retry-After` says.
    pub longest_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 1 << 30,
            page: 64 << 20,
            // As many as a hash table of 4,194,304 places takes: 75 MB.
            objects: 3_600_000,
            pages: 100_000,
            total: Duration::from_mins(15),
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            slowest: 1024,
            redirects: 5,
            attempts: 4,
            backoff: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
        }
    }
}
