//! The files of the store: made for their owner alone, moved aside when damaged, never deleted.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// Name of the database in its folder. SQLite puts `-wal` and `-shm` beside it.
pub const FILE: &str = "records.sqlite";

/// A database that was found damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub path: PathBuf,
    /// How the damage showed.
    pub what: String,
}

/// Makes the file where there is none, so that nobody else may read it. Says why what is there
/// has to be moved first: SQLite deletes a log that has no database.
pub(super) fn make(folder: &Path, path: &Path) -> io::Result<Option<String>> {
    let wal = length(&beside(path, "-wal"))?;
    let found = length(path)?;
    if wal > Some(0) && found.unwrap_or(0) == 0 {
        return Ok(Some("its log is there, and it is empty or gone".into()));
    }
    let mode = Permissions::from_mode(0o600);
    match found {
        None => {
            let mut options = File::options();
            (options.write(true).create_new(true).mode(0o600)).open(path)?;
            File::open(folder)?.sync_all()?;
        }
        Some(_) if fs::symlink_metadata(path)?.permissions().mode() & 0o077 != 0 => {
            fs::set_permissions(path, mode)?;
        }
        Some(_) => {}
    }
    Ok(None)
}

/// Moves database and log aside, under one name.
pub(super) fn set_aside(folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join(FILE);
    let mut number = 1;
    let to = loop {
        let to = folder.join(format!("records.damaged-{number}"));
        let is_free = |suffix| Ok::<_, io::Error>(length(&beside(&to, suffix))?.is_none());
        if is_free("")? && is_free("-wal")? && is_free("-shm")? {
            break to;
        }
        number += 1;
    };
    // The database last: a new one never finds the log of another.
    for suffix in ["-wal", "-shm", ""] {
        match fs::rename(beside(&path, suffix), beside(&to, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    File::open(folder)?.sync_all()?;
    let mut options = File::options();
    match (options.write(true).create_new(true).mode(0o600)).open(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(to),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn length(path: &Path) -> io::Result<Option<u64>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
