//! Why something was not stored, and the way out.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Error, ErrorCode};
use sensor_common::WIRE_VERSION;
use thiserror::Error;

use super::schema::VERSION;
use crate::RecordId;

/// Why something was not stored. But for damage, nothing of what is stored is touched.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Written by a later version.
    #[error(
        "the store {path} has version {found} of its tables, and this program knows up to \
         {VERSION}; run the program that wrote it, or name another folder", path = .path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// Another program's.
    #[error(
        "{path} is a database of another program; move it away, or name another folder",
        path = .path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The disk has no room.
    #[error(
        "the store {path} cannot grow: the disk is full, or a quota is reached; make room, and it \
         goes on by itself", path = .path.display()
    )]
    Full {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: Error,
    },
    /// Somebody else holds it.
    #[error(
        "the store {path} is locked: another process writes to it; end that one (fuser {path} \
         says which it is), and it goes on by itself", path = .path.display()
    )]
    Locked {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: Error,
    },
    /// It may not be written.
    #[error(
        "the store {path} cannot be written: file, folder or file system is read-only, or belongs \
         to somebody else; make it writable for the user who runs the sensor, and it goes on by \
         itself", path = .path.display()
    )]
    ReadOnly {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: Error,
    },
    /// The disk or the file system refused.
    #[error(
        "the store {path}: reading or writing failed; look at the disk and the kernel's log; it \
         is tried again", path = .path.display()
    )]
    System {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is damaged.
    #[error(
        "the store {path} is damaged ({what}){put}; it was not deleted: 'sqlite3 … .recover' \
         reads what is left of it", path = .path.display(),
        put = .aside.as_ref().map_or_else(String::new,
            |aside| format!(" and is now {}, and a new one begins", aside.display()))
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// How it shows.
        what: String,
        /// Where it is now.
        aside: Option<PathBuf>,
    },
    /// Flows under way were written by a program that counts them otherwise.
    #[error(
        "the store {path} has flows under way of wire version {found}, and this program has \
         {WIRE_VERSION}; start the version that wrote them once and stop it, which ends them, or \
         give them up", path = .path.display()
    )]
    OtherWire {
        /// The database.
        path: PathBuf,
        /// The version.
        found: u32,
    },
    /// A row is under no approval, or under several.
    #[error("record {number} is not split: a row has one approval", number = .record.0)]
    NotSplit {
        /// The record.
        record: RecordId,
    },
    /// There is none.
    #[error(
        "there is no store in {path}: nothing was recorded there yet, or it is another folder",
        path = .path.display()
    )]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// SQLite refused otherwise.
    #[error("the store {path}: {source}; it is tried again", path = .path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: Error,
    },
}

/// What an error of SQLite means to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Full,
    Locked,
    ReadOnly,
    System,
    Damaged,
    Other,
}

impl Kind {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            // Tables are strict: another type, or a number that nobody wrote, is damage.
            Error::InvalidColumnType(..)
            | Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::QueryReturnedNoRows
            | Error::Utf8Error(..) => return Self::Damaged,
            _ => {}
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed,
            ) => Self::Locked,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly
            }
            Some(ErrorCode::SystemIoFailure) => Self::System,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            _ => Self::Other,
        }
    }
}

/// A failure that does not harm the database.
pub(crate) fn of(path: &Path, source: Error) -> StoreError {
    let path = path.into();
    match Kind::of(&source) {
        Kind::Full => StoreError::Full { path, source },
        Kind::Locked => StoreError::Locked { path, source },
        Kind::ReadOnly => StoreError::ReadOnly { path, source },
        Kind::System => StoreError::System {
            path,
            source: io::Error::other(source),
        },
        Kind::Damaged => StoreError::Damaged {
            path,
            what: source.to_string(),
            aside: None,
        },
        Kind::Other => StoreError::Sqlite { path, source },
    }
}

/// As [`of`], of a database whose tables should be there: what is not understood is damage.
pub(crate) fn at_open(path: &Path, source: Error) -> StoreError {
    match Kind::of(&source) {
        Kind::Other => StoreError::Damaged {
            path: path.into(),
            what: source.to_string(),
            aside: None,
        },
        _ => of(path, source),
    }
}

/// The system refused something about a file.
pub(super) fn system(path: &Path, source: io::Error) -> StoreError {
    let path = path.into();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full {
            path,
            source: Error::ToSqlConversionFailure(Box::new(source)),
        },
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            StoreError::ReadOnly {
                path,
                source: Error::ToSqlConversionFailure(Box::new(source)),
            }
        }
        _ => StoreError::System { path, source },
    }
}

/// It is not open, although it was just opened.
pub(super) fn gone(folder: &Path) -> StoreError {
    StoreError::Missing {
        path: folder.into(),
    }
}
