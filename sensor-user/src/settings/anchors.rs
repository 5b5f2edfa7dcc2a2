//! The file of anchors: in the state folder, or of lab in the runtime folder.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{
    beside, capped,
    clock::{Anchors, TextError},
};

/// The file in the state folder.
pub const FILE: &str = "anchors";

/// A name of the agent's own beside it: what is half written is never read.
const NEW_FILE: &str = "anchors.new";

/// An anchor is a line of at most 120 bytes, and five are kept.
const LARGEST: u64 = 64 * 1024;

/// Why anchors cannot be read or kept.
#[derive(Debug, Error)]
pub enum AnchorsError {
    /// The file cannot be read.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not as this program writes it.
    #[error("{}: {source}; see docs/clock.md for what to do", file.display())]
    Unclear {
        /// The file.
        file: PathBuf,
        /// What is wrong, and in which line.
        source: TextError,
    },
    /// The file cannot be written. The one before stays as it is.
    #[error("{}: {source}", file.display())]
    NotKept {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The anchors kept in a state folder; none where there is no file.
pub fn load(folder: &Path) -> Result<Anchors, AnchorsError> {
    let file = folder.join(FILE);
    match capped::read_to_string(&file, LARGEST) {
        Ok(text) => text
            .parse()
            .map_err(|source| AnchorsError::Unclear { file, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Anchors::default()),
        Err(source) => Err(AnchorsError::Unreadable { file, source }),
    }
}

/// Keeps anchors in a state folder, all of them or, on an error, those before. When it returns
/// they are on the disk.
pub fn store(folder: &Path, anchors: &Anchors) -> Result<(), AnchorsError> {
    let file = folder.join(FILE);
    let written = beside::replace(&file, &folder.join(NEW_FILE), |out| {
        out.write_all(anchors.to_string().as_bytes())
    });
    written.map_err(|source| AnchorsError::NotKept { file, source })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
    };

    use super::*;
    use crate::clock::{ClockSource as _, SimulatedClock};

    fn anchors() -> Anchors {
        let mut anchors = Anchors::default();
        let anchor = SimulatedClock::new(1_790_000_000_000_000_000, 5).anchor();
        let _ = anchors.take(anchor.unwrap()).unwrap();
        anchors
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load(folder.path()).unwrap().kept().is_empty());
        for _ in 0..2 {
            store(folder.path(), &anchors()).unwrap();
            let read = load(folder.path()).unwrap();
            assert_eq!(read.to_string(), anchors().to_string());
        }
        let file = folder.path().join(FILE);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_crash_left_behind_is_replaced_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "kept").unwrap();
        symlink(&elsewhere, folder.path().join(NEW_FILE)).unwrap();
        store(folder.path(), &anchors()).unwrap();
        assert_eq!(capped::read_to_string(&elsewhere, 9).unwrap(), "kept");
        fs::write(folder.path().join(NEW_FILE), "half").unwrap();
        store(folder.path(), &anchors()).unwrap();
        assert_eq!(load(folder.path()).unwrap().kept(), anchors().kept());
    }

    #[test]
    fn a_file_that_is_not_understood_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        fs::write(&file, "sekisho-anchors 1\nnot-before soon\nend\n").unwrap();
        let error = load(folder.path()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{}: line 2: \"soon\" is no number of nanoseconds; see docs/clock.md for what \
                 to do",
                file.display()
            )
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_or_written_is_an_error_and_not_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(FILE)).unwrap();
        let unreadable = load(folder.path());
        assert!(matches!(unreadable, Err(AnchorsError::Unreadable { .. })));
        let not_kept = store(&folder.path().join("none"), &anchors());
        assert!(matches!(not_kept, Err(AnchorsError::NotKept { .. })));
    }

    #[test]
    fn a_file_past_its_cap_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), vec![b'a'; 64 * 1024 + 1]).unwrap();
        assert!(load(folder.path()).is_err());
    }
}
