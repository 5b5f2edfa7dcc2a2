//! A MISP feed: a manifest, and a file for each event.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
    fs::File,
    io::{self, Write as _},
    path::Path,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use url::Url;

use crate::{
    Client, Error, Kind, Known, Progress,
    client::{Ask, Call, unwritten},
    endpoint::shown,
    error::quoted,
};

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
    let mut base = client.endpoint.url.clone();
    // The manifest itself may be what people have the URL of.
    let path = base
        .path()
        .strip_suffix("manifest.json")
        .unwrap_or(base.path());
    let slash = if path.ends_with('/') { "" } else { "/" };
    let path = format!("{path}{slash}");
    base.set_path(&path);

    let mut call = client.call(true, progress)?;
    let mut pulled = Pulled::default();
    let (url, body) = ask(client, &mut call, &base, "manifest.json", &mut pulled.bytes)?;
    let Manifest(events) = serde_json::from_slice(&body).map_err(|error| {
        let what = format!("is no manifest of a MISP feed: {error}");
        wrong(
            &url,
            &what,
            "check that the URL is the folder of a MISP feed",
        )
    })?;
    write(&url, folder, "manifest.json", &body)?;
    drop(body);
    let most = client.limits.objects;
    if u64::try_from(events.len()).unwrap_or(u64::MAX) > most {
        let what = format!("has more than {most} events");
        let advice = "raise the limit if the feed is that large";
        return Err(Error::new(&shown(&url), Kind::TooLarge, what, advice));
    }

    let mut wanted = Vec::new();
    for (uuid, event) in events {
        let list = match known.get(&uuid) {
            None => &mut pulled.new,
            Some(before) if *before != event.timestamp => &mut pulled.changed,
            Some(_) => &mut pulled.unchanged,
        };
        list.push(uuid.clone());
        if known.get(&uuid) != Some(&event.timestamp) {
            wanted.push((uuid.clone(), event.written));
        }
        pulled.timestamps.insert(uuid, event.timestamp);
    }
    let gone = known
        .keys()
        .filter(|uuid| !pulled.timestamps.contains_key(*uuid));
    pulled.removed = gone.cloned().collect();
    let of = u64::try_from(wanted.len()).unwrap_or(u64::MAX);
    for (done, (uuid, written)) in (1..).zip(wanted) {
        let name = format!("{written}.json");
        let (url, body) = ask(client, &mut call, &base, &name, &mut pulled.bytes)?;
        let event: Event = serde_json::from_slice(&body).map_err(|error| {
            let what = format!("is no event of MISP: {error}");
            wrong(&url, &what, "ask the operator of the feed")
        })?;
        if !event.event.uuid.eq_ignore_ascii_case(&uuid) {
            let what = format!("is the event '{}'", quoted(&event.event.uuid));
            return Err(wrong(&url, &what, "ask the operator of the feed"));
        }
        write(&url, folder, &format!("{uuid}.json"), &body)?;
        (call.progress)(Progress::Event { done, of });
    }
    Ok(pulled)
}

/// Asks for a file of the feed, within what is left of the octets.
fn ask(
    client: &Client,
    call: &mut Call<'_>,
    base: &Url,
    name: &str,
    bytes: &mut u64,
) -> Result<(Url, Vec<u8>), Error> {
    let limits = &client.limits;
    let mut url = base.clone();
    url.set_path(&format!("{}{name}", base.path()));
    let ask = Ask {
        url,
        accept: "application/json",
        known: &Known::default(),
        cap: limits.page.min(limits.bytes.saturating_sub(*bytes)),
        once: false,
    };
    let mut body = Vec::new();
    let answer = call.get(&ask, &mut body)?;
    *bytes += answer.bytes;
    Ok((ask.url, body))
}

