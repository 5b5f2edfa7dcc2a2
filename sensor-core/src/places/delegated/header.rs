//! The first line of statistics.

use super::Fault;

/// What the header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) registry: String,
    pub(super) serial: String,
    pub(super) records: u64,
    /// The last day covered, as `YYYY-MM-DD`.
    pub(super) date: String,
}

/// Start date and UTC offset are not used, and registries write them as they like.
pub(super) fn decode(fields: &[&str]) -> Result<Header, Fault> {
    let [version, registry, serial, records, _, end, _] = *fields else {
        return Err(Fault::NoHeader);
    };
    if version.is_empty() || !version.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(Fault::NoHeader);
    }
    if !matches!(version, "2" | "2.3") {
        return Err(Fault::Version(version.chars().take(60).collect()));
    }
    Ok(Header {
        registry: word(registry, "registry")?,
        serial: word(serial, "serial number")?,
        records: (records.parse()).map_err(|_| Fault::field(records, "count of records"))?,
        date: date(end)?,
    })
}

/// Whether this is a word of letters and digits, which may stand in a territory as it is.
pub(in super::super) fn is_word(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn word(text: &str, what: &'static str) -> Result<String, Fault> {
    if is_word(text) {
        Ok(text.into())
    } else {
        Err(Fault::field(text, what))
    }
}

fn date(text: &str) -> Result<String, Fault> {
    let is_date = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    match jiff::civil::Date::strptime("%Y%m%d", text) {
        Ok(date) if is_date => Ok(date.to_string()),
        _ => Err(Fault::field(text, "date (YYYYMMDD)")),
    }
}
