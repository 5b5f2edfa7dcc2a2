//! A STIX bundle that is written object by object.

use std::{borrow::Cow, collections::HashSet, fmt, io};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::client::Sink;

/// How deep an object may be. Those of STIX need ten; `serde_json` reads 128 elsewhere.
const DEEPEST: usize = 100;

/// Octets that are gathered before they are written.
const GATHERED: usize = 64 * 1024;

/// What ends a bundle early.
#[derive(Debug)]
pub(super) enum Stop {
    /// What came is not what it should be.
    Wrong(String),
    /// More octets than may be written.
    Bytes,
    /// More objects.
    Objects,
    /// The file.
    Io(io::Error),
}

/// Objects of all pages, each once.
pub(super) struct Bundle<'a> {
    sink: &'a mut dyn Sink,
    gathered: Vec<u8>,
    /// What is written and gathered.
    pub(super) bytes: u64,
    most_bytes: u64,
    most_objects: u64,
    /// Halves of hashes of id and version: a chance of 2⁻⁸⁴ that two of ten million agree.
    seen: HashSet<[u8; 16]>,
    /// Objects that came again.
    pub(super) repeated: u64,
}

impl<'a> Bundle<'a> {
    /// Begins a bundle; `name` is what its id is made of.
    pub(super) fn new(
        sink: &'a mut dyn Sink,
        name: &str,
        most_bytes: u64,
        most_objects: u64,
    ) -> Result<Self, Stop> {
        sink.restart().map_err(Stop::Io)?;
        let mut bundle = Self {
            sink,
            gathered: Vec::with_capacity(GATHERED),
            bytes: 0,
            most_bytes,
            most_objects,
            seen: HashSet::new(),
            repeated: 0,
        };
        let id = uuid(name);
        bundle.put(&format!(
            "{{\"type\":\"bundle\",\"id\":\"bundle--{id}\",\"objects\":["
        ))?;
        Ok(bundle)
    }

    /// How many objects there are.
    pub(super) fn objects(&self) -> u64 {
        u64::try_from(self.seen.len()).unwrap_or(u64::MAX)
    }

    /// Ends it, so that the file has all of it.
    pub(super) fn finish(mut self) -> Result<u64, Stop> {
        self.put("\n]}\n")?;
        self.sink.write(&self.gathered).map_err(Stop::Io)?;
        Ok(self.bytes)
    }

    /// Reads a page, and takes each object of it when it comes by.
    pub(super) fn page(&mut self, page: &[u8]) -> Result<Page, Stop> {
        let mut stop = None;
        let mut reader = serde_json::Deserializer::from_slice(page);
        let envelope = Envelope {
            bundle: self,
            stop: &mut stop,
        };
        let read = envelope.deserialize(&mut reader).and_then(|page| {
            reader.end()?;
            Ok(page)
        });
        match (stop, read) {
            (Some(stop), _) => Err(stop),
            (None, Ok(page)) => Ok(page),
            (None, Err(error)) => Err(Stop::Wrong(format!("is not a page of TAXII: {error}"))),
        }
    }

    fn take(&mut self, object: &RawValue) -> Result<(), Stop> {
        let text = object.get();
        if !is_shallow(text) {
            let what = format!("has an object that is deeper than {DEEPEST}");
            return Err(Stop::Wrong(what));
        }
        // serde reads a struct from a list too.
        if !text.starts_with('{') {
            return Err(Stop::Wrong("has what is no object of STIX".into()));
        }
        let head: Head<'_> = serde_json::from_str(text)
            .map_err(|error| Stop::Wrong(format!("has what is no object of STIX: {error}")))?;
        if head.id.is_empty() || head.kind.is_empty() {
            return Err(Stop::Wrong("has an object without an id or a type".into()));
        }
        let version = head.modified.or(head.created).unwrap_or_default();
        let mut hash = Sha256::new();
        hash.update(head.id.as_bytes());
        hash.update([0]);
        hash.update(version.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        if self.seen.contains(&key) {
            self.repeated += 1;
            return Ok(());
        }
        if self.objects() >= self.most_objects {
            return Err(Stop::Objects);
        }
        self.put(if self.seen.is_empty() { "\n" } else { ",\n" })?;
        self.put(text)?;
        self.seen.insert(key);
        Ok(())
    }

    fn put(&mut self, text: &str) -> Result<(), Stop> {
        self.bytes += u64::try_from(text.len()).unwrap_or(u64::MAX);
        if self.bytes > self.most_bytes {
            return Err(Stop::Bytes);
        }
        self.gathered.extend_from_slice(text.as_bytes());
        if self.gathered.len() >= GATHERED {
            self.sink.write(&self.gathered).map_err(Stop::Io)?;
            self.gathered.clear();
        }
        Ok(())
    }
}

/// What a page says besides its objects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Objects that came, also those that came before.
    pub(super) objects: u64,
    pub(super) more: bool,
    pub(super) next: Option<String>,
}

/// What of an object tells it apart from others.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    modified: Option<Cow<'a, str>>,
    #[serde(borrow)]
    created: Option<Cow<'a, str>>,
}

/// Reads a page without keeping its objects: a list of them would be larger than the page.
struct Envelope<'a, 'b> {
    bundle: &'a mut Bundle<'b>,
    stop: &'a mut Option<Stop>,
}

