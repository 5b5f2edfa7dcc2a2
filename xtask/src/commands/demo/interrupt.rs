//! Signals that ask us to stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// Between two looks at the flag.
pub(in crate::commands) const STEP: Duration = Duration::from_millis(20);

/// A flag that these signals raise and that is never lowered: whoever waits looks at
/// it, and a second Ctrl-C does not break into cleaning up.
#[derive(Debug, Clone)]
pub(in crate::commands) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Catches the signals from now on.
    pub(in crate::commands) fn catch() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&flag))
                .context("cannot catch signals")?;
        }
        Ok(Self(flag))
    }

    pub(in crate::commands) fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// An error once a signal has come.
    pub(in crate::commands) fn check(&self) -> Result<()> {
        if self.is_raised() {
            bail!("interrupted");
        }
        Ok(())
    }

    /// Waits so long, or until a signal comes.
    pub(in crate::commands) fn pause(&self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            self.check()?;
            thread::sleep(STEP);
        }
        self.check()
    }
}
