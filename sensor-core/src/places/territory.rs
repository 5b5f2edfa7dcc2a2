//! The territory: one numbered table of which addresses are domestic, foreign or unknown.
//!
//! Its rows do not overlap and each names the line it comes from, so a row is the whole answer
//! for its addresses: what beat what was decided when the table was built, and who signs it
//! signs the result. What no row names is unknown. Special-purpose addresses have rows only
//! where a correction excludes them; they are unknown whatever a row says.

mod fault;
mod read;
mod write;

use ipnet::IpNet;
use sensor_common::Place;
use serde::{Deserialize, Serialize};

pub use fault::Fault;

use super::{Country, PlacesError};

/// Largest territory that is read, in bytes.
pub const LARGEST: u64 = 256 << 20;

/// A territory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Territory {
    /// Its number, from 1; 0 is lab without a territory, where every address is foreign.
    pub number: u64,
    /// The domestic countries, ascending.
    pub domestic: Vec<Country>,
    /// Date of the special-purpose registries it was built with, as `YYYY-MM-DD`.
    pub special_purpose: String,
    /// The day its facts are of, as `YYYY-MM-DD`; its age counts from there. Empty in lab without
    /// a territory.
    pub date: String,
    /// What it was built from; rows name the one at `n` as `n + 1`.
    pub sources: Vec<Source>,
    /// The rows, ascending and without overlaps, IPv4 first.
    pub rows: Vec<Row>,
}

impl Territory {
    /// Lab without a territory: every address is foreign, those with a special purpose too.
    pub const fn everything_foreign() -> Self {
        Self {
            number: 0,
            domestic: Vec::new(),
            special_purpose: String::new(),
            date: String::new(),
            sources: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Whether this is [`Territory::everything_foreign`].
    pub const fn is_everything_foreign(&self) -> bool {
        self.number == 0
    }

    /// Reads a territory; `file` is for messages.
    ///
    /// # Errors
    ///
    /// [`PlacesError::Territory`] for the first thing that is not as it would be written.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, PlacesError> {
        read::read(bytes).map_err(|(line, fault)| PlacesError::Territory {
            file: file.into(),
            line,
            fault,
        })
    }

    /// The text of the document: the same territory gives the same bytes.
    pub fn write(&self) -> String {
        write::write(self)
    }

    /// The source that a row names.
    pub fn source(&self, row: &Row) -> Option<&Source> {
        self.sources.get((row.source as usize).checked_sub(1)?)
    }
}

/// What a territory was built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Name of the file, without its folder and without control characters.
    pub file: String,
    /// What it is.
    pub kind: SourceKind,
    /// SHA-256 of its bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// What a source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SourceKind {
    /// A registry's statistics.
    Delegated {
        /// Whose.
        registry: String,
        /// Serial number of the file.
        serial: String,
        /// The last day it covers, as `YYYY-MM-DD`.
        date: String,
    },
    /// A plain list of prefixes.
    Cidr {
        /// Where all of them lie.
        place: Placed,
    },
    /// Corrections.
    Corrections,
}

impl SourceKind {
    /// The name in documents.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Delegated { .. } => "delegated",
            Self::Cidr { .. } => "cidr",
            Self::Corrections => "corrections",
        }
    }

    /// Whether a row of this source may say so.
    pub fn may_say(&self, placed: Placed) -> bool {
        match self {
            Self::Delegated { .. } => placed != Placed::Excluded,
            Self::Cidr { place } => placed == *place,
            Self::Corrections => placed != Placed::Foreign,
        }
    }
}

/// A row: where a prefix lies, and which line says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The addresses.
    pub prefix: IpNet,
    /// Where they lie.
    pub place: Placed,
    /// The source, counted from 1.
    pub source: u32,
    /// The line in the source, counted from 1.
    pub line: u32,
}

/// Where a row may put an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placed {
    /// Never recorded.
    Excluded,
    /// Nobody can say.
    Unknown,
    /// Inside the territory.
    Domestic,
    /// Outside the territory.
    Foreign,
}

impl Placed {
    /// The name in documents and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Excluded => "excluded",
            Self::Unknown => "unknown",
            Self::Domestic => "domestic",
            Self::Foreign => "foreign",
        }
    }

    /// The place with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Excluded, Self::Unknown, Self::Domestic, Self::Foreign]
            .into_iter()
            .find(|place| place.name() == name)
    }
}

impl From<Placed> for Place {
    fn from(placed: Placed) -> Self {
        match placed {
            Placed::Excluded => Self::Excluded,
            Placed::Unknown => Self::Unknown,
            Placed::Domestic => Self::Domestic,
            Placed::Foreign => Self::Foreign,
        }
    }
}

#[cfg(test)]
mod tests;
