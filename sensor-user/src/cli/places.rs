//! What places addresses, as arguments: territory, exclusions, operators.

use std::path::{Path, PathBuf};

use clap::Args;

use super::inputs::InputError;
use crate::{
    capped,
    feeds::plain::{self, Shortest},
    places::{Layers, Operator, OperatorId, Territory, list, territory},
};

/// Largest list of exclusions that is read, in bytes.
const LARGEST_LIST: u64 = 256 << 20;

/// Arguments that place addresses.
#[derive(Debug, Args)]
pub(super) struct PlacesArgs {
    /// Territory: which addresses are domestic, foreign or unknown
    #[arg(long, value_name = "FILE")]
    territory: Option<PathBuf>,

    /// List of prefixes never recorded; give it again for each further one
    #[arg(long, value_name = "FILE")]
    exclude: Vec<PathBuf>,

    /// An operator's own prefix; give it again for each further one
    #[arg(long, value_name = "NAME=CIDR")]
    operator: Vec<String>,
}

impl PlacesArgs {
    /// Each by name, and whether it is given.
    pub(super) fn given(&self) -> [(&'static str, bool); 3] {
        [
            ("--territory", self.territory.is_some()),
            ("--exclude", !self.exclude.is_empty()),
            ("--operator", !self.operator.is_empty()),
        ]
    }

    /// Reads the files. Without a territory every address is foreign, which is for lab only.
    pub(super) fn load(&self) -> anyhow::Result<Layers> {
        let mut layers = Layers::lab();
        if let Some(path) = &self.territory {
            let bytes = read(path, territory::LARGEST)?;
            layers.territory = Territory::read(&path.display().to_string(), &bytes)?;
        }
        for path in &self.exclude {
            let bytes = read(path, LARGEST_LIST)?;
            let exclusions = list::exclusions(&path.display().to_string(), &bytes)?;
            layers.exclusions.extend(exclusions);
        }
        layers.operators = operators(&self.operator)?;
        Ok(layers)
    }
}

/// Reads a file that places addresses.
pub(super) fn read(path: &Path, largest: u64) -> Result<Vec<u8>, InputError> {
    capped::read(path, largest).map_err(|source| InputError::Places {
        path: path.into(),
        source,
    })
}

/// Operators in the order in which they are first named.
fn operators(given: &[String]) -> Result<Vec<Operator>, InputError> {
    let mut operators: Vec<Operator> = Vec::new();
    for text in given {
        let (name, prefix) = (text.split_once('='))
            .filter(|(name, _)| !name.trim().is_empty())
            .ok_or_else(|| usage(&format!("'{text}' is not NAME=CIDR")))?;
        let prefix = plain::prefix(prefix, Shortest::ANY).map_err(|fault| usage(&fault))?;
        match operators.iter_mut().find(|operator| operator.id.0 == name) {
            Some(operator) => operator.prefixes.push(prefix),
            None => operators.push(Operator {
                id: OperatorId(name.into()),
                prefixes: vec![prefix],
            }),
        }
    }
    Ok(operators)
}

fn usage(fault: &dyn std::fmt::Display) -> InputError {
    InputError::Usage(format!("--operator: {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_numbered_as_they_are_first_named() {
        let given = ["power=10.0.0.0/8", "water=192.0.2.1", "power=2001:db8::/32"];
        let operators = operators(&given.map(String::from)).unwrap();
        let told: Vec<String> = (operators.iter())
            .map(|operator| format!("{} {:?}", operator.id, operator.prefixes))
            .collect();
        assert_eq!(
            told,
            ["power [10.0.0.0/8, 2001:db8::/32]", "water [192.0.2.1/32]"]
        );
    }

    #[test]
    fn what_is_no_operator_is_said() {
        for given in [
            "power",
            "=10.0.0.0/8",
            "power=",
            "power=10.0.0.1/8",
            "power=all",
        ] {
            let error = operators(&[given.into()]).unwrap_err();
            assert!(error.to_string().starts_with("--operator: "), "{error}");
        }
    }
}
