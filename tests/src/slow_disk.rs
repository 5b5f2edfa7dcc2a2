//! A process whose disk takes long: every write that is to be safe waits 0.4 s (`slow_disk.c`).

use std::{path::PathBuf, sync::LazyLock};

use crate::clock_state::compile;

static LIBRARY: LazyLock<PathBuf> =
    LazyLock::new(|| compile("slow_disk", include_str!("slow_disk.c")));

/// The value of `LD_PRELOAD` for such a process.
///
/// # Panics
///
/// Where no C compiler is there.
pub fn preloaded() -> PathBuf {
    LIBRARY.clone()
}
