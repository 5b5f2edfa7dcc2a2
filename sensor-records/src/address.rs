//! Addresses as they may be stored and printed, and as they come from the kernel.

use std::{fmt, net::IpAddr};

use serde::{Serialize, Serializer};

use crate::Pseudonym;

/// An end of a flow, as it was counted.
///
/// It is neither printed nor stored: [`crate::Pseudonyms`] make an [`Address`] of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// A foreign address.
    Foreign(IpAddr),
    /// A domestic address.
    Domestic(IpAddr),
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(address) => write!(f, "Foreign({address})"),
            Self::Domestic(_) => f.write_str("Domestic(..)"),
        }
    }
}

/// An address in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A foreign address, in clear.
    Foreign(IpAddr),
    /// What stands for a domestic address.
    Pseudonym(Pseudonym),
    /// A domestic address, whichever it is: there was no key to make a pseudonym of it.
    Withheld,
}

impl Address {
    /// Which of the three it is, in a word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Foreign(_) => "foreign",
            Self::Pseudonym(_) => "pseudonym",
            Self::Withheld => "withheld",
        }
    }

    /// The address, where it is told in clear.
    pub const fn clear(&self) -> Option<IpAddr> {
        match self {
            Self::Foreign(address) => Some(*address),
            Self::Pseudonym(_) | Self::Withheld => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(address) => address.fmt(f),
            Self::Pseudonym(pseudonym) => pseudonym.fmt(f),
            Self::Withheld => f.write_str("domestic"),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
