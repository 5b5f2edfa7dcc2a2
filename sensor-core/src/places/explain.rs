//! Which rule places an address, and which it beat.

use std::{cmp::Reverse, fmt, net::IpAddr};

use ipnet::IpNet;
use sensor_common::Place;
use serde::{Serialize, Serializer};

use super::{
    Layers, OperatorId,
    special::{self, Special},
    territory::{Placed, Row, SourceKind},
};

/// Why an address lies where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The address.
    pub address: IpAddr,
    /// Where it lies.
    #[serde(serialize_with = "by_name")]
    pub place: Place,
    /// The rule that says so.
    pub rule: Rule,
    /// The rules it beat, highest first.
    pub beat: Vec<Rule>,
}

/// A rule that names an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Rule {
    /// A line of an exclusion list.
    Exclusion {
        /// The prefix.
        prefix: IpNet,
        /// The list.
        file: String,
        /// The line, counted from 1.
        line: u32,
    },
    /// An operator's own prefix.
    Operator {
        /// The prefix.
        prefix: IpNet,
        /// The operator.
        operator: OperatorId,
        /// Its number in tables.
        number: u16,
    },
    /// An entry of the special-purpose registries.
    SpecialPurpose {
        /// The prefix.
        prefix: IpNet,
        /// What it is for.
        name: &'static str,
        /// The RFC that says so.
        rfc: u16,
    },
    /// A row of the territory.
    Territory {
        /// The territory's number.
        number: u64,
        /// The prefix.
        prefix: IpNet,
        /// Where the row puts it.
        place: Placed,
        /// The file the row comes from.
        file: String,
        /// The line there, counted from 1.
        line: u32,
        /// What the file is.
        source: SourceKind,
    },
    /// No rule: the territory does not name the address.
    Unnamed {
        /// The territory's number.
        number: u64,
    },
    /// Lab without a territory.
    NoTerritory,
}

impl Rule {
    /// Where the rule puts an address.
    pub fn place(&self) -> Place {
        match self {
            Self::Exclusion { .. } => Place::Excluded,
            Self::Operator { number, .. } => Place::Operator(*number),
            Self::SpecialPurpose { .. } | Self::Unnamed { .. } => Place::Unknown,
            Self::Territory { place, .. } => (*place).into(),
            Self::NoTerritory => Place::Foreign,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exclusion { prefix, file, line } => {
                write!(f, "exclusion {prefix}: {file} line {line}")
            }
            Self::Operator {
                prefix, operator, ..
            } => write!(f, "operator {operator}: {prefix}"),
            Self::SpecialPurpose { prefix, name, rfc } => {
                write!(f, "special purpose {prefix}: {name}, RFC {rfc}")
            }
            Self::Territory {
                number,
                prefix,
                place,
                file,
                line,
                source,
            } => {
                let place = place.name();
                write!(
                    f,
                    "territory {number}: {prefix} {place}, {file} line {line}"
                )?;
                match source {
                    SourceKind::Delegated { registry, date, .. } => {
                        write!(f, " ({registry}, {date})")
                    }
                    SourceKind::Cidr { .. } => Ok(()),
                    SourceKind::Corrections => write!(f, " (correction)"),
                }
            }
            Self::Unnamed { number } => write!(f, "territory {number}: no row names it"),
            Self::NoTerritory => write!(f, "lab without a territory: every address is foreign"),
        }
    }
}

/// Says which rule places an address. An IPv4 address in IPv6 form is the IPv6 address it is.
pub fn explain(layers: &Layers, address: IpAddr) -> Explanation {
    let mut rules: Vec<Rule> = Vec::new();
    let mut rows: Vec<Rule> = Vec::new();
    if let Some(row) = row_of(layers, address) {
        match row.place {
            Placed::Excluded => rules.push(territory_rule(layers, row)),
            _ => rows.push(territory_rule(layers, row)),
        }
    }
    exclusions_of(layers, address, &mut rules);
    operators_of(layers, address, &mut rules);
    if layers.territory.is_everything_foreign() {
        rules.push(Rule::NoTerritory);
    } else {
        rules.extend(special::entries_of(address).map(special_rule));
    }
    rules.extend(rows);
    let mut rules = rules.into_iter();
    let rule = rules.next().unwrap_or(Rule::Unnamed {
        number: layers.territory.number,
    });
    Explanation {
        address,
        place: rule.place(),
        rule,
        beat: rules.collect(),
    }
}

/// The one row that names an address, if there is one: rows ascend and do not overlap.
fn row_of(layers: &Layers, address: IpAddr) -> Option<&Row> {
    let rows = &layers.territory.rows;
    let after = rows.partition_point(|row| row.prefix.network() <= address);
    let row = rows.get(after.checked_sub(1)?)?;
    row.prefix.contains(&address).then_some(row)
}

fn territory_rule(layers: &Layers, row: &Row) -> Rule {
    let source = layers.territory.source(row);
    Rule::Territory {
        number: layers.territory.number,
        prefix: row.prefix,
        place: row.place,
        file: source.map_or_else(String::new, |source| source.file.clone()),
        line: row.line,
        source: source.map_or(SourceKind::Corrections, |source| source.kind.clone()),
    }
}

fn exclusions_of(layers: &Layers, address: IpAddr, rules: &mut Vec<Rule>) {
    let mut found: Vec<_> = (layers.exclusions.iter())
        .filter(|exclusion| exclusion.prefix.contains(&address))
        .collect();
    found.sort_by_key(|exclusion| Reverse(exclusion.prefix.prefix_len()));
    rules.extend(found.into_iter().map(|exclusion| Rule::Exclusion {
        prefix: exclusion.prefix,
        file: exclusion.source.clone(),
        line: exclusion.line,
    }));
}

fn operators_of(layers: &Layers, address: IpAddr, rules: &mut Vec<Rule>) {
    let mut found: Vec<(IpNet, OperatorId, u16)> = Vec::new();
    for (number, operator) in (1..=u16::MAX).zip(&layers.operators) {
        for prefix in operator.prefixes.iter().filter(|p| p.contains(&address)) {
            found.push((prefix.trunc(), operator.id.clone(), number));
        }
    }
    found.sort_by_key(|(prefix, ..)| Reverse(prefix.prefix_len()));
    found.dedup();
    rules.extend(
        (found.into_iter()).map(|(prefix, operator, number)| Rule::Operator {
            prefix,
            operator,
            number,
        }),
    );
}

fn special_rule(special: &Special) -> Rule {
    let &Special { prefix, name, rfc } = special;
    Rule::SpecialPurpose { prefix, name, rfc }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn by_name<S: Serializer>(place: &Place, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(place.name())
}
