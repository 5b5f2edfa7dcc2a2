//! The watchlist: prefixes to watch for, where each comes from, and their
//! compilation for the kernel.
//!
//! A core: no kernel, no clock, no input or output.

mod compile;
mod indicator;
mod tables;

pub use compile::{Approval, ApprovalId, Compiled, MatchSet, SetId, compile};
pub use indicator::{Indicator, IndicatorId, Watchlist};
pub use tables::{NoRoom, Tables};
