//! When a request is tried again.

use std::time::{Duration, SystemTime};

use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};

use crate::{Limits, World};

/// What an answer's `Retry-After` asks for: seconds, or a date. Nothing where it cannot be read,
/// or has passed.
pub(super) fn retry_after(value: &str, wall: SystemTime) -> Option<Duration> {
    if !value.is_empty() && value.bytes().all(|octet| octet.is_ascii_digit()) {
        // So many digits that they are no number are a long time all the same.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = DateTimeParser::new().parse_timestamp(value).ok()?;
    let wait = date.duration_since(Timestamp::try_from(wall).ok()?);
    Duration::try_from(wait).ok()
}

/// How long to wait after attempt number `attempt`: a time by chance, from a span that doubles
/// with each attempt; at least what the server asked for; at most the limit.
pub(super) fn pause(
    limits: &Limits,
    world: &dyn World,
    attempt: u8,
    asked: Option<Duration>,
) -> Duration {
    let doubled = 2_u32.saturating_pow(u32::from(attempt.saturating_sub(1)));
    let span = limits
        .backoff
        .saturating_mul(doubled)
        .min(limits.longest_wait);
    world
        .chance(span)
        .max(asked.unwrap_or_default())
        .min(limits.longest_wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Machine;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            ("99999999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", None),
            ("-5", None),
            ("+5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(value, wall), expected, "{value}");
        }
    }

    #[test]
    fn a_pause_doubles_is_by_chance_and_has_an_end() {
        let limits = Limits {
            backoff: Duration::from_secs(1),
            longest_wait: Duration::from_secs(6),
            ..Limits::default()
        };
        for (attempt, most) in [(1, 1), (2, 2), (3, 4), (4, 6), (200, 6)] {
            let longest = (0..200)
                .map(|_| pause(&limits, &Machine, attempt, None))
                .max();
            let most = Duration::from_secs(most);
            assert!(longest <= Some(most), "{attempt}: {longest:?}");
            assert!(longest >= Some(most / 2), "{attempt}: {longest:?}");
        }
        let asked = |seconds| pause(&limits, &Machine, 1, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(5), Duration::from_secs(5));
        assert_eq!(asked(u64::MAX), Duration::from_secs(6));
    }
}
