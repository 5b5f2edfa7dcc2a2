//! Which column or member of a record says what.

use std::str::FromStr;

use super::{
    address::{self, Named, No, clip},
    item::{About, At, Item, Sink},
    reason::{Inexpressible, Refusal},
    time::moment,
};
use crate::watchlist::PortRule;

/// What a column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The indicator itself: an address, a prefix, a range, an address with a port.
    Value,
    /// What kind of indicator it is, as `ip:port` or `url`.
    Kind,
    /// The port of its side.
    Port,
    /// The protocol of the port.
    Protocol,
    /// How sure the source is, from 0 to 100.
    Confidence,
    /// When it was first seen.
    FirstSeen,
    /// When it was last seen.
    LastSeen,
    /// When it no longer counts.
    Until,
    /// What the source calls it.
    Id,
}

impl Role {
    /// Each with its name in a mapping.
    pub const NAMED: [(&'static str, Self); 9] = [
        ("value", Self::Value),
        ("kind", Self::Kind),
        ("port", Self::Port),
        ("protocol", Self::Protocol),
        ("confidence", Self::Confidence),
        ("first-seen", Self::FirstSeen),
        ("last-seen", Self::LastSeen),
        ("until", Self::Until),
        ("id", Self::Id),
    ];
}

/// Which columns say what, by name; a number counts columns from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping(pub Vec<(Role, String)>);

impl FromStr for Mapping {
    type Err = String;

    /// `value=ip,port=dport`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut mapping = Vec::new();
        for part in text.split(',') {
            let (role, column) = part
                .split_once('=')
                .filter(|(_, column)| !column.trim().is_empty())
                .ok_or_else(|| format!("'{}' is not WHAT=COLUMN", clip(part)))?;
            let known = Role::NAMED
                .into_iter()
                .find(|(name, _)| *name == role.trim());
            let Some((_, role)) = known else {
                let names = Role::NAMED.map(|(name, _)| name).join(", ");
                return Err(format!(
                    "'{}' is nothing that is mapped; there are {names}",
                    clip(role)
                ));
            };
            if mapping.iter().any(|(other, _)| *other == role) {
                return Err(format!("'{}' is mapped twice", clip(part)));
            }
            mapping.push((role, column.trim().to_owned()));
        }
        if mapping.iter().all(|(role, _)| *role != Role::Value) {
            return Err("a mapping names the column of the address: value=COLUMN".into());
        }
        Ok(Self(mapping))
    }
}

impl Mapping {
    /// One that a program names.
    pub(super) fn of(columns: &[(Role, &str)]) -> Self {
        let owned = |(role, name): &(Role, &str)| (*role, (*name).to_owned());
        Self(columns.iter().map(owned).collect())
    }

    /// Names that many feeds give to what a column says.
    pub fn usual(names: &[&str]) -> Option<Self> {
        const USUAL: [(Role, &[&str]); 8] = [
            (
                Role::Value,
                &[
                    "value",
                    "indicator",
                    "ioc_value",
                    "ioc",
                    "ip",
                    "ip_address",
                    "ipaddress",
                    "address",
                    "cidr",
                    "network",
                    "prefix",
                    "dst_ip",
                    "src_ip",
                    "ip_range",
                    "url",
                ],
            ),
            (Role::Kind, &["ioc_type", "type", "indicator_type", "kind"]),
            (Role::Port, &["port", "dst_port", "dport"]),
            (Role::Protocol, &["protocol", "proto"]),
            (
                Role::Confidence,
                &[
                    "confidence",
                    "confidence_level",
                    "abuse_confidence_score",
                    "abuseconfidencescore",
                ],
            ),
            (
                Role::FirstSeen,
                &["first_seen", "first_seen_utc", "firstseen", "dateadded"],
            ),
            (
                Role::LastSeen,
                &[
                    "last_seen",
                    "last_seen_utc",
                    "lastseen",
                    "last_online",
                    "last_reported_at",
                    "lastreportedat",
                ],
            ),
            (
                Role::Until,
                &["valid_until", "expires", "expiry", "expiration"],
            ),
        ];
        let mut mapping = Vec::new();
        for (role, usual) in USUAL {
            // The first of the usual names that there is: an address before a URL.
            let found = usual
                .iter()
                .find_map(|usual| names.iter().find(|name| plain(name) == *usual));
            mapping.extend(found.map(|name| (role, (*name).to_owned())));
        }
        let has_value = mapping.iter().any(|(role, _)| *role == Role::Value);
        has_value.then_some(Self(mapping))
    }
}

/// A name of a column without what does not matter in it.
pub(super) fn plain(name: &str) -> String {
    let name = name.trim().trim_matches('"').to_ascii_lowercase();
    name.replace([' ', '-'], "_")
}

