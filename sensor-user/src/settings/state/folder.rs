//! The folder itself: made once, opened by one sensor at a time.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::fcntl::Flock;
use thiserror::Error;

use super::{
    Papers, guard, journal,
    kind::{self, Kind, State},
};
use crate::{
    beside,
    documents::{Digest, Identity, field::Fingerprint, journal::JournalError},
    held::{self, Refused},
};

/// A name of the sensor's own beside `state.toml`: what is half written is never read.
const NEW_FILE: &str = "state.toml.new";

/// Where people put papers.
const PAPERS: &str = "papers";

/// Why a state folder cannot be made or used. Each says what to do, in one line.
#[derive(Debug, Error)]
pub enum FolderError {
    /// There is none.
    #[error(
        "there is no state folder {0}: set one up with \
         'sekisho init --root SHA256 --log-key FILE --state {0}'",
        folder.display()
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// It was set up already.
    #[error(
        "{} is the state folder of a sensor already, with the root {}: it stays as it is; name \
         a new folder with --state",
        folder.display(),
        root.short()
    )]
    Exists {
        /// The folder.
        folder: PathBuf,
        /// Its root.
        root: Digest,
    },
    /// There is something in it.
    #[error(
        "{} holds {there} already: a state folder is made where nothing is; name a new one with \
         --state",
        folder.display()
    )]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
        /// The first thing in it, and how many more.
        there: String,
    },
    /// It is for trying.
    #[error(
        "{} is the state folder of a lab, and stays one: name another with --state",
        folder.display()
    )]
    Lab {
        /// The folder.
        folder: PathBuf,
    },
    /// `state.toml` cannot be understood.
    #[error(
        "{}: {reason}; put it back from the backup, or set up a new folder with 'sekisho init'",
        file.display()
    )]
    Unclear {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Something else, or a link.
    #[error("{} is no folder; a link is not followed: name the folder itself", path.display())]
    NoFolder {
        /// What is there.
        path: PathBuf,
    },
    /// Something else, or a link.
    #[error("{} is no file; a link is not followed: put the file itself there", path.display())]
    NoFile {
        /// What is there.
        path: PathBuf,
    },
    /// Somebody else's.
    #[error(
        "{0} belongs to user {owner}, who could change what is recorded: give it to user {user} \
         with 'chown {user} {0}'",
        path.display()
    )]
    Owner {
        /// Whose it is.
        path: PathBuf,
        /// User id of the owner.
        owner: u32,
        /// User id of this process.
        user: u32,
    },
    /// Others may use it.
    #[error(
        "{0} is open to others (mode {mode:o}): close it with 'chmod {wanted:o} {0}'",
        path.display()
    )]
    Open {
        /// What is open.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode it should have.
        wanted: u32,
    },
    /// A key that could sign.
    #[error(
        "{} {}",
        file.display(),
        guard::PRIVATE
    )]
    PrivateKey {
        /// The file.
        file: PathBuf,
    },
    /// Another sensor lives.
    #[error(
        "another sensor is running: it holds {}; end it, or give this one a folder of its own \
         with --state",
        folder.display()
    )]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder of papers was there and is not.
    #[error("{}: the folder of papers is missing: put it back from the backup", folder.display())]
    NoPapers {
        /// The folder.
        folder: PathBuf,
    },
    /// The log was there and is not.
    #[error(
        "{}: the log of arrivals is missing: put it back from the backup, or set up a new folder \
         with 'sekisho init'",
        file.display()
    )]
    NoJournal {
        /// The file.
        file: PathBuf,
    },
    /// The log of arrivals is not as it was written.
    #[error(
        "{}: {source}; put the log of arrivals back from the backup, or set up a new folder with \
         'sekisho init'",
        file.display()
    )]
    Journal {
        /// The file.
        file: PathBuf,
        /// What is wrong, and in which line.
        source: JournalError,
    },
    /// The system refuses.
    #[error("{}", path.display())]
    System {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl FolderError {
    pub(super) fn system(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::System {
            path: path.into(),
            source,
        }
    }
}

/// Makes the state folder of a real sensor: for its owner alone, with an empty log of arrivals
/// and a folder for papers. What is there already is not changed.
pub fn init(folder: &Path, root: Digest, log_key: Fingerprint) -> Result<(), FolderError> {
    let failed = FolderError::system(folder);
    match folder.symlink_metadata() {
        Ok(there) if there.is_dir() => {
            check_empty(folder)?;
            guard::owned(folder, &there)?;
        }
        Ok(_) => {
            return Err(FolderError::NoFolder {
                path: folder.into(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut builder = DirBuilder::new();
            builder.mode(0o700).create(folder).map_err(&failed)?;
        }
        Err(error) => return Err(failed(error)),
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(&failed)?;
    let papers = folder.join(PAPERS);
    let mut builder = DirBuilder::new();
    let made = builder.mode(0o700).create(&papers);
    made.map_err(FolderError::system(&papers))?;
    let journal = folder.join(journal::FILE);
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600);
    let made = options.open(&journal).and_then(|file| file.sync_all());
    made.map_err(FolderError::system(&journal))?;
    // Last, and whole or not at all: without it the folder is no state folder.
    let file = folder.join(kind::FILE);
    let text = kind::write(&Identity { root, log_key });
    let written = beside::replace(&file, &folder.join(NEW_FILE), |out| {
        out.write_all(text.as_bytes())
    });
    written.map_err(FolderError::system(&file))?;
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let synced = File::open(parent).and_then(|parent| parent.sync_all());
    synced.map_err(FolderError::system(parent))
}

/// Refuses a folder with anything in it, and says what.
fn check_empty(folder: &Path) -> Result<(), FolderError> {
    let failed = FolderError::system(folder);
    if let Ok(text) = kind::text(&folder.join(kind::FILE)) {
        let folder = folder.into();
        match kind::read(&text) {
            Ok(State {
                kind: Kind::Real,
                root: Some(root),
                ..
            }) => return Err(FolderError::Exists { folder, root }),
            Ok(State {
                kind: Kind::Lab, ..
            }) => return Err(FolderError::Lab { folder }),
            Ok(_) | Err(_) => {}
        }
    }
    let mut there = Vec::new();
    for entry in fs::read_dir(folder).map_err(&failed)? {
        let entry = entry.map_err(&failed)?;
        there.push(entry.file_name().display().to_string());
    }
    there.sort();
    let there = match there.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        [one, more @ ..] => format!("{one} and {} more", more.len()),
    };
    Err(FolderError::NotEmpty {
        folder: folder.into(),
        there,
    })
}

/// The state folder of a real sensor.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    papers: PathBuf,
    identity: Identity,
    /// None where it is only looked at.
    lock: Option<Flock<File>>,
}

impl StateFolder {
    /// Opens the folder for the one sensor that runs with it, until the value is dropped.
    pub fn open(folder: &Path) -> Result<Self, FolderError> {
        let lock = |path: &Path| match held::hold(path) {
            Ok(lock) => Ok(Some(lock)),
            Err(Refused::Held) => Err(FolderError::Busy {
                folder: path.into(),
            }),
            Err(Refused::System(source)) => Err(FolderError::system(path)(source)),
        };
        Self::check(folder, lock)
    }

    /// Opens the folder to look at it, beside the sensor that runs with it or without one.
    pub fn open_read_only(folder: &Path) -> Result<Self, FolderError> {
        Self::check(folder, |_| Ok(None))
    }

    fn check(
        folder: &Path,
        lock: impl FnOnce(&Path) -> Result<Option<Flock<File>>, FolderError>,
    ) -> Result<Self, FolderError> {
        let file = folder.join(kind::FILE);
        if is_missing(folder) {
            return Err(FolderError::Missing {
                folder: folder.into(),
            });
        }
        guard::folder(folder)?;
        let lock = lock(folder)?;
        if is_missing(&file) {
            let reason = "it is missing".into();
            return Err(FolderError::Unclear { file, reason });
        }
        guard::file(&file)?;
        let text = kind::text(&file).map_err(FolderError::system(&file))?;
        let identity = identity(folder, &file, &text)?;
        let papers = folder.join(PAPERS);
        guard::papers(&papers)?;
        guard::no_private_key(folder)?;
        Ok(Self {
            path: folder.into(),
            papers,
            identity,
            lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where papers are put.
    pub fn papers_folder(&self) -> &Path {
        &self.papers
    }

    /// What the sensor knows of itself before it reads any paper.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What reads the papers; all of them again after `again`, whatever the system says of them.
    pub fn papers(&self, again: Duration) -> Papers {
        Papers::new(self.papers.clone(), again)
    }

    /// Whether this is the one sensor that runs with the folder.
    pub(super) const fn is_held(&self) -> bool {
        self.lock.is_some()
    }
}

/// Whether there is nothing of this name.
pub(super) fn is_missing(path: &Path) -> bool {
    (path.symlink_metadata()).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn identity(folder: &Path, file: &Path, text: &str) -> Result<Identity, FolderError> {
    let unclear = |reason: String| FolderError::Unclear {
        file: file.into(),
        reason,
    };
    let State {
        kind,
        root,
        log_key,
    } = kind::read(text).map_err(unclear)?;
    match (kind, root, log_key) {
        (Kind::Real, Some(root), Some(log_key)) => Ok(Identity { root, log_key }),
        (Kind::Real, ..) => Err(unclear("it names no root, or no key of the log".into())),
        (Kind::Lab, ..) => Err(FolderError::Lab {
            folder: folder.into(),
        }),
    }
}

#[cfg(test)]
mod tests;
