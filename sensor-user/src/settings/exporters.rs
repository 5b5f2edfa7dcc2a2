//! What is exported to whom: exporters as they are named on the command line and in a file.
//!
//! On the command line, `KEY=VALUE` divided by commas:
//! `format=eve,to=file:/var/log/sekisho/eve.json,recipient=carrier`.

use std::{
    collections::BTreeSet,
    fmt, io,
    net::{SocketAddr, ToSocketAddrs as _},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::records::export::{
    Encode, Recipient,
    eve::Eve,
    ipfix::{self, Ipfix},
    sink::{self, File, Plan, Rotation, Tcp, Udp, Unix},
    stix::Stix,
    syslog::{Framing, Syslog},
};

/// How long a receiver may take for what is written to it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why an exporter cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExporterError {
    /// Something that is no key and value.
    #[error("'{given}' is no KEY=VALUE; give for instance {EXAMPLE}")]
    NoValue {
        /// What was given.
        given: String,
    },
    /// A key that there is not.
    #[error("an exporter has no key '{key}'; it has {}", KEYS.join(", "))]
    NoKey {
        /// The key.
        key: String,
    },
    /// A key that was given twice.
    #[error("the key '{key}' is given twice")]
    Twice {
        /// The key.
        key: String,
    },
    /// A key that is missing.
    #[error("an exporter needs the key '{key}'; give for instance {EXAMPLE}")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A value that is none.
    #[error("'{value}' is no {what}; {way_out}")]
    Value {
        /// The value.
        value: String,
        /// What it should be.
        what: &'static str,
        /// What to give instead.
        way_out: &'static str,
    },
    /// A format that does not go there.
    #[error("{format} does not go to {to}; {way_out}")]
    NotThere {
        /// The format.
        format: Format,
        /// Where to.
        to: Destination,
        /// What to give instead.
        way_out: &'static str,
    },
    /// Two of the same name.
    #[error("two exporters are called '{name}'; give one of them another name=")]
    Names {
        /// The name.
        name: String,
    },
}

const EXAMPLE: &str = "'format=eve,to=file:/var/log/sekisho/eve.json,recipient=carrier'";

/// Its keys, as a table and as `KEY=VALUE`.
pub const KEYS: [&str; 8] = [
    "name",
    "format",
    "to",
    "recipient",
    "rotate_size",
    "rotate_age",
    "domain",
    "enterprise",
];

/// Those of them that are numbers.
pub const NUMBERS: [&str; 4] = ["rotate_size", "rotate_age", "domain", "enterprise"];

/// The form of what is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Lines as Suricata writes them.
    Eve,
    /// RFC 7011.
    Ipfix,
    /// RFC 5424.
    Syslog,
    /// STIX 2.1.
    Stix,
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Eve => "eve",
            Self::Ipfix => "ipfix",
            Self::Syslog => "syslog",
            Self::Stix => "stix",
        })
    }
}

impl FromStr for Format {
    type Err = ExporterError;

    fn from_str(text: &str) -> Result<Self, ExporterError> {
        let all = [Self::Eve, Self::Ipfix, Self::Syslog, Self::Stix];
        let known = all.into_iter().find(|format| format.to_string() == text);
        known.ok_or_else(|| ExporterError::Value {
            value: text.into(),
            what: "format",
            way_out: "give eve, ipfix, syslog or stix",
        })
    }
}

/// Where it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Destination {
    /// The end of a file.
    File(PathBuf),
    /// Datagrams to host and port.
    Udp(String),
    /// A connection to host and port.
    Tcp(String),
    /// Datagrams to a socket of this machine.
    Unix(PathBuf),
}

impl fmt::Display for Destination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "file:{}", path.display()),
            Self::Udp(to) => write!(out, "udp:{to}"),
            Self::Tcp(to) => write!(out, "tcp:{to}"),
            Self::Unix(path) => write!(out, "unix:{}", path.display()),
        }
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.to_string()
    }
}

impl TryFrom<String> for Destination {
    type Error = ExporterError;

    fn try_from(text: String) -> Result<Self, ExporterError> {
        text.parse()
    }
}

impl FromStr for Destination {
    type Err = ExporterError;

