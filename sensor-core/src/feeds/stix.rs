//! Bundles of STIX 2.1, and 2.0: their indicators.
//!
//! An indicator is a pattern; what of it is an address is watched for, all else is told by
//! reason. Other objects stand beside them: an `ipv4-addr` alone is something that was seen, and
//! nobody says that it is to be looked for.

mod express;
mod marking;
pub mod pattern;

use std::io::Read;

use serde::Deserialize;

pub use self::express::{Expressed, express};
use self::marking::Markings;
use super::{
    address::clip,
    item::{About, At, Item, Sink, Tlp, Watch},
    json::{Json, JsonError, LARGEST_OBJECT, Loose, Many, unread},
    plain::Fault,
    reason::{Inexpressible, Refusal},
    time::moment,
};

/// The members of an object that matter.
#[derive(Default, Deserialize)]
struct Object<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Loose<'a>,
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(borrow, default)]
    pattern: Loose<'a>,
    #[serde(borrow, default)]
    pattern_type: Loose<'a>,
    #[serde(borrow, default)]
    valid_from: Loose<'a>,
    #[serde(borrow, default)]
    valid_until: Loose<'a>,
    #[serde(borrow, default)]
    modified: Loose<'a>,
    #[serde(borrow, default)]
    revoked: Loose<'a>,
    #[serde(borrow, default)]
    confidence: Loose<'a>,
    #[serde(borrow, default, rename = "object_marking_refs")]
    markings: Many<Loose<'a>>,
    /// Of a marking definition.
    #[serde(borrow, default)]
    name: Loose<'a>,
    #[serde(default)]
    definition: Option<serde_json::Value>,
}

/// Reads a bundle, an envelope of TAXII, a list of objects, or one object.
pub fn decode(reader: impl Read, sink: &mut (impl Sink + ?Sized)) -> Result<(), JsonError> {
    let mut json = Json::new(reader);
    let mut reading = Reading::new(sink);
    if json.peek()? == Some(b'[') {
        json.array(|json| reading.next(json))?;
        return json.end();
    }
    // An object without `objects` is one itself, and is put together from its members.
    let mut own = Vec::from(*b"{");
    let mut has_objects = false;
    json.object(|json, name| {
        if name == "objects" && json.peek()? == Some(b'[') {
            has_objects = true;
            return json.array(|json| reading.next(json));
        }
        if own.len() > LARGEST_OBJECT {
            return json.skip();
        }
        if own.len() > 1 {
            own.push(b',');
        }
        own.extend(serde_json::to_vec(name).unwrap_or_default());
        own.push(b':');
        let room = LARGEST_OBJECT.saturating_sub(own.len());
        if !json.cut(&mut own, room)?.is_whole {
            own.extend_from_slice(b"null");
        }
        Ok(())
    })?;
    json.end()?;
    own.push(b'}');
    if !has_objects {
        reading.single(&own, 1);
    }
    Ok(())
}

/// Reads objects one after the other: a line of JSON each, or whatever a server sends.
pub struct Reading<'s, S: ?Sized> {
    sink: &'s mut S,
    markings: Markings,
    object: Vec<u8>,
}

impl<'s, S: Sink + ?Sized> Reading<'s, S> {
    /// Begins with nothing known.
    pub fn new(sink: &'s mut S) -> Self {
        Self {
            sink,
            markings: Markings::default(),
            object: Vec::new(),
        }
    }

    fn next<R: Read>(&mut self, json: &mut Json<R>) -> Result<(), JsonError> {
        let mut object = std::mem::take(&mut self.object);
        object.clear();
        let cut = json.cut(&mut object, LARGEST_OBJECT)?;
        if cut.is_whole {
            self.object(&object, cut.line);
        } else {
            let item = Item::Refused(Refusal::Address(Fault::TooLong));
            self.sink.take(At::line(cut.line), item);
        }
        self.object = object;
        Ok(())
    }

    /// An object that is a feed alone: a bundle with nothing in it is none.
    fn single(&mut self, text: &[u8], line: u64) {
        let read: Result<Object<'_>, _> = serde_json::from_slice(text);
        let is_bundle = read.is_ok_and(|object| object.kind.text() == Some("bundle"));
        if !is_bundle {
            self.object(text, line);
        }
    }

