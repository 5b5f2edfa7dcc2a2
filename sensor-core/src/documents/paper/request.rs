//! Request: what is asked for, and why.

use std::collections::BTreeSet;

use sensor_common::{Class, Direction, TunnelKind};
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::documents::{
    Digest, Principal, Role, Time,
    field::{
        ClassName, DirectionName, FieldNames, Fingerprint, HardwareAddress, InterfaceName, Name,
        Number, Period, PortNames, Prefix, RequestId, Text,
    },
};
use crate::watchlist::{Limits, Validity};

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// `request`.
    pub kind: String,
    /// Its number.
    pub number: Number,
    /// Its name, also that of what is recorded under it.
    pub id: RequestId,
    /// Who asks: the name in `requester/NAME`.
    pub requester: Name,
    /// SHA-256 of the request that this one extends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Digest>,
    /// Its class.
    pub class: ClassName,
    /// Its directions.
    pub direction: Vec<DirectionName>,
    /// The operator, for `infrastructure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Name>,
    /// Fingerprints of the log keys of the sensors.
    pub sensors: Vec<Fingerprint>,
    /// What records may say.
    pub fields: FieldNames,
    /// Who gets the records.
    pub recipients: Vec<Text>,
    /// Why it is necessary.
    pub necessity: Text,
    /// What else was considered.
    pub alternatives: Text,
    /// Reference of the threat.
    pub threat: Text,
    /// How severe it is.
    pub severity: Severity,
    /// How much is expected to be recorded.
    pub expected_volume: Text,
    /// First moment asked for.
    pub from: Time,
    /// First moment no longer asked for.
    pub until: Time,
    /// How long records are kept.
    pub retention: Period,
    /// Interfaces.
    #[serde(rename = "interface")]
    pub interfaces: Vec<Interface>,
    /// Tunnels whose packets are opened.
    #[serde(default, rename = "tunnel", skip_serializing_if = "Vec::is_empty")]
    pub tunnels: Vec<Tunnel>,
    /// The indicators, one by one.
    #[serde(default, rename = "indicator", skip_serializing_if = "Vec::is_empty")]
    pub indicators: Vec<Asked>,
    /// The indicators, in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<Feed>,
}

/// How severe a threat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is its name")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

/// An interface of a sensor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// Its name.
    pub name: InterfaceName,
    /// Its hardware address.
    pub mac: HardwareAddress,
    /// Where it is plugged in: `pci-0000:03:00.0`; `virtual` for one without a device.
    pub bus: Text,
}

/// Packets that are opened, one level: only these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tunnel {
    /// What it is.
    #[serde(rename = "type")]
    pub tunnel: TunnelType,
    /// Its UDP port, for those that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Octets between the session identifier and Ethernet, of `L2TPv3`: a cookie of 0, 4 or 8, and
    /// 4 of a sublayer if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<u8>,
    /// Where its two ends lie.
    pub ends: [Prefix; 2],
}

impl Tunnel {
    /// Octets that are passed over; unless it is said, those of the sublayer.
    pub fn skipped(&self) -> u8 {
        match self.tunnel {
            TunnelType::L2tpv3 => self.skip.unwrap_or(4),
            _ => 0,
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.tunnel.has_port() != self.port.is_some() {
            return Err("vxlan, geneve and gtp-u have a port, and no other type has one");
        }
        match (self.tunnel, self.skip) {
            (_, None) | (TunnelType::L2tpv3, Some(0 | 4 | 8 | 12)) => {}
            _ => return Err("skip is 0, 4, 8 or 12, and only l2tpv3 has one"),
        }
        let versions = self.ends.map(|end| end.0.addr().is_ipv4());
        match (self.tunnel, versions) {
            (TunnelType::SixInFour, [true, true]) | (TunnelType::FourInSix, [false, false]) => {
                Ok(())
            }
            (TunnelType::SixInFour | TunnelType::FourInSix, _) => {
                Err("the ends of 6in4 are IPv4, those of 4in6 are IPv6")
            }
            (_, [one, other]) if one == other => Ok(()),
            _ => Err("one end is IPv4 and the other IPv6: nothing goes between them"),
        }
    }
}

/// Kinds of tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is its name")]
pub enum TunnelType {
    Gre,
    Nvgre,
    Erspan,
    Ipip,
    #[serde(rename = "6in4")]
    SixInFour,
    #[serde(rename = "4in6")]
    FourInSix,
    Vxlan,
    Geneve,
    #[serde(rename = "gtp-u")]
    GtpU,
    L2tpv3,
}

impl TunnelType {
    /// Whether it is carried by UDP, and so has a port.
    const fn has_port(self) -> bool {
        self.kind().has_port()
    }

    /// The kind that the kernel knows.
    pub const fn kind(self) -> TunnelKind {
        match self {
            Self::Gre => TunnelKind::Gre,
            Self::Nvgre => TunnelKind::Nvgre,
            Self::Erspan => TunnelKind::Erspan,
            Self::Ipip => TunnelKind::IpInIp,
            Self::SixInFour => TunnelKind::SixInFour,
            Self::FourInSix => TunnelKind::FourInSix,
            Self::Vxlan => TunnelKind::Vxlan,
            Self::Geneve => TunnelKind::Geneve,
            Self::GtpU => TunnelKind::GtpU,
            Self::L2tpv3 => TunnelKind::L2tpV3,
        }
    }
}

/// An indicator that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The prefix.
    pub prefix: Prefix,
    /// First moment it counts, within the term of the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// First moment it no longer counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// The ports of its own side on which it counts; any where it says none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<PortNames>,
    /// What it was used for, for `relay`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

impl Asked {
    /// A prefix that nothing narrows.
    pub const fn of(prefix: Prefix) -> Self {
        Self {
            prefix,
            from: None,
            until: None,
            ports: None,
            evidence: None,
        }
    }