/// Writes a file that is not there yet.
fn write(url: &Url, folder: &Path, name: &str, body: &[u8]) -> Result<(), Error> {
    let path = folder.join(name);
    let written = File::create_new(&path).and_then(|mut file| file.write_all(body));
    written.map_err(|error| {
        unwritten(
            url,
            &io::Error::new(error.kind(), format!("{}: {error}", path.display())),
        )
    })
}

fn wrong(url: &Url, what: &str, advice: &str) -> Error {
    Error::new(&shown(url), Kind::Envelope, what, advice)
}

/// As much of an event as tells which it is.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Event")]
    event: Named,
}

#[derive(Deserialize)]
struct Named {
    uuid: String,
}

/// Events by UUID in lower case.
#[derive(Debug)]
struct Manifest(BTreeMap<String, Line>);

/// What a manifest says of an event.
#[derive(Debug)]
struct Line {
    /// The UUID as it stands there: the name of the file.
    written: String,
    timestamp: i64,
}

#[derive(Deserialize)]
struct Value {
    timestamp: Number,
}

/// A number, which MISP writes as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(i64),
    Text(String),
}

impl<'de> Deserialize<'de> for Manifest {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(Lines)
    }
}

struct Lines;

impl<'de> Visitor<'de> for Lines {
    type Value = Manifest;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("events by UUID")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Manifest, A::Error> {
        let mut events = BTreeMap::new();
        while let Some(written) = map.next_key::<String>()? {
            if !is_uuid(&written) {
                let what = format!("'{}' is no UUID", quoted(&written));
                return Err(A::Error::custom(what));
            }
            let timestamp = match map.next_value::<Value>()?.timestamp {
                Number::Number(number) => Some(number),
                Number::Text(text) => text.parse().ok(),
            };
            let timestamp = timestamp
                .ok_or_else(|| A::Error::custom(format_args!("{written} has no timestamp")))?;
            match events.entry(written.to_ascii_lowercase()) {
                Entry::Vacant(place) => place.insert(Line { written, timestamp }),
                Entry::Occupied(_) => {
                    return Err(A::Error::custom(format_args!("{written} is there twice")));
                }
            };
        }
        Ok(Manifest(events))
    }
}

/// Whether a text is a UUID, and so a name of a file that leads nowhere else.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, octet)| match at {
            8 | 13 | 18 | 23 => octet == b'-',
            _ => octet.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "5a8d4b1c-0000-4000-8000-00000000abcd";

    #[test]
    fn a_manifest_has_uuids_and_timestamps() {
        let text = format!(r#"{{"{UUID}":{{"info":"a","timestamp":"12"}}}}"#);
        let Manifest(events) = serde_json::from_str(&text).unwrap();
        assert_eq!(events[UUID].timestamp, 12);
        let text = text.replace("\"12\"", "13");
        let Manifest(events) = serde_json::from_str(&text).unwrap();
        assert_eq!(events[UUID].timestamp, 13);
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        let upper = UUID.to_ascii_uppercase();
        let line = r#"{"timestamp":"1"}"#;
        for (text, says) in [
            ("[]".to_owned(), "events by UUID"),
            (format!(r#"{{"../../etc/passwd":{line}}}"#), "is no UUID"),
            (format!(r#"{{"{}":{line}}}"#, &UUID[1..]), "is no UUID"),
            (format!(r#"{{"..{}":{line}}}"#, &UUID[2..]), "is no UUID"),
            (
                format!(r#"{{"{UUID}":{line},"{upper}":{line}}}"#),
                "is there twice",
            ),
            (
                format!(r#"{{"{UUID}":{{"timestamp":"x"}}}}"#),
                "has no timestamp",
            ),
            (format!(r#"{{"{UUID}":{{}}}}"#), "missing field `timestamp`"),
            (format!(r#"{{"{UUID}":{line}"#), "EOF"),
        ] {
            let error = serde_json::from_str::<Manifest>(&text).unwrap_err();
            assert!(error.to_string().contains(says), "{text}: {error}");
        }
    }
}
