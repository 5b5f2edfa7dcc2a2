//! Documents as they are read: one file, one kind, one number, one meaning.
//!
//! A document is what its bytes are, and its name is their SHA-256; nothing is written again
//! before it is compared or verified. What is said twice, or not known here, is refused: a
//! condition that is passed over would widen what was signed.

mod approval;
mod keyring;
mod others;
mod policy;
mod request;

use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

pub use self::{
    approval::{Answer, Approval, Conditions},
    keyring::{Bound, Keyring, Sensor},
    others::{
        Alone, Consent, Exclusion, Finding, FindingKind, Lift, Revocation, Standing, Step, Stop,
    },
    policy::{Policy, ShortestPrefix},
    request::{
        Asked, Evidence, Feed, Format, Interface, Mapping, Request, Severity, Tunnel, TunnelType,
    },
};
use super::{Digest, Kind};
use crate::places::{PlacesError, Territory, territory};

/// Largest document that is read, in bytes; a territory may have more.
pub const LARGEST: u64 = 64 << 20;

/// A document.
#[derive(Clone, Debug)]
pub struct Paper {
    /// The name of its file.
    pub file: String,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// Its number.
    pub number: u64,
    /// What it says.
    pub body: Body,
}

/// What a document says.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is its kind")]
pub enum Body {
    Keyring(Keyring),
    Policy(Policy),
    Territory(Arc<Territory>),
    Exclusion(Exclusion),
    Revocation(Revocation),
    Stop(Stop),
    Lift(Lift),
    Consent(Consent),
    Request(Arc<Request>),
    Approval(Approval),
    Standing(Standing),
    Finding(Finding),
}

/// A file is no document.
#[derive(Debug, Error)]
pub enum PaperError {
    /// Not as a document of its kind is written.
    #[error("{file} line {line}: {text}")]
    Line {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        text: String,
    },
    /// Too large.
    #[error("{file}: {size} bytes; a document has {LARGEST} at most")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size.
        size: usize,
    },
    /// A territory that cannot be read.
    #[error(transparent)]
    Territory(#[from] PlacesError),
}

/// What is wrong with a document as a whole, and the key where it shows.
#[derive(Debug)]
pub(crate) struct Fault {
    key: &'static str,
    text: String,
}

impl Fault {
    pub(crate) fn at(key: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { key, text }
    }
}

#[derive(Deserialize)]
struct Header {
    kind: toml::Spanned<String>,
}

impl Paper {
    /// Reads a document; `file` is for messages.
    pub fn read(file: &str, bytes: &Arc<[u8]>) -> Result<Self, PaperError> {
        let size = bytes.len();
        let is_within = |cap: u64| u64::try_from(size).is_ok_and(|size| size <= cap);
        let too_large = || PaperError::TooLarge {
            file: file.into(),
            size,
        };
        if !is_within(territory::LARGEST) {
            return Err(too_large());
        }
        let text = str::from_utf8(bytes).map_err(|error| {
            let line = line_of_byte(bytes, error.valid_up_to());
            fault(file, line, "not text: a document is UTF-8")
        })?;
        let reader = Reader { file, text };
        let kind = reader.kind()?;
        if kind != Kind::Territory && !is_within(LARGEST) {
            return Err(too_large());
        }
        let (number, body) = reader.body(kind)?;
        Ok(Self {
            file: file.into(),
            digest: Digest::of(bytes),
            bytes: bytes.clone(),
            number,
            body,
        })
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match &self.body {
            Body::Keyring(_) => Kind::Keyring,
            Body::Policy(_) => Kind::Policy,
            Body::Territory(_) => Kind::Territory,
            Body::Exclusion(_) => Kind::Exclusion,
            Body::Revocation(_) => Kind::Revocation,
            Body::Stop(_) => Kind::Stop,
            Body::Lift(_) => Kind::Lift,
            Body::Consent(_) => Kind::Consent,
            Body::Request(_) => Kind::Request,
            Body::Approval(_) => Kind::Approval,
            Body::Standing(_) => Kind::Standing,
            Body::Finding(_) => Kind::Finding,
        }
    }
}

