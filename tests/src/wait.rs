//! Waiting for conditions.

use std::{
    thread,
    time::{Duration, Instant},
};

/// A guard against a hang and no test of speed: far beyond what the slowest machine needs.
pub const HANG: Duration = Duration::from_secs(120);

/// Time between two looks at a condition.
pub const LOOK: Duration = Duration::from_millis(5);

/// Waits until `look` finds something, and panics with `what` was waited for if it never does.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            begin.elapsed() < HANG,
            "waited {} s in vain until {what}",
            HANG.as_secs()
        );
        thread::sleep(LOOK);
    }
}
