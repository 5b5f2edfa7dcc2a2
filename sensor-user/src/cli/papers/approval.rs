//! `sekisho approval`, of papers: drafts, what they say, and a carrier's own check.

pub(in crate::cli) mod draft;
pub(in crate::cli) mod listed;
pub(in crate::cli) mod show;
pub(in crate::cli) mod verify;
