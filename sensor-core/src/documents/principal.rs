//! Who signs: a role and a name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a signer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Asks for recording.
    Requester,
    /// Approves it: the independent body.
    Overseer,
    /// Consents to watching its own prefixes.
    Operator,
    /// Runs the sensor; may stop it.
    Carrier,
    /// Checks on the overseers' behalf.
    Inspector,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Requester,
        Self::Overseer,
        Self::Operator,
        Self::Carrier,
        Self::Inspector,
    ];

    /// The name in principals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Overseer => "overseer",
            Self::Operator => "operator",
            Self::Carrier => "carrier",
            Self::Inspector => "inspector",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A role and a name, `role/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Principal {
    /// What it is.
    pub role: Role,
    /// Which one: lower-case letters, digits, `-` and `.`, beginning with a letter or digit.
    pub name: String,
}

/// A text is no principal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoPrincipal {
    /// A pattern.
    #[error("'{0}' has a wildcard; a principal is one role and one name")]
    Wildcard(String),
    /// Of another form.
    #[error(
        "'{0}' is no principal: write ROLE/NAME with one of the roles requester, overseer, \
         operator, carrier, inspector, and a name of lower-case letters, digits, '-' and '.'"
    )]
    Form(String),
}

/// Whether a text may be the name of a principal, an operator or a sensor.
pub(super) fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=64).contains(&text.len())
        && text.bytes().next().is_some_and(is_plain)
        && text
            .bytes()
            .all(|byte| is_plain(byte) || b"-.".contains(&byte))
}

impl Principal {
    /// As in the names of signature files: `role_name`.
    pub fn in_file_names(&self) -> String {
        format!("{}_{}", self.role, self.name)
    }

    /// The principal of the end of a signature file's name.
    pub fn of_file_name(text: &str) -> Result<Self, NoPrincipal> {
        match text.split_once('_') {
            Some((role, name)) => format!("{role}/{name}").parse(),
            None => Err(NoPrincipal::Form(text.into())),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.role, self.name)
    }
}

impl FromStr for Principal {
    type Err = NoPrincipal;

    fn from_str(text: &str) -> Result<Self, NoPrincipal> {
        if text.contains(['*', '?', '!']) {
            return Err(NoPrincipal::Wildcard(text.into()));
        }
        let read = text.split_once('/').and_then(|(role, name)| {
            let role = Role::ALL.into_iter().find(|known| known.name() == role)?;
            let name = is_name(name).then(|| name.to_owned())?;
            Some(Self { role, name })
        });
        read.ok_or_else(|| NoPrincipal::Form(text.into()))
    }
}

impl From<Principal> for String {
    fn from(principal: Principal) -> Self {
        principal.to_string()
    }
}

impl TryFrom<String> for Principal {
    type Error = NoPrincipal;

    fn try_from(text: String) -> Result<Self, NoPrincipal> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_is_read_as_it_is_written_also_from_the_name_of_a_file() {
        for role in Role::ALL {
            let principal = Principal {
                role,
                name: "a-1.b".into(),
            };
            assert_eq!(principal.to_string().parse(), Ok(principal.clone()));
            let in_file = principal.in_file_names();
            assert_eq!(in_file, format!("{role}_a-1.b"));
            assert_eq!(Principal::of_file_name(&in_file), Ok(principal));
        }
    }

    #[test]
    fn what_is_no_principal_is_refused_and_a_wildcard_by_its_name() {
        let long = format!("overseer/{}", "a".repeat(65));
        for text in [
            "",
            "overseer",
            "overseer/",
            "/a",
            "judge/a",
            "overseer/A",
            "overseer/a b",
            "overseer/a/b",
            "overseer/-a",
            "overseer/a_b",
            "Overseer/a",
            &long,
        ] {
            assert_eq!(
                text.parse::<Principal>(),
                Err(NoPrincipal::Form(text.into()))
            );
        }
        for text in ["overseer/*", "*", "overseer/a?", "!overseer/a"] {
            let refused = Err(NoPrincipal::Wildcard(text.into()));
            assert_eq!(text.parse::<Principal>(), refused);
        }
        assert!(
            format!("overseer/{}", "a".repeat(64))
                .parse::<Principal>()
                .is_ok()
        );
    }
}
