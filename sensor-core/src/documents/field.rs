//! Values that several documents have, each refused where it is read.
//!
//! The reader of TOML knows the line of what it reads, so a value that refuses itself is refused
//! with its line.

pub(crate) mod ports;

use std::{fmt, ops::Deref};

use ipnet::IpNet;
use jiff::{Span, SpanRelativeTo};
use sensor_common::{Class, Direction, Fields};
use serde::{Deserialize, Serialize};

pub use self::ports::PortNames;
use super::{Time, principal::is_name};
use crate::feeds::plain::{self, Shortest};

/// What texts of a certain form have in common: they are read as that text.
macro_rules! as_text {
    ($($text:ident),+) => {$(
        impl Deref for $text {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $text {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$text> for String {
            fn from(text: $text) -> Self {
                text.0
            }
        }
    )+};
}

as_text!(
    Text,
    Name,
    RequestId,
    Fingerprint,
    InterfaceName,
    HardwareAddress
);

/// A text that says something: not empty, 4,096 characters at most, no control characters but
/// the ends of lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Text(String);

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // What has no letter and no digit says nothing, whatever else can be seen of it or not.
        if !text.chars().any(char::is_alphanumeric) {
            return Err("it is empty; say it in words");
        }
        if text.chars().count() > 4096 {
            return Err("it is longer than 4096 characters");
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err("it has control characters");
        }
        Ok(Self(text))
    }
}

/// Name of an operator, a sensor or a person: lower-case letters, digits, `-` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if is_name(&text) {
            Ok(Self(text))
        } else {
            let shown: String = text.chars().take(64).collect();
            Err(format!(
                "'{shown}' is no name: lower-case letters, digits, '-' and '.'"
            ))
        }
    }
}

/// Name of a request, and of what is recorded under it: letters, digits, `-`, `.` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RequestId(String);

impl TryFrom<String> for RequestId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        // The names of what is no approval of a request are taken.
        let is_taken = text == "lab" || text.starts_with("consent.");
        if (1..=64).contains(&text.len()) && text.bytes().all(is_plain) && !is_taken {
            Ok(Self(text))
        } else {
            Err(
                "an id has letters, digits, '-', '.' and '_', 64 at most, and is not 'lab' and \
                 does not begin with 'consent.'",
            )
        }
    }
}

/// Number of a document, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u64", try_from = "i64")]
pub struct Number(pub u64);

impl From<Number> for u64 {
    fn from(number: Number) -> Self {
        number.0
    }
}

impl TryFrom<i64> for Number {
    type Error = &'static str;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        match u64::try_from(number) {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err("documents are numbered from 1"),
        }
    }
}

/// A span of calendar time, as in ISO 8601: `P6M`, `P7D`, `PT1H`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Period(Span);

impl Period {
    /// The end of the period that begins at a moment.
    pub fn from(self, begin: Time) -> Time {
        begin.after(self.0)
    }

    /// Of this text, which is known to be one.
    pub(crate) fn known(text: &str) -> Self {
        Self::try_from(text.to_owned()).unwrap_or(Self(Span::new()))
    }
}

impl PartialEq for Period {
    fn eq(&self, other: &Self) -> bool {
        self.0.fieldwise() == other.0.fieldwise()
    }
}

impl Eq for Period {}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let shown: String = text.chars().take(32).collect();
        let unclear =
            || format!("'{shown}' is no period; write it as P6M, P90D or PT12H (ISO 8601)");
        if !text.starts_with('P') {
            return Err(unclear());
        }
        let span: Span = text.parse().map_err(|_| unclear())?;
        let relative: SpanRelativeTo<'_> = jiff::civil::date(2026, 1, 1).into();
        let total = span.total((jiff::Unit::Second, relative));
        match total {
            Ok(seconds) if (1.0..=100.0 * 366.0 * 86400.0).contains(&seconds) => Ok(Self(span)),
            _ => Err(format!(
                "'{shown}' is no period of a second to a hundred years"
            )),
        }
    }
}

/// A prefix without bits beyond its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Prefix(pub IpNet);

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.0.to_string()
    }
}

impl TryFrom<String> for Prefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        plain::prefix(&text, Shortest::ANY)
            .map(Self)
            .map_err(|fault| fault.to_string())
    }
}

/// Fingerprint of a key, as `ssh-keygen -l` prints it: `SHA256:` and 43 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint(String);

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
        match text.strip_prefix("SHA256:") {
            Some(rest) if rest.len() == 43 && rest.bytes().all(is_base64) => Ok(Self(text)),
            _ => Err("a fingerprint is SHA256: and 43 characters, as ssh-keygen -l prints it"),
        }
    }
}

/// A class, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ClassName(pub Class);

impl From<ClassName> for String {
    fn from(class: ClassName) -> Self {
        class.0.name().into()
    }
}

impl TryFrom<String> for ClassName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let known = Class::ALL.into_iter().find(|class| class.name() == text);
        known
            .map(Self)
            .ok_or("a class is transit, infrastructure or relay")
    }
}

/// A direction, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DirectionName(pub Direction);

impl From<DirectionName> for String {
    fn from(direction: DirectionName) -> Self {
        direction.0.name().into()
    }
}

impl TryFrom<String> for DirectionName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let known = Direction::ALL
            .into_iter()
            .find(|direction| direction.name() == text);
        known
            .map(Self)
            .ok_or("a direction is inbound, outbound or through")
    }
}

/// What a record may say besides addresses, times and counts, by names; each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<String>", try_from = "Vec<String>")]
pub struct FieldNames(pub Fields);

impl From<FieldNames> for Vec<String> {
    fn from(FieldNames(fields): FieldNames) -> Self {
        let named = Fields::NAMED.into_iter();
        named
            .filter(|(_, field)| fields.has(*field))
            .map(|(name, _)| name.into())
            .collect()
    }
}

impl TryFrom<Vec<String>> for FieldNames {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        let mut fields = Fields::NONE;
        for name in names {
            let known = Fields::NAMED.into_iter().find(|(known, _)| *known == name);
            let Some((_, field)) = known else {
                let all = Fields::NAMED.map(|(name, _)| name).join(", ");
                let shown: String = name.chars().take(32).collect();
                return Err(format!("'{shown}' is no field; there are {all}"));
            };
            if fields.has(field) {
                return Err(format!("{name} is named twice"));
            }
            fields = fields.union(field);
        }
        Ok(Self(fields))
    }
}

/// Name of an interface, as the kernel takes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct InterfaceName(String);

impl TryFrom<String> for InterfaceName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_plain = |c: char| c.is_ascii_graphic() && c != '/' && c != ':';
        if (1..=15).contains(&text.len())
            && text.chars().all(is_plain)
            && text != "."
            && text != ".."
        {
            Ok(Self(text))
        } else {
            Err("an interface has a name of 1 to 15 printable characters without '/' and ':'")
        }
    }
}

/// Hardware address of an interface, `aa:bb:cc:dd:ee:ff` in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct HardwareAddress(String);

impl TryFrom<String> for HardwareAddress {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_octet = |octet: &str| {
            let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            octet.len() == 2 && octet.bytes().all(is_digit)
        };
        if text.split(':').count() == 6 && text.split(':').all(is_octet) {
            Ok(Self(text))
        } else {
            Err("a hardware address is written aa:bb:cc:dd:ee:ff, in lower case")
        }
    }
}

#[cfg(test)]
mod tests;
