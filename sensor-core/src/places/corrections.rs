//! Corrections: what an engineer knows better than a registry.
//!
//! A line is `PREFIX PLACE`, or nothing, with a reason after `#`. A correction is not signed
//! by itself, so it may only take addresses out of what can be recorded, or make them
//! domestic; it may not make an address foreign. Addresses with a special purpose are used by
//! everybody and lie nowhere, unless an operator declares them as its own.

use ipnet::IpNet;
use thiserror::Error;

use super::{PlacesError, special, territory::Placed};
use crate::feeds::plain::{self, Shortest};

/// A correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The addresses.
    pub prefix: IpNet,
    /// Where they lie; never [`Placed::Foreign`].
    pub place: Placed,
    /// Its line, counted from 1.
    pub line: u32,
}

/// What is wrong with a correction.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Not UTF-8, or with control characters.
    #[error("not text")]
    NotText,
    /// The prefix.
    #[error(transparent)]
    Prefix(#[from] plain::Fault),
    /// Not two words.
    #[error("'{0}' is no correction; write: PREFIX PLACE # reason")]
    Form(String),
    /// No such place.
    #[error("'{0}' is no place for a correction; it may be domestic, unknown or excluded")]
    NoPlace(String),
    /// Foreign.
    #[error(
        "{0} may not be made foreign by a correction, which is not signed; it may be domestic, \
         unknown or excluded"
    )]
    Foreign(IpNet),
    /// A special-purpose prefix as domestic.
    #[error(
        "{prefix} lies in {around} ({name}, RFC {rfc}) and may not be made domestic; where an \
         operator uses it, declare it as that operator's own"
    )]
    Special {
        /// The prefix.
        prefix: IpNet,
        /// The entry it lies in.
        around: IpNet,
        /// What that is for.
        name: &'static str,
        /// The RFC that says so.
        rfc: u16,
    },
}

/// Decodes corrections; `file` is for messages.
///
/// # Errors
///
/// [`PlacesError::Corrections`] for the first line that is none.
pub fn decode(file: &str, bytes: &[u8]) -> Result<Vec<Correction>, PlacesError> {
    let mut corrections = Vec::new();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (line, content) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        let decoded = decode_line(content).map_err(|fault| PlacesError::Corrections {
            file: file.into(),
            line,
            fault,
        })?;
        if let Some((prefix, place)) = decoded {
            corrections.push(Correction {
                prefix,
                place,
                line,
            });
        }
    }
    Ok(corrections)
}

fn decode_line(line: &[u8]) -> Result<Option<(IpNet, Placed)>, Fault> {
    let text = plain::as_text(line).ok_or(Fault::NotText)?;
    let (content, _reason) = text.split_once('#').unwrap_or((text, ""));
    let mut words = content.split_whitespace();
    let Some(prefix) = words.next() else {
        return Ok(None);
    };
    let (Some(place), None) = (words.next(), words.next()) else {
        return Err(Fault::Form(content.trim().chars().take(60).collect()));
    };
    let prefix = plain::prefix(prefix, Shortest::ANY)?;
    let place = match Placed::of_name(place) {
        Some(Placed::Foreign) => return Err(Fault::Foreign(prefix)),
        Some(place) => place,
        None => return Err(Fault::NoPlace(place.chars().take(60).collect())),
    };
    match special::entry_around(prefix) {
        Some(entry) if place == Placed::Domestic => Err(Fault::Special {
            prefix,
            around: entry.prefix,
            name: entry.name,
            rfc: entry.rfc,
        }),
        _ => Ok(Some((prefix, place))),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn corrections_have_a_prefix_a_place_and_a_reason() {
        let text = "# ours\n\n1.0.16.0/20 domestic # moved\n10.0.0.0/8 excluded\r\n2400::/12\tunknown# why\n0.0.0.0/0 domestic\n";
        let told: Vec<String> = (decode("c.txt", text.as_bytes()).unwrap().iter())
            .map(|c| format!("{} {} {}", c.line, c.prefix, c.place.name()))
            .collect();
        assert_eq!(
            told,
            [
                "3 1.0.16.0/20 domestic",
                "4 10.0.0.0/8 excluded",
                "5 2400::/12 unknown",
                "6 0.0.0.0/0 domestic"
            ]
        );
    }

    #[test]
    fn each_refusal_names_file_line_and_way_out() {
        let mut told = String::new();
        for line in [
            "1.0.0.0/8 foreign # they said so",
            "10.1.0.0/16 domestic",
            "fd00::/8 domestic",
            "1.0.0.1/8 domestic",
            "1.0.0.0/8",
            "1.0.0.0/8 domestic really",
            "1.0.0.0/8 Domestic",
            "here domestic",
        ] {
            let error = decode("c.txt", format!("\n{line}\n").as_bytes()).unwrap_err();
            let _ = writeln!(told, "{error}");
        }
        told.push_str(&decode("c.txt", b"\xff").unwrap_err().to_string());
        insta::assert_snapshot!(told, @r"
        c.txt: line 2: 1.0.0.0/8 may not be made foreign by a correction, which is not signed; it may be domestic, unknown or excluded
        c.txt: line 2: 10.1.0.0/16 lies in 10.0.0.0/8 (private use, RFC 1918) and may not be made domestic; where an operator uses it, declare it as that operator's own
        c.txt: line 2: fd00::/8 lies in fc00::/7 (unique local, RFC 4193) and may not be made domestic; where an operator uses it, declare it as that operator's own
        c.txt: line 2: '1.0.0.1/8' has bits beyond its length; write 1.0.0.0/8, or the address alone
        c.txt: line 2: '1.0.0.0/8' is no correction; write: PREFIX PLACE # reason
        c.txt: line 2: '1.0.0.0/8 domestic really' is no correction; write: PREFIX PLACE # reason
        c.txt: line 2: 'Domestic' is no place for a correction; it may be domestic, unknown or excluded
        c.txt: line 2: 'here' is neither an address nor a prefix
        c.txt: line 1: not text
        ");
    }
}
