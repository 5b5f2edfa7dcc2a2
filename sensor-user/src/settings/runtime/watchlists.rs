//! Watchlists of snapshots, each in a file that is called by its hash.
//!
//! Approvals come and end more often than watchlists change, and ten million indicators are
//! 90 MB: publishing again writes the snapshot only.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, de::IgnoredAny};

use super::{LARGEST, RuntimeError, snapshots, system, unclear};
use crate::{
    beside, capped,
    watchlist::{Watchlist, stored},
};

/// What the names of the files begin with.
const NAME: &str = "watchlist-";

/// The watchlist that was stored last, with its hash.
#[derive(Debug, Default)]
pub(super) struct Watchlists(Mutex<Option<(Watchlist, String)>>);

impl Watchlists {
    /// Stores a watchlist unless it is there, and returns its hash.
    pub(super) fn store(
        &self,
        folder: &Path,
        watchlist: &Watchlist,
    ) -> Result<String, RuntimeError> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last.as_ref().filter(|(last, _)| last == watchlist);
        let digest = known.map_or_else(|| watchlist.digest(), |(_, digest)| digest.clone());
        let file = file(folder, &digest);
        if !file.try_exists().map_err(system(&file))? {
            let aside = file.with_extension("new");
            let written = beside::replace(&file, &aside, |out| watchlist.write_to(out));
            written.map_err(system(&file))?;
        }
        *last = Some((watchlist.clone(), digest.clone()));
        Ok(digest)
    }
}

/// The watchlist of a snapshot that names this hash.
pub(super) fn read(snapshot: &Path, digest: &str) -> Result<Watchlist, RuntimeError> {
    if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(unclear(snapshot, "it names no watchlist".into()));
    }
    let file = snapshot.with_file_name(format!("{NAME}{digest}"));
    let bytes = match capped::read(&file, LARGEST) {
        Ok(bytes) => bytes,
        // Both may have gone meanwhile, the snapshot first.
        Err(error) if error.kind() == io::ErrorKind::NotFound && snapshot.exists() => {
            let reason = format!("its watchlist {} is not there", file.display());
            return Err(unclear(snapshot, reason));
        }
        Err(error) => return Err(system(&file)(error)),
    };
    if stored::digest(&bytes) != digest {
        return Err(unclear(
            &file,
            "it has other bytes than were written".into(),
        ));
    }
    Watchlist::read_from(&bytes).map_err(|error| unclear(&file, error.to_string()))
}

/// Removes the watchlists that no snapshot names, and what was not written to its end.
pub(super) fn remove_unnamed(folder: &Path) -> Result<(), RuntimeError> {
    let there = stored_in(folder)?;
    if there.is_empty() {
        return Ok(());
    }
    let mut named = HashSet::new();
    for (_, snapshot) in snapshots(folder)? {
        let bytes = capped::read(&snapshot, LARGEST).map_err(system(&snapshot))?;
        // One that cannot be read lends no names, and needs no watchlist.
        if let Ok(Named { watchlist, .. }) = serde_json::from_slice(&bytes) {
            named.insert(file(folder, &watchlist));
        }
    }
    for file in there {
        if !named.contains(&file) {
            fs::remove_file(&file).map_err(system(&file))?;
        }
    }
    Ok(())
}

/// What a snapshot says of its watchlist.
#[derive(Deserialize)]
struct Named {
    watchlist: String,
    #[serde(rename = "loaded")]
    _loaded: IgnoredAny,
}

fn stored_in(folder: &Path) -> Result<Vec<PathBuf>, RuntimeError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(system(folder))? {
        let file = entry.map_err(system(folder))?.path();
        let name = file.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with(NAME)) {
            found.push(file);
        }
    }
    Ok(found)
}

fn file(folder: &Path, digest: &str) -> PathBuf {
    folder.join(format!("{NAME}{digest}"))
}
