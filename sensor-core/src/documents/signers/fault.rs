//! Why an `allowed_signers` file is refused.

use thiserror::Error;

use super::{
    super::{NoKey, NoPrincipal, Role},
    MAX_SIGNERS,
};

/// A file is refused at a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {fault}")]
pub struct SignersError {
    /// Which one, from 1.
    pub line: u32,
    /// The rule that it breaks.
    #[source]
    pub fault: SignersFault,
}

/// The rule that a line breaks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignersFault {
    /// Longer than any file.
    #[error("the file has more than {MAX_SIGNERS} bytes; take out what no longer counts")]
    TooLong,
    /// Not text.
    #[error("the line is not UTF-8; write it in UTF-8")]
    NoUtf8,
    /// Characters that nobody sees, tabulators and the ends of lines of other systems too.
    #[error(
        "the line has the control character U+{:04X}; part fields by spaces, end lines with LF",
        *.0
    )]
    Control(u32),
    /// Parts are missing.
    #[error("the line is not whole; write PRINCIPALS namespaces=\"...\" KEYTYPE BASE64")]
    Fields,
    /// Quotes around or in the principals.
    #[error("quotes in the principals; no principal needs them, so leave them out")]
    Quoted,
    /// A principal that is none, or a pattern.
    #[error(transparent)]
    Principal(#[from] NoPrincipal),
    /// The line counts for everything.
    #[error("the line has no namespaces; say what the key may sign: namespaces=\"sekisho-...\"")]
    NoNamespaces,
    /// A pattern.
    #[error("the namespace '{0}' has a wildcard; write out each namespace")]
    NamespaceWildcard(String),
    /// Of no document.
    #[error("there is no namespace '{0}'; it is sekisho- and a kind of document")]
    Namespace(String),
    /// Certificates.
    #[error("cert-authority is not taken; write each key on a line of its own")]
    Authority,
    /// An option that there is not.
    #[error("unknown option '{0}'; there are namespaces, valid-after and valid-before")]
    Option(String),
    /// An option without quotes, or with others inside.
    #[error("the option '{0}' is not written as NAME=\"VALUE\", without \\ or \" in the value")]
    OptionForm(String),
    /// An option given again.
    #[error("the option {0} stands twice; write it once")]
    OptionTwice(&'static str),
    /// A date in the zone of whoever reads it.
    #[error("the date '{0}' has to end with Z: it is written in UTC, as 20261201Z")]
    Zone(String),
    /// A date that there is not.
    #[error(
        "'{0}' is no date between 1970 and 2554; write YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ"
    )]
    Date(String),
    /// It would never count.
    #[error("valid-before is not later than valid-after; the key would never count")]
    Order,
    /// A key that is not taken.
    #[error(transparent)]
    Key(#[from] NoKey),
    /// The key of an overseer is that of another role.
    #[error("{second} has the key {key} of {first}; an overseer's key is of no other role")]
    OverseerKey {
        /// Its fingerprint.
        key: String,
        /// Whose it was on the lines before, or before on the line.
        first: String,
        /// Whose it is too.
        second: String,
    },
    /// The name of an overseer is that of another role.
    #[error("'{name}' is overseer and {other}; an overseer has no other role")]
    OverseerName {
        /// Behind the role.
        name: String,
        /// What it is too.
        other: Role,
    },
}
