//! The state of the system clock, from adjtimex(2). Modes stay zero, so it is only read.

use std::io;
use std::time::Duration;

use crate::preflight::Clock;

/// Reads the state of the clock.
///
/// # Errors
///
/// What adjtimex(2) returns, such as `EPERM` under a seccomp filter.
#[expect(unsafe_code, reason = "nix has no wrapper for adjtimex")]
pub(in crate::kernel) fn clock() -> io::Result<Clock> {
    // SAFETY: `struct timex` holds integers and a timeval of integers; all zeroes is a value of
    // it, and its `modes` of zero asks to read.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a whole, owned `struct timex` that outlives the call.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Clock {
        synchronised: state != libc::TIME_ERROR && timex.status & libc::STA_UNSYNC == 0,
        // In microseconds whatever STA_NANO says: time_maxerror of kernel/time/ntp.c.
        max_error: Duration::from_micros(u64::try_from(timex.maxerror).unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_can_be_read() {
        let clock = clock().unwrap();
        // NTP_PHASE_LIMIT: the kernel counts the error no higher than 16 seconds.
        assert!(clock.max_error <= Duration::from_secs(16), "{clock:?}");
    }
}
