//! `sekisho run` between real hosts: counts, ends, limits and losses.

#![expect(clippy::unwrap_used, reason = "all of this crate is tests")]

mod counts;
mod ends;
mod exchanged;
mod faults;
mod jumbo;
mod kept;
mod killed;
mod lab;
mod losses;
mod mended;
mod output;
mod parallel;
mod tcp;
