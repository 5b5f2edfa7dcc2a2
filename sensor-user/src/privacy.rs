//! Addresses as they may be stored and printed.

use std::{fmt, net::IpAddr};

use serde::{Serialize, Serializer};

/// An address in a record.
///
/// A domestic address is to become a pseudonym before anything stores or prints it. There
/// are none yet, so it is left out: what is not there cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A foreign address, in clear.
    Foreign(IpAddr),
    /// A domestic address, whichever it is.
    Domestic,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(address) => address.fmt(f),
            Self::Domestic => f.write_str("domestic"),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
