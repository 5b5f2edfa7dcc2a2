//! The boot clock.

use std::io;

use nix::time::{ClockId, clock_gettime};

use super::DatapathError;
use crate::pipeline::Clock;

/// Nanoseconds since boot, on the clock the kernel side reads (`bpf_ktime_get_boot_ns`).
pub fn boot_now() -> Result<u64, DatapathError> {
    read(ClockId::CLOCK_BOOTTIME)
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

fn read(clock: ClockId) -> Result<u64, DatapathError> {
    let time = clock_gettime(clock).map_err(|errno| DatapathError::System {
        call: "clock_gettime",
        source: io::Error::from(errno),
    })?;
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec()).unwrap_or(0);
    Ok(seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds))
}
