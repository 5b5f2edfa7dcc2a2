//! `cargo xtask setup`: everything that any command needs, at once.

use anyhow::Result;

use crate::tools::{self, Need};

/// Installs whatever is missing; one line if nothing is.
pub(crate) fn run() -> Result<()> {
    tools::ensure(&Need::ALL)
}
