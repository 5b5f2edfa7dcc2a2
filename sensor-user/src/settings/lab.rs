//! Lab: trying the sensor without an approval, and its limits.
//!
//! Lab stands in for the overseer's approval, so it is narrow: an hour at most,
//! and on an interface that leads to other people's traffic only packets to or
//! from this host itself.

use std::time::Duration;

use sensor_common::{Fields, Slot};

use crate::watchlist::{Approval, ApprovalId, Scope, Validity};

/// Longest time a lab run records.
pub const LONGEST: Duration = Duration::from_hours(1);

/// The name of the lab approval in output.
pub const NAME: &str = "lab";

/// The lab approval of a live run: from `begin` for at most [`LONGEST`].
///
/// `begin` is in calendar time, nanoseconds since 1970; the times of the terms are set
/// when the clocks are tied. `real` has a bit for each interface slot that is more than a
/// veth or tap.
pub fn live(begin: u64, duration: Duration, interfaces: u64, real: u64) -> Approval {
    let nanoseconds = u64::try_from(duration.min(LONGEST).as_nanos()).unwrap_or(0);
    let validity = Validity {
        begin,
        end: begin.saturating_add(nanoseconds),
    };
    approval(validity, interfaces, real)
}

/// The lab approval of a replay: any time and any interface of the file.
pub fn replay() -> Approval {
    let validity = Validity {
        begin: 0,
        end: Slot::FOREVER,
    };
    approval(validity, u64::MAX, 0)
}

/// Every indicator, class, direction, operator and field.
fn approval(validity: Validity, interfaces: u64, own_addresses_only: u64) -> Approval {
    Approval {
        id: ApprovalId(NAME.into()),
        validity,
        scope: Scope::All,
        handling: std::sync::Arc::default(),
        tunnels: Vec::new(),
        terms: Slot {
            begin: validity.begin,
            end: validity.end,
            interfaces,
            own_addresses_only,
            epoch: 0,
            fields: Fields::ALL,
            operator: Slot::ANY_OPERATOR,
            classes: 0b111,
            directions: 0b111,
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
        assert_eq!(live(5, day, 1, 0).validity.end, 5 + 3_600_000_000_000);
        assert_eq!(
            live(5, Duration::from_secs(1), 1, 0).validity.end,
            5 + 1_000_000_000
        );
        assert_eq!(
            live(5, Duration::MAX, 1, 0).validity.end,
            5 + 3_600_000_000_000
        );
    }
}
