//! What is set of a feed: `feed.toml` in its folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::{
    beside, capped,
    documents::{Time, field::Period},
    feeds::{decode::Options, format::Format, mapping::Mapping, merge::Decay, tally::Wanted},
};

/// The file, in the folder of its feed.
pub(super) const FILE: &str = "feed.toml";

/// Largest such file, in bytes.
const LARGEST: u64 = 1 << 16;

/// Nanoseconds in an hour: whoever asks Spamhaus more often is locked out.
const HOUR: u64 = 3_600_000_000_000;

/// How a source is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// One file by HTTP, or a file or folder of this machine.
    #[default]
    Plain,
    /// A collection of a TAXII 2.1 server.
    Taxii,
    /// The manifest of a MISP feed and the events it lists.
    Misp,
}

/// What is set of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedConfig {
    /// A URL, or the path of a file or folder.
    pub source: String,
    /// How it is asked.
    #[serde(default, skip_serializing_if = "is_plain")]
    pub protocol: Protocol,
    /// Id of the collection, for `taxii`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Its format; told from what it says without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Which columns or members say what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<String>,
    /// Lines with a lower count are left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub least_count: u64,
    /// Confidence below which an indicator is over.
    #[serde(default, skip_serializing_if = "is_none")]
    pub least_confidence: u8,
    /// Confidence of indicators of which the feed says none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsaid_confidence: Option<u8>,
    /// After which time half of a confidence is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_life: Option<Period>,
    /// How often it is pulled when it is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Period>,
    /// What is sent to be let in.
    #[serde(default, skip_serializing_if = "Access::is_none")]
    pub access: Access,
}

/// What is sent to be let in, and how the server is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Name for HTTP Basic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Header that the secret is sent in; `Authorization: Bearer` without it or a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// File with the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// Name of the secret among the credentials of systemd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// Certificate and key of this client, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_file: Option<PathBuf>,
    /// Certificates that the server's is held against, in PEM, instead of the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots_file: Option<PathBuf>,
    /// Proxy, as a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
}

impl Access {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_none(number: &u8) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_plain(protocol: &Protocol) -> bool {
    matches!(protocol, Protocol::Plain)
}

impl FeedConfig {
    /// Reads what is set.
    pub(super) fn read(folder: &Path) -> Result<Self, StoreError> {
        let file = folder.join(FILE);
        let text = capped::read_to_string(&file, LARGEST).map_err(StoreError::system(&file))?;
        let unclear = |reason: String| StoreError::Unclear {
            file: file.clone(),
            reason,
        };
        let config: Self = toml::from_str(&text).map_err(|error| unclear(told(&error, &text)))?;
        config.check().map_err(unclear)?;
        Ok(config)
    }

    /// Writes what is set.
    pub(super) fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let file = folder.join(FILE);
        let failed = StoreError::system(&file);
        let text = toml::to_string(self).map_err(|error| failed(io::Error::other(error)))?;
        beside::replace(&file, &folder.join("feed.toml.new"), |out| {
            io::Write::write_all(out, text.as_bytes())
        })
        .map_err(failed)
    }

    /// Whether it is reached over a network.
    pub fn is_remote(&self) -> bool {
        ["http://", "https://"].iter().any(|scheme| {
            (self.source.get(..scheme.len())).is_some_and(|s| s.eq_ignore_ascii_case(scheme))
        })
    }

    /// Refuses what contradicts itself, in words.
    pub fn check(&self) -> Result<(), String> {
        self.decoding("")?;
        let Access {
            user,
            header,
            secret_file,
            credential,
            ..
        } = &self.access;
        if !self.is_remote() {
            if self.source.contains("://") {
                let source = &self.source;
                return Err(format!(
                    "source '{source}' is neither http nor https, nor a path"
                ));
            }
            if self.protocol != Protocol::Plain || !self.access.is_none() {
                return Err("a file or folder has neither protocol nor access".into());
            }
            if !Path::new(&self.source).is_absolute() {
                return Err(format!("source '{}' is no absolute path", self.source));
            }
        }
        if (self.protocol == Protocol::Taxii) != self.collection.is_some() {
            return Err("protocol taxii and collection go together".into());
        }
        if secret_file.is_some() && credential.is_some() {
            return Err("the secret is in secret_file or credential, not both".into());
        }
        if (user.is_some() || header.is_some()) && secret_file.is_none() && credential.is_none() {
            return Err("user and header need a secret: name secret_file or credential".into());
        }
        if user.is_some() && header.is_some() {
            return Err("the secret is sent for a user or in a header, not both".into());
        }
        if self.least_confidence > 100 || self.unsaid_confidence.is_some_and(|n| n > 100) {
            return Err("a confidence is from 0 to 100".into());
        }
        let least = self.least_pause();
        if let Some(every) = self.every.filter(|every| span(*every) < least) {
            return Err(format!(
                "every {every} is too often: {} asks for an hour at least between two pulls; \
                 write PT1H",
                self.source
            ));
        }
        Ok(())
    }