impl<'de> DeserializeSeed<'de> for Envelope<'_, '_> {
    type Value = Page;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Page, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Envelope<'_, '_> {
    type Value = Page;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page, A::Error> {
        let mut page = Page::default();
        let (mut more, mut next, mut objects) = (None, None, None);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let again = match &*key {
                "more" => more.replace(map.next_value::<Option<bool>>()?).is_some(),
                "next" => next.replace(map.next_value::<Option<String>>()?).is_some(),
                "objects" => {
                    let all = Objects {
                        bundle: &mut *self.bundle,
                        stop: &mut *self.stop,
                    };
                    objects.replace(map.next_value_seed(all)?).is_some()
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    false
                }
            };
            if again {
                return Err(A::Error::custom(format_args!("'{key}' is there twice")));
            }
        }
        page.more = more.flatten().unwrap_or(false);
        page.next = next.flatten();
        page.objects = objects.unwrap_or(0);
        Ok(page)
    }
}

struct Objects<'a, 'b> {
    bundle: &'a mut Bundle<'b>,
    stop: &'a mut Option<Stop>,
}

impl<'de> DeserializeSeed<'de> for Objects<'_, '_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<u64, D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Objects<'_, '_> {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<u64, A::Error> {
        let mut objects = 0;
        while let Some(object) = list.next_element::<&'de RawValue>()? {
            objects += 1;
            if let Err(stop) = self.bundle.take(object) {
                *self.stop = Some(stop);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(objects)
    }
}

/// Whether nothing in a JSON text is nested deeper than [`DEEPEST`]; without recursion, as
/// whoever reads the bundle may have some.
fn is_shallow(text: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for octet in text.bytes() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > DEEPEST {
                    return false;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// A UUID of version 8, made of a name: the same pull has the same one.
fn uuid(name: &str) -> String {
    let hash = Sha256::digest(name.as_bytes());
    let mut octets = [0; 16];
    octets.copy_from_slice(&hash[..16]);
    octets[6] = octets[6] & 0x0f | 0x80;
    octets[8] = octets[8] & 0x3f | 0x80;
    let number = format!("{:032x}", u128::from_be_bytes(octets));
    [0..8, 8..12, 12..16, 16..20, 20..32]
        .map(|part| &number[part])
        .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pages: &[&str]) -> Result<(Vec<u8>, u64, Vec<Page>), Stop> {
        let mut sink = Vec::new();
        let mut bundle = Bundle::new(&mut sink, "test", 1 << 20, 100)?;
        let mut read = Vec::new();
        for page in pages {
            read.push(bundle.page(page.as_bytes())?);
        }
        let repeated = bundle.repeated;
        bundle.finish()?;
        Ok((sink, repeated, read))
    }

    #[test]
    fn each_version_of_an_object_is_there_once() {
        let (bundle, repeated, pages) = read(&[
            r#"{"more":true,"next":"a","objects":[{"type":"x","id":"x--1","modified":"1"},{"type":"x","id":"x--1","modified":"2"}]}"#,
            r#"{"objects":[{"id":"x--1","type":"x","modified":"2","other":[1]},{"type":"y","id":"y--1"}],"more":false}"#,
            "{}",
        ])
        .unwrap();
        let bundle: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
        assert_eq!(bundle["objects"].as_array().unwrap().len(), 3);
        assert_eq!(repeated, 1);
        assert_eq!(pages[0].next.as_deref(), Some("a"));
        let counts: Vec<_> = pages.iter().map(|page| (page.objects, page.more)).collect();
        assert_eq!(counts, [(2, true), (2, false), (0, false)]);
    }

    #[test]
    fn an_empty_bundle_is_one() {
        let (bundle, ..) = read(&["{}"]).unwrap();
        let bundle: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
        assert_eq!(bundle["objects"], serde_json::json!([]));
        assert_eq!(bundle["id"], format!("bundle--{}", uuid("test")));
        assert_eq!(uuid("test").len(), 36);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for (page, says) in [
            ("", "is not a page of TAXII"),
            ("[]", "is not a page of TAXII"),
            ("{} {}", "is not a page of TAXII"),
            (
                r#"{"objects":[{"type":"x","id":"x--1"}"#,
                "is not a page of TAXII",
            ),
            (r#"{"objects":{}}"#, "is not a page of TAXII"),
            (r#"{"more":"yes"}"#, "is not a page of TAXII"),
            (r#"{"next":5}"#, "is not a page of TAXII"),
            (r#"{"more":true,"more":false}"#, "'more' is there twice"),
            (r#"{"objects":[],"objects":[]}"#, "'objects' is there twice"),
            (r#"{"objects":[1]}"#, "no object of STIX"),
            (r#"{"objects":[["x--1","x"]]}"#, "no object of STIX"),
            (r#"{"objects":[{"type":"x"}]}"#, "no object of STIX"),
            (
                r#"{"objects":[{"type":"x","id":"a","id":"b"}]}"#,
                "no object of STIX",
            ),
            (r#"{"objects":[{"type":"x","id":""}]}"#, "without an id"),
        ] {
            let Err(Stop::Wrong(what)) = read(&[page]) else {
                panic!("{page}");
            };
            assert!(what.contains(says), "{page}: {what}");
        }
    }

    #[test]
    fn depth_is_counted_outside_of_strings() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_shallow(&nested(DEEPEST)));
        assert!(!is_shallow(&nested(DEEPEST + 1)));
        assert!(is_shallow(&format!("\"\\\"{}\"", nested(1000))));
        assert!(!is_shallow(&format!("[\"\\\\\",{}]", nested(DEEPEST))));
        let deep = format!(
            r#"{{"objects":[{{"type":"x","id":"a","b":{}}}]}}"#,
            nested(50_000)
        );
        assert!(matches!(read(&[&deep]), Err(Stop::Wrong(_))));
        // Also where nobody looks.
        assert!(read(&[&format!(r#"{{"other":{}}}"#, nested(50_000))]).is_ok());
    }
}
