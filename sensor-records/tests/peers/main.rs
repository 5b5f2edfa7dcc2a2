//! Real programs read what exporters send: each on loopback, on a port that was free, ended by
//! its number.

mod eve;
mod ipfix;
mod metrics;
mod peer;
mod rows;
mod stix;
mod syslog;
