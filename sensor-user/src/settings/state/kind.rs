//! `state.toml`: what a state folder is for.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use thiserror::Error;

use crate::{
    capped,
    documents::{Digest, Identity, field::Fingerprint},
};

/// The file in the state folder.
pub(super) const FILE: &str = "state.toml";
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

/// What `state.toml` says. A lab has neither root nor key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// What the folder is for.
    pub kind: Kind,
    /// SHA-256 of the first keyring.
    pub root: Option<Digest>,
    /// The key of the log.
    pub log_key: Option<Fingerprint>,
}

/// Reads `state.toml`; the text says what is wrong with it.
pub fn read(text: &str) -> Result<State, String> {
    let state: State = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    if state.kind == Kind::Lab && (state.root.is_some() || state.log_key.is_some()) {
        return Err("a lab has neither a root nor the key of a log".into());
    }
    Ok(state)
}

/// The text of `state.toml` of a real sensor.
pub(super) fn write(Identity { root, log_key }: &Identity) -> String {
    format!(
        "# The state folder of a sensor, made by 'sekisho init'. It is real for ever.\n\
         kind = \"real\"\nroot = \"{root}\"\nlog_key = \"{log_key}\"\n"
    )
}

/// The text of `state.toml` in a folder.
pub(super) fn text(file: &Path) -> io::Result<String> {
    capped::read_to_string(file, LARGEST)
}

/// Refuses a lab run beside a real state folder. A folder that does not exist is no obstacle.
pub fn check_lab(folder: &Path) -> Result<(), StateError> {
    let file = folder.join(FILE);
    let text = match text(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(StateError::Unclear {
                file,
                reason: error.to_string(),
            });
        }
    };
    match read(&text).map(|state| state.kind) {
        Ok(Kind::Lab) => Ok(()),
        Ok(Kind::Real) => Err(StateError::Real {
            folder: folder.into(),
        }),
        Err(reason) => Err(StateError::Unclear { file, reason }),
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
        let root = Digest::of(b"");
        for text in [
            "",
            "kind = \"other\"",
            "kind",
            "kind = \"lab\"\nmore = 1",
            &format!("kind = \"lab\"\nroot = \"{root}\""),
            "kind = \"real\"\nroot = \"other\"",
        ] {
            let folder = folder_with(text);
            assert!(
                matches!(check_lab(folder.path()), Err(StateError::Unclear { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn a_real_sensor_is_known_by_what_is_written() {
        let log_key = format!("SHA256:{}", "a".repeat(43)).try_into().unwrap();
        let root = Digest::of(b"");
        let text = write(&Identity { root, log_key });
        insta::assert_snapshot!(text, @r#"
        # The state folder of a sensor, made by 'sekisho init'. It is real for ever.
        kind = "real"
        root = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        log_key = "SHA256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "#);
        assert_eq!(read(&text).unwrap().root, Some(root));
        let refused = check_lab(folder_with(&text).path());
        assert!(matches!(refused, Err(StateError::Real { .. })));
    }

    #[test]
    fn no_folder_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check_lab(folder.path()).is_ok());
        assert!(check_lab(&folder.path().join("none")).is_ok());
    }
}
