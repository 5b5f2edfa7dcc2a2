//! An attribute: a value of a type, and whether it is to be looked for.

use ipnet::IpNet;
use serde::Deserialize;

use crate::{
    feeds::{
        address::{self, Named, No},
        item::{About, At, Item, Sink, Tlp},
        json::{Loose, Many},
        reason::{Inexpressible, Refusal},
        time::{moment, seconds},
    },
    watchlist::PortRule,
};

/// The members of an attribute that matter.
#[derive(Deserialize)]
pub(super) struct Attribute<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) value: Loose<'a>,
    #[serde(borrow, default)]
    to_ids: Loose<'a>,
    #[serde(borrow, default)]
    uuid: Loose<'a>,
    #[serde(borrow, default)]
    deleted: Loose<'a>,
    #[serde(borrow, default)]
    timestamp: Loose<'a>,
    #[serde(borrow, default)]
    first_seen: Loose<'a>,
    #[serde(borrow, default)]
    last_seen: Loose<'a>,
    /// What it is of its object.
    #[serde(borrow, default)]
    pub(super) object_relation: Loose<'a>,
    #[serde(borrow, default, rename = "Tag")]
    tags: Many<Tag<'a>>,
}

/// A label.
#[derive(Deserialize)]
pub(super) struct Tag<'a> {
    #[serde(borrow, default)]
    name: Loose<'a>,
}

impl Tag<'_> {
    pub(super) fn tlp(&self) -> Option<Tlp> {
        let name = self.name.or_empty();
        // Other taxonomies have colours too.
        let is_tlp = name
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("tlp:"));
        Tlp::of(name).filter(|_| is_tlp)
    }
}

/// What the object around an attribute says of its ports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beside<'a> {
    /// Ports of the address's own side.
    pub(super) ports: &'a [PortRule],
    /// Whether a port of the other end is to be looked for too, which no match says.
    pub(super) has_other_end: bool,
}

impl Attribute<'_> {
    /// Whether it is to be looked for; `false` where it does not say.
    pub(super) fn is_for_detection(&self) -> bool {
        self.to_ids.bool() == Some(true)
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.deleted.bool() == Some(true)
    }

    /// Hands on what it says.
    pub(super) fn give(
        &self,
        line: u64,
        beside: Option<Beside<'_>>,
        sink: &mut (impl Sink + ?Sized),
    ) {
        let at = At {
            line,
            id: self.uuid.or_empty(),
        };
        let (Some(kind), Some(value)) = (self.kind.text(), self.value_text()) else {
            let text = "an attribute has a type and a value".into();
            return sink.take(at, Item::Refused(Refusal::Record(text)));
        };
        if self.is_deleted() {
            return sink.take(at, Item::Refused(Refusal::Revoked));
        }
        if !self.is_for_detection() {
            return sink.take(at, Item::Refused(Refusal::NotForDetection));
        }
        let value = value.trim();
        match kind {
            "ip-src" | "ip-dst" => match (address::named(value), beside) {
                (Err(no), _) => sink.take(at, no.into()),
                (
                    Ok(_),
                    Some(Beside {
                        has_other_end: true,
                        ..
                    }),
                ) => {
                    sink.take(at, Item::Inexpressible(Inexpressible::OtherEnd));
                }
                (Ok(named), beside) => {
                    let ports = beside.map_or(&[][..], |beside| beside.ports);
                    named.give(at, ports, self.about(), sink);
                }
            },
            "ip-src|port" | "ip-dst|port" => match on_port(value) {
                Ok((prefix, ports)) => Named::Prefix(prefix).give(at, &ports, self.about(), sink),
                Err(no) => sink.take(at, no.into()),
            },
            "domain|ip" => {
                // Two values: a name, and an address that it had. MISP exports them one by one.
                sink.take(at, Item::Inexpressible(Inexpressible::Domain));
                if let Some((_, ip)) = value.rsplit_once('|') {
                    address::give(ip.trim(), at, self.about(), sink);
                } else {
                    let text = "domain|ip has a | in it".into();
                    sink.take(at, Item::Refused(Refusal::Record(text)));
                }
            }
            other => sink.take(at, Item::Inexpressible(kind_of(other))),
        }
    }

    /// Ports of some exporters are numbers.
    fn value_text(&self) -> Option<std::borrow::Cow<'_, str>> {
        match &self.value {
            Loose::Text(text) => Some(text.as_ref().into()),
            Loose::Number(number) => Some(number.to_string().into()),
            Loose::None | Loose::Bool(_) | Loose::OtherNumber => None,
        }
    }

    /// The port it names.
    pub(super) fn port(&self) -> Option<u16> {
        address::port(self.value_text()?.trim()).ok()
    }

    fn about(&self) -> About {
        let time = |value: &Loose<'_>| match value {
            Loose::Number(number) => seconds(*number),
            other => other.text().and_then(moment),
        };
        About {
            first_seen: time(&self.first_seen),
            last_seen: time(&self.last_seen),
            modified: self.timestamp.number().and_then(seconds),
            tlp: super::told(&self.tags),
            ..About::default()
        }
    }
}

/// `192.0.2.1|443`; older ones have a colon there.
fn on_port(value: &str) -> Result<(IpNet, [PortRule; PortRule::NAMED.len()]), No> {
    let Some((ip, port)) = value.split_once('|') else {
        return match address::named(value)? {
            Named::Endpoint(ip, port) => Ok((ip.into(), address::on_any(port))),
            Named::Prefix(_) | Named::V4(..) | Named::V6(..) => {
                Err(Refusal::Record("ip|port has a port".into()).into())
            }
        };
    };
    let prefix = address::prefix(ip.trim())?;
    Ok((prefix, address::on_any(address::port(port.trim())?)))
}

/// What an attribute is of that no address match says (MISP's `describeTypes.json`).
fn kind_of(kind: &str) -> Inexpressible {
    use Inexpressible::{
        AutonomousSystem, Content, Domain, Email, File, HardwareAddress, Hash, Language,
        OtherObject, PortAlone, Url,
    };
    const HASHES: [&str; 11] = [
        "md5",
        "sha",
        "ssdeep",
        "imphash",
        "impfuzzy",
        "tlsh",
        "pehash",
        "authentihash",
        "vhash",
        "cdhash",
        "telfhash",
    ];
    let first = kind.split('|').next().unwrap_or_default();
    let last = kind.rsplit('|').next().unwrap_or_default();
    if HASHES.iter().any(|hash| last.starts_with(hash)) || kind.starts_with("x509-fingerprint") {
        return Hash;
    }
    match first {
        "domain" | "hostname" => Domain,
        "url" | "uri" | "link" => Url,
        "filename" | "malware-sample" | "attachment" | "size-in-bytes" | "mime-type"
        | "pattern-in-file" | "filename-pattern" => File,
        "AS" => AutonomousSystem,
        "mac-address" | "mac-eui-64" => HardwareAddress,
        "port" => PortAlone,
        "user-agent"
        | "pattern-in-traffic"
        | "http-method"
        | "cookie"
        | "zeek"
        | "bro"
        | "ja3-fingerprint-md5"
        | "jarm-fingerprint"
        | "hassh-md5"
        | "hasshserver-md5" => Content,
        "snort" | "yara" | "sigma" | "stix2-pattern" | "kusto-query" => Language,
        _ if first.starts_with("email") || first == "target-email" => Email,
        _ => OtherObject,
    }
}
