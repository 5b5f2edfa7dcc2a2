//! Warninglists: what is known to give false alarms. Their addresses are exclusions.

use std::io::Read;

use crate::feeds::{
    address::{self, No},
    item::{At, Item, Sink},
    json::{Json, JsonError, Loose, unread},
    reason::Inexpressible,
};

/// Longest entry that is read.
const LONGEST: usize = 1 << 16;

/// Reads a warninglist. The entries stand before the type of the list, so each is told by itself.
pub fn decode(reader: impl Read, sink: &mut (impl Sink + ?Sized)) -> Result<(), JsonError> {
    let mut json = Json::new(reader);
    let mut text = Vec::new();
    json.object(|json, name| {
        if name != "list" || json.peek()? != Some(b'[') {
            return json.skip();
        }
        json.array(|json| {
            text.clear();
            let cut = json.cut(&mut text, LONGEST)?;
            let at = At::line(cut.line);
            match serde_json::from_slice::<Loose<'_>>(&text) {
                Ok(entry) => sink.take(at, item(entry.or_empty().trim())),
                Err(error) => sink.take(at, Item::Refused(unread(&error))),
            }
            Ok(())
        })
    })?;
    json.end()
}

fn item(entry: &str) -> Item<'static> {
    match address::prefix(entry) {
        Ok(prefix) => Item::Exclude(prefix),
        Err(refusal) => match address::named(entry) {
            Err(No::Inexpressible(why)) => Item::Inexpressible(why),
            // `.example` and regular expressions.
            _ if refusal.name() == "not-an-address" => {
                Item::Inexpressible(Inexpressible::TextMatch)
            }
            Ok(_) | Err(No::Refused(_)) => Item::Refused(refusal),
        },
    }
}
