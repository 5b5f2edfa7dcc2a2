//! The runtime folder: snapshots of what an agent has loaded.
//!
//! `loaded-N.json` is what generation `N` is made of. It is written before the generation is
//! published and removed when nothing in the kernel needs it any more. Its watchlist stands in
//! `watchlist-SHA256`, which is written once for all generations that have the same, and goes
//! with the last one. The folder is locked while an agent lives, and is meant to be gone after a
//! boot, as the kernel's state is.

mod watchlists;

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use nix::fcntl::Flock;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use self::watchlists::Watchlists;

use crate::{
    beside, capped,
    clock::BootId,
    held::{self, Refused},
    loaded::Loaded,
};

/// Where the folder is unless named.
pub const DEFAULT_FOLDER: &str = "/run/sekisho";

/// Largest snapshot that is read, in bytes.
const LARGEST: u64 = 8 << 30;

/// Why the folder cannot be used.
#[derive(Debug, Error)]
pub enum RuntimeError {
    /// Another agent lives.
    #[error(
        "another sensor is running: it holds {}; end it, or give this one a folder of its own \
         with --runtime-dir",
        folder.display()
    )]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// A snapshot that cannot be understood.
    #[error("{}: is no snapshot of this version: {reason}; remove it", file.display())]
    Unclear {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing is loaded.
    #[error(
        "nothing is loaded: no sensor has left a snapshot in {}; start one with 'sekisho run', \
         or name its folder with --runtime-dir",
        folder.display()
    )]
    Nothing {
        /// The folder.
        folder: PathBuf,
    },
    /// Nothing is loaded since this boot.
    #[error(
        "nothing is loaded since this machine started: what {} holds is of an earlier boot; \
         start a sensor with 'sekisho run'",
        folder.display()
    )]
    OtherBoot {
        /// The folder.
        folder: PathBuf,
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

/// The folder, locked.
#[derive(Debug)]
pub struct RuntimeFolder {
    path: PathBuf,
    watchlists: Watchlists,
    _lock: Flock<File>,
}

/// A snapshot but for the watchlist, of which the hash stands here.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot<L> {
    loaded: L,
    watchlist: String,
}

