//! What MISP writes: events, what its search answers, the manifest of a feed, warninglists.
//!
//! An event is walked attribute by attribute. The attributes of an object belong together, so an
//! object is cut out as a whole: the port beside an address narrows it.

mod attribute;
mod object;
mod warninglist;

use std::io::Read;

use serde::Deserialize;

use self::attribute::{Attribute, Tag};
use super::{
    item::{At, Item, Sink, Tlp},
    json::{Json, JsonError, LARGEST_OBJECT, Loose, Many, unread},
    plain::Fault,
    reason::Refusal,
};

pub use self::warninglist::decode as decode_warninglist;

/// Levels of `response`, `Event` and lists that are looked into.
const DEEPEST: usize = 6;

/// Largest text of the tags of an event.
const LARGEST_TAGS: usize = 1 << 20;

/// Reads events and attributes, however they are wrapped.
pub fn decode(reader: impl Read, sink: &mut (impl Sink + ?Sized)) -> Result<(), JsonError> {
    let mut json = Json::new(reader);
    let mut walk = Walk {
        sink,
        text: Vec::new(),
    };
    walk.any(&mut json, DEEPEST)?;
    json.end()
}

struct Walk<'s, S: ?Sized> {
    sink: &'s mut S,
    /// What was cut out; kept, so that not each object takes memory anew.
    text: Vec<u8>,
}

impl<S: Sink + ?Sized> Walk<'_, S> {
    /// A list or an object that events may be in.
    fn any<R: Read>(&mut self, json: &mut Json<R>, levels: usize) -> Result<(), JsonError> {
        match json.peek()? {
            Some(b'[') if levels > 0 => json.array(|json| self.any(json, levels - 1)),
            Some(b'{') if levels > 0 => self.event(json, levels - 1),
            _ => json.skip(),
        }
    }

    fn event<R: Read>(&mut self, json: &mut Json<R>, levels: usize) -> Result<(), JsonError> {
        let mut tlp = None;
        json.object(|json, name| {
            let is_list = json.peek()? == Some(b'[');
            match name {
                "Event" | "response" => self.any(json, levels),
                "Attribute" if is_list => json.array(|json| self.one(json, Self::attribute)),
                "Object" if is_list => json.array(|json| self.one(json, Self::object)),
                "Tag" => {
                    let mut text = Vec::new();
                    if json.cut(&mut text, LARGEST_TAGS)?.is_whole {
                        let tags: Many<Tag<'_>> = serde_json::from_slice(&text).unwrap_or_default();
                        tlp = told(&tags);
                    }
                    Ok(())
                }
                _ => json.skip(),
            }
        })?;
        if let Some(tlp) = tlp {
            self.sink.take(At::default(), Item::Told(tlp));
        }
        Ok(())
    }

    /// Cuts one out and reads it.
    fn one<R: Read>(
        &mut self,
        json: &mut Json<R>,
        read: impl Fn(&mut Self, &[u8], u64),
    ) -> Result<(), JsonError> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let cut = json.cut(&mut text, LARGEST_OBJECT)?;
        if cut.is_whole {
            read(self, &text, cut.line);
        } else {
            self.refuse(cut.line, Refusal::Address(Fault::TooLong));
        }
        self.text = text;
        Ok(())
    }

    fn attribute(&mut self, text: &[u8], line: u64) {
        match serde_json::from_slice::<Attribute<'_>>(text) {
            Ok(attribute) => attribute.give(line, None, self.sink),
            Err(error) => self.refuse(line, unread(&error)),
        }
    }

    fn object(&mut self, text: &[u8], line: u64) {
        match serde_json::from_slice::<object::Object<'_>>(text) {
            Ok(object) => object.give(line, self.sink),
            Err(error) => self.refuse(line, unread(&error)),
        }
    }

    fn refuse(&mut self, line: u64, refusal: Refusal) {
        self.sink.take(At::line(line), Item::Refused(refusal));
    }
}

/// The strictest colour that tags name.
fn told(tags: &Many<Tag<'_>>) -> Option<Tlp> {
    tags.0.iter().filter_map(Tag::tlp).max()
}

/// An event of a feed, by its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id; its file is this with `.json` after it.
    pub uuid: String,
    /// When it was last changed, in seconds since 1970.
    pub timestamp: u64,
}

/// Reads the manifest of a feed: one event after the other.
pub fn decode_manifest(
    reader: impl Read,
    mut each: impl FnMut(u64, Result<Listed, Refusal>),
) -> Result<(), JsonError> {
    #[derive(Deserialize)]
    struct Entry<'a> {
        #[serde(borrow, default)]
        timestamp: Loose<'a>,
    }
    let mut json = Json::new(reader);
    let mut text = Vec::new();
    json.object(|json, name| {
        text.clear();
        let cut = json.cut(&mut text, LARGEST_OBJECT)?;
        let entry: Result<Entry<'_>, _> = serde_json::from_slice(&text);
        each(
            cut.line,
            match entry {
                // What names a file must not lead out of the folder of the feed.
                Ok(_) if !is_uuid(name) => Err(Refusal::Record("an event has a UUID".into())),
                Ok(entry) => Ok(Listed {
                    uuid: name.into(),
                    timestamp: entry.timestamp.number().unwrap_or(0),
                }),
                Err(error) => Err(unread(&error)),
            },
        );
        Ok(())
    })?;
    json.end()
}

/// Whether a text has the form of a UUID.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests;