    fn from_str(text: &str) -> Result<Self, ExporterError> {
        let wrong = |way_out| ExporterError::Value {
            value: text.into(),
            what: "destination",
            way_out,
        };
        let Some((kind, to)) = text.split_once(':') else {
            return Err(wrong(
                "give file:PATH, udp:HOST:PORT, tcp:HOST:PORT or unix:PATH",
            ));
        };
        let has_port = || {
            let port = to.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            port.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
        };
        match kind {
            "file" | "unix" if !to.starts_with('/') => Err(wrong("give a path from / on")),
            "file" => Ok(Self::File(to.into())),
            "unix" => Ok(Self::Unix(to.into())),
            "udp" | "tcp" if !has_port() => Err(wrong(
                "give host and port, such as udp:192.0.2.1:4739 or tcp:[2001:db8::1]:4739",
            )),
            "udp" => Ok(Self::Udp(to.into())),
            "tcp" => Ok(Self::Tcp(to.into())),
            _ => Err(wrong(
                "give file:PATH, udp:HOST:PORT, tcp:HOST:PORT or unix:PATH",
            )),
        }
    }
}

/// One exporter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exporter {
    /// Its name in messages and counters; the format, unless told otherwise.
    #[serde(default)]
    pub name: String,
    /// The form.
    pub format: Format,
    /// Where it goes.
    pub to: Destination,
    /// Who receives it: only records of approvals that name it are sent.
    pub recipient: String,
    /// Bytes after which a file is moved aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_size: Option<u64>,
    /// Seconds after which a file is moved aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_age: Option<u64>,
    /// Observation domain, of IPFIX.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<u32>,
    /// Private enterprise number for what no standard element says, of IPFIX and syslog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<u32>,
}

impl FromStr for Exporter {
    type Err = ExporterError;

    fn from_str(text: &str) -> Result<Self, ExporterError> {
        let mut values = std::collections::BTreeMap::new();
        for given in text.split(',') {
            let Some((key, value)) = given.split_once('=') else {
                return Err(ExporterError::NoValue {
                    given: given.into(),
                });
            };
            if !KEYS.contains(&key) {
                return Err(ExporterError::NoKey { key: key.into() });
            }
            if values.insert(key, value).is_some() {
                return Err(ExporterError::Twice { key: key.into() });
            }
        }
        let need = |key| {
            values
                .get(key)
                .copied()
                .ok_or(ExporterError::Missing { key })
        };
        let exporter = Self {
            name: values.get("name").copied().unwrap_or_default().to_owned(),
            format: need("format")?.parse()?,
            to: need("to")?.parse()?,
            recipient: need("recipient")?.to_owned(),
            rotate_size: number(values.get("rotate_size").copied())?,
            rotate_age: number(values.get("rotate_age").copied())?,
            domain: number(values.get("domain").copied())?,
            enterprise: number(values.get("enterprise").copied())?,
        };
        exporter.check()
    }
}

fn number<T: FromStr>(text: Option<&str>) -> Result<Option<T>, ExporterError> {
    let parsed = text.map(|text| {
        text.parse().map_err(|_| ExporterError::Value {
            value: text.into(),
            what: "number that fits",
            way_out: "give one in digits",
        })
    });
    parsed.transpose()
}

impl Exporter {
    /// With the name that it has when none was given; refuses what does not go together.
    pub fn check(mut self) -> Result<Self, ExporterError> {
        if self.name.is_empty() {
            self.name = self.format.to_string();
        }
        if self.recipient.is_empty() {
            return Err(ExporterError::Missing { key: "recipient" });
        }
        let way_out = match (self.format, &self.to) {
            (Format::Eve | Format::Stix, Destination::Udp(_) | Destination::Unix(_)) => {
                "give file: or tcp:"
            }
            (Format::Ipfix, Destination::File(_) | Destination::Unix(_)) => "give udp: or tcp:",
            _ => return Ok(self),
        };
        Err(ExporterError::NotThere {
            format: self.format,
            to: self.to,
            way_out,
        })
    }

    /// Begins it.
    pub fn spawn(&self, host: &str) -> io::Result<sink::Exporter> {
        let recipient = Recipient::new(self.recipient.clone());
        let outlet: Box<dyn sink::Outlet> = match &self.to {
            Destination::File(path) => {
                let rotation = Rotation {
                    size: self.rotate_size,
                    age: self.rotate_age.map(Duration::from_secs),
                };
                Box::new(File::new(path, None, rotation))
            }
            Destination::Udp(to) => Box::new(Udp::new(resolve(to)?)),
            Destination::Tcp(to) => Box::new(Tcp::new(resolve(to)?, PATIENCE)),
            Destination::Unix(path) => Box::new(Unix::new(path)),
        };
        sink::Exporter::spawn(Plan::new(&self.name, recipient), self.encoder(host), outlet)
    }