    /// Nanoseconds that lie between two pulls at least.
    pub fn least_pause(&self) -> u64 {
        let rest = self.source.split_once("://").map_or("", |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or("");
        let host = host.split(':').next().unwrap_or("").to_ascii_lowercase();
        let is_spamhaus = host == "spamhaus.org" || host.ends_with(".spamhaus.org");
        let is_drop = matches!(
            self.format.as_deref().map(str::parse),
            Some(Ok(Format::SpamhausDrop | Format::SpamhausDropJson))
        );
        let asks = self.is_remote() && (is_spamhaus || is_drop);
        if asks { HOUR } else { 0 }
    }

    /// When it is due again after it was looked at; never by itself where it is not said how
    /// often.
    pub fn due(&self, checked: Time) -> Time {
        self.every.map_or(Time::MAX, |every| {
            Time(checked.0.saturating_add(span(every)))
        })
    }

    /// How it is decoded.
    pub fn decoding(&self, name: &str) -> Result<Options, String> {
        let format: Option<Format> = match &self.format {
            None => None,
            Some(format) => Some(format.parse().map_err(|error| format!("format: {error}"))?),
        };
        let mapping: Option<Mapping> = match &self.map {
            None => None,
            Some(map) => Some(map.parse().map_err(|error| format!("map: {error}"))?),
        };
        Ok(Options {
            format,
            mapping,
            least_count: self.least_count,
            name: name.into(),
        })
    }

    /// By what it is judged.
    pub const fn wanted(&self, now: Time) -> Wanted {
        Wanted {
            now: Some(now),
            // What is unsure decays, and may be sure again.
            least_confidence: 0,
        }
    }

    /// How its confidence decays.
    pub fn decay(&self) -> Decay {
        Decay {
            half_life: self.half_life.map_or(0, span),
            unsaid: self.unsaid_confidence.unwrap_or(Decay::NEVER.unsaid),
            least: self.least_confidence,
        }
    }

    /// The folder or file it comes from, where it does.
    pub fn path(&self) -> Option<&Path> {
        (!self.is_remote()).then(|| Path::new(&self.source))
    }
}

/// Nanoseconds of a period, from a year without a leap day on.
fn span(period: Period) -> u64 {
    // 2026-01-01.
    let begin = Time(1_767_225_600_000_000_000);
    period.from(begin).0.saturating_sub(begin.0)
}

/// What is wrong with a text of TOML, with its line, without the picture of it.
fn told(error: &toml::de::Error, text: &str) -> String {
    let begin = error.span().map_or(0, |span| span.start);
    let line = text
        .get(..begin)
        .map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

/// Whether a name is one for a feed: it is a folder's too.
pub fn is_name(name: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(is_fine)
}

/// Whether a folder holds a feed.
pub(super) fn is_there(folder: &Path) -> bool {
    fs::symlink_metadata(folder.join(FILE)).is_ok_and(|there| there.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<FeedConfig, String> {
        let config: FeedConfig = toml::from_str(text).map_err(|error| told(&error, text))?;
        config.check().map(|()| config)
    }

    #[test]
    fn what_contradicts_itself_is_refused_in_words() {
        for (text, says) in [
            ("sauce = 1\n", "line 1: unknown field `sauce`"),
            ("source = \"feed.txt\"\n", "'feed.txt' is no absolute path"),
            (
                "source = \"ftp://x/\"\n",
                "'ftp://x/' is neither http nor https",
            ),
            (
                "source = \"/x\"\nprotocol = \"misp\"\n",
                "a file or folder has neither",
            ),
            (
                "source = \"https://x/\"\nprotocol = \"taxii\"\n",
                "go together",
            ),
            ("source = \"/x\"\nformat = \"xml\"\n", "format: "),
            ("source = \"/x\"\nmap = \"what=1\"\n", "map: "),
            (
                "source = \"https://x/\"\n[access]\nuser = \"u\"\n",
                "need a secret",
            ),
            (
                "source = \"https://x/\"\n[access]\ncredential = \"c\"\nsecret_file = \"/s\"\n",
                "not both",
            ),
            ("source = \"/x\"\nleast_confidence = 101\n", "from 0 to 100"),
            (
                "source = \"https://www.spamhaus.org/drop/drop.txt\"\nevery = \"PT59M\"\n",
                "an hour at least",
            ),
            (
                "source = \"https://mirror/drop\"\nformat = \"spamhaus-drop\"\nevery = \"PT1M\"\n",
                "an hour at least",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let text = "source = \"HTTPS://www.spamhaus.org:443/drop.txt\"\nevery = \"PT6H\"\n\
                    half_life = \"P30D\"\n\n[access]\nuser = \"u\"\nsecret_file = \"/s\"\n";
        let config = read(text).unwrap();
        assert_eq!(config.least_pause(), HOUR);
        assert_eq!(config.due(Time(5)), Time(5 + 6 * HOUR));
        assert_eq!(config.decay().half_life, 30 * 24 * HOUR);
        let folder = tempfile::tempdir().unwrap();
        config.write(folder.path()).unwrap();
        assert_eq!(FeedConfig::read(folder.path()).unwrap(), config);
        assert!(is_there(folder.path()));
    }

    #[test]
    fn a_name_is_that_of_a_folder() {
        for good in ["feodo", "a", "x-1"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "..", "a/b", "A", "-x", "x.y", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
