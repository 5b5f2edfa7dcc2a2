//! TAXII 2.1: which collections there are, and all objects of one as a STIX bundle.

use std::fs::File;

use url::Url;

use crate::{Client, Error, Kind, Progress};

/// The collections that a server shows.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// The server's title. A stranger's words, without control characters, as all texts here.
    pub title: String,
    /// Of all API roots that could be read.
    pub collections: Vec<Collection>,
    /// API roots that could not, as on a host that is not listed.
    pub unread: Vec<Error>,
}

/// A collection of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// What [`pull`] takes: `API-ROOT/collections/ID/`.
    pub url: Url,
    /// The API root it is of.
    pub root: Url,
    /// Its id, usually a UUID.
    pub id: String,
    /// Its name.
    pub title: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it may be read with this credential.
    pub can_read: bool,
    /// Of objects; empty where the server does not say.
    pub media_types: Vec<String>,
}

/// What a pull gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// What to give the next pull; [`None`] where the server does not say, and the next pull has
    /// to ask for all.
    ///
    /// One millisecond before the last object, because others may have been added in the same
    /// instant after the page was made. An object may so come with the next pull again: what is
    /// kept is told apart by id and version.
    pub added_after: Option<String>,
    /// Objects in the bundle.
    pub objects: u64,
    /// Objects that came again within this pull and are in the bundle once.
    pub repeated: u64,
    /// Pages that were asked for.
    pub pages: u64,
    /// The length of the bundle.
    pub bytes: u64,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
}

/// Asks which collections there are.
///
/// The endpoint's URL is a discovery document (`/taxii2/`, also where there is no path) or an API
/// root.
pub fn discover(client: &Client, progress: &mut dyn FnMut(Progress)) -> Result<Discovered, Error> {
    let _ = (client, progress);
    Err(Error::new("", Kind::Io, "not yet", ""))
}

/// Fetches all objects of the collection at the endpoint's URL ([`Collection::url`]) that were
/// added after a moment, or all, into `file`, which is emptied first: one STIX bundle with each
/// object once by id and version.
///
/// All or nothing: after an error on any page the file is empty. A query of the endpoint's URL,
/// such as `match[type]=indicator`, is part of each request.
pub fn pull(
    client: &Client,
    added_after: Option<&str>,
    file: &mut File,
    progress: &mut dyn FnMut(Progress),
) -> Result<Pulled, Error> {
    let _ = (client, added_after, file, progress);
    Err(Error::new("", Kind::Io, "not yet", ""))
}
