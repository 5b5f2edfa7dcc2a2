//! Reading a territory: only what would be written that way is read.
//!
//! A row is read, written again and compared, so every row has one form. The TOML around the
//! rows is small, and its form is free where TOML leaves it free.

use std::net::IpAddr;

use serde::Deserialize;
use toml::Spanned;

use super::{Country, Fault, Placed, Row, Source, SourceKind, Territory, write};
use crate::places::delegated;

/// A fault and its line, counted from 1.
type At<T> = Result<T, (u32, Fault)>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    kind: Spanned<String>,
    number: Spanned<i64>,
    domestic: Spanned<Vec<Country>>,
    special_purpose: Spanned<String>,
    date: Spanned<String>,
    source: Vec<Spanned<RawSource>>,
    #[serde(borrow)]
    table: Table<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table<'a> {
    #[serde(borrow)]
    rows: Spanned<std::borrow::Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    id: usize,
    file: String,
    kind: String,
    registry: Option<String>,
    serial: Option<String>,
    date: Option<String>,
    place: Option<Placed>,
    sha256: String,
}

pub(super) fn read(bytes: &[u8]) -> At<Territory> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        (line_at(before, before.len()), Fault::NotText)
    })?;
    let at = |position: usize, fault: Fault| (line_at(bytes, position), fault);
    let document: Document<'_> = toml::from_str(text).map_err(|error| not_toml(text, &error))?;
    let Document {
        kind,
        number,
        domestic,
        special_purpose,
        date,
        source,
        table,
    } = document;
    if kind.get_ref() != "territory" {
        return Err(at(kind.span().start, Fault::Kind(kind.into_inner())));
    }
    let position = number.span().start;
    let number = u64::try_from(*number.get_ref())
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| at(position, Fault::Number(number.into_inner())))?;
    let is_ascending = domestic.get_ref().is_sorted_by(|a, b| a < b);
    if domestic.get_ref().is_empty() || !is_ascending {
        return Err(at(domestic.span().start, Fault::Domestic));
    }
    for given in [&special_purpose, &date] {
        if !is_date(given.get_ref()) {
            let text = format!("'{}' is no date (YYYY-MM-DD)", given.get_ref());
            return Err(at(given.span().start, Fault::Toml(text)));
        }
    }
    let mut sources = Vec::with_capacity(source.len());
    for (id, source) in (1..).zip(source) {
        let position = source.span().start;
        let read = read_source(id, source.into_inner())
            .map_err(|reason| at(position, Fault::Source { id, reason }))?;
        sources.push(read);
    }
    let rows = rows(text, &table.rows, &sources)?;
    Ok(Territory {
        number,
        domestic: domestic.into_inner(),
        special_purpose: special_purpose.into_inner(),
        date: date.into_inner(),
        sources,
        rows,
    })
}

/// What the TOML reader says, unless the document is of another kind.
fn not_toml(text: &str, error: &toml::de::Error) -> (u32, Fault) {
    #[derive(Deserialize)]
    struct Other {
        kind: Spanned<String>,
    }
    if let Ok(Other { kind }) = toml::from_str(text)
        && kind.get_ref() != "territory"
    {
        let line = line_at(text.as_bytes(), kind.span().start);
        return (line, Fault::Kind(kind.into_inner()));
    }
    let position = error.span().map_or(0, |span| span.start);
    let reason = error.message().lines().collect::<Vec<_>>().join(", ");
    (line_at(text.as_bytes(), position), Fault::Toml(reason))
}

fn read_source(id: usize, raw: RawSource) -> Result<Source, String> {
    if raw.id != id {
        return Err(format!("it has the id {}; sources count from 1", raw.id));
    }
    if raw.file.is_empty() || raw.file.contains(char::is_control) {
        return Err("file has to be a name without control characters".into());
    }
    let is_digest = raw.sha256.len() == 64
        && (raw.sha256.bytes()).all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !is_digest {
        return Err("sha256 has to be 64 lower-case hexadecimal digits".into());
    }
    let kind = match (
        raw.kind.as_str(),
        raw.registry,
        raw.serial,
        raw.date,
        raw.place,
    ) {
        ("delegated", Some(registry), Some(serial), Some(date), None) => {
            for word in [&registry, &serial] {
                if !delegated::is_word(word) {
                    return Err(format!("'{word}' is no word of letters and digits"));
                }
            }
            if !is_date(&date) {
                return Err(format!("'{date}' is no date (YYYY-MM-DD)"));
            }
            SourceKind::Delegated {
                registry,
                serial,
                date,
            }
        }
        ("cidr", None, None, None, Some(place @ (Placed::Domestic | Placed::Foreign))) => {
            SourceKind::Cidr { place }
        }
        ("corrections", None, None, None, None) => SourceKind::Corrections,
        ("delegated", ..) => return Err("delegated needs registry, serial and date".into()),
        ("cidr", ..) => return Err("cidr needs a place, domestic or foreign".into()),
        ("corrections", ..) => return Err("corrections have file and sha256 only".into()),
        (other, ..) => return Err(format!("'{other}' is no kind of source")),
    };
    Ok(Source {
        file: raw.file,
        kind,
        sha256: raw.sha256,
    })
}

fn rows(text: &str, rows: &Spanned<std::borrow::Cow<'_, str>>, sources: &[Source]) -> At<Vec<Row>> {
    let position = rows.span().start;
    let mut line = line_at(text.as_bytes(), position);
    let content = rows.get_ref();
    let is_plain = text
        .get(position..)
        .is_some_and(|at| at.starts_with("'''\n"));
    if !is_plain || content.contains('\r') {
        return Err((line, Fault::Rows));
    }
    let mut read = Vec::with_capacity(content.len() / 24);
    let mut again = String::new();
    let mut before: Option<IpAddr> = None;
    for content in content.split_terminator('\n') {
        line += 1;
        let row = read_row(content, &mut again)
            .ok_or_else(|| (line, Fault::Row(content.chars().take(60).collect())))?;
        let kind = (row.source as usize)
            .checked_sub(1)
            .and_then(|index| sources.get(index))
            .map(|source| &source.kind)
            .ok_or((line, Fault::NoSource(row.source)))?;
        if !kind.may_say(row.place) {
            let (kind, place) = (kind.name(), row.place);
            return Err((line, Fault::Place { kind, place }));
        }
        // All of IPv4 is less than all of IPv6.
        if before.is_some_and(|before| row.prefix.network() <= before) {
            return Err((line, Fault::Order(row.prefix)));
        }
        before = Some(row.prefix.broadcast());
        read.push(row);
    }
    Ok(read)
}

fn read_row(text: &str, again: &mut String) -> Option<Row> {
    let mut words = text.split(' ');
    let (prefix, place, at) = (words.next()?, words.next()?, words.next()?);
    let (source, line) = at.split_once(':')?;
    let row = Row {
        prefix: prefix.parse().ok()?,
        place: Placed::of_name(place)?,
        source: source.parse().ok()?,
        line: line.parse().ok().filter(|line| *line > 0)?,
    };
    again.clear();
    write::write_row(&row, again).ok()?;
    (again == text && row.prefix == row.prefix.trunc()).then_some(row)
}

fn is_date(text: &str) -> bool {
    // Days are written in one way only.
    (text.parse::<jiff::civil::Date>()).is_ok_and(|date| date.to_string() == text)
}

/// The line of a byte, counted from 1.
fn line_at(bytes: &[u8], position: usize) -> u32 {
    let before = &bytes[..position.min(bytes.len())];
    let lines = before.split(|byte| *byte == b'\n').count();
    u32::try_from(lines).unwrap_or(u32::MAX)
}
