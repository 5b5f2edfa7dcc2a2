//! The watchlist: prefixes to watch for, where each comes from, and their
//! compilation for the kernel.
//!
//! A core: no kernel, no clock, no input or output.

mod approval;
mod compile;
pub mod engine;
mod ids;
mod indicator;
pub(crate) mod keys;
mod limits;
mod moment;
mod prefix;
pub(crate) mod prefixes;
pub mod stored;
mod tables;
mod tunnel;

pub use approval::{Approval, ApprovalId, Handling, InForce, Scope, SlotBook, Validity};
pub use compile::{Change, Compiled, MatchSet, Patch, SetId, compile, in_order};
pub use ids::IndicatorIds;
pub use indicator::{Indicator, IndicatorId, Watchlist};
pub use limits::{Limits, PortRule};
pub use moment::{Moment, Schedule};
pub use prefix::{Prefix4, Prefix6};
pub use prefixes::{Beyond, Prefixes};
pub use tables::{NoRoom, PortRow, Tables};
pub use tunnel::Tunnel;

#[cfg(test)]
pub(crate) mod tests;