    /// Reads one object.
    pub fn object(&mut self, text: &[u8], line: u64) {
        let object: Object<'_> = match serde_json::from_slice(text) {
            Ok(object) => object,
            Err(error) => {
                self.sink
                    .take(At::line(line), Item::Refused(unread(&error)));
                return;
            }
        };
        let at = At {
            line,
            id: object.id.or_empty(),
        };
        match object.kind.or_empty() {
            "indicator" => self.indicator(&object, at),
            "marking-definition" => {
                if let Some(tlp) = defined(&object) {
                    self.markings.define(at.id, tlp);
                }
                self.sink.take(at, Item::Beside);
            }
            "" => {
                let text = "an object of STIX has a type".into();
                self.sink.take(at, Item::Refused(Refusal::Record(text)));
            }
            _ => self.sink.take(at, Item::Beside),
        }
    }

    fn indicator(&mut self, object: &Object<'_>, at: At<'_>) {
        if object.revoked.bool() == Some(true) {
            return self.sink.take(at, Item::Refused(Refusal::Revoked));
        }
        let is_stix = object.pattern_type.is_none() || object.pattern_type.text() == Some("stix");
        if !is_stix {
            return self
                .sink
                .take(at, Item::Inexpressible(Inexpressible::Language));
        }
        let Some(text) = object.pattern.text() else {
            let text = "an indicator has a pattern".into();
            return self.sink.take(at, Item::Refused(Refusal::Record(text)));
        };
        let parsed = match pattern::parse(text) {
            Ok(parsed) => parsed,
            Err(pattern::PatternError::Deep) => {
                return self
                    .sink
                    .take(at, Item::Inexpressible(Inexpressible::TooComplex));
            }
            Err(error) => {
                let refusal = Refusal::Pattern(error.to_string());
                return self.sink.take(at, Item::Refused(refusal));
            }
        };
        let about = match self.about(object) {
            Ok(about) => about,
            Err(refusal) => return self.sink.take(at, Item::Refused(refusal)),
        };
        for alternative in express(&parsed) {
            match alternative {
                Ok(expressed) => self.give(expressed, about, at),
                Err(no) => self.sink.take(at, no.into()),
            }
        }
    }

    fn give(&mut self, expressed: Expressed, about: About, at: At<'_>) {
        let about = About {
            from: about.from.max(expressed.from),
            until: match (about.until, expressed.until) {
                (Some(one), Some(two)) => Some(one.min(two)),
                (one, two) => one.or(two),
            },
            ..about
        };
        for prefix in expressed.prefixes {
            let item = match prefix {
                Ok(prefix) => Item::Watch(Watch {
                    prefix,
                    ports: &expressed.ports,
                    about,
                }),
                Err(no) => no.into(),
            };
            self.sink.take(at, item);
        }
    }

    /// What an indicator says of itself. An end that cannot be read is no end at all, so such an
    /// indicator is refused.
    fn about(&self, object: &Object<'_>) -> Result<About, Refusal> {
        let time = |name: &str, value: &Loose<'_>| match value.text() {
            None => Ok(None),
            Some(text) => moment(text)
                .map(Some)
                .ok_or_else(|| Refusal::Record(format!("{name} '{}' is no moment", clip(text)))),
        };
        let markings = object.markings.0.iter();
        let told = markings.filter_map(|marking| self.markings.of(marking.text()?));
        let confidence = object.confidence.number();
        Ok(About {
            confidence: confidence.and_then(|confidence| u8::try_from(confidence.min(100)).ok()),
            first_seen: None,
            last_seen: None,
            from: time("valid_from", &object.valid_from)?,
            until: time("valid_until", &object.valid_until)?,
            modified: object.modified.text().and_then(moment),
            tlp: told.max(),
        })
    }
}

/// What a definition of a bundle's own says: `definition: {tlp: amber}`, or its name.
fn defined(object: &Object<'_>) -> Option<Tlp> {
    let definition = object.definition.as_ref();
    let tlp = definition.and_then(|definition| definition.get("tlp")?.as_str());
    Tlp::of(tlp.or_else(|| object.name.text())?)
}

#[cfg(test)]
mod tests;