/// The text of a document that was made here.
///
/// # Errors
///
/// What cannot be read again as it was meant.
pub fn write(document: &impl Serialize) -> Result<String, PaperError> {
    let text = toml::to_string(document).map_err(|error| fault("document", 1, &error))?;
    Paper::read("document", &text.as_bytes().into())?;
    Ok(text)
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn kind(&self) -> Result<Kind, PaperError> {
        let Header { kind } = toml::from_str(self.text).map_err(|error| self.not_toml(&error))?;
        Kind::of_name(kind.get_ref()).ok_or_else(|| {
            let line = line_of_byte(self.text.as_bytes(), kind.span().start);
            let shown: String = kind.get_ref().chars().take(32).collect();
            let kinds = Kind::ALL.map(Kind::name).join(", ");
            let text = format!("'{shown}' is no kind of document; there are {kinds}");
            fault(self.file, line, &text)
        })
    }

    fn body(&self, kind: Kind) -> Result<(u64, Body), PaperError> {
        Ok(match kind {
            Kind::Keyring => {
                let read = self.read(Keyring::check)?;
                (read.number.0, Body::Keyring(read))
            }
            Kind::Policy => {
                let read = self.read(Policy::check)?;
                (read.number.0, Body::Policy(read))
            }
            Kind::Territory => {
                let read = Territory::read(self.file, self.text.as_bytes())?;
                (read.number, Body::Territory(Arc::new(read)))
            }
            Kind::Exclusion => {
                let read = self.read(Exclusion::check)?;
                (read.number.0, Body::Exclusion(read))
            }
            Kind::Revocation => {
                let read: Revocation = self.read(|_| Ok(()))?;
                (read.number.0, Body::Revocation(read))
            }
            Kind::Stop => {
                let read: Stop = self.read(|_| Ok(()))?;
                (read.number.0, Body::Stop(read))
            }
            Kind::Lift => {
                let read: Lift = self.read(|_| Ok(()))?;
                (read.number.0, Body::Lift(read))
            }
            Kind::Consent => {
                let read = self.read(Consent::check)?;
                (read.number.0, Body::Consent(read))
            }
            Kind::Request => {
                let read = self.read(Request::check)?;
                (read.number.0, Body::Request(Arc::new(read)))
            }
            Kind::Approval => {
                let read = self.read(Approval::check)?;
                (read.number.0, Body::Approval(read))
            }
            Kind::Standing => {
                let read = self.read(Standing::check)?;
                (read.number.0, Body::Standing(read))
            }
            Kind::Finding => {
                let read = self.read(Finding::check)?;
                (read.number.0, Body::Finding(read))
            }
        })
    }

    fn read<T: DeserializeOwned>(
        &self,
        check: impl FnOnce(&T) -> Result<(), Fault>,
    ) -> Result<T, PaperError> {
        let read: T = toml::from_str(self.text).map_err(|error| self.not_toml(&error))?;
        check(&read).map_err(|Fault { key, text }| fault(self.file, self.line_of(key), &text))?;
        Ok(read)
    }

    fn not_toml(&self, error: &toml::de::Error) -> PaperError {
        let at = error.span().map_or(0, |span| span.start);
        let line = line_of_byte(self.text.as_bytes(), at);
        let text = error.message().lines().collect::<Vec<_>>().join(", ");
        fault(self.file, line, &text)
    }

    /// The first line that has a key, or a table of its name; 1 where none has.
    fn line_of(&self, key: &str) -> usize {
        let has = |line: &str| {
            let line = line.trim_start_matches(['[', ' ', '\t']);
            line.strip_prefix(key).is_some_and(|rest| {
                let rest = rest.trim_start();
                rest.starts_with('=') || rest.starts_with(']') || rest.starts_with('.')
            })
        };
        self.text.lines().position(has).map_or(1, |line| line + 1)
    }
}

fn line_of_byte(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or(bytes);
    before.split(|&byte| byte == b'\n').count()
}

