//! TAXII 2.1: which collections there are, and all objects of one as a STIX bundle.

mod bundle;
mod pages;

use std::fs::File;

use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use crate::{
    Client, Error, Kind, Known, Progress,
    client::{Answer, Ask, Call, Hashed, not_allowed},
    endpoint::{check, shown},
    error::quoted,
};

/// What is asked for and what has to come.
const MEDIA_TYPE: &str = "application/taxii+json;version=2.1";

/// API roots and collections that a server may show.
const MOST: usize = 1000;

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
    let mut call = client.call(true, progress)?;
    let mut url = client.endpoint.url.clone();
    if url.path() == "/" {
        url.set_path("/taxii2/");
    }
    let document: Document = read(client, &mut call, &url)?;
    let mut discovered = Discovered {
        title: quoted(&document.title.unwrap_or_default()),
        ..Discovered::default()
    };
    let roots = match (document.api_roots, document.versions) {
        (Some(roots), _) => roots,
        // An API root by itself.
        (None, Some(_)) => vec![url.to_string()],
        (None, None) => {
            let what = "is no discovery document and no API root";
            let advice = "give the URL of one, such as https://HOST/taxii2/";
            return Err(Error::new(&shown(&url), Kind::Envelope, what, advice));
        }
    };
    if roots.len() > MOST {
        return Err(too_many(&url, "API roots"));
    }
    for root in roots {
        let read = root_url(client, &url, &root).and_then(|root| {
            let collections = collections(client, &mut call, &root)?;
            discovered.collections.extend(collections);
            Ok(())
        });
        if let Err(error) = read {
            discovered.unread.push(error);
        }
    }
    Ok(discovered)
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
    let mut hashed = Hashed::new(file);
    let pulled = pages::pull(client, added_after, &mut hashed, progress);
    match pulled {
        Ok(mut pulled) => {
            pulled.sha256 = hashed.digest();
            Ok(pulled)
        }
        Err(error) => {
            hashed.discard();
            Err(error)
        }
    }
}

/// A discovery document, or what tells an API root.
#[derive(Deserialize)]
struct Document {
    title: Option<String>,
    api_roots: Option<Vec<String>>,
    versions: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Collections {
    #[serde(default)]
    collections: Vec<Shown>,
}

/// A collection as a server shows it.
#[derive(Deserialize)]
struct Shown {
    id: String,
    #[serde(default)]
    title: String,
    description: Option<String>,
    can_read: bool,
    #[serde(default)]
    media_types: Vec<String>,
}

/// The URL of an API root, which a document may give relative to itself.
fn root_url(client: &Client, from: &Url, root: &str) -> Result<Url, Error> {
    let mut url = from.join(root).map_err(|_| {
        let what = format!("names the API root '{}', which is no URL", quoted(root));
        Error::new(
            &shown(from),
            Kind::Envelope,
            what,
            "ask the operator of the server",
        )
    })?;
    check(&url)?;
    slashed(&mut url);
    if client.hosts.allows(&url) {
        return Ok(url);
    }
    let what = format!(
        "has an API root on a host that is not allowed, {}",
        shown(&url)
    );
    Err(not_allowed(from, what, &url))
}

fn collections(client: &Client, call: &mut Call<'_>, root: &Url) -> Result<Vec<Collection>, Error> {
    let mut url = root.clone();
    url.set_path(&format!("{}collections/", root.path()));
    let Collections { collections } = read(client, call, &url)?;
    if collections.len() > MOST {
        return Err(too_many(&url, "collections"));
    }
    collections
        .into_iter()
        .map(|shown| collection(root, &url, shown))
        .collect()
}

fn collection(root: &Url, all: &Url, shown_as: Shown) -> Result<Collection, Error> {
    let Shown {
        id,
        title,
        description,
        can_read,
        media_types,
    } = shown_as;
    // It becomes a part of a path.
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_~.".contains(&octet);
    let is_dots = id.bytes().all(|octet| octet == b'.');
    if is_dots || id.len() > 256 || !id.bytes().all(plain) {
        let what = format!("has a collection with the id '{}'", quoted(&id));
        let advice = "ask the operator of the server: an id is a UUID or a short name";
        return Err(Error::new(&shown(all), Kind::Envelope, what, advice));
    }
    let mut url = all.clone();
    url.set_path(&format!("{}{id}/", all.path()));
    Ok(Collection {
        url,
        root: root.clone(),
        id,
        title: quoted(&title),
        description: description.as_deref().map(quoted),
        can_read,
        media_types: media_types
            .iter()
            .take(MOST)
            .map(|name| quoted(name))
            .collect(),
    })
}

fn too_many(url: &Url, what: &str) -> Error {
    let what = format!("has more than {MOST} {what}");
    Error::new(
        &shown(url),
        Kind::TooLarge,
        what,
        "ask the operator of the server",
    )
}

/// Asks for a document and reads it.
fn read<T: DeserializeOwned>(client: &Client, call: &mut Call<'_>, url: &Url) -> Result<T, Error> {
    let mut body = Vec::new();
    ask(client, call, url, false, &mut body)?;
    let wrong = |what: String| {
        let advice = "ask the operator of the server";
        Error::new(&shown(url), Kind::Envelope, what, advice)
    };
    // serde reads a struct from a list too.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(wrong("is not what TAXII says: no object of JSON".into()));
    }
    serde_json::from_slice(&body).map_err(|error| wrong(format!("is not what TAXII says: {error}")))
}

/// Asks for a page, which has to be of TAXII 2.1 by its own word.
fn ask(
    client: &Client,
    call: &mut Call<'_>,
    url: &Url,
    once: bool,
    body: &mut Vec<u8>,
) -> Result<Answer, Error> {
    let ask = Ask {
        url: url.clone(),
        accept: MEDIA_TYPE,
        known: &Known::default(),
        cap: client.limits.page,
        once,
    };
    let answer = call.get(&ask, body)?;
    let named = answer.content_type.as_deref().unwrap_or_default();
    if is_taxii(named) {
        return Ok(answer);
    }
    let what = format!("is '{}', not {MEDIA_TYPE}", quoted(named));
    let advice = "check that the URL is one of TAXII 2.1; version 2.0 and 1 are not read";
    Err(Error::new(&shown(url), Kind::Envelope, what, advice))
}

/// Whether a media type is that of TAXII 2.1; one without a version is.
fn is_taxii(named: &str) -> bool {
    let mut parts = named.split(';').map(str::trim);
    let taxii = parts
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case("application/taxii+json"));
    let version = parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case("version")
            .then(|| value.trim().trim_matches('"'))
    });
    taxii && version.is_none_or(|version| version == "2.1")
}

/// Makes a path end in a slash, as those of TAXII do.
fn slashed(url: &mut Url) {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_is_that_of_version_2_1() {
        for (named, expected) in [
            (MEDIA_TYPE, true),
            ("application/taxii+json; version=2.1", true),
            (
                "Application/TAXII+JSON; charset=utf-8; Version=\"2.1\"",
                true,
            ),
            ("application/taxii+json", true),
            ("application/taxii+json;version=2.0", false),
            ("application/vnd.oasis.taxii+json; version=2.0", false),
            ("application/json", false),
            ("text/html", false),
            ("", false),
        ] {
            assert_eq!(is_taxii(named), expected, "{named}");
        }
    }
}
