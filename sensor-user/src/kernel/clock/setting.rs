//! Notices that the wall clock was set.
//!
//! A timer of the wall clock that never ends is armed with cancel-on-set. The kernel compares the
//! offset of the wall clock with the one the timer last told of, marks the timer and wakes whoever
//! waits (`timerfd_clock_was_set`, fs/timerfd.c). The mark stays until it is read, and reading it
//! arms the timer again in the same step; so no setting is missed, whenever it happens.

use std::{io, os::fd::AsFd};

use crate::kernel::readable::Readable;
use nix::{
    errno::Errno,
    sys::{
        time::TimeSpec,
        timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
    },
    unistd,
};

/// A timer that is cancelled when the wall clock is set.
#[derive(Debug)]
pub(super) struct Setting(Readable);

impl Setting {
    /// Watches from now on.
    pub(super) fn watch() -> io::Result<Self> {
        // The kernel takes it for the last nanosecond it can count.
        Self::until(TimeSpec::new(libc::time_t::MAX, 0))
    }

    fn until(end: TimeSpec) -> io::Result<Self> {
        let timer = TimerFd::new(
            ClockId::CLOCK_REALTIME,
            TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
        )?;
        let flags =
            TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        match timer.set(Expiration::OneShot(end), flags) {
            // Set since it was made; it is armed nevertheless (`timerfd_setup`, fs/timerfd.c).
            Ok(()) | Err(Errno::ECANCELED) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(Self(Readable::new(timer.into())))
    }

    /// Completes when the clock was set since the last time, or since [`Self::watch`].
    pub(super) async fn wait(&mut self) -> io::Result<()> {
        self.0.wait(|timer| was_set(timer)).await
    }
}

/// [`io::ErrorKind::WouldBlock`] when it was not. A timer that ended stands for a clock set to
/// the end of time.
fn was_set(timer: impl AsFd) -> io::Result<()> {
    match unistd::read(timer, &mut [0; size_of::<u64>()]) {
        Ok(_) | Err(Errno::ECANCELED) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::time::clock_gettime;
    use tokio::time::timeout;

    use super::*;

    // A clock that is really set is in the integration tests, since it takes root.

    #[tokio::test]
    async fn a_clock_that_is_not_set_wakes_nobody() {
        let mut setting = Setting::watch().unwrap();
        for _ in 0..2 {
            let waited = timeout(Duration::from_millis(20), setting.wait()).await;
            assert!(waited.is_err(), "{waited:?}");
        }
    }

    #[tokio::test]
    async fn a_timer_that_ends_before_or_after_the_wait_wakes_once() {
        for ahead in [0, 20_000_000] {
            let now = clock_gettime(nix::time::ClockId::CLOCK_REALTIME).unwrap();
            let end = Duration::from(now) + Duration::from_nanos(ahead);
            let mut setting = Setting::until(end.into()).unwrap();
            timeout(Duration::from_secs(10), setting.wait())
                .await
                .unwrap()
                .unwrap();
            let again = timeout(Duration::from_millis(20), setting.wait()).await;
            assert!(again.is_err(), "{again:?}");
        }
    }
}
