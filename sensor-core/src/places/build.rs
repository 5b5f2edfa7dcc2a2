//! Builds a territory from statistics, lists and corrections.
//!
//! The most protective rule wins, whatever the prefix lengths: among allocations unknown,
//! then domestic, then foreign. Special-purpose addresses beat allocations, corrections beat
//! allocations but not those, unless they exclude.

use std::collections::BTreeSet;

use ipnet::IpNet;
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use super::{
    Country, PlacesError, Territory,
    conflicts::{self, Conflicts},
    corrections,
    delegated::{self, Block, Delegated, Record, Status},
    list,
    number::{Number, prefixes},
    resolve::{Span, Spans, resolve},
    special,
    territory::{Placed, Row, Source, SourceKind},
};

/// A file to build from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Where the file lies, for messages. Its name goes into the document without the folder, and
    /// with a mark in the place of each control character.
    pub path: &'a str,
    /// What it is.
    pub kind: InputKind,
    /// What it holds.
    pub bytes: &'a [u8],
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// A registry's statistics.
    Delegated,
    /// A plain list of prefixes, all of them domestic.
    Domestic,
    /// A plain list of prefixes, all of them foreign.
    Foreign,
    /// Corrections.
    Corrections,
}

/// A territory and what is worth knowing of how it came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The territory.
    pub territory: Territory,
    /// Where allocations contradict each other.
    pub conflicts: Conflicts,
    /// Records under no country's code, which count as unknown.
    pub without_country: usize,
}

/// Builds territory `number`. The same input gives the same territory.
///
/// Without a `date` its facts are of the earliest day of the statistics among the inputs.
///
/// # Errors
///
/// [`PlacesError`] for the first input that is not understood whole, for a number outside of 1 to
/// `i64::MAX` (TOML has no greater), where no country or no file is given, and where neither
/// `date` nor statistics say of which day the facts are.
pub fn build(
    number: u64,
    date: Option<Date>,
    domestic: &BTreeSet<Country>,
    inputs: &[Input<'_>],
) -> Result<Built, PlacesError> {
    if number == 0 || i64::try_from(number).is_err() {
        return Err(PlacesError::Number(number));
    }
    if domestic.is_empty() {
        return Err(PlacesError::NothingDomestic);
    }
    if inputs.is_empty() {
        return Err(PlacesError::NoSource);
    }
    let mut builder = Builder {
        domestic,
        sources: Vec::with_capacity(inputs.len()),
        spans: Spans::new(),
        without_country: 0,
    };
    for (source, input) in (1..).zip(inputs) {
        builder.read(source, input)?;
    }
    let date = (date.map(|date| date.to_string()))
        .or_else(|| builder.earliest())
        .ok_or(PlacesError::NoDate)?;
    Ok(builder.finish(number, date))
}

/// A rule over addresses. The order is the precedence: the least wins, and of equal layers the
/// narrowest, then the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) layer: Layer,
    /// Bits that hold the size of the range.
    breadth: u32,
    pub(super) source: u32,
    pub(super) line: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// Excluded by a correction.
    Excluded,
    Special,
    Corrected(Placed),
    Allocated(Placed),
}

impl Layer {
    pub(super) const fn placed(self) -> Placed {
        match self {
            Self::Excluded => Placed::Excluded,
            Self::Special => Placed::Unknown,
            Self::Corrected(placed) | Self::Allocated(placed) => placed,
        }
    }
}

struct Builder<'a> {
    domestic: &'a BTreeSet<Country>,
    sources: Vec<Source>,
    spans: Spans<Rank>,
    without_country: usize,
}

