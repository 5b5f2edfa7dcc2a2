//! Why feeds cannot be kept.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::feeds::table::NoTable;

/// Why feeds cannot be kept. Each says what to do, in one line.
#[derive(Debug, Error)]
pub enum StoreError {
    /// There are none.
    #[error(
        "there is no folder of feeds {0}: 'sekisho feed add NAME SOURCE --feeds {0}' makes one",
        folder.display()
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// No feed has this name.
    #[error("there is no feed '{name}'; there are: {}", if known.is_empty() { "none" } else { known })]
    NoFeed {
        /// What was named.
        name: String,
        /// The names of those that are there.
        known: String,
    },
    /// A feed has this name.
    #[error(
        "there is a feed '{name}' already: give this one another name, or remove that one with \
         'sekisho feed remove {name}'"
    )]
    Exists {
        /// The name.
        name: String,
    },
    /// It is no name.
    #[error(
        "'{name}' is no name of a feed: use lower-case letters, digits and hyphens, 64 at most"
    )]
    Name {
        /// What was named.
        name: String,
    },
    /// What is set contradicts itself.
    #[error("feed {name}: {reason}")]
    Config {
        /// The feed.
        name: String,
        /// In words.
        reason: String,
    },
    /// Somebody else is at it.
    #[error("another 'sekisho feed' is at work in {}: wait for it, or end it", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// A file is not as it was written.
    #[error("{}: {reason}", file.display())]
    Unclear {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A copy is not as it was written.
    #[error("{}: {source}; pull the feed again", file.display())]
    Table {
        /// The file.
        file: PathBuf,
        /// Which line.
        source: NoTable,
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

impl StoreError {
    pub(super) fn system(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::System {
            path: path.into(),
            source,
        }
    }
}
