//! Feeds that are kept: where they come from, their last good copies, and what they took back.

mod over;

pub use over::{Limits, OverError, TakenBack};
