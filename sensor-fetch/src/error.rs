//! What went wrong, with what, and the way out.

use std::fmt;

/// What went wrong, with what, and the way out: `URL: WHAT. ADVICE`.
///
/// No part of it has a secret: the URL is shown without its query, and what servers said is cut
/// and without control characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {what}{}. {advice}", Times(*attempts))]
pub struct Error {
    /// What was asked: a URL as it may be shown.
    pub url: String,
    /// The class of it, to act upon.
    pub kind: Kind,
    /// What happened.
    pub what: String,
    /// The way out.
    pub advice: String,
    /// How often it was tried; 0 where nothing was sent.
    pub attempts: u8,
}

/// Classes of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What was asked for cannot be asked: a URL, a credential, a certificate, a proxy.
    Endpoint,
    /// A host that is not on the list, asked for or redirected to.
    NotAllowed,
    /// No address for a name, no connection, or one that broke before the end.
    Connection,
    /// The certificate or the handshake.
    Tls,
    /// A time ran out: connecting, waiting for octets, or in all.
    Timeout,
    /// More than a limit allows: octets, headers, objects, pages.
    TooLarge,
    /// The server answered with another status than 200.
    Status(u16),
    /// A redirect that is not followed: too many, in a circle, from https to http, to no place.
    Redirect,
    /// What came is not HTTP, or contradicts itself.
    Protocol,
    /// "Not modified", though nothing was asked conditionally, or of another version.
    FalseNotModified,
    /// A page of TAXII or a file of MISP that is not one, or pages that do not end.
    Envelope,
    /// The file cannot be written.
    Io,
}

impl Kind {
    /// Whether the same request may succeed in a moment.
    pub(crate) fn passes(self) -> bool {
        match self {
            Self::Connection | Self::Timeout => true,
            Self::Status(status) => status == 429 || (500..600).contains(&status),
            Self::Endpoint
            | Self::NotAllowed
            | Self::Tls
            | Self::TooLarge
            | Self::Redirect
            | Self::Protocol
            | Self::FalseNotModified
            | Self::Envelope
            | Self::Io => false,
        }
    }
}

impl Error {
    pub(crate) fn new(
        url: &str,
        kind: Kind,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            url: url.to_owned(),
            kind,
            what: what.into(),
            advice: advice.into(),
            attempts: 0,
        }
    }
}

/// How often something was tried, where that is more than once.
struct Times(u8);

impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | 1 => Ok(()),
            times => write!(formatter, " ({times} attempts)"),
        }
    }
}

/// A text of a stranger as a message may show it: one line, and not much of it.
pub(crate) fn quoted(text: &str) -> String {
    const MOST: usize = 120;
    let mut shown: String = text
        .chars()
        .take(MOST)
        .map(|letter| {
            if letter.is_control() {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_was_asked_what_happened_and_the_way_out() {
        let mut error = Error::new("https://a.example/", Kind::Timeout, "is slow", "ask later");
        assert_eq!(error.to_string(), "https://a.example/: is slow. ask later");
        error.attempts = 3;
        assert_eq!(
            error.to_string(),
            "https://a.example/: is slow (3 attempts). ask later"
        );
    }

    #[test]
    fn what_strangers_say_stays_on_a_line() {
        assert_eq!(quoted("a\x1b[31m\nb"), "a\u{fffd}[31m\u{fffd}b");
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), 121);
    }
}
