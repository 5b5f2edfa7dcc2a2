//! One line: principals, options, key.

use std::collections::BTreeSet;

use jiff::{civil::DateTime, tz::TimeZone};

use super::{
    super::{Key, Kind, NoKey, Principal, Time, shown},
    SignersFault,
};

/// What every type of key begins with: where one stands, there are no options.
const TYPES: [&str; 4] = ["ssh-", "sk-", "ecdsa-", "rsa-"];

/// A line that names a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which one, from 1; those without a key count too.
    pub number: u32,
    /// Whose key it is, in the order of the line.
    pub principals: Vec<Principal>,
    /// What it may sign.
    pub namespaces: BTreeSet<Kind>,
    /// The first second in which it counts.
    pub valid_after: Option<Time>,
    /// The last second in which it counts.
    pub valid_before: Option<Time>,
    /// The key.
    pub key: Key,
}

impl Line {
    /// From the text without its end; none if it is blank or a comment.
    pub(super) fn read(number: u32, text: &str) -> Result<Option<Self>, SignersFault> {
        let text = text.trim_matches(' ');
        if text.is_empty() || text.starts_with('#') {
            return Ok(None);
        }
        let (principals, rest) = text.split_once(' ').ok_or(SignersFault::Fields)?;
        let principals = principals_of(principals)?;
        let rest = rest.trim_start_matches(' ');
        if TYPES.iter().any(|start| rest.starts_with(start)) {
            Key::read(rest)?;
            return Err(SignersFault::NoNamespaces);
        }
        let (options, key) = split_options(rest)?;
        let options = Options::read(options)?;
        let key = Key::read(key).map_err(|no_key| match no_key {
            NoKey::Form => SignersFault::Fields,
            other => other.into(),
        })?;
        Ok(Some(Self {
            number,
            principals,
            namespaces: options.namespaces.ok_or(SignersFault::NoNamespaces)?,
            valid_after: options.valid_after,
            valid_before: options.valid_before,
            key,
        }))
    }

    /// Whether it is this principal's line for this key.
    pub(super) fn has(&self, principal: &Principal, key: &Key) -> bool {
        self.key == *key && self.principals.contains(principal)
    }
}

fn principals_of(list: &str) -> Result<Vec<Principal>, SignersFault> {
    if list.contains('"') {
        return Err(SignersFault::Quoted);
    }
    let each = list.split(',').map(|principal| Ok(principal.parse()?));
    each.collect()
}

/// The options, and what follows them: they end at the first space outside of quotes.
fn split_options(text: &str) -> Result<(&str, &str), SignersFault> {
    let mut is_quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b' ' if !is_quoted => return text.split_at_checked(at).ok_or(SignersFault::Fields),
            _ => {}
        }
    }
    if is_quoted {
        return Err(SignersFault::OptionForm(shown(text)));
    }
    Err(SignersFault::Fields)
}

#[derive(Default)]
struct Options {
    namespaces: Option<BTreeSet<Kind>>,
    valid_after: Option<Time>,
    valid_before: Option<Time>,
}

impl Options {
    fn read(text: &str) -> Result<Self, SignersFault> {
        let mut options = Self::default();
        // No value that is taken has a comma in front of a quote, or a quote in it.
        let mut rest = Some(text);
        while let Some(text) = rest {
            let (option, after) = split_option(text);
            options.add(option)?;
            rest = after;
        }
        match (options.valid_after, options.valid_before) {
            (Some(after), Some(before)) if before <= after => Err(SignersFault::Order),
            _ => Ok(options),
        }
    }

    fn add(&mut self, option: &str) -> Result<(), SignersFault> {
        if option == "cert-authority" {
            return Err(SignersFault::Authority);
        }
        let name = option.split('=').next().unwrap_or_default();
        let value = || {
            let value = option.get(name.len()..).unwrap_or_default();
            let inside = value
                .strip_prefix("=\"")
                .and_then(|value| value.strip_suffix('"'));
            inside
                .filter(|value| !value.contains(['"', '\\']))
                .ok_or_else(|| SignersFault::OptionForm(shown(option)))
        };
        match name {
            "namespaces" => once("namespaces", &mut self.namespaces, namespaces_of(value()?)?),
            "valid-after" => once("valid-after", &mut self.valid_after, date(value()?)?),
            "valid-before" => once("valid-before", &mut self.valid_before, date(value()?)?),
            _ => Err(SignersFault::Option(shown(option))),
        }
    }
}

/// The first option, and those behind its comma.
fn split_option(text: &str) -> (&str, Option<&str>) {
    let mut is_quoted = false;
    let end = text.bytes().position(|byte| {
        is_quoted ^= byte == b'"';
        byte == b',' && !is_quoted
    });
    let split = end.and_then(|end| Some((text.get(..end)?, text.get(end + 1..)?)));
    split.map_or((text, None), |(option, rest)| (option, Some(rest)))
}

fn once<T>(name: &'static str, place: &mut Option<T>, value: T) -> Result<(), SignersFault> {
    match place.replace(value) {
        Some(_) => Err(SignersFault::OptionTwice(name)),
        None => Ok(()),
    }
}

fn namespaces_of(list: &str) -> Result<BTreeSet<Kind>, SignersFault> {
    let each = list.split(',').map(|namespace| {
        if namespace.contains(['*', '?', '!']) {
            return Err(SignersFault::NamespaceWildcard(shown(namespace)));
        }
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.namespace() == namespace);
        kind.ok_or_else(|| SignersFault::Namespace(shown(namespace)))
    });
    each.collect()
}

/// `YYYYMMDD[HHMM[SS]]Z`; a date alone is its first second.
///
/// The beginning of 1970 is no date to ssh-keygen, and the 31st of February is one.
fn date(text: &str) -> Result<Time, SignersFault> {
    let no_date = || SignersFault::Date(shown(text));
    let digits = text.strip_suffix('Z').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || ![8, 12, 14].contains(&digits.len()) {
        let local = text.strip_suffix('z').or(text.strip_suffix("UTC"));
        let is_date = |text: &str| date(&format!("{text}Z")).is_ok();
        return Err(match local {
            Some(local) if is_date(local) => SignersFault::Zone(shown(text)),
            _ => no_date(),
        });
    }
    let number = |from: usize, to: usize| -> Option<i16> {
        digits
            .get(from..to)
            .map_or(Some(0), |digits| digits.parse().ok())
    };
    let part = |from: usize| number(from, from + 2).and_then(|part| i8::try_from(part).ok());
    let read = || {
        let (year, month, day) = (number(0, 4)?, part(4)?, part(6)?);
        let (hour, minute, second) = (part(8)?, part(10)?, part(12)?);
        let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        let timestamp = TimeZone::UTC.to_timestamp(civil).ok()?;
        let nanoseconds = u64::try_from(timestamp.as_nanosecond()).ok()?;
        (nanoseconds > 0).then_some(Time(nanoseconds))
    };
    let time = read().ok_or_else(no_date)?;
    if text.ends_with('Z') {
        Ok(time)
    } else {
        Err(SignersFault::Zone(shown(text)))
    }
}
