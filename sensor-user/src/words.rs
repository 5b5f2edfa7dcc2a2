//! Times, lists and errors in words, for people.

use std::io;

use jiff::Timestamp;

const SECOND: u64 = 1_000_000_000;

/// A span of nanoseconds, in the two largest units that say something: `350 ms`, `12 s`,
/// `9m 58s`, `2h 5m`, `12d 3h`. What is left over is cut off.
pub(crate) fn span(nanoseconds: u64) -> String {
    let seconds = nanoseconds / SECOND;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0 => format!("{} ms", nanoseconds / 1_000_000),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes}m {}s", seconds % 60),
        3600..86_400 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// A time as nanoseconds since 1970, for JSON: RFC 3339.
pub(crate) fn timestamp(unix: u64) -> Timestamp {
    // Every u64 of nanoseconds is before the year 2555.
    Timestamp::from_nanosecond(i128::from(unix)).unwrap_or(Timestamp::MAX)
}

/// A time as nanoseconds since 1970, to the second.
pub(crate) fn utc(unix: u64) -> String {
    timestamp(unix)
        .strftime("%Y-%m-%d %H:%M:%S UTC")
        .to_string()
}

/// Words in a list: `a`, `a and b`, `a, b and c`.
pub(crate) fn list<T: AsRef<str>>(words: &[T], and: &str) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words[..] {
        [] => String::new(),
        [one] => one.to_owned(),
        [ref before @ .., last] => format!("{} {and} {last}", before.join(", ")),
    }
}

/// An error with what it comes of.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain() {
        let text = match cause.downcast_ref::<io::Error>() {
            Some(error) => plainly(error),
            None => cause.to_string(),
        };
        // Errors that carry their cause in their own text would say it twice.
        if !told.contains(&text) {
            if !told.is_empty() {
                told.push_str(": ");
            }
            told.push_str(&text);
        }
    }
    told
}

/// What the system said of a file, in plain words.
fn plainly(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::AlreadyExists => "exists already; name a new file".into(),
        io::ErrorKind::IsADirectory => "is a directory; name a file in it".into(),
        io::ErrorKind::PermissionDenied => "may not be opened by this user".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_at_most() {
        for (nanoseconds, text) in [
            (0, "0 ms"),
            (999_999_999, "999 ms"),
            (SECOND, "1 s"),
            (59 * SECOND, "59 s"),
            (598 * SECOND, "9m 58s"),
            (7_500 * SECOND, "2h 5m"),
            (86_400 * SECOND, "1d 0h"),
            (u64::MAX, "213503d 23h"),
        ] {
            assert_eq!(span(nanoseconds), text);
        }
    }

    #[test]
    fn every_time_is_a_date() {
        assert_eq!(utc(1_790_000_000_999_999_999), "2026-09-21 14:13:20 UTC");
        assert_eq!(utc(u64::MAX), "2554-07-21 23:34:33 UTC");
        assert_eq!(
            timestamp(1_500_000_000).to_string(),
            "1970-01-01T00:00:01.5Z"
        );
    }

    #[test]
    fn lists() {
        assert_eq!(list::<&str>(&[], "and"), "");
        assert_eq!(list(&["a"], "and"), "a");
        assert_eq!(list(&["a", "b"], "or"), "a or b");
        assert_eq!(list(&["a", "b", "c"], "and"), "a, b and c");
    }
}
