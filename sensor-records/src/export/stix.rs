//! STIX 2.1 bundles: `observed-data` of `network-traffic`, and a `sighting` of each indicator.
//!
//! Every identifier is of UUID version 5, so that the same row gives the same objects, whoever
//! encodes it and how often. What the standard has no property for stands in an extension with a
//! definition, a pseudonym too: an object of an address is only ever made of a clear address.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::{Uuid, uuid};

use super::{Admitted, Encode, Frame, Item, Kinds, names};
use crate::{Address, Matched, Notice, Record};

/// The name space of the standard for observables, in its section 2.9.
const OBSERVABLES: Uuid = uuid!("00abedb4-aa42-466c-9c01-fed23315a9b7");

/// Form of a time: six digits of a second for observations.
const TIME: &str = "%Y-%m-%dT%H:%M:%S.%6fZ";

/// Form of a time of objects, three digits.
const MILLISECONDS: &str = "%Y-%m-%dT%H:%M:%S.%3fZ";

/// When the extension and the sensor were described: what stands of them is the same in every
/// bundle.
const DESCRIBED: &str = "2026-11-23T00:00:00.000Z";

/// Where the extension is described.
const SCHEMA: &str = "docs/exporters.md#stix";

/// Who may have a bundle, by the Traffic Light Protocol as STIX 2.1 defines its markings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tlp {
    /// Everybody.
    White,
    /// The community.
    Green,
    /// The recipient's organisation and its clients, who need to know.
    Amber,
    /// Nobody but the recipient.
    Red,
}

impl Tlp {
    /// The marking of the standard's section 7.2.1.4.
    const fn marking(self) -> &'static str {
        match self {
            Self::White => "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
            Self::Green => "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
            Self::Amber => "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
            Self::Red => "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
        }
    }
}

/// Encodes bundles, one a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stix {
    /// Name of the sensor.
    pub sensor: String,
    /// Who may have them.
    pub tlp: Tlp,
}

impl Stix {
    /// For nobody but the recipient.
    pub fn new(sensor: impl Into<String>) -> Self {
        Self {
            sensor: sensor.into(),
            tlp: Tlp::Red,
        }
    }

    fn identity(&self) -> String {
        own("identity", &json!(self.sensor))
    }

    /// The sensor, and the definition of the extension; both stand in each bundle.
    fn frame_objects(&self) -> [Value; 2] {
        let identity = self.identity();
        let sensor = json!({
            "type": "identity",
            "spec_version": "2.1",
            "id": identity,
            "created": DESCRIBED,
            "modified": DESCRIBED,
            "name": self.sensor,
            "identity_class": "system",
        });
        let definition = json!({
            "type": "extension-definition",
            "spec_version": "2.1",
            "id": extension(&identity),
            "created_by_ref": identity,
            "created": DESCRIBED,
            "modified": DESCRIBED,
            "name": "Sekisho flow",
            "description": "What a record of Sekisho says beside the properties of \
                network-traffic: approval, class, pseudonyms and matched indicators.",
            "schema": SCHEMA,
            "version": "1.0.0",
            "extension_types": ["property-extension"],
        });
        [sensor, definition]
    }

    /// Objects of a record under their identifiers; none without a clear end, which
    /// `network-traffic` must have.
    fn objects(&self, record: &Record, all: &mut BTreeMap<String, Value>) -> Option<()> {
        let notice = &record.notice;
        let mut traffic = Map::new();
        let mut refs = Vec::new();
        for (key, end) in [("src_ref", notice.source), ("dst_ref", notice.destination)] {
            if let Address::Foreign(address) = end {
                let kind = if address.is_ipv4() {
                    "ipv4-addr"
                } else {
                    "ipv6-addr"
                };
                let mut object = Map::new();
                object.insert("value".into(), json!(address.to_string()));
                let id = observable(kind, &["value"], &mut object);
                traffic.insert(key.into(), json!(id));
                refs.push(id.clone());
                all.insert(id, object.into());
            }
        }
        let family = notice.source.clear().or(notice.destination.clear())?;
        let family = if family.is_ipv4() { "ipv4" } else { "ipv6" };
        let mut protocols = vec![family.to_owned()];
        protocols.extend(notice.protocol.map(protocol));
        traffic.insert("protocols".into(), json!(protocols));
        if let Some((source, destination)) = notice.ports {
            traffic.insert("src_port".into(), json!(source));
            traffic.insert("dst_port".into(), json!(destination));
        }
        let (first, last) = (
            names::time(TIME, notice.start),
            names::time(TIME, record.end),
        );
        traffic.insert("start".into(), json!(first));
        traffic.insert("end".into(), json!(last));
        traffic.insert("is_active".into(), json!(false));
        traffic.insert("src_byte_count".into(), json!(integer(record.octets)));
        traffic.insert("src_packets".into(), json!(integer(record.packets)));
        let extension = extension(&self.identity());
        traffic.insert("extensions".into(), json!({ extension: told(record) }));
        let contributing = [
            "start",
            "end",
            "src_ref",
            "dst_ref",
            "src_port",
            "dst_port",
            "protocols",
            "extensions",
        ];
        let id = observable("network-traffic", &contributing, &mut traffic);
        refs.push(id.clone());
        all.insert(id.clone(), traffic.into());

        let observed = own("observed-data", &json!([self.sensor, id]));
        let object = json!({
            "first_observed": first,
            "last_observed": last,
            "number_observed": 1,
            "object_refs": refs,
        });
        all.insert(observed.clone(), self.domain(&observed, record, object));
        for matched in &notice.indicators {
            let of = format!("indicator--{}", names::indicator(matched));
            let end = names::end(matched.end);
            let id = own("sighting", &json!([observed, of, end]));
            let object = json!({
                "sighting_of_ref": of,
                "observed_data_refs": [observed],
                "where_sighted_refs": [self.identity()],
                "first_seen": first,
                "last_seen": last,
                "count": 1,
                "description": format!("{end} is in {} line {}", matched.feed, matched.line),
            });
            all.insert(id.clone(), self.domain(&id, record, object));
        }
        Some(())
    }

