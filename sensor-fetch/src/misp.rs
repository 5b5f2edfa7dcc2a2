//! A MISP feed: a manifest, and a file for each event.

use std::{collections::BTreeMap, path::Path};

use crate::{Client, Error, Kind, Progress};

/// Events by UUID (in lower case), with the timestamps that a manifest gave them, in seconds
/// since 1970.
pub type Timestamps = BTreeMap<String, i64>;

/// What a pull gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// All events of the manifest; what to give the next pull.
    pub timestamps: Timestamps,
    /// Events that were not known; each has a file.
    pub new: Vec<String>,
    /// Events that were known with another timestamp; each has a file.
    pub changed: Vec<String>,
    /// Known events that are as they were; they have no file.
    pub unchanged: Vec<String>,
    /// Known events that the manifest does not name any more.
    pub removed: Vec<String>,
    /// Octets of manifest and events that were fetched.
    pub bytes: u64,
}

/// Fetches `manifest.json` below the endpoint's URL, and `UUID.json` for each event of it that is
/// not in `known` with the same timestamp, into `folder`, which has to exist and to be empty.
///
/// All or nothing is the caller's: after an error the folder has a part, and is thrown away.
pub fn pull(
    client: &Client,
    known: &Timestamps,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Pulled, Error> {
    let _ = (client, known, folder, progress);
    Err(Error::new("", Kind::Io, "not yet", ""))
}
