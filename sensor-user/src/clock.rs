//! How the wall clock and the boot clock are tied.
//!
//! Approvals begin and end by the wall clock; the kernel compares packets with the boot clock,
//! which nobody can set. An [`Anchor`] is one reading of both. The kernel slews both together, so
//! the distance between them changes only when the wall clock is set: [`Anchors`] keeps the
//! readings of a boot and translates an approval by all of them at once, to the latest begin and
//! the earliest end that any of them gives. So setting the clock can only shorten an approval.
//!
//! This is a core: it reads no clock. A [`ClockSource`] does, [`crate::kernel::SystemClock`] the
//! real ones and [`SimulatedClock`] those of a test.

mod anchors;
mod boot_id;
mod error;
mod simulated;
mod terms;
mod text;

pub use anchors::{Anchors, News, STEP, Step, Taken, Way};
pub use boot_id::BootId;
pub use error::ClockError;
pub use simulated::SimulatedClock;
pub use terms::Terms;
pub use text::TextError;

use std::time::Duration;

/// One reading of both clocks at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The boot the boot clock counts from.
    pub boot_id: BootId,
    /// Nanoseconds since boot.
    pub boot: u64,
    /// Nanoseconds since 1970 by the wall clock.
    pub wall: u64,
    /// How far, in nanoseconds, `wall` may be from the true time at `boot`: half the span of the
    /// reading and the error the kernel counts at most.
    pub uncertainty: u64,
    /// Whether the kernel knew that its wall clock was disciplined.
    pub synchronised: bool,
}

impl Anchor {
    /// From boot to 1970, in nanoseconds, as this reading has it.
    fn offset(&self) -> i128 {
        i128::from(self.wall) - i128::from(self.boot)
    }

    /// The greatest offset this reading allows: what is earliest by the boot clock.
    fn greatest(&self) -> i128 {
        self.offset() + i128::from(self.uncertainty)
    }

    /// The smallest offset this reading allows: what is latest by the boot clock.
    fn smallest(&self) -> i128 {
        self.offset() - i128::from(self.uncertainty)
    }
}

/// Reads the clocks of a machine.
pub trait ClockSource {
    /// Nanoseconds since boot, on the clock the kernel side reads.
    fn boot(&self) -> Result<u64, ClockError>;

    /// Reads both clocks, and whether the wall clock is disciplined.
    fn anchor(&self) -> Result<Anchor, ClockError>;

    /// Completes when somebody may have set the wall clock since this source was made or this
    /// last completed, whichever is later; also when that was before the call. May be dropped and
    /// called again without missing one.
    ///
    /// The system completes it after a suspend as well. An anchor taken afterwards tells.
    fn stepped(&mut self) -> impl Future<Output = Result<(), ClockError>> + Send;
}

/// Whether recording may start on this clock; if so, whether all output is to be marked as of an
/// unsynchronised clock.
///
/// # Errors
///
/// [`ClockError::NotSynchronised`] outside lab mode.
pub fn may_start(anchor: &Anchor, lab: bool) -> Result<bool, ClockError> {
    if !anchor.synchronised && !lab {
        return Err(ClockError::NotSynchronised {
            uncertainty: Duration::from_nanos(anchor.uncertainty),
        });
    }
    Ok(!anchor.synchronised)
}

#[cfg(test)]
mod tests;
