//! Real programs read what exporters send: each on loopback, on a port that was free, ended by
//! its number.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "what a test makes is there, and a skipped test says so where tests speak"
)]

mod eve;
mod ipfix;
mod metrics;
mod peer;
mod rows;
mod stix;
mod syslog;
