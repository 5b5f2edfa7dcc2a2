//! The clocks of this machine.

mod namespace;
mod setting;
mod system;

use std::io;

use nix::time::{ClockId, clock_gettime};

use super::DatapathError;
use crate::pipeline::Clock;

pub use namespace::check_time_namespace;
pub use system::{SystemClock, boot_id};

/// Nanoseconds since boot, on the clock the kernel side reads (`bpf_ktime_get_boot_ns`).
pub fn boot_now() -> Result<u64, DatapathError> {
    Ok(read(ClockId::CLOCK_BOOTTIME)?)
}

/// Reads both clocks, for translating times of the boot clock into calendar time.
///
/// They are read once a run: a step of the calendar clock afterwards does not move
/// flows that were seen before it.
pub fn clock_now() -> Result<Clock, DatapathError> {
    let unix = read(ClockId::CLOCK_REALTIME)?;
    Ok(Clock {
        unix_at_boot: unix.saturating_sub(boot_now()?),
    })
}

/// A clock did not answer.
struct Silent(io::Error);

/// The call that [`Silent`] is about.
const CALL: &str = "clock_gettime";

impl From<Silent> for DatapathError {
    fn from(Silent(source): Silent) -> Self {
        Self::System { call: CALL, source }
    }
}

fn read(clock: ClockId) -> Result<u64, Silent> {
    let time = clock_gettime(clock).map_err(|errno| Silent(errno.into()))?;
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec()).unwrap_or(0);
    Ok(seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds))
}
