//! Writing a territory.

use std::fmt::{self, Write as _};

use super::{Row, Source, SourceKind, Territory};

pub(super) fn write(territory: &Territory) -> String {
    let mut text = String::with_capacity(1024 + territory.rows.len() * 32);
    // Writing to a string cannot fail.
    let _ = document(territory, &mut text);
    text
}

fn document(territory: &Territory, text: &mut String) -> fmt::Result {
    let Territory {
        number,
        domestic,
        special_purpose,
        date,
        sources,
        rows,
    } = territory;
    let domestic: Vec<String> = domestic.iter().map(|c| format!("\"{c}\"")).collect();
    writeln!(text, "kind = \"territory\"")?;
    writeln!(text, "number = {number}")?;
    writeln!(text, "domestic = [{}]", domestic.join(", "))?;
    writeln!(text, "special_purpose = \"{special_purpose}\"")?;
    writeln!(text, "date = \"{date}\"")?;
    for (id, Source { file, kind, sha256 }) in (1..).zip(sources) {
        writeln!(text, "\n[[source]]\nid = {id}")?;
        writeln!(text, "file = {}", quoted(file))?;
        writeln!(text, "kind = \"{}\"", kind.name())?;
        match kind {
            SourceKind::Delegated {
                registry,
                serial,
                date,
            } => writeln!(
                text,
                "registry = \"{registry}\"\nserial = \"{serial}\"\ndate = \"{date}\""
            )?,
            SourceKind::Cidr { place } => writeln!(text, "place = \"{}\"", place.name())?,
            SourceKind::Corrections => {}
        }
        writeln!(text, "sha256 = \"{sha256}\"")?;
    }
    writeln!(text, "\n[table]\nrows = '''")?;
    for row in rows {
        write_row(row, text)?;
        text.push('\n');
    }
    writeln!(text, "'''")
}

/// A row as it stands in the document, without its new line.
pub(super) fn write_row(row: &Row, text: &mut String) -> fmt::Result {
    let Row {
        prefix,
        place,
        source,
        line,
    } = row;
    write!(text, "{prefix} {} {source}:{line}", place.name())
}

/// A basic string of TOML, of a text without control characters.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}
