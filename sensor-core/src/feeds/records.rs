//! Records of JSON: an object a line, or objects in a list somewhere in a document.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Read},
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::{
    item::{At, Item, Sink},
    json::{Json, JsonError, LARGEST_OBJECT, Loose, unread},
    mapping::{Mapping, Record, Role, plain},
    plain::Fault,
    reason::{Inexpressible, Refusal},
    text::each_line,
};

/// Lists and objects around the records of a document that are looked into.
const DEEPEST: usize = 3;

/// Reads an object a line.
pub fn decode_lines(
    reader: impl Read,
    mapping: Option<&Mapping>,
    sink: &mut (impl Sink + ?Sized),
) -> io::Result<()> {
    each_line(reader, |line, content| match content {
        None => refuse(line, Refusal::Address(Fault::TooLong), sink),
        Some(content) if content.trim_ascii().is_empty() => {}
        Some(content) => record(content, line, mapping, sink),
    })
}

/// Reads the objects of all lists of a document.
pub fn decode(
    reader: impl Read,
    mapping: Option<&Mapping>,
    sink: &mut (impl Sink + ?Sized),
) -> Result<(), JsonError> {
    let mut json = Json::new(reader);
    walk(&mut json, DEEPEST, &mut Vec::new(), mapping, sink)?;
    json.end()
}

fn walk<R: Read>(
    json: &mut Json<R>,
    levels: usize,
    text: &mut Vec<u8>,
    mapping: Option<&Mapping>,
    sink: &mut (impl Sink + ?Sized),
) -> Result<(), JsonError> {
    match json.peek()? {
        Some(b'[') => json.array(|json| {
            let is_object = json.peek()? == Some(b'{');
            text.clear();
            let cut = json.cut(text, LARGEST_OBJECT)?;
            if cut.is_whole && !is_object {
                let value: Loose<'_> = serde_json::from_slice(text).unwrap_or_default();
                Record(vec![(Role::Value, &told(&value))]).give(cut.line, sink);
            } else if cut.is_whole {
                record(text, cut.line, mapping, sink);
            } else {
                refuse(cut.line, Refusal::Address(Fault::TooLong), sink);
            }
            Ok(())
        }),
        Some(b'{') if levels > 0 => {
            json.object(|json, _| walk(json, levels - 1, text, mapping, sink))
        }
        Some(b'{') => {
            sink.take(At::default(), Item::Beside);
            json.skip()
        }
        _ => json.skip(),
    }
}

/// Reads one object.
fn record(text: &[u8], line: u64, mapping: Option<&Mapping>, sink: &mut (impl Sink + ?Sized)) {
    let members: Members<'_> = match serde_json::from_slice(text) {
        Ok(members) => members,
        Err(error) => return refuse(line, unread(&error), sink),
    };
    let names: Vec<&str> = members.0.iter().map(|(name, _)| name.as_ref()).collect();
    let usual = || Mapping::usual(&names);
    let Some(mapping) = mapping.cloned().or_else(usual) else {
        return sink.take(At::line(line), members.without_value());
    };
    let mut values = Vec::new();
    for (role, column) in &mapping.0 {
        let mut found = members
            .0
            .iter()
            .filter(|(name, _)| plain(name) == plain(column));
        let (first, second) = (found.next(), found.next());
        if second.is_some() {
            let text = format!("'{}' stands in it twice", super::address::clip(column));
            return refuse(line, Refusal::Record(text), sink);
        }
        if let Some((_, value)) = first {
            values.push((*role, told(value)));
        }
    }
    if values.iter().all(|(role, _)| *role != Role::Value) {
        return sink.take(At::line(line), members.without_value());
    }
    let values = values.iter().map(|(role, value)| (*role, value.as_ref()));
    Record(values.collect()).give(line, sink);
}

fn refuse(line: u64, refusal: Refusal, sink: &mut (impl Sink + ?Sized)) {
    sink.take(At::line(line), Item::Refused(refusal));
}

fn told<'a>(value: &'a Loose<'_>) -> Cow<'a, str> {
    match value {
        Loose::Text(text) => text.as_ref().into(),
        Loose::Number(number) => number.to_string().into(),
        Loose::Bool(bool) => bool.to_string().into(),
        Loose::OtherNumber => "a number".into(),
        Loose::None => "".into(),
    }
}

/// The members of an object, in their order, also those that stand in it twice.
struct Members<'a>(Vec<(Cow<'a, str>, Loose<'a>)>);

impl Members<'_> {
    /// What a record without an address is: what a list says of itself, or a bad one.
    fn without_value(&self) -> Item<'static> {
        let says = |(name, value): &(Cow<'_, str>, Loose<'_>)| {
            name == "type" && value.text() == Some("metadata")
        };
        let has_system = self
            .0
            .iter()
            .any(|(name, value)| name == "asn" && value.number().is_some());
        if self.0.iter().any(says) {
            Item::Beside
        } else if has_system {
            // Spamhaus ASN-DROP.
            Item::Inexpressible(Inexpressible::AutonomousSystem)
        } else {
            Item::Refused(Refusal::Record(
                "no member of it is known to be an address".into(),
            ))
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Each)
    }
}

struct Each;

/// A name, without a copy where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Each {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests;