impl Builder<'_> {
    fn read(&mut self, source: u32, input: &Input<'_>) -> Result<(), PlacesError> {
        let Input { path, kind, bytes } = *input;
        let kind = match kind {
            InputKind::Delegated => self.statistics(source, delegated::decode(path, bytes)?),
            InputKind::Domestic => self.list(source, Placed::Domestic, list::decode(path, bytes)?),
            InputKind::Foreign => self.list(source, Placed::Foreign, list::decode(path, bytes)?),
            InputKind::Corrections => {
                for correction in corrections::decode(path, bytes)? {
                    let layer = match correction.place {
                        Placed::Excluded => Layer::Excluded,
                        place => Layer::Corrected(place),
                    };
                    self.prefix(correction.prefix, layer, source, correction.line);
                }
                SourceKind::Corrections
            }
        };
        self.sources.push(Source {
            file: file_name(path),
            kind,
            sha256: hexadecimal(&Sha256::digest(bytes)),
        });
        Ok(())
    }

    fn statistics(&mut self, source: u32, statistics: Delegated) -> SourceKind {
        for record in &statistics.records {
            let layer = Layer::Allocated(self.place_of(record));
            match record.block {
                Block::V4 { first, last } => {
                    let rule = Rank {
                        layer,
                        breadth: 32 - (last - first).leading_zeros(),
                        source,
                        line: record.line,
                    };
                    self.spans.v4.push(Span { first, last, rule });
                }
                Block::V6(prefix) => self.prefix(prefix.into(), layer, source, record.line),
            }
        }
        let Delegated {
            registry,
            serial,
            date,
            ..
        } = statistics;
        SourceKind::Delegated {
            registry,
            serial,
            date,
        }
    }

    fn place_of(&mut self, record: &Record) -> Placed {
        match record.status {
            Status::Available | Status::Reserved => Placed::Unknown,
            Status::Allocated | Status::Assigned => match record.country {
                Some(country) if self.domestic.contains(&country) => Placed::Domestic,
                Some(_) => Placed::Foreign,
                None => {
                    self.without_country += 1;
                    Placed::Unknown
                }
            },
        }
    }

    fn list(&mut self, source: u32, place: Placed, prefixes: Vec<(IpNet, u32)>) -> SourceKind {
        for (prefix, line) in prefixes {
            self.prefix(prefix, Layer::Allocated(place), source, line);
        }
        SourceKind::Cidr { place }
    }

    fn prefix(&mut self, prefix: IpNet, layer: Layer, source: u32, line: u32) {
        let breadth = u32::from(prefix.max_prefix_len() - prefix.prefix_len());
        let rule = Rank {
            layer,
            breadth,
            source,
            line,
        };
        self.spans.push(prefix, rule);
    }

    /// The first day that any of the statistics are of: what is as old as that counts for all.
    fn earliest(&self) -> Option<String> {
        // As they are written they are in the order of days.
        (self.sources.iter())
            .filter_map(|source| match &source.kind {
                SourceKind::Delegated { date, .. } => Some(date),
                SourceKind::Cidr { .. } | SourceKind::Corrections => None,
            })
            .min()
            .cloned()
    }

    fn finish(mut self, number: u64, date: String) -> Built {
        let conflicts = conflicts::find(&self.spans, &self.sources);
        for special in &special::REGISTRY {
            // No row comes of these, so they need no provenance.
            self.prefix(special.prefix, Layer::Special, 0, 0);
        }
        let mut rows = Vec::with_capacity(self.spans.v4.len() + self.spans.v6.len());
        append(&mut rows, resolve(self.spans.v4));
        append(&mut rows, resolve(self.spans.v6));
        Built {
            territory: Territory {
                number,
                domestic: self.domestic.iter().copied().collect(),
                special_purpose: special::UPDATED.into(),
                date,
                sources: self.sources,
                rows,
            },
            conflicts,
            without_country: self.without_country,
        }
    }
}

fn append<N: Number>(rows: &mut Vec<Row>, resolved: Vec<Span<N, Rank>>) {
    for Span { first, last, rule } in resolved {
        if rule.layer == Layer::Special {
            continue;
        }
        rows.extend(prefixes(first, last).map(|prefix| Row {
            prefix,
            place: rule.layer.placed(),
            source: rule.source,
            line: rule.line,
        }));
    }
}

fn file_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.replace(char::is_control, "\u{fffd}")
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    (bytes.iter())
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| DIGITS[usize::from(digit)])
        .collect()
}
