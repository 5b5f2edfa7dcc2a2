//! What places addresses, before it is flattened.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Territory;

/// What places addresses. Exclusions beat operators' prefixes, those beat the territory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layers {
    /// Which addresses are domestic, foreign or unknown.
    pub territory: Territory,
    /// Prefixes never recorded.
    pub exclusions: Vec<Exclusion>,
    /// Operators that consent to watching their own prefixes; the one at `n` has the number
    /// `n + 1` in tables.
    pub operators: Vec<Operator>,
}

impl Layers {
    /// For lab: every address is foreign.
    pub const fn lab() -> Self {
        Self::of(Territory::everything_foreign())
    }

    /// A territory alone.
    pub const fn of(territory: Territory) -> Self {
        Self {
            territory,
            exclusions: Vec::new(),
            operators: Vec::new(),
        }
    }

    /// The operator with this number, which counts from 1.
    pub fn operator(&self, number: u16) -> Option<&Operator> {
        self.operators.get(usize::from(number).checked_sub(1)?)
    }
}

/// Name of an operator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorId(pub String);

impl fmt::Display for OperatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An operator and its own prefixes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Its name.
    pub id: OperatorId,
    /// Its prefixes.
    pub prefixes: Vec<IpNet>,
}

/// A prefix never recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// The prefix.
    pub prefix: IpNet,
    /// The list it stands in.
    pub source: String,
    /// Its line there, counted from 1.
    pub line: u32,
}
