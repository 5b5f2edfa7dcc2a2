//! The configuration file: which keys it has, and what is wrong with it.
//!
//! Values are kept as text, as a flag would give them: flags have the defaults and ranges, so no
//! second copy of those can differ. Everything that is wrong is told at once, where it stands.

mod keys;
mod nearest;

use std::{
    fmt, io,
    ops::Range,
    path::{Path, PathBuf},
};

use thiserror::Error;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

pub use self::keys::{KEYS, Key, Kind};
use self::nearest::nearest;
use super::exporters::{self, Exporter};
use crate::capped;

/// The file that is read if it exists and none is named.
pub const DEFAULT_FILE: &str = "/etc/sekisho/sekisho.toml";

/// Largest such file, in bytes.
const LARGEST: u64 = 1 << 20;

/// Where something stands in the file, both from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.line, self.column)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What, and the way out.
    pub text: String,
}

/// Why a file is not taken.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What it says is wrong, all of it.
    #[error("{}", told(path, problems))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// By place.
        problems: Vec<Problem>,
    },
    /// Environment variables that are wrong, each with what is.
    #[error("{}", .0.join("; "))]
    Variables(Vec<String>),
}

fn told(path: &Path, problems: &[Problem]) -> String {
    let line =
        |problem: &Problem| format!("{}:{}: {}", path.display(), problem.place, problem.text);
    let lines: Vec<String> = problems.iter().map(line).collect();
    lines.join("; ")
}

/// A key that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Which.
    pub key: &'static Key,
    /// Its values, as a flag takes them.
    pub values: Vec<String>,
    /// Where it is set.
    pub place: Place,
}

/// What a file sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The file.
    pub path: PathBuf,
    /// In the order of [`KEYS`].
    pub settings: Vec<Setting>,
}

/// Keys whose values are others than before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// In effect at once.
    pub live: Vec<&'static Key>,
    /// In effect at the next start.
    pub restart: Vec<&'static Key>,
}

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = capped::read_to_string(path, LARGEST).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text)
    }

    /// Reads what a file says.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let mut reading = Reading {
            text,
            settings: Vec::new(),
            problems: Vec::new(),
        };
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let span = error.span().unwrap_or_default();
            reading.wrong(&span, error.message().to_owned());
        }
        // What was recovered from broken syntax is not what was meant.
        if reading.problems.is_empty() {
            reading.document(document.get_ref());
        }
        let Reading {
            mut settings,
            mut problems,
            ..
        } = reading;
        if problems.is_empty() {
            settings.sort_by_key(|setting| KEYS.iter().position(|key| key == setting.key));
            return Ok(Self {
                path: path.to_owned(),
                settings,
            });
        }
        problems.sort();
        Err(ConfigError::Wrong {
            path: path.to_owned(),
            problems,
        })
    }

    /// What is set for a key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.key == key)
    }

    /// Which keys another file sets otherwise, or only one of both sets.
    #[must_use]
    pub fn changes(&self, next: &Self) -> Changes {
        let mut changes = Changes::default();
        for key in &KEYS {
            let values = |config: &Self| config.get(key).map(|setting| setting.values.clone());
            if values(self) == values(next) {
                continue;
            }
            if key.is_live {
                changes.live.push(key);
            } else {
                changes.restart.push(key);
            }
        }
        changes
    }

    /// Reads a file again. Where anything is wrong with it, this one stays what counts.
    pub fn reload(&self, file: &Path) -> Result<(Self, Changes), ConfigError> {
        let next = Self::read(file)?;
        let changes = self.changes(&next);
        Ok((next, changes))
    }
}

