//! What is wrong with a territory's document.

use thiserror::Error;

use super::Placed;

/// What is wrong with a territory's document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Not UTF-8.
    #[error("not text")]
    NotText,
    /// Not the TOML it should be.
    #[error("{0}")]
    Toml(String),
    /// Another document.
    #[error("this is a document of the kind '{0}', not 'territory'")]
    Kind(String),
    /// A number no territory has.
    #[error("number {0} is none; territories count from 1")]
    Number(i64),
    /// Domestic countries.
    #[error("domestic countries have to ascend without repetition, and there has to be one")]
    Domestic,
    /// A member of a source.
    #[error("source {id}: {reason}")]
    Source {
        /// Its place in the document, counted from 1.
        id: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Rows not as they are written.
    #[error("rows have to begin with \"'''\" and a new line, without escapes and carriage returns")]
    Rows,
    /// A row not as it is written.
    #[error("'{0}' is no row; a row is PREFIX PLACE SOURCE:LINE")]
    Row(String),
    /// A source that is not there.
    #[error("there is no source {0}")]
    NoSource(u32),
    /// A place the source cannot give.
    #[error("a row of {kind} cannot be {}", place.name())]
    Place {
        /// The source's kind.
        kind: &'static str,
        /// The place.
        place: Placed,
    },
    /// Rows that do not ascend.
    #[error("{0} stands out of order or repeats addresses of a row before it")]
    Order(ipnet::IpNet),
}
