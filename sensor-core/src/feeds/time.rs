//! Moments as feeds write them.
//!
//! Papers have one form; feeds have many. A moment without a zone is taken as UTC, as the sources
//! that write it so say.

use jiff::{Timestamp, civil, tz::TimeZone};

use crate::documents::Time;

/// A moment: RFC 3339, the same with a space or without a zone, a day alone, or seconds since 1970.
pub fn moment(text: &str) -> Option<Time> {
    let text = text.trim();
    // No form is longer; jiff reads whatever it is given.
    if text.len() > 64 {
        return None;
    }
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    if text.len() > 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return seconds(text.parse().ok()?);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(Time::of(timestamp));
    }
    let local = match text.parse::<civil::DateTime>() {
        Ok(local) => local,
        Err(_) => text
            .parse::<civil::Date>()
            .ok()?
            .to_datetime(civil::Time::midnight()),
    };
    let zoned = local.to_zoned(TimeZone::UTC).ok()?;
    Some(Time::of(zoned.timestamp()))
}

/// Seconds since 1970.
pub fn seconds(seconds: u64) -> Option<Time> {
    // Beyond the year 2500 it is something else than seconds.
    const MOST: u64 = 17_000_000_000;
    (seconds <= MOST).then(|| Time(seconds * 1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_says_the_same_moment() {
        for text in [
            "2026-11-22T06:00:00Z",
            "2026-11-22T06:00:00.000Z",
            "2026-11-22T15:00:00+09:00",
            "2026-11-22 06:00:00",
            "2026-11-22 06:00:00 UTC",
            " 2026-11-22 06:00 ",
            "1795327200",
        ] {
            let told = moment(text).map(|time| time.to_string());
            assert_eq!(told.as_deref(), Some("2026-11-22T06:00:00Z"), "{text}");
        }
        let day = moment("2026-11-22").map(|time| time.to_string());
        assert_eq!(day.as_deref(), Some("2026-11-22T00:00:00Z"));
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "never",
            "2026-13-01",
            "99999999999999999999",
            &"1".repeat(99),
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
