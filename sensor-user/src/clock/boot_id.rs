//! The name of a boot.

use std::{fmt, str::FromStr};

/// Which boot of the machine: `/proc/sys/kernel/random/boot_id`, drawn by the kernel at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId(pub u128);

/// The text is no boot id.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is no boot id, such as 2e84fa73-6b6d-490d-86da-6b00b63df503", .0.escape_debug())]
pub struct NoBootId(String);

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        let (a, b, c) = (&hex[..8], &hex[8..12], &hex[12..16]);
        write!(f, "{a}-{b}-{c}-{}-{}", &hex[16..20], &hex[20..])
    }
}

impl FromStr for BootId {
    type Err = NoBootId;

    fn from_str(text: &str) -> Result<Self, NoBootId> {
        u128::from_str_radix(&text.replace('-', ""), 16)
            .ok()
            .map(Self)
            // One way to write each: hyphens, case and length as the kernel has them.
            .filter(|id| id.to_string() == text)
            .ok_or_else(|| NoBootId(text.chars().take(40).collect()))
    }
}
