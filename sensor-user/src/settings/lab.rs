//! Lab: trying the sensor without an approval, and its limits.
//!
//! Lab stands in for the overseer's approval, so it is narrow: an hour at most,
//! and on an interface that leads to other people's traffic only packets to or
//! from this host itself.

use std::time::Duration;

use sensor_common::{Class, Direction, Slot};

use crate::watchlist::{Approval, ApprovalId};

/// Longest time a lab run records.
pub const LONGEST: Duration = Duration::from_hours(1);

/// The name of the lab approval in output.
pub const NAME: &str = "lab";

/// The lab approval of a live run: from `begin` for at most [`LONGEST`].
///
/// Times are nanoseconds since boot. `real` has a bit for each interface slot that
/// is more than a veth or tap.
pub fn live(begin: u64, duration: Duration, interfaces: u64, real: u64) -> Approval {
    let nanoseconds = u64::try_from(duration.min(LONGEST).as_nanos()).unwrap_or(0);
    approval(begin, begin.saturating_add(nanoseconds), interfaces, real)
}

/// The lab approval of a replay: any time and any interface of the file.
pub fn replay() -> Approval {
    approval(0, Slot::FOREVER, u64::MAX, 0)
}

/// There is no territory table: every address counts as foreign, so the class is
/// `transit` and the direction `through`.
fn approval(begin: u64, end: u64, interfaces: u64, own_addresses_only: u64) -> Approval {
    Approval {
        id: ApprovalId(NAME.into()),
        terms: Slot {
            begin,
            end,
            interfaces,
            own_addresses_only,
            classes: 1 << Class::Transit as u8,
            directions: 1 << Direction::Through as u8,
            reserved: [0; 6],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lab_run_is_longer_than_an_hour() {
        let day = Duration::from_hours(24);
        assert_eq!(live(5, day, 1, 0).terms.end, 5 + 3_600_000_000_000);
        assert_eq!(
            live(5, Duration::from_secs(1), 1, 0).terms.end,
            5 + 1_000_000_000
        );
        assert_eq!(
            live(5, Duration::MAX, 1, 0).terms.end,
            5 + 3_600_000_000_000
        );
    }
}
