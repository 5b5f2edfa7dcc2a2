//! Refusals: which rule failed, and which document holds it.

use std::fmt;

use serde::{Serialize, Serializer};

/// Why a document, or recording itself, is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refusal {
    /// The file that is refused; empty where it is recording itself.
    pub file: String,
    /// The rule that failed.
    #[serde(serialize_with = "by_name")]
    pub rule: Rule,
    /// One sentence: what is wrong, which document holds the rule, and the way out.
    pub text: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}: ", self.file)?;
        }
        f.write_str(&self.text)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn by_name<S: Serializer>(rule: &Rule, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(rule.name())
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $rule:ident = $name:literal,)+) => {
        /// Rules of the gate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[doc = $doc])+ $rule,)+
        }

        impl Rule {
            /// All of them, in their order.
            pub const ALL: &[Self] = &[$(Self::$rule,)+];

            /// The name in output.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$rule => $name,)+
                }
            }
        }
    };
}

rules! {
    /// The file is no document.
    Form = "form",
    /// The file of a signature has no principal in its name, or no document beside it.
    SignatureName = "signature-name",
    /// The file of a signature holds something else or something more.
    SignatureForm = "signature-form",
    /// The signature does not fit the bytes.
    Forged = "forged",
    /// The signature is for another kind of document.
    Namespace = "namespace",
    /// Nobody in the keyring has this key.
    UnknownKey = "unknown-key",
    /// The key is somebody else's.
    OtherPrincipal = "other-principal",
    /// The key may not sign documents of this kind.
    KeyNamespace = "key-namespace",
    /// The key was not yet, or no longer valid when the signature arrived.
    KeyDates = "key-dates",
    /// A hardware key was not touched.
    Touch = "touch",
    /// Who signed may not sign this.
    Role = "role",
    /// Too few signatures of distinct keys and names.
    TooFew = "too-few",
    /// A number that was passed, or that leaps.
    Number = "number",
    /// Not the keyring that the sensor was set up with, or that follows the one in force.
    Chain = "chain",
    /// The keys are not there, or not as they may be.
    Signers = "signers",
    /// A keyring or policy that nobody could fulfil.
    Unfulfillable = "unfulfillable",
    /// Something it needs is not there yet.
    Waits = "waits",
    /// The feed has other bytes.
    FeedBytes = "feed-bytes",
    /// The feed gives other indicators, or cannot be read.
    FeedSet = "feed-set",
    /// Not as its parent.
    Parent = "parent",
    /// The id is taken.
    Id = "id",
    /// For other sensors.
    Sensor = "sensor",
    /// A condition wider than the request.
    Condition = "condition",
    /// Longer than the policy allows.
    OverLong = "over-long",
    /// An indicator broader than the policy allows.
    OverBroad = "over-broad",
    /// Kept longer than the policy allows.
    Retention = "retention",
    /// An indicator in excluded space.
    Excluded = "excluded",
    /// An indicator in domestic space.
    Domestic = "domestic",
    /// The request was refused.
    Refused = "refused",
    /// Another approval answered the request.
    Twice = "twice",
    /// Prefixes that are not the operator's.
    Unbound = "unbound",
    /// No consent of the operator is in force.
    NoConsent = "no-consent",
    /// Its time has passed.
    Ended = "ended",
    /// Its time has not come.
    NotYet = "not-yet",
    /// It was revoked or withdrawn.
    Revoked = "revoked",
    /// A key that signed it has left.
    KeyLeft = "key-left",
    /// It was stopped.
    Stopped = "stopped",
    /// No standing is in force.
    NoStanding = "no-standing",
    /// The standing names something else than is here.
    StandingOther = "standing-other",
    /// The territory is too old.
    TerritoryAge = "territory-age",
    /// A document that was here is missing.
    Missing = "missing",
    /// The clock is behind what was logged.
    Clock = "clock",
    /// The log of arrivals does not fit.
    Journal = "journal",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), Rule::ALL.len());
    }

    #[test]
    fn a_refusal_names_its_file_where_it_has_one() {
        let mut refusal = Refusal {
            file: "a.toml".into(),
            rule: Rule::Number,
            text: "it is passed".into(),
        };
        assert_eq!(refusal.to_string(), "a.toml: it is passed");
        let json = serde_json::to_string(&refusal).unwrap();
        assert_eq!(
            json,
            r#"{"file":"a.toml","rule":"number","text":"it is passed"}"#
        );
        refusal.file.clear();
        assert_eq!(refusal.to_string(), "it is passed");
    }
}
