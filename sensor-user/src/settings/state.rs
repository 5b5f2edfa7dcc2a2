//! The state folder: lab or real, for ever.
//!
//! `state.toml` in the folder says which. This release keeps nothing in it, but
//! refuses a lab run beside the folder of a real sensor.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use thiserror::Error;

use crate::capped;

/// Where the state folder is unless named.
pub const DEFAULT_FOLDER: &str = "/var/lib/sekisho";

const FILE: &str = "state.toml";
const LARGEST: u64 = 64 * 1024;

/// What a state folder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// For trying.
    Lab,
    /// For recording under approvals.
    Real,
}

/// Why a lab run is refused on account of the state folder.
#[derive(Debug, Error)]
pub enum StateError {
    /// The folder belongs to a real sensor.
    #[error(
        "lab mode is refused: {} is the state folder of a real sensor; \
         run lab on another machine",
        folder.display()
    )]
    Real {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder cannot be understood, so it counts as real.
    #[error(
        "lab mode is refused, because {} does not say that this is no real sensor: {reason}",
        file.display()
    )]
    Unclear {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    kind: Kind,
}

/// Refuses a lab run beside a real state folder. A folder that does not exist is no obstacle.
pub fn check_lab(folder: &Path) -> Result<(), StateError> {
    let file = folder.join(FILE);
    let text = match capped::read_to_string(&file, LARGEST) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(StateError::Unclear {
                file,
                reason: error.to_string(),
            });
        }
    };
    match toml::from_str::<State>(&text) {
        Ok(State { kind: Kind::Lab }) => Ok(()),
        Ok(State { kind: Kind::Real }) => Err(StateError::Real {
            folder: folder.into(),
        }),
        Err(error) => {
            let reason = error.message().to_owned();
            Err(StateError::Unclear { file, reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), text).unwrap();
        folder
    }

    #[test]
    fn lab_is_refused_beside_a_real_state_folder() {
        let real = folder_with("kind = \"real\"\n");
        assert!(matches!(
            check_lab(real.path()),
            Err(StateError::Real { .. })
        ));
        let lab = folder_with("kind = \"lab\"\n");
        assert!(check_lab(lab.path()).is_ok());
    }

    #[test]
    fn a_folder_that_cannot_be_understood_counts_as_real() {
        for text in ["", "kind = \"other\"", "kind", "kind = \"lab\"\nmore = 1"] {
            let folder = folder_with(text);
            assert!(
                matches!(check_lab(folder.path()), Err(StateError::Unclear { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn no_folder_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check_lab(folder.path()).is_ok());
        assert!(check_lab(&folder.path().join("none")).is_ok());
    }
}