    /// What narrows it.
    pub fn limits(&self) -> Limits {
        let is_timed = self.from.is_some() || self.until.is_some();
        let ports = self.ports.as_ref().map(PortNames::rules);
        Limits {
            validity: is_timed.then(|| Validity {
                begin: self.from.unwrap_or(Time::MIN).0,
                end: self.until.unwrap_or(Time::MAX).0,
            }),
            ports: ports.unwrap_or_default().to_vec(),
        }
    }

    /// Refuses one that could never count in the term of its document, with what is wrong.
    pub(super) fn check(&self, (begin, end): (Time, Time)) -> Result<(), String> {
        let prefix = self.prefix.0;
        if let (Some(from), Some(until)) = (self.from, self.until)
            && from >= until
        {
            return Err(format!("until of {prefix} is not after its from"));
        }
        let never = "it would never count; leave it out, or give it another";
        match (self.from, self.until) {
            (Some(from), _) if from >= end => Err(format!(
                "{prefix} counts from {from}, and this document ends at {end}: {never} from"
            )),
            (_, Some(until)) if until <= begin => Err(format!(
                "{prefix} counts until {until}, and this document begins at {begin}: {never} until"
            )),
            _ => Ok(()),
        }
    }
}

/// That a server was used in an attack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Which attack.
    pub attack: Text,
    /// When.
    pub when: Time,
    /// Who says so.
    pub source: Text,
}

/// A file of indicators, bound together with how it is read and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// Its name, in the folder of the request.
    pub file: Text,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// How it is read.
    pub format: Format,
    /// Which of its lines are taken.
    #[serde(default)]
    pub mapping: Mapping,
    /// How many prefixes come of it.
    pub count: u64,
    /// SHA-256 of the prefixes, sorted, each with a line feed after it.
    pub set_sha256: Digest,
}

/// How a file of indicators is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A prefix a line.
    Plain,
}

/// Which lines of a file are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// Only lines whose count, the number after the prefix, is this at least; 0 takes all.
    pub least_count: u64,
}

impl Request {
    /// Who signs it.
    pub fn signer(&self) -> Principal {
        Principal {
            role: Role::Requester,
            name: self.requester.to_string(),
        }
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        self.check_lists()?;
        self.check_class()?;
        if self.from >= self.until {
            return Err(Fault::at("until", "until is not after from"));
        }
        for asked in &self.indicators {
            let checked = asked.check((self.from, self.until));
            checked.map_err(|text| Fault::at("indicator", text))?;
        }
        for tunnel in &self.tunnels {
            tunnel.check().map_err(|text| Fault::at("tunnel", text))?;
        }
        match (&self.indicators[..], &self.feed) {
            ([], None) => Err(Fault::at("indicator", "it asks for no indicator")),
            ([_, ..], Some(_)) => {
                let text = "indicators are inline or in a feed, not both";
                Err(Fault::at("feed", text))
            }
            _ => Ok(()),
        }
    }

    fn check_lists(&self) -> Result<(), Fault> {
        each_once("direction", &self.direction)?;
        each_once("sensors", &self.sensors)?;
        each_once("recipients", &self.recipients)?;
        each_once("interface", &self.interfaces)?;
        let names: Vec<&InterfaceName> = self.interfaces.iter().map(|i| &i.name).collect();
        each_once("interface", &names)?;
        let prefixes: BTreeSet<Prefix> = self.indicators.iter().map(|i| i.prefix).collect();
        if prefixes.len() < self.indicators.len() {
            return Err(Fault::at("indicator", "an indicator is named twice"));
        }
        Ok(())
    }

    fn check_class(&self) -> Result<(), Fault> {
        let ClassName(class) = self.class;
        let through = self.direction.contains(&DirectionName(Direction::Through));
        match class {
            Class::Transit if !through || self.direction.len() != 1 => {
                let text = "transit has the direction through, and no other";
                return Err(Fault::at("direction", text));
            }
            Class::Relay if through || self.direction.len() != 1 => {
                let text = "relay names exactly one direction, inbound or outbound";
                return Err(Fault::at("direction", text));
            }
            Class::Infrastructure if through => {
                let text = "infrastructure has the directions inbound and outbound";
                return Err(Fault::at("direction", text));
            }
            _ => {}
        }
        if (class == Class::Infrastructure) != self.operator.is_some() {
            let text = "infrastructure names its operator, and no other class has one";
            return Err(Fault::at("operator", text));
        }
        if class == Class::Relay {
            if self.feed.is_some() {
                let text = "relay needs evidence for each indicator, so they are inline";
                return Err(Fault::at("feed", text));
            }
            if let Some(bare) = self.indicators.iter().find(|i| i.evidence.is_none()) {
                let text = format!("relay needs evidence, and {} has none", bare.prefix.0);
                return Err(Fault::at("indicator", text));
            }
        }
        Ok(())
    }
}

/// A list that is not empty and names nothing twice.
pub(super) fn each_once<T: Ord>(key: &'static str, list: &[T]) -> Result<(), Fault> {
    if list.is_empty() {
        return Err(Fault::at(key, format!("{key} is empty")));
    }
    if list.iter().collect::<BTreeSet<_>>().len() < list.len() {
        return Err(Fault::at(key, format!("{key} names something twice")));
    }
    Ok(())
}