impl RuntimeFolder {
    /// Makes the folder if need be, and locks it.
    pub fn lock(path: &Path) -> Result<Self, RuntimeError> {
        let failed = system(path);
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(path).map_err(&failed)?;
        match held::hold(path) {
            Ok(lock) => {
                remove_unfinished(path)?;
                watchlists::remove_unnamed(path)?;
                Ok(Self {
                    path: path.into(),
                    watchlists: Watchlists::default(),
                    _lock: lock,
                })
            }
            Err(Refused::Held) => Err(RuntimeError::Busy {
                folder: path.into(),
            }),
            Err(Refused::System(source)) => Err(failed(source)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a snapshot, whole or not at all.
    pub fn store(&self, loaded: &Loaded) -> Result<(), RuntimeError> {
        let watchlist = self.watchlists.store(&self.path, &loaded.watchlist)?;
        let file = snapshot(&self.path, loaded.generation);
        let aside = file.with_extension("json.new");
        let written = beside::replace(&file, &aside, |out| {
            serde_json::to_writer(out, &Snapshot { loaded, watchlist }).map_err(Into::into)
        });
        written.map_err(system(&file))
    }

    /// The snapshot of a generation; `None` where there is none.
    pub fn load(&self, generation: u64) -> Result<Option<Loaded>, RuntimeError> {
        let file = snapshot(&self.path, generation);
        read_if_there(&file)
    }

    /// Removes the snapshot of a generation, if there is one.
    pub fn remove(&self, generation: u64) -> Result<(), RuntimeError> {
        let file = snapshot(&self.path, generation);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(system(&file)(error)),
            _ => watchlists::remove_unnamed(&self.path),
        }
    }

    /// Removes every snapshot, and returns which.
    pub fn clear(&self) -> Result<Vec<PathBuf>, RuntimeError> {
        let mut removed = Vec::new();
        for (_, file) in snapshots(&self.path)? {
            fs::remove_file(&file).map_err(system(&file))?;
            removed.push(file);
        }
        watchlists::remove_unnamed(&self.path)?;
        Ok(removed)
    }

    /// Removes the snapshots of every generation but this one.
    pub fn keep_only(&self, generation: u64) -> Result<(), RuntimeError> {
        for (number, file) in snapshots(&self.path)? {
            if number != generation {
                fs::remove_file(&file).map_err(system(&file))?;
            }
        }
        watchlists::remove_unnamed(&self.path)
    }
}

/// The snapshot of the latest generation in a folder, and whether its agent lives.
pub fn latest(folder: &Path) -> Result<(Loaded, bool), RuntimeError> {
    let nothing = || RuntimeError::Nothing {
        folder: folder.into(),
    };
    loop {
        let (_, file) = snapshots(folder)?.pop().ok_or_else(nothing)?;
        // An agent removes a snapshot only after it has written a later one, or at its end.
        if let Some(loaded) = read_if_there(&file)? {
            return Ok((loaded, held::is_held(folder)));
        }
    }
}

/// As [`latest`], but only what was loaded since this boot: after another one the kernel has
/// nothing of it.
pub fn latest_since(boot_id: BootId, folder: &Path) -> Result<(Loaded, bool), RuntimeError> {
    let (loaded, lives) = latest(folder)?;
    if loaded.boot_id != boot_id.to_string() {
        return Err(RuntimeError::OtherBoot {
            folder: folder.into(),
        });
    }
    Ok((loaded, lives))
}

/// The snapshot of a generation, for others than its agent; `None` where there is none.
pub fn of_generation(folder: &Path, generation: u64) -> Result<Option<Loaded>, RuntimeError> {
    read_if_there(&snapshot(folder, generation))
}

/// Removes what an agent that died was writing.
fn remove_unfinished(folder: &Path) -> Result<(), RuntimeError> {
    for entry in fs::read_dir(folder).map_err(system(folder))? {
        let file = entry.map_err(system(folder))?.path();
        let name = file.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with("loaded-") && name.ends_with(".json.new")) {
            fs::remove_file(&file).map_err(system(&file))?;
        }
    }
    Ok(())
}

/// Snapshots by generation, ascending.
fn snapshots(folder: &Path) -> Result<Vec<(u64, PathBuf)>, RuntimeError> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(system(folder)(error)),
    };
    for entry in entries {
        let file = entry.map_err(system(folder))?.path();
        let number = file
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_prefix("loaded-")?.strip_suffix(".json"))
            .and_then(|number| number.parse().ok());
        if let Some(number) = number {
            found.push((number, file));
        }
    }
    found.sort();
    Ok(found)
}

/// `None` where there is no such file, or no longer.
fn read_if_there(file: &Path) -> Result<Option<Loaded>, RuntimeError> {
    match read(file) {
        Ok(loaded) => Ok(Some(loaded)),
        Err(RuntimeError::System { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn snapshot(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("loaded-{generation}.json"))
}

fn read(file: &Path) -> Result<Loaded, RuntimeError> {
    let bytes = capped::read(file, LARGEST).map_err(system(file))?;
    let read: Snapshot<Loaded> =
        serde_json::from_slice(&bytes).map_err(|e| unclear(file, e.to_string()))?;
    let mut loaded = read.loaded;
    if loaded.wire_version != sensor_common::WIRE_VERSION {
        let version = loaded.wire_version;
        return Err(unclear(file, format!("its types have version {version}")));
    }
    loaded.watchlist = watchlists::read(file, &read.watchlist)?;
    Ok(loaded)
}

fn unclear(file: &Path, reason: String) -> RuntimeError {
    RuntimeError::Unclear {
        file: file.into(),
        reason,
    }
}

fn system(path: &Path) -> impl Fn(io::Error) -> RuntimeError {
    move |source| RuntimeError::System {
        path: path.into(),
        source,
    }
}

#[cfg(test)]
mod tests;
