//! Why nothing can be placed.

use ipnet::IpNet;
use thiserror::Error;

use super::{OperatorId, corrections, delegated, territory};
use crate::feeds::plain;

/// Why nothing can be placed. Each says what to do, in one line.
#[derive(Debug, Error)]
pub enum PlacesError {
    /// A line of a registry's statistics.
    #[error("{file}: line {line}: {fault}; the file is refused whole: get it again")]
    Delegated {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: u32,
        /// What is wrong with it.
        fault: delegated::Fault,
    },
    /// Statistics that are not whole.
    #[error("{file}: {reason}; part of a file is not taken for the whole: get it again")]
    DelegatedIncomplete {
        /// The file.
        file: String,
        /// What does not agree.
        reason: String,
    },
    /// A line of a plain list.
    #[error("{file}: {bad}; a list that places addresses is refused for one bad line: mend it")]
    List {
        /// The file.
        file: String,
        /// The line.
        bad: plain::BadLine,
    },
    /// A list of nothing.
    #[error("{file}: has no prefixes; if that is meant, leave the file out")]
    EmptyList {
        /// The file.
        file: String,
    },
    /// A correction.
    #[error("{file}: line {line}: {fault}")]
    Corrections {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: u32,
        /// What is wrong with it.
        fault: corrections::Fault,
    },
    /// A line of a territory.
    #[error(
        "{file}: line {line}: {fault}; a territory is read whole or not at all: build it again"
    )]
    Territory {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: u32,
        /// What is wrong with it.
        fault: territory::Fault,
    },
    /// A number no territory has.
    #[error("{0} is no number of a territory; count from 1 to {max}", max = i64::MAX)]
    Number(u64),
    /// No domestic country.
    #[error("no country is domestic; name at least one, as JP")]
    NothingDomestic,
    /// Nothing to build from.
    #[error("nothing to build a territory from; give statistics, a list or corrections")]
    NoSource,
    /// Nothing says how old the facts are.
    #[error(
        "lists and corrections do not say of which day they are: name it with --date YYYY-MM-DD; \
         the age of a territory counts from there"
    )]
    NoDate,
    /// More operators than numbers.
    #[error("{0} operators; a table has room for {max}", max = u16::MAX - 1)]
    TooManyOperators(usize),
    /// One prefix, two operators.
    #[error("{prefix} is claimed by two operators, {first} and {second}; take it from one")]
    ClaimedTwice {
        /// The prefix.
        prefix: IpNet,
        /// Who has the lower number.
        first: OperatorId,
        /// The other.
        second: OperatorId,
    },
}
