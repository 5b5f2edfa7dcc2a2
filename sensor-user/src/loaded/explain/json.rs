//! An answer for programs. `docs/explain.md` describes the members.

use jiff::Timestamp;
use sensor_common::{Fields, Verdict};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{Answer, Considered, Covering, End, Endpoint, Matched, Seen};
use crate::{places, words::timestamp};

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            packet,
            interface,
            verdict,
            source,
            destination,
            passage,
            operator,
            approvals,
            fields,
            basis,
        } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("verdict", &verdict.map(Verdict::name))?;
        map.serialize_entry("recorded", &self.is_recorded())?;
        map.serialize_entry("depends_on_ports", &self.depends_on_ports())?;
        map.serialize_entry("meaning", &self.headline())?;
        map.serialize_entry("packet", &packet.to_string())?;
        map.serialize_entry("protocol", &packet.protocol)?;
        map.serialize_entry("vlan", &packet.vlan)?;
        map.serialize_entry("interface", interface)?;
        map.serialize_entry("source", &EndObject::of(&packet.source, source))?;
        map.serialize_entry(
            "destination",
            &EndObject::of(&packet.destination, destination),
        )?;
        map.serialize_entry("class", &passage.ok().map(|passage| passage.class.name()))?;
        map.serialize_entry(
            "direction",
            &passage.ok().map(|passage| passage.direction.name()),
        )?;
        map.serialize_entry("operator", operator)?;
        map.serialize_entry("approvals", approvals)?;
        map.serialize_entry("fields", &names(*fields))?;
        map.serialize_entry("generation", &basis.generation)?;
        map.serialize_entry("lab", &basis.lab)?;
        map.serialize_entry("attended", &basis.moment.attended)?;
        map.serialize_entry("boot_ns", &basis.moment.now)?;
        let time: Timestamp = timestamp(basis.clock.unix_ns(basis.moment.now));
        map.serialize_entry("time", &time.to_string())?;
        map.end()
    }
}

#[derive(Serialize)]
struct EndObject<'a> {
    port: Option<u16>,
    #[serde(flatten)]
    place: &'a places::Explanation,
    #[serde(rename = "match")]
    matched: &'a Option<Matched>,
    open: &'a [Covering],
    other_ports: &'a [Covering],
    unnamed: &'a [Covering],
}

impl<'a> EndObject<'a> {
    fn of(endpoint: &Endpoint, end: &'a End) -> Self {
        Self {
            port: endpoint.port,
            place: &end.place,
            matched: &end.matched,
            open: &end.open,
            other_ports: &end.other_ports,
            unnamed: &end.unnamed,
        }
    }
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (slot, assumed) = match self {
            Self::Watched {
                slot, is_assumed, ..
            } => (Some(*slot), *is_assumed),
            Self::NotWatched { .. } => (None, false),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", self.name())?;
        map.serialize_entry("watched", &slot.is_some())?;
        map.serialize_entry("slot", &slot)?;
        map.serialize_entry("assumed", &assumed)?;
        map.end()
    }
}

impl Serialize for Matched {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("set", &self.set.0)?;
        map.serialize_entry("indicators", &self.indicators)?;
        map.end()
    }
}

impl Serialize for Covering {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("prefix", &self.prefix)?;
        map.serialize_entry("feed", &self.feed)?;
        map.serialize_entry("line", &self.line)?;
        let ports = self.ports.iter().map(ToString::to_string);
        map.serialize_entry("ports", &ports.collect::<Vec<_>>())?;
        map.serialize_entry("approvals", &self.named_by)?;
        map.end()
    }
}

impl Serialize for Considered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("slot", &self.slot)?;
        map.serialize_entry("name", &self.id)?;
        map.serialize_entry("reached", self.reached.name())?;
        map.serialize_entry("why", &self.why)?;
        map.serialize_entry("fields", &names(self.fields))?;
        map.end()
    }
}

fn names(fields: Fields) -> Vec<&'static str> {
    let named = Fields::NAMED.into_iter();
    named
        .filter(|(_, field)| fields.has(*field))
        .map(|(name, _)| name)
        .collect()
}
