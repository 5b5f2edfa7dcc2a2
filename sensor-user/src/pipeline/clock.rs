//! Calendar time of the kernel's times.

/// Translates the kernel's times into nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Nanoseconds from 1970 to boot.
    pub unix_at_boot: u64,
}

impl Clock {
    /// The clock of a replay, whose times count from 1970.
    pub const UNIX: Self = Self { unix_at_boot: 0 };

    /// Nanoseconds since 1970 of a time of the kernel.
    pub const fn unix_ns(&self, time: u64) -> u64 {
        self.unix_at_boot.saturating_add(time)
    }
}
