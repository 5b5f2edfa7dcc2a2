//! The clocks of this machine as a [`ClockSource`].

use std::time::Duration;

use nix::time::ClockId;

use super::{CALL, Silent, check_time_namespace, read, setting::Setting};
use crate::{
    capped,
    clock::{Anchor, BootId, ClockError, ClockSource, STEP},
    kernel::probe,
};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Readings of which the shortest is taken. One takes less than a microsecond, unless this
/// process is interrupted in between.
const TRIES: u32 = 16;

/// The longest reading that is taken: by reading alone two anchors differ by no more than this.
const LONGEST: Duration = Duration::from_millis(20);

const _: () = assert!(LONGEST.as_nanos() * 5 <= STEP.as_nanos());

/// The clocks of this machine.
#[derive(Debug)]
pub struct SystemClock {
    boot_id: BootId,
    setting: Setting,
}

impl SystemClock {
    /// Begins to watch for settings of the wall clock. Make it before the first anchor, so that
    /// none is missed in between.
    ///
    /// # Errors
    ///
    /// [`ClockError::TimeNamespace`], and what the system says.
    pub fn new() -> Result<Self, ClockError> {
        check_time_namespace()?;
        let boot_id = boot_id()?;
        let setting = Setting::watch().map_err(|source| ClockError::Read {
            what: "timerfd",
            source,
        })?;
        Ok(Self { boot_id, setting })
    }
}

impl ClockSource for SystemClock {
    fn boot(&self) -> Result<u64, ClockError> {
        Ok(read(ClockId::CLOCK_BOOTTIME)?)
    }

    fn anchor(&self) -> Result<Anchor, ClockError> {
        let Reading { boot, wall, span } = shortest(reading)?;
        // After the clocks: were they set in between, the error counted is the greater.
        let state = probe::clock::clock().map_err(|source| ClockError::Read {
            what: "adjtimex",
            source,
        })?;
        let max_error = u64::try_from(state.max_error.as_nanos()).unwrap_or(u64::MAX);
        Ok(Anchor {
            boot_id: self.boot_id,
            boot: boot.saturating_add(span / 2),
            wall,
            uncertainty: span.div_ceil(2).saturating_add(max_error),
            synchronised: state.synchronised,
        })
    }

    /// Needs a tokio runtime with I/O.
    async fn stepped(&mut self) -> Result<(), ClockError> {
        self.setting
            .wait()
            .await
            .map_err(|source| ClockError::Read {
                what: "timerfd",
                source,
            })
    }
}

impl From<Silent> for ClockError {
    fn from(Silent(source): Silent) -> Self {
        Self::Read { what: CALL, source }
    }
}

/// The wall clock read between two readings of the boot clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    /// The first of the boot clock.
    boot: u64,
    wall: u64,
    /// From the first of the boot clock to the second.
    span: u64,
}

fn reading() -> Result<Reading, Silent> {
    let boot = read(ClockId::CLOCK_BOOTTIME)?;
    let wall = read(ClockId::CLOCK_REALTIME)?;
    let span = read(ClockId::CLOCK_BOOTTIME)?.saturating_sub(boot);
    Ok(Reading { boot, wall, span })
}

fn shortest(mut reading: impl FnMut() -> Result<Reading, Silent>) -> Result<Reading, ClockError> {
    let mut best = reading()?;
    for _ in 1..TRIES {
        let next = reading()?;
        if next.span < best.span {
            best = next;
        }
    }
    let span = Duration::from_nanos(best.span);
    if span > LONGEST {
        return Err(ClockError::Unsteady { span });
    }
    Ok(best)
}

/// Which boot of the machine this is.
pub fn boot_id() -> Result<BootId, ClockError> {
    let text = capped::read_to_string(BOOT_ID, 64).map_err(|source| ClockError::Read {
        what: BOOT_ID,
        source,
    })?;
    text.trim_end()
        .parse()
        .map_err(|_| ClockError::NotUnderstood {
            what: BOOT_ID,
            text,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Anchors, News};

    #[tokio::test]
    async fn two_anchors_of_this_machine_tell_no_step() {
        let clock = SystemClock::new().unwrap();
        let (mut anchors, before) = (Anchors::default(), clock.boot().unwrap());
        assert_eq!(
            anchors.take(clock.anchor().unwrap()).unwrap().news,
            News::First
        );
        let second = clock.anchor().unwrap();
        assert_eq!(anchors.take(second).unwrap().news, News::Steady);
        assert!(before <= second.boot && second.boot <= clock.boot().unwrap());
        // The kernel counts no more than 16 s.
        assert!(second.uncertainty < 17_000_000_000, "{second:?}");
    }

    #[test]
    fn the_shortest_reading_is_taken() {
        let mut spans = (0..).map(|n: u64| 1_000 + n.abs_diff(7));
        let taken = shortest(|| {
            Ok(Reading {
                boot: 5,
                wall: 6,
                span: spans.next().unwrap(),
            })
        });
        assert_eq!(taken.unwrap().span, 1_000);
    }

    #[test]
    fn clocks_that_cannot_be_read_together_are_an_error() {
        let slow = |span: Duration| {
            move || {
                Ok(Reading {
                    boot: 0,
                    wall: 0,
                    span: u64::try_from(span.as_nanos()).unwrap(),
                })
            }
        };
        assert!(shortest(slow(LONGEST)).is_ok());
        let error = shortest(slow(LONGEST + Duration::from_nanos(1))).unwrap_err();
        assert!(matches!(error, ClockError::Unsteady { .. }), "{error}");
    }
}