/// What a record says, by role.
#[derive(Debug, Default)]
pub(super) struct Record<'a>(pub(super) Vec<(Role, &'a str)>);

impl Record<'_> {
    fn get(&self, role: Role) -> Option<&str> {
        let found = self.0.iter().find(|(of, _)| *of == role)?;
        let text = found.1.trim();
        let is_nothing = matches!(text, "" | "null" | "NULL" | "None" | "N/A" | "-");
        (!is_nothing).then_some(text)
    }

    /// Hands on what it says.
    pub(super) fn give(&self, line: u64, sink: &mut (impl Sink + ?Sized)) {
        let at = At {
            line,
            id: self.get(Role::Id).unwrap_or_default(),
        };
        match self.read() {
            Ok((named, ports, about)) => named.give(at, &ports, about, sink),
            Err(no) => sink.take(at, no.into()),
        }
    }

    fn read(&self) -> Result<(Named, Vec<PortRule>, About), No> {
        let value = self.get(Role::Value);
        let value = value.ok_or_else(|| Refusal::Record("it has no address".into()))?;
        if let Some(why) = self.get(Role::Kind).and_then(kind) {
            return Err(why.into());
        }
        let named = address::named(value)?;
        let ports = match self.get(Role::Port) {
            // Feeds write 0 where they know none.
            None | Some("0") => Vec::new(),
            Some(port) => self.ports(address::port(port)?)?,
        };
        if let (Named::Endpoint(..), false) = (&named, ports.is_empty()) {
            return Err(Refusal::Record("it names a port twice".into()).into());
        }
        if ports.is_empty() && self.get(Role::Protocol).is_some_and(|name| name != "any") {
            return Err(Inexpressible::Protocol.into());
        }
        Ok((named, ports, self.about()?))
    }

    fn ports(&self, port: u16) -> Result<Vec<PortRule>, No> {
        let Some(name) = self.get(Role::Protocol) else {
            return Ok(address::on_any(port).into());
        };
        let mut named = PortRule::NAMED.into_iter();
        match named.find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, protocol)) => Ok(vec![PortRule { protocol, port }]),
            None => Err(Inexpressible::Protocol.into()),
        }
    }

    /// A time of the past that cannot be read is not known; an end that cannot be is refused.
    fn about(&self) -> Result<About, Refusal> {
        let until = match self.get(Role::Until) {
            None => None,
            Some(text) => {
                let unclear = || Refusal::Record(format!("its end '{}' is no moment", clip(text)));
                Some(moment(text).ok_or_else(unclear)?)
            }
        };
        let confidence = self
            .get(Role::Confidence)
            .and_then(|text| text.parse::<u64>().ok());
        Ok(About {
            confidence: confidence.and_then(|number| u8::try_from(number.min(100)).ok()),
            first_seen: self.get(Role::FirstSeen).and_then(moment),
            last_seen: self.get(Role::LastSeen).and_then(moment),
            until,
            ..About::default()
        })
    }
}

/// What a source calls what no address match says.
fn kind(name: &str) -> Option<Inexpressible> {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "url" | "uri" => Some(Inexpressible::Url),
        "domain" | "hostname" | "fqdn" | "domain-name" => Some(Inexpressible::Domain),
        "email" | "envelope_from" | "body_from" => Some(Inexpressible::Email),
        _ if name.contains("md5") || name.contains("sha") || name.contains("hash") => {
            Some(Inexpressible::Hash)
        }
        _ => None,
    }
}

/// Hands on that a record lacks what every one has.
pub(super) fn lacking(what: &str, line: u64, sink: &mut (impl Sink + ?Sized)) {
    let item = Item::Refused(Refusal::Record(what.into()));
    sink.take(At::line(line), item);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_written_in_words() {
        let mapping: Mapping = "value=ip, port=3".parse().unwrap();
        assert_eq!(
            mapping,
            Mapping::of(&[(Role::Value, "ip"), (Role::Port, "3")])
        );
        for (text, told) in [
            (
                "port=3",
                "a mapping names the column of the address: value=COLUMN",
            ),
            ("value", "'value' is not WHAT=COLUMN"),
            ("value=", "'value=' is not WHAT=COLUMN"),
            ("value=a,value=b", "'value=b' is mapped twice"),
            (
                "x=y",
                "'x' is nothing that is mapped; there are value, kind, port, protocol, \
                 confidence, first-seen, last-seen, until, id",
            ),
        ] {
            assert_eq!(text.parse::<Mapping>(), Err(told.into()));
        }
    }

    #[test]
    fn usual_names_are_known() {
        let mapping = Mapping::usual(&["IP Address", "Dst Port", "Country"]).unwrap();
        let expected = Mapping::of(&[(Role::Value, "IP Address"), (Role::Port, "Dst Port")]);
        assert_eq!(mapping, expected);
        assert_eq!(Mapping::usual(&["Country"]), None);
    }
}
