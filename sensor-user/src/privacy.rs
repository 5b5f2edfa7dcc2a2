//! Addresses as they may be stored and printed.

use std::{fmt, net::IpAddr};

use serde::{Serialize, Serializer};

/// An address in a record.
///
/// Only foreign addresses exist while there is no territory table: lab mode takes
/// every address for foreign. A domestic address becomes a pseudonym, a variant of
/// its own, before anything stores or prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A foreign address, in clear.
    Foreign(IpAddr),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(address) => address.fmt(f),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
