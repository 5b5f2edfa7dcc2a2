//! What the commands need on the machine, and putting it there.
//!
//! Our own tools live under `$CARGO_HOME/sekisho-tools`, in directories named by
//! version, so that several clones share them and a changed pin never meets an old
//! binary. Each check is a look at the file system or one quick process: with
//! everything in place, [`ensure`] takes a fraction of a second.

mod cargo_tool;
mod linker;
mod nightly;
mod packages;
mod venv;

use anyhow::Result;

pub(crate) use self::cargo_tool::{CARGO_DENY, CARGO_FUZZ, CARGO_NEXTEST};
use crate::say::say;

/// A purpose for which tools are needed. Each one includes [`Need::Build`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Building the eBPF object and the sensor.
    Build,
    /// Measuring it beside other tools.
    Bench,
    /// Showing the sensor at work between two network namespaces.
    Demo,
    /// Fuzzing what it reads; no part of [`Need::ALL`], since few machines are for that.
    Fuzz,
    /// Comparing it with another reader of captures.
    Oracle,
    /// Running all tests.
    Test,
    /// Running them on other kernels.
    Vm,
    /// Checking the sources.
    Lint,
}

impl Need {
    /// What a contributor needs.
    pub(crate) const ALL: [Self; 7] = [
        Self::Build,
        Self::Bench,
        Self::Demo,
        Self::Oracle,
        Self::Test,
        Self::Vm,
        Self::Lint,
    ];

    /// The word for it in what we print.
    fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Bench => "bench",
            Self::Demo => "demo",
            Self::Fuzz => "fuzz",
            Self::Oracle => "oracle",
            Self::Test => "test",
            Self::Vm => "vm",
            Self::Lint => "lint",
        }
    }
}

/// Installs whatever `needs` call for and is missing.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    packages::ensure(needs)?;
    nightly::ensure()?;
    linker::ensure()?;
    if needs.contains(&Need::Test) {
        CARGO_NEXTEST.ensure()?;
        venv::ensure()?;
    }
    if needs.contains(&Need::Fuzz) {
        CARGO_FUZZ.ensure()?;
    }
    if needs.contains(&Need::Lint) {
        CARGO_DENY.ensure()?;
    }
    let names = needs
        .iter()
        .map(|need| need.name())
        .collect::<Vec<_>>()
        .join(", ");
    say("setup", format_args!("everything is in place for {names}"));
    Ok(())
}