fn fault(file: &str, line: usize, text: &(impl ToString + ?Sized)) -> PaperError {
    PaperError::Line {
        file: file.into(),
        line,
        text: text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOP: &str = "kind = \"stop\"\nnumber = 7\nreason = \"a complaint\"\n";

    fn refused(text: &str) -> String {
        let read = Paper::read("a.toml", &text.as_bytes().into());
        read.map(|paper| paper.digest).unwrap_err().to_string()
    }

    #[test]
    fn what_is_drafted_is_read_again_as_it_was_meant() {
        let paper = Paper::read("a.toml", &STOP.as_bytes().into()).unwrap();
        let Body::Stop(stop) = &paper.body else {
            panic!("{paper:?}");
        };
        assert_eq!((paper.kind(), paper.number), (Kind::Stop, 7));
        assert_eq!(write(stop).unwrap(), STOP);
        let mut nothing = stop.clone();
        nothing.kind = "lift".into();
        assert!(write(&nothing).is_err());
    }

    #[test]
    fn a_step_is_told_as_it_is_written() {
        for (step, rest) in [
            (
                Step::Found,
                "finding = \"notice\"\nconcerns = \"R-1\"\npublic = \"too long\"\n",
            ),
            (Step::Answered, "of = \"0\"\nanswer = \"deleted\"\n"),
            (Step::Closed, "of = \"0\"\npublic = \"deleted\"\n"),
        ] {
            let text = format!(
                "kind = \"finding\"\nnumber = 1\nstep = \"{}\"\nat = \"2026-11-22T10:00:00Z\"\n{}",
                step.name(),
                rest.replace("\"0\"", &format!("\"{}\"", "0".repeat(64))),
            );
            let paper = Paper::read("a.toml", &text.as_bytes().into()).unwrap();
            assert!(matches!(&paper.body, Body::Finding(finding) if finding.step == step));
        }
    }

    /// A territory has a cap of its own.
    #[test]
    fn a_document_that_is_no_territory_is_no_larger_than_the_largest() {
        // One remark, since many lines take long to read.
        let more = usize::try_from(LARGEST).unwrap() + 1 - STOP.len();
        assert_eq!(
            refused(&format!("{STOP}{}", "#".repeat(more))),
            "a.toml: 67108865 bytes; a document has 67108864 at most"
        );
    }

    #[test]
    fn a_fault_is_told_with_its_line() {
        let bad = STOP.replace('7', "0");
        assert_eq!(
            refused(&bad),
            "a.toml line 2: documents are numbered from 1"
        );
        let bad = STOP.replace("reason", "raison");
        assert!(
            refused(&bad).starts_with("a.toml line 3: unknown field"),
            "{}",
            refused(&bad)
        );
        let bad = STOP.replace("stop", "halt");
        assert!(refused(&bad).starts_with("a.toml line 1: 'halt' is no kind"));
        assert!(refused("number = 1\n").contains("missing field `kind`"));
        let keyring =
            "kind = \"keyring\"\nnumber = 1\n\nallowed_signers = \"HASH\"\noverseers = 0\n";
        let keyring = keyring.replace("HASH", &Digest::of(b"").to_string());
        assert!(refused(&keyring).starts_with("a.toml line 5: overseers is 0"));
        let twice = keyring.replace("= 0", "= 1")
            + "\n[[sensor]]\nname = \"a\"\nlog_key = \"KEY\"\n[[sensor]]\nname = \"a\"\nlog_key = \"KEY\"\n";
        let twice = twice.replace("KEY", &format!("SHA256:{}", "A".repeat(43)));
        assert!(
            refused(&twice).starts_with("a.toml line 7: a is named twice"),
            "{}",
            refused(&twice)
        );
        let bytes: Arc<[u8]> = b"kind = \"stop\"\n\xff"[..].into();
        let error = Paper::read("a.toml", &bytes).unwrap_err().to_string();
        assert_eq!(error, "a.toml line 2: not text: a document is UTF-8");
    }
}