    /// A domain object or relationship with what they have in common.
    fn domain(&self, id: &str, record: &Record, mut object: Value) -> Value {
        let kind = id.split("--").next().unwrap_or_default();
        let created = names::time(MILLISECONDS, record.end);
        object["type"] = json!(kind);
        object["spec_version"] = json!("2.1");
        object["id"] = json!(id);
        object["created_by_ref"] = json!(self.identity());
        object["created"] = json!(created);
        object["modified"] = json!(created);
        object["object_marking_refs"] = json!([self.tlp.marking()]);
        object
    }
}

impl Encode for Stix {
    fn kinds(&self) -> Kinds {
        Kinds::FLOWS
    }

    /// One bundle of all rows.
    fn encode(&mut self, rows: &[Admitted], _: u64) -> Vec<Frame> {
        let mut all = BTreeMap::new();
        let mut frame = Frame::default();
        for row in rows {
            let told = match &**row {
                Item::Flow(record) => self.objects(record, &mut all),
                Item::Notice(_) => None,
            };
            match told {
                Some(()) => frame.rows += 1,
                None => frame.refused += 1,
            }
        }
        // What rows share, such as an address, is marked by what refers to it.
        if frame.rows > 0 {
            let ids: Vec<&String> = all.keys().collect();
            let id = own("bundle", &json!(ids));
            let objects: Vec<Value> = (self.frame_objects().into_iter())
                .chain(all.into_values())
                .collect();
            let bundle = json!({ "type": "bundle", "id": id, "objects": objects });
            frame.bytes = (bundle.to_string() + "\n").into_bytes();
        }
        vec![frame]
    }
}

/// What the standard has no property for.
fn told(record: &Record) -> Value {
    let notice = &record.notice;
    let mut told = json!({
        "extension_type": "property-extension",
        "record": record.id.0.to_string(),
        "approval": names::approvals(notice),
        "class": notice.class.name(),
        "direction": notice.direction.name(),
        "interface": notice.interface,
        "src_kind": notice.source.kind(),
        "dst_kind": notice.destination.kind(),
    });
    for (key, end) in [
        ("src_pseudonym", notice.source),
        ("dst_pseudonym", notice.destination),
    ] {
        if let Address::Pseudonym(pseudonym) = end {
            told[key] = json!(pseudonym.to_string());
        }
    }
    if let Some(flags) = record.tcp_flags {
        told["tcp_flags"] = json!(flags);
    }
    if let Some((lowest, highest)) = record.ttl {
        told["ttl_min"] = json!(lowest);
        told["ttl_max"] = json!(highest);
    }
    if let Some(tags) = notice.vlan.as_ref().filter(|tags| !tags.is_empty()) {
        told["vlan"] = json!(tags);
    }
    if let Some((kind, id)) = notice.tunnel {
        told["tunnel"] = json!(kind.name());
        if kind.has_id() {
            told["tunnel_id"] = json!(id);
        }
    }
    if !notice.indicators.is_empty() {
        told["indicators"] = indicators(notice);
    }
    told
}

fn indicators(notice: &Notice) -> Value {
    let all = notice.indicators.iter().map(|matched| {
        let Matched { feed, line, .. } = matched;
        let mut told = json!({ "end": names::end(matched.end), "feed": feed, "line": line });
        if let Some(prefix) = matched.prefix {
            told["prefix"] = json!(prefix.to_string());
        }
        told
    });
    all.collect()
}

/// The definition of the extension, of whoever publishes it: the sensor.
fn extension(identity: &str) -> String {
    own("extension-definition", &json!([identity, "flow", "1.0.0"]))
}

/// An identifier of our own, by a name within our name space.
fn own(kind: &str, name: &Value) -> String {
    let name = format!("{kind}\n{name}");
    format!(
        "{kind}--{}",
        Uuid::new_v5(&names::namespace(), name.as_bytes())
    )
}

/// Finishes an observable and returns its identifier, which is made of the properties that the
/// standard names, as RFC 8785 writes them: keys sorted, no spaces. There are only strings,
/// integers below 2^53 and ASCII keys in them, of which `serde_json` writes just that.
fn observable(kind: &str, contributing: &[&str], object: &mut Map<String, Value>) -> String {
    let named: BTreeMap<&str, &Value> = (contributing.iter())
        .filter_map(|key| Some((*key, object.get(*key)?)))
        .collect();
    let name = serde_json::to_string(&named).unwrap_or_default();
    let id = format!("{kind}--{}", Uuid::new_v5(&OBSERVABLES, name.as_bytes()));
    object.insert("type".into(), json!(kind));
    object.insert("spec_version".into(), json!("2.1"));
    object.insert("id".into(), json!(id));
    id
}

/// The largest integer of the standard is 2^53 - 1: more is told as that.
fn integer(count: u64) -> u64 {
    count.min((1 << 53) - 1)
}

/// Names of protocols as the standard wants them, those of the service registry; the number as
/// `ip-proto-` where there is none.
fn protocol(number: u8) -> String {
    let name = match number {
        1 => "icmp",
        2 => "igmp",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "ipv6-icmp",
        132 => "sctp",
        136 => "udplite",
        number => return format!("ip-proto-{number}"),
    };
    name.into()
}

#[cfg(test)]
mod tests;
