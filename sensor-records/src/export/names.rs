//! Names that several formats give the same things.

use std::fmt::Write as _;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{End, Matched, Notice};

/// The name space of what is named by this project, of version 5 under that of domain names:
/// `sekisho.invalid`, a name that nobody can register.
pub(super) fn namespace() -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"sekisho.invalid")
}

/// The same indicator has the same number everywhere: by its feed and its line.
pub(super) fn indicator(matched: &Matched) -> Uuid {
    let name = format!("indicator\n{}\n{}", matched.line, matched.feed);
    Uuid::new_v5(&namespace(), name.as_bytes())
}

/// Which end, in a word.
pub(super) const fn end(end: End) -> &'static str {
    match end {
        End::Source => "src",
        End::Destination => "dst",
    }
}

/// The approvals of a row: its one.
pub(super) fn approvals(notice: &Notice) -> String {
    let mut all = String::new();
    for under in &notice.approvals {
        let gap = if all.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(all, "{gap}{}", under.id);
    }
    all
}

/// A time of nanoseconds since 1970 by a format of [`jiff::fmt::strtime`], in UTC.
pub(super) fn time(format: &str, unix_ns: u64) -> String {
    let time = Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or(Timestamp::MAX);
    time.strftime(format).to_string()
}
