//! Tables with a column for each thing: CSV (RFC 4180), as abuse.ch and others write it.
//!
//! The names of the columns stand in the first row, or in the last comment before it. A field in
//! quotes may have separators and line ends in it; space before a quote is passed over, which
//! `ThreatFox` writes and RFC 4180 does not know.

use std::io::{self, Read};

use super::{
    address,
    item::{At, Item, Sink},
    mapping::{Mapping, Record, Role, lacking, plain},
    plain::{Fault, as_text},
    reason::Refusal,
    text::{LONGEST, each_line},
};

/// Most columns that are read.
const MOST_COLUMNS: usize = 256;

/// Reads a table by a mapping, else by the names of its columns, else by `usual`.
pub fn decode(
    reader: impl Read,
    mapping: Option<&Mapping>,
    usual: &Mapping,
    sink: &mut (impl Sink + ?Sized),
) -> io::Result<()> {
    let mut table = Table {
        mapping,
        usual,
        roles: None,
        comment: String::new(),
        separator: ',',
        fields: Vec::new(),
    };
    // A record that goes on in the next line, and the line it began in.
    let mut open: Option<(u64, String)> = None;
    each_line(reader, |line, content| {
        let text = match content.map(as_text) {
            None => return refuse(line, Fault::TooLong, sink),
            Some(None) => return refuse(line, Fault::NotText, sink),
            Some(Some(text)) => text,
        };
        let (begin, record) = match open.take() {
            None if text.trim_start().starts_with('#') => return table.comment(text),
            None if text.trim().is_empty() => return,
            None => {
                table.divide(text);
                (line, text.to_owned())
            }
            Some((begin, mut record)) => {
                record.push('\n');
                record.push_str(text);
                if closes_nothing(text) && record.len() <= LONGEST {
                    open = Some((begin, record));
                    return;
                }
                (begin, record)
            }
        };
        if table.cut(&record) {
            table.row(begin, sink);
        } else if record.len() > LONGEST {
            refuse(begin, Fault::TooLong, sink);
        } else {
            open = Some((begin, record));
        }
    })?;
    if let Some((begin, _)) = open {
        lacking("a quote that is opened has to be closed", begin, sink);
    }
    Ok(())
}

fn refuse(line: u64, fault: Fault, sink: &mut (impl Sink + ?Sized)) {
    sink.take(At::line(line), Item::Refused(Refusal::Address(fault)));
}

struct Table<'m> {
    mapping: Option<&'m Mapping>,
    usual: &'m Mapping,
    /// Which columns say what, once that is known.
    roles: Option<Vec<(Role, usize)>>,
    /// The last comment before the first row.
    comment: String,
    separator: char,
    /// The fields of the current row.
    fields: Vec<String>,
}

impl Table<'_> {
    fn comment(&mut self, text: &str) {
        if self.roles.is_none() && separator(text).is_some() {
            text.trim_start_matches(['#', ' '])
                .clone_into(&mut self.comment);
        }
    }

    /// What is between the columns, by the first line there is.
    fn divide(&mut self, first: &str) {
        if self.roles.is_none() {
            self.separator = separator(first).unwrap_or(',');
        }
    }

    /// Cuts a record into fields; `false` if a quote is open at its end.
    fn cut(&mut self, record: &str) -> bool {
        cut(record, self.separator, &mut self.fields)
    }

    fn row(&mut self, line: u64, sink: &mut (impl Sink + ?Sized)) {
        if self.fields.len() > MOST_COLUMNS {
            return lacking("it has too many columns", line, sink);
        }
        let Some(roles) = &self.roles else {
            let has_names = self.begin();
            if !has_names {
                self.row(line, sink);
            }
            return;
        };
        if roles.is_empty() {
            return lacking("a column that the mapping names is not there", line, sink);
        }
        let field =
            |(role, column): &(Role, usize)| Some((*role, self.fields.get(*column)?.as_str()));
        Record(roles.iter().filter_map(field).collect()).give(line, sink);
    }

    /// Finds out which columns say what, and whether the first row are their names.
    fn begin(&mut self) -> bool {
        let names = std::mem::take(&mut self.fields);
        let is_names = names
            .iter()
            .all(|name| address::named(name.trim()).is_err());
        let first: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut commented = Vec::new();
        cut(&self.comment, self.separator, &mut commented);
        let commented: Vec<&str> = commented.iter().map(String::as_str).collect();
        let by_name = |names: &[&str]| {
            let mapping = self.mapping.cloned().or_else(|| Mapping::usual(names))?;
            columns(&mapping, names)
        };
        let in_first = is_names.then(|| by_name(&first)).flatten();
        let has_names = in_first.is_some();
        let without_names = || match self.mapping {
            Some(mapping) => columns(mapping, &[]),
            None => columns(self.usual, &[]),
        };
        let roles = in_first
            .or_else(|| by_name(&commented))
            .or_else(without_names);
        self.roles = Some(roles.unwrap_or_default());
        self.fields = names;
        has_names
    }
}

/// The places of the columns of a mapping, if the address has one.
fn columns(mapping: &Mapping, names: &[&str]) -> Option<Vec<(Role, usize)>> {
    let place = |column: &str| {
        let by_name = names.iter().position(|name| plain(name) == plain(column));
        by_name.or_else(|| column.parse::<usize>().ok()?.checked_sub(1))
    };
    let places = mapping.0.iter();
    let roles: Vec<_> = places
        .filter_map(|(role, name)| Some((*role, place(name)?)))
        .collect();
    let has_value = roles.iter().any(|(role, _)| *role == Role::Value);
    // A part of a mapping would leave out what narrows.
    (has_value && roles.len() == mapping.0.len()).then_some(roles)
}

/// The separator there is most of, if there is one.
fn separator(text: &str) -> Option<char> {
    let count = |separator: &char| text.matches(*separator).count();
    let most = [';', '\t', ','].into_iter().max_by_key(count)?;
    (count(&most) > 0).then_some(most)
}

/// Whether a quote that is open before a line is open after it, since each quote in the line is
/// doubled. A record that goes on for many lines is so not cut anew at each of them.
fn closes_nothing(line: &str) -> bool {
    let bytes = line.as_bytes();
    bytes
        .chunk_by(|one, next| one == next)
        .all(|run| run.first() != Some(&b'"') || run.len() % 2 == 0)
}

/// Cuts a record into fields; `false` if a quote is open at its end.
fn cut(record: &str, separator: char, fields: &mut Vec<String>) -> bool {
    fields.clear();
    let mut rest = record;
    loop {
        let start = rest.trim_start_matches(' ');
        let mut field = String::new();
        if let Some(mut quoted) = start.strip_prefix('"') {
            loop {
                let Some((part, after)) = quoted.split_once('"') else {
                    return false;
                };
                field.push_str(part);
                let Some(more) = after.strip_prefix('"') else {
                    rest = after;
                    break;
                };
                field.push('"');
                quoted = more;
            }
            // Whatever stands between the quote and the separator is no part of the field.
            rest = rest.find(separator).map_or("", |at| &rest[at..]);
        } else {
            let end = rest.find(separator).unwrap_or(rest.len());
            field.push_str(rest[..end].trim());
            rest = &rest[end..];
        }
        fields.push(field);
        match rest.strip_prefix(separator) {
            Some(more) if fields.len() <= MOST_COLUMNS => rest = more,
            _ => return true,
        }
    }
}

#[cfg(test)]
mod tests;