/// A file while it is read.
struct Reading<'a> {
    text: &'a str,
    settings: Vec<Setting>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn place(&self, span: &Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Place {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }

    fn wrong(&mut self, span: &Range<usize>, text: String) {
        let place = self.place(span);
        self.problems.push(Problem { place, text });
    }

    fn unknown<'k>(
        &mut self,
        span: &Range<usize>,
        (what, given): (&str, &str),
        known: impl Iterator<Item = &'k str> + Clone,
    ) {
        let way_out = nearest(given, known.clone()).map_or_else(
            || format!("there are {}", known.collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean '{near}'?"),
        );
        self.wrong(span, format!("no {what} '{given}'; {way_out}"));
    }

    fn document(&mut self, document: &DeTable<'_>) {
        let mut sections: Vec<&str> = KEYS.iter().map(|key| key.section).collect();
        sections.dedup();
        for (name, value) in document {
            let given: &str = name.get_ref();
            if !sections.contains(&given) {
                self.unknown(&name.span(), ("section", given), sections.iter().copied());
                continue;
            }
            let whole = KEYS.iter().find(|key| key.path() == given);
            match (whole, value.get_ref()) {
                (Some(key), _) => self.value(key, name.span(), value),
                (None, DeValue::Table(table)) => self.section(given, table),
                (None, _) => {
                    let text = format!("'{given}' is a section; begin it with [{given}]");
                    self.wrong(&value.span(), text);
                }
            }
        }
    }

    fn section(&mut self, section: &str, table: &DeTable<'_>) {
        let of_section = KEYS.iter().filter(|key| key.section == section);
        for (name, value) in table {
            let given: &str = name.get_ref();
            if let Some(key) = of_section.clone().find(|key| key.name == given) {
                self.value(key, name.span(), value);
            } else {
                let what = format!("key in [{section}]");
                let known = of_section.clone().map(|key| key.name);
                self.unknown(&name.span(), (&what, given), known);
            }
        }
    }

    fn value(&mut self, key: &'static Key, name: Range<usize>, value: &Spanned<DeValue<'_>>) {
        let values = match (key.kind, value.get_ref()) {
            (Kind::Exporters, DeValue::Array(tables)) => Some(self.exporters(tables.iter())),
            (Kind::Texts, DeValue::Array(texts)) => {
                let texts = texts.iter().map(|text| text.get_ref().as_str());
                texts.map(|text| text.map(str::to_owned)).collect()
            }
            (Kind::Text, DeValue::String(text)) => Some(vec![text.to_string()]),
            (Kind::Switch, DeValue::Boolean(is_on)) => Some(vec![is_on.to_string()]),
            (Kind::Number, DeValue::Integer(number)) => {
                let number = u64::from_str_radix(number.as_str(), number.radix());
                number.ok().map(|number| vec![number.to_string()])
            }
            _ => None,
        };
        let Some(values) = values else {
            let text = format!("{} takes {}", key.path(), key.kind.what());
            return self.wrong(&value.span(), text);
        };
        let place = self.place(&name);
        self.settings.push(Setting { key, values, place });
    }

    /// Each as `KEY=VALUE,…`.
    fn exporters<'a>(
        &mut self,
        tables: impl Iterator<Item = &'a Spanned<DeValue<'a>>>,
    ) -> Vec<String> {
        let mut given = Vec::new();
        let mut all = Vec::new();
        for table in tables {
            let before = self.problems.len();
            let Some(entries) = table.get_ref().as_table() else {
                self.wrong(
                    &table.span(),
                    "begin an exporter with [[exporter]]".to_owned(),
                );
                continue;
            };
            let mut parts = Vec::new();
            for (name, value) in entries {
                let key: &str = name.get_ref();
                if !exporters::KEYS.contains(&key) {
                    let known = exporters::KEYS.into_iter();
                    self.unknown(&name.span(), ("key in [[exporter]]", key), known);
                    continue;
                }
                let is_number = exporters::NUMBERS.contains(&key);
                match value.get_ref() {
                    DeValue::String(text) if !is_number && !text.contains(',') => {
                        parts.push(format!("{key}={text}"));
                    }
                    DeValue::Integer(number) if is_number => {
                        parts.push(format!("{key}={}", number.as_str()));
                    }
                    _ if is_number => {
                        let text = format!("{key} takes {}", Kind::Number.what());
                        self.wrong(&value.span(), text);
                    }
                    _ => {
                        let text = format!("{key} takes a string in quotes, without a comma");
                        self.wrong(&value.span(), text);
                    }
                }
            }
            let text = parts.join(",");
            match text.parse::<Exporter>() {
                _ if self.problems.len() > before => {}
                Ok(exporter) => {
                    all.push(exporter);
                    if let Err(error) = exporters::check_names(&all) {
                        self.wrong(&table.span(), error.to_string());
                    }
                    given.push(text);
                }
                Err(error) => self.wrong(&table.span(), error.to_string()),
            }
        }
        given
    }
}

#[cfg(test)]
mod tests;
