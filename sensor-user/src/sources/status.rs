//! What is known of a feed: `status.json` in its folder.

use std::{collections::BTreeMap, io, path::Path};

use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::{beside, capped, documents::Time};

/// The file, in the folder of its feed.
const FILE: &str = "status.json";

/// Largest such file, in bytes.
const LARGEST: u64 = 1 << 20;

/// What is known of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Status {
    /// The last good copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<Copy>,
    /// When its source was last heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<Time>,
    /// A copy that is not believed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// Since when it cannot be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<Failing>,
}

/// A copy of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    /// Counted from 1.
    pub number: u64,
    /// When it was fetched.
    pub fetched: Time,
    /// When its source last said that this is still all it has.
    pub heard: Time,
    /// Bytes of its files.
    pub bytes: u64,
    /// Files it consists of.
    pub files: u64,
    /// SHA-256 of the file, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Its format; `several` where its files differ.
    pub format: String,
    /// Distinct prefixes that could be watched.
    pub prefixes: u64,
    /// Refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Not expressible, by reason.
    pub not_expressible: BTreeMap<String, u64>,
    /// What the server said to ask with the next time.
    #[serde(default)]
    pub mark: Mark,
}

/// What a server is asked with, so that it need not tell again what it told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mark {
    /// `ETag` of HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// `Last-Modified` of HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// `added_after` of TAXII.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added_after: Option<String>,
}

/// A copy that waits for somebody to say that it is right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The copy.
    pub copy: Copy,
    /// Why it waits.
    pub why: String,
}

/// That a feed cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failing {
    /// Since when.
    pub since: Time,
    /// How often.
    pub times: u64,
    /// What was said the last time.
    pub error: String,
}

impl Status {
    /// Reads what is known; nothing where there is no file yet.
    pub(super) fn read(folder: &Path) -> Result<Self, StoreError> {
        let file = folder.join(FILE);
        let bytes = match capped::read(&file, LARGEST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            read => read.map_err(StoreError::system(&file))?,
        };
        serde_json::from_slice(&bytes).map_err(|error| StoreError::Unclear {
            file,
            reason: error.to_string(),
        })
    }

    /// Writes what is known.
    pub(super) fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let file = folder.join(FILE);
        beside::replace(&file, &folder.join("status.json.new"), |out| {
            serde_json::to_writer_pretty(out, self).map_err(io::Error::from)
        })
        .map_err(StoreError::system(&file))
    }

    /// Takes note that it cannot be had.
    pub(super) fn fail(&mut self, error: String, now: Time) {
        let failing = self.failing.get_or_insert(Failing {
            since: now,
            times: 0,
            error: String::new(),
        });
        failing.times += 1;
        failing.error = error;
    }
}
