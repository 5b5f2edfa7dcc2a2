//! Plain lists that place addresses: exclusions, and prefixes of one place.
//!
//! The format is that of feeds, but a bad line refuses the list: an exclusion lost would
//! record somebody.

use ipnet::IpNet;

use super::{Exclusion, PlacesError};
use crate::feeds::plain::{self, Shortest};

/// Decodes a list into prefixes with their lines, counted from 1; `file` is for messages.
///
/// # Errors
///
/// [`PlacesError::List`] for the first line that is no address or prefix, and
/// [`PlacesError::EmptyList`].
pub fn decode(file: &str, bytes: &[u8]) -> Result<Vec<(IpNet, u32)>, PlacesError> {
    let plain::Decoded { prefixes, bad, .. } = plain::decode(bytes, Shortest::ANY);
    if let Some(first) = bad.into_iter().next() {
        return Err(PlacesError::List {
            file: file.into(),
            bad: first,
        });
    }
    if prefixes.is_empty() {
        return Err(PlacesError::EmptyList { file: file.into() });
    }
    Ok(prefixes.iter().collect())
}

/// Decodes a list of exclusions; `file` is where they say they come from.
///
/// # Errors
///
/// As [`decode`].
pub fn exclusions(file: &str, bytes: &[u8]) -> Result<Vec<Exclusion>, PlacesError> {
    let prefixes = decode(file, bytes)?;
    let exclusion = |(prefix, line)| Exclusion {
        prefix,
        source: file.into(),
        line,
    };
    Ok(prefixes.into_iter().map(exclusion).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_line_refuses_the_list() {
        let error = exclusions("never.txt", b"192.0.2.0/24\n\n192.0.2.300\n").unwrap_err();
        insta::assert_snapshot!(error, @"never.txt: line 3: '192.0.2.300' is neither an address nor a prefix; a list that places addresses is refused for one bad line: mend it");
        let error = exclusions("never.txt", b"# nothing\n").unwrap_err();
        insta::assert_snapshot!(error, @"never.txt: has no prefixes; if that is meant, leave the file out");
    }

    #[test]
    fn exclusions_keep_their_lines() {
        let exclusions = exclusions("never.txt", b"# ours\n0.0.0.0/0\n2001:db8::1\n").unwrap();
        let told: Vec<String> = (exclusions.iter())
            .map(
                |Exclusion {
                     prefix,
                     source,
                     line,
                 }| format!("{prefix} {source}:{line}"),
            )
            .collect();
        assert_eq!(
            told,
            ["0.0.0.0/0 never.txt:2", "2001:db8::1/128 never.txt:3"]
        );
    }
}
