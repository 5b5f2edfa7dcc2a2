//! How many threads share work.

use std::{num::NonZero, thread};

/// Most threads that are worth it: memory is what bounds this work.
const MOST: usize = 8;

/// As many as this process may run at once, up to a limit.
pub(crate) fn threads() -> usize {
    thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(MOST)
}
