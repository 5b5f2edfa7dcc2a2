//! Begin and end of an approval on the boot clock.

use super::Anchor;

/// Begin and end on the boot clock, in nanoseconds since boot: what a kernel slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// First nanosecond in force.
    pub begin: u64,
    /// First nanosecond no longer in force.
    pub end: u64,
}

impl Terms {
    /// Never in force.
    pub const NEVER: Self = Self {
        begin: u64::MAX,
        end: 0,
    };

    /// Has ended.
    pub const ENDED: Self = Self { begin: 0, end: 0 };

    /// What both allow. A slot in force takes new terms by this only, so that its end is never
    /// raised and its begin never lowered.
    #[must_use]
    pub fn narrowed(self, by: Self) -> Self {
        Self {
            begin: self.begin.max(by.begin),
            end: self.end.min(by.end),
        }
    }

    /// By one anchor, each moved inward by its uncertainty. `begin` and `end` are nanoseconds
    /// since 1970.
    pub(super) fn by(anchor: &Anchor, begin: u64, end: u64) -> Self {
        Self {
            begin: since_boot(i128::from(begin) - anchor.smallest()),
            end: since_boot(i128::from(end) - anchor.greatest()),
        }
    }
}

/// A time before boot becomes 0: a begin that has passed, an end that has passed. One past the
/// clock's range becomes its last nanosecond, which never comes.
fn since_boot(nanoseconds: i128) -> u64 {
    u64::try_from(nanoseconds.max(0)).unwrap_or(u64::MAX)
}
