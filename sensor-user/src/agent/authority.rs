//! Who says what may be recorded.

use std::io;

use crate::documents::{Decision, Refusal, Time};

/// What an authority found when it looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// What the papers allow. What has arrived since the last look counts as if it were logged at
    /// this moment.
    pub decision: Decision,
    /// What is refused now, all of it.
    pub refusals: Vec<Refusal>,
}

/// Says what the papers allow.
///
/// In two steps, because what ends recording takes effect before it is logged, and what begins
/// or widens it is logged before it takes effect: [`Authority::look`], then what is narrower
/// than before stands in the kernel, then [`Authority::log`], then the rest stands there.
pub trait Authority {
    /// Reads what has arrived, and says what the papers allow at this moment. Writes nothing.
    ///
    /// Asked at least once a second, so it costs little where nothing has changed. The parts of a
    /// decision that are as before are best the same `Arc`s.
    ///
    /// # Errors
    ///
    /// When nothing can be said. Nothing is recorded until something can.
    fn look(&mut self, now: Time) -> anyhow::Result<Look>;

    /// Writes into the log of arrivals what the last look found. When it returns it is on the
    /// disk. Where there is nothing to write it does nothing.
    ///
    /// # Errors
    ///
    /// When it is not on the disk. What ended has ended all the same, nothing begins, and what
    /// was found is found again by the next look.
    fn log(&mut self) -> anyhow::Result<()>;

    /// Completes when something may have arrived since this last completed. May be dropped and
    /// called again without missing anything.
    fn changed(&mut self) -> impl Future<Output = io::Result<()>> + Send;
}
