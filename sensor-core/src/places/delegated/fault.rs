//! What is wrong with a line of statistics.

use thiserror::Error;

use super::Type;

/// What is wrong with a line of statistics.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Not UTF-8, or with control characters.
    #[error("not text; decompress the file")]
    NotText,
    /// The first line that is no comment is no header.
    #[error(
        "no header; the first line that is no comment has to be \
         'version|registry|serial|records|startdate|enddate|UTCoffset'"
    )]
    NoHeader,
    /// A version that is not read.
    #[error("version '{0}' is not read, only 2 and 2.3")]
    Version(String),
    /// A field of the header or a record.
    #[error("'{text}' is no {what}")]
    Field {
        /// As it stands.
        text: String,
        /// What it should be.
        what: &'static str,
    },
    /// Too few fields.
    #[error("{0} fields where a record has at least 7")]
    FewFields(usize),
    /// More addresses than there are after the first.
    #[error("{count} addresses from {first} on go past the last address")]
    PastEnd {
        /// First address.
        first: std::net::Ipv4Addr,
        /// Addresses.
        count: u64,
    },
    /// Bits beyond the prefix length.
    #[error("{address}/{length} has bits beyond its length")]
    HostBits {
        /// First address.
        address: std::net::Ipv6Addr,
        /// Prefix length.
        length: u8,
    },
    /// A second summary line.
    #[error("a second summary line for {0}")]
    SecondSummary(Type),
}

impl Fault {
    pub(super) fn field(text: &str, what: &'static str) -> Self {
        Self::Field {
            text: text.chars().take(60).collect(),
            what,
        }
    }
}
