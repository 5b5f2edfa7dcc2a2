//! Moments in documents: RFC 3339 in UTC, written with a `Z`.

use std::{fmt, str::FromStr};

use jiff::{Span, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Nanoseconds since 1970, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Time(pub u64);

/// A text is no moment.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoTime {
    /// Without a zone, or of another one.
    #[error("'{0}' has to end with Z: a moment is written in UTC, as 2026-12-01T00:00:00Z")]
    Zone(String),
    /// Of another form.
    #[error("'{0}' is no moment; write it as 2026-12-01T00:00:00Z")]
    Form(String),
}

impl Time {
    /// Before everything.
    pub const MIN: Self = Self(0);
    /// Later than everything.
    pub const MAX: Self = Self(u64::MAX);

    /// After a span of calendar time, in UTC.
    #[must_use]
    pub fn after(self, span: Span) -> Self {
        let end = self.timestamp().to_zoned(TimeZone::UTC).checked_add(span);
        end.map_or(Self::MAX, |end| Self::of(end.timestamp()))
    }

    /// As a timestamp; the end of time of the two is not the same.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(Timestamp::MAX)
    }

    /// The moment of a timestamp; one before 1970 is 1970.
    pub fn of(timestamp: Timestamp) -> Self {
        let nanoseconds = timestamp.as_nanosecond().max(0);
        Self(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.timestamp(), f)
    }
}

impl FromStr for Time {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, NoTime> {
        let shown = || text.chars().take(64).collect::<String>();
        let Some(local) = text.strip_suffix('Z') else {
            let has_form = text.parse::<jiff::civil::DateTime>().is_ok();
            let has_zone = text.parse::<Timestamp>().is_ok();
            return Err(if has_form || has_zone {
                NoTime::Zone(shown())
            } else {
                NoTime::Form(shown())
            });
        };
        // A form that has one way to write each moment: no spaces, no lower case, no leap second.
        let is_plain = local
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"-T:.".contains(&byte));
        match text.parse::<Timestamp>() {
            Ok(timestamp) if is_plain && timestamp >= Timestamp::UNIX_EPOCH => {
                Ok(Self::of(timestamp))
            }
            _ => Err(NoTime::Form(shown())),
        }
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for Time {
    type Error = NoTime;

    fn try_from(text: String) -> Result<Self, NoTime> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn a_moment_is_read_as_it_is_written_to_the_nanosecond() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2026-12-01T09:30:00Z",
            "2026-12-01T09:30:00.000000001Z",
        ] {
            assert_eq!(time(text).to_string(), text);
        }
        assert_eq!(time("1970-01-01T00:00:01Z"), Time(1_000_000_000));
    }

    #[test]
    fn without_a_z_there_is_no_moment() {
        for text in [
            "2026-12-01T00:00:00",
            "2026-12-01T00:00:00+09:00",
            "2026-12-01",
            "2026-12-01T00:00:00z",
        ] {
            assert_eq!(text.parse::<Time>(), Err(NoTime::Zone(text.into())));
        }
        for text in [
            "",
            "Z",
            "tomorrow",
            "2026-13-01T00:00:00Z",
            "2026-12-01 00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-12-01Z",
        ] {
            assert_eq!(
                text.parse::<Time>(),
                Err(NoTime::Form(text.into())),
                "{text}"
            );
        }
    }

    #[test]
    fn spans_are_of_the_calendar() {
        let begin = time("2026-08-31T12:00:00Z");
        assert_eq!(begin.after(6.months()), time("2027-02-28T12:00:00Z"));
        assert_eq!(begin.after(7.days()), time("2026-09-07T12:00:00Z"));
        assert_eq!(Time::MAX.after(1.day()), Time::MAX);
    }
}
