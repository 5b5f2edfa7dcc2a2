//! What Sekisho decides by: papers, places, watchlist, feeds.
//!
//! The cores of the user side in a crate of their own, so that the compiler holds what they may
//! not know: no kernel, no tokio, no clock. Time is an argument. Files are read here only
//! through a cap.

pub mod capped;
pub mod documents;
pub mod feeds;
mod parallel;
pub mod places;
pub mod watchlist;
