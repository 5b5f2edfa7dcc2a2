//! An object: attributes that belong together. In `ip-port` and its like a port narrows the
//! address of its own side.

use serde::Deserialize;

use super::attribute::{Attribute, Beside};
use crate::{
    feeds::{
        address,
        item::{At, Item, Sink},
        json::{Loose, Many},
        reason::Refusal,
    },
    watchlist::PortRule,
};

/// The members of an object that matter.
#[derive(Deserialize)]
pub(super) struct Object<'a> {
    #[serde(borrow, default)]
    deleted: Loose<'a>,
    #[serde(borrow, default, rename = "Attribute")]
    attributes: Many<Attribute<'a>>,
}

/// Which end of a connection an attribute is about, by its relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Source,
    Destination,
}

impl Object<'_> {
    pub(super) fn give(&self, line: u64, sink: &mut (impl Sink + ?Sized)) {
        if self.deleted.bool() == Some(true) {
            for _ in &self.attributes.0 {
                sink.take(At::line(line), Item::Refused(Refusal::Revoked));
            }
            return;
        }
        let has_address = (self.attributes.0.iter()).any(|attribute| is_address(attribute));
        for attribute in &self.attributes.0 {
            if is_address(attribute) {
                let own = end(attribute);
                let ports = self.ports(own);
                let beside = Beside {
                    ports: &ports,
                    has_other_end: self.has_other_end(own),
                };
                attribute.give(line, Some(beside), sink);
            } else if has_address && is_port(attribute) {
                // It is told with the address.
                sink.take(At::line(line), Item::Beside);
            } else {
                attribute.give(line, None, sink);
            }
        }
    }

    /// The ports of one end. A port narrows whether or not it is itself to be looked for.
    fn ports(&self, of: End) -> Vec<PortRule> {
        let ports = self.attributes.0.iter();
        let own = ports.filter(|attribute| is_port(attribute) && end(attribute) == of);
        own.filter_map(Attribute::port)
            .flat_map(address::on_any)
            .collect()
    }

    /// Whether a port of the other end is to be looked for.
    fn has_other_end(&self, own: End) -> bool {
        let mut attributes = self.attributes.0.iter();
        attributes.any(|attribute| {
            is_port(attribute) && end(attribute) != own && attribute.is_for_detection()
        })
    }
}

fn is_address(attribute: &Attribute<'_>) -> bool {
    matches!(attribute.kind.text(), Some("ip-src" | "ip-dst"))
}

fn is_port(attribute: &Attribute<'_>) -> bool {
    attribute.kind.text() == Some("port") && attribute.port().is_some() && !attribute.is_deleted()
}

/// By its relation, else by its type; a server's address and port are a destination's.
fn end(attribute: &Attribute<'_>) -> End {
    let relation = attribute.object_relation.or_empty();
    let of_source = if relation.starts_with("src") || relation.ends_with("src") {
        true
    } else {
        relation.is_empty() && attribute.kind.text() == Some("ip-src")
    };
    if of_source {
        End::Source
    } else {
        End::Destination
    }
}