    fn encoder(&self, host: &str) -> Box<dyn Encode> {
        let is_stream = matches!(self.to, Destination::Tcp(_));
        let enterprise = self.enterprise.unwrap_or(ipfix::EXAMPLE_ENTERPRISE);
        match self.format {
            Format::Eve => Box::new(Eve {
                host: Some(host.to_owned()),
                ..Eve::default()
            }),
            Format::Ipfix => {
                let settings = if is_stream {
                    ipfix::Settings::tcp()
                } else {
                    ipfix::Settings::udp()
                };
                Box::new(Ipfix::new(ipfix::Settings {
                    domain: self.domain.unwrap_or(settings.domain),
                    enterprise,
                    ..settings
                }))
            }
            Format::Syslog => {
                let framing = match self.to {
                    Destination::Tcp(_) => Framing::OctetCounting,
                    Destination::File(_) => Framing::Lines,
                    Destination::Udp(_) | Destination::Unix(_) => Framing::Datagram,
                };
                Box::new(Syslog {
                    host: host.to_owned(),
                    process: std::process::id().to_string(),
                    enterprise,
                    ..Syslog::new(framing)
                })
            }
            Format::Stix => Box::new(Stix::new(host)),
        }
    }
}

/// The first address of a host and a port.
fn resolve(to: &str) -> io::Result<SocketAddr> {
    let mut addresses = (to.to_socket_addrs())
        .map_err(|error| io::Error::new(error.kind(), format!("{to}: {error}")))?;
    let none = || io::Error::new(io::ErrorKind::NotFound, format!("{to} has no address"));
    addresses.next().ok_or_else(none)
}

/// Refuses two exporters of one name: their counters could not be told apart.
pub fn check_names(exporters: &[Exporter]) -> Result<(), ExporterError> {
    let mut names = BTreeSet::new();
    for Exporter { name, .. } in exporters {
        if !names.insert(name) {
            return Err(ExporterError::Names { name: name.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exporter_is_read_and_has_a_name() {
        let read: Exporter = "format=ipfix,to=udp:192.0.2.1:4739,recipient=carrier,domain=7"
            .parse()
            .unwrap();
        assert_eq!((read.name.as_str(), read.domain), ("ipfix", Some(7)));
        assert_eq!(read.to, Destination::Udp("192.0.2.1:4739".into()));
        let text = toml::to_string(&read).unwrap();
        assert_eq!(toml::from_str::<Exporter>(&text).unwrap(), read);
    }

    #[test]
    fn what_is_wrong_is_said_with_a_way_out() {
        let said = |text: &str| text.parse::<Exporter>().unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                said("eve"),
                said("formt=eve"),
                said("format=eve,format=eve"),
                said("format=eve,to=file:/x"),
                said("format=json,to=file:/x,recipient=a"),
                said("format=eve,to=file:x,recipient=a"),
                said("format=eve,to=udp:192.0.2.1:1,recipient=a"),
                said("format=ipfix,to=udp:192.0.2.1,recipient=a"),
                said("format=ipfix,to=udp:192.0.2.1:1,recipient=a,domain=x"),
                said("format=ipfix,to=udp:192.0.2.1:1,recipient="),
            ]
            .join("\n"),
            @r"
        'eve' is no KEY=VALUE; give for instance 'format=eve,to=file:/var/log/sekisho/eve.json,recipient=carrier'
        an exporter has no key 'formt'; it has name, format, to, recipient, rotate_size, rotate_age, domain, enterprise
        the key 'format' is given twice
        an exporter needs the key 'recipient'; give for instance 'format=eve,to=file:/var/log/sekisho/eve.json,recipient=carrier'
        'json' is no format; give eve, ipfix, syslog or stix
        'file:x' is no destination; give a path from / on
        eve does not go to udp:192.0.2.1:1; give file: or tcp:
        'udp:192.0.2.1' is no destination; give host and port, such as udp:192.0.2.1:4739 or tcp:[2001:db8::1]:4739
        'x' is no number that fits; give one in digits
        an exporter needs the key 'recipient'; give for instance 'format=eve,to=file:/var/log/sekisho/eve.json,recipient=carrier'
        "
        );
    }

    #[test]
    fn two_of_one_name_are_refused() {
        let one: Exporter = "format=eve,to=file:/x,recipient=a".parse().unwrap();
        assert_eq!(check_names(std::slice::from_ref(&one)), Ok(()));
        assert!(check_names(&[one.clone(), one]).is_err());
    }
}
