//! Statistics of the regional registries: who was given which addresses.
//!
//! The RIR statistics exchange format, versions 2 and 2.3, and its extended form with an
//! opaque id and the ranges nobody has. A file begins with
//! `version|registry|serial|records|startdate|enddate|UTCoffset`, has a summary line for each
//! type, and then one record a line. What the header and the summary lines count is compared
//! with what is there: half a file must not count for the whole.

mod fault;
mod header;
mod record;

use std::{fmt, net::Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

pub use fault::Fault;
pub(super) use header::is_word;

use super::{Country, PlacesError, number};
use crate::feeds::plain;

/// Statistics, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegated {
    /// Whose they are.
    pub registry: String,
    /// Serial number of the file.
    pub serial: String,
    /// The last day they cover, as `YYYY-MM-DD`.
    pub date: String,
    /// Records of addresses, in the order of the file.
    pub records: Vec<Record>,
    /// Records of autonomous systems, which place no address.
    pub systems: usize,
}

/// A record of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The addresses.
    pub block: Block,
    /// The country, where the record names one.
    pub country: Option<Country>,
    /// What became of the addresses.
    pub status: Status,
    /// Its line, counted from 1.
    pub line: u32,
}

/// Addresses as a registry writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// From the first to the last, of any size.
    V4 {
        /// First address, as a number.
        first: u32,
        /// Last address, as a number.
        last: u32,
    },
    /// A prefix.
    V6(Ipv6Net),
}

impl Block {
    /// The fewest prefixes that are exactly these addresses.
    pub fn prefixes(self) -> Vec<IpNet> {
        match self {
            Self::V4 { first, last } => number::prefixes(first, last).collect(),
            Self::V6(prefix) => vec![prefix.into()],
        }
    }
}

/// What became of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Given to a registry or provider that gives them on.
    Allocated,
    /// Given to who uses them.
    Assigned,
    /// Given to nobody.
    Available,
    /// Held back.
    Reserved,
}

/// What a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// Autonomous systems.
    Asn,
    /// IPv4 addresses.
    Ipv4,
    /// IPv6 addresses.
    Ipv6,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asn => "asn",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        })
    }
}

/// Decodes statistics; `file` is for messages.
///
/// # Errors
///
/// [`PlacesError::Delegated`] for any line that is not understood, and
/// [`PlacesError::DelegatedIncomplete`] where the counts do not agree with the lines.
pub fn decode(file: &str, bytes: &[u8]) -> Result<Delegated, PlacesError> {
    let mut reader = Reader::default();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (line, content) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        (reader.line(line, content)).map_err(|fault| PlacesError::Delegated {
            file: file.into(),
            line,
            fault,
        })?;
    }
    reader
        .finish()
        .map_err(|reason| PlacesError::DelegatedIncomplete {
            file: file.into(),
            reason,
        })
}

/// What was read so far.
#[derive(Debug, Default)]
struct Reader {
    header: Option<header::Header>,
    /// Records by summary lines, of ASN, IPv4 and IPv6.
    summaries: [Option<u64>; 3],
    counts: [u64; 3],
    records: Vec<Record>,
}

impl Reader {
    fn line(&mut self, line: u32, content: &[u8]) -> Result<(), Fault> {
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        if content.is_empty() || content.starts_with(b"#") {
            return Ok(());
        }
        let text = plain::as_text(content).ok_or(Fault::NotText)?;
        let fields: Vec<&str> = text.split('|').collect();
        if self.header.is_none() {
            self.header = Some(header::decode(&fields)?);
            return Ok(());
        }
        match record::decode(&fields, line)? {
            record::Line::Summary(of, count) => {
                let summary = &mut self.summaries[of as usize];
                if summary.replace(count).is_some() {
                    return Err(Fault::SecondSummary(of));
                }
            }
            record::Line::System => self.counts[Type::Asn as usize] += 1,
            record::Line::Addresses(record) => {
                let of = match record.block {
                    Block::V4 { .. } => Type::Ipv4,
                    Block::V6(_) => Type::Ipv6,
                };
                self.counts[of as usize] += 1;
                self.records.push(record);
            }
        }
        Ok(())
    }

    /// Compares what the file says of itself with what is there.
    fn finish(self) -> Result<Delegated, String> {
        let Some(header) = self.header else {
            return Err("the file has no header and no records".into());
        };
        let found: u64 = self.counts.iter().sum();
        if header.records != found {
            let says = header.records;
            return Err(format!(
                "the header says {says} records, the file has {found}"
            ));
        }
        for of in [Type::Asn, Type::Ipv4, Type::Ipv6] {
            let found = self.counts[of as usize];
            match self.summaries[of as usize] {
                Some(says) if says != found => {
                    return Err(format!(
                        "the summary says {says} {of} records, the file has {found}"
                    ));
                }
                None if found > 0 => return Err(format!("it has no summary line for {of}")),
                _ => {}
            }
        }
        let systems = usize::try_from(self.counts[Type::Asn as usize]).unwrap_or(usize::MAX);
        Ok(Delegated {
            registry: header.registry,
            serial: header.serial,
            date: header.date,
            records: self.records,
            systems,
        })
    }
}

/// A prefix of this length at this address, without bits beyond it.
fn aligned(address: Ipv6Addr, length: u8) -> Option<Ipv6Net> {
    let prefix = Ipv6Net::new(address, length).ok()?;
    (prefix.trunc() == prefix).then_some(prefix)
}

#[cfg(test)]
mod tests;
