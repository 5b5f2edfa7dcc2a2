//! The kinds of documents, each with a signature namespace of its own.

use serde::{Deserialize, Serialize};

/// What a document is.
///
/// The order is the one in which documents that arrive together are read: what others are
/// judged by comes first, and what ends something before what begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Whose keys count.
    Keyring,
    /// What an approval may be.
    Policy,
    /// Which addresses are domestic, foreign or unknown.
    Territory,
    /// Prefixes never recorded.
    Exclusion,
    /// Ends an approval or a consent.
    Revocation,
    /// Ends all recording, or that of an operator's own prefixes.
    Stop,
    /// Ends a stop.
    Lift,
    /// An operator consents to watching its own prefixes, or withdraws that.
    Consent,
    /// What is asked for.
    Request,
    /// What the overseers answered.
    Approval,
    /// That all this still stands.
    Standing,
    /// What an inspector found, what was answered, and that it is closed.
    Finding,
}

impl Kind {
    /// All of them, in their order.
    pub const ALL: [Self; 12] = [
        Self::Keyring,
        Self::Policy,
        Self::Territory,
        Self::Exclusion,
        Self::Revocation,
        Self::Stop,
        Self::Lift,
        Self::Consent,
        Self::Request,
        Self::Approval,
        Self::Standing,
        Self::Finding,
    ];

    /// The name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::Policy => "policy",
            Self::Territory => "territory",
            Self::Exclusion => "exclusion",
            Self::Revocation => "revocation",
            Self::Stop => "stop",
            Self::Lift => "lift",
            Self::Consent => "consent",
            Self::Request => "request",
            Self::Approval => "approval",
            Self::Standing => "standing",
            Self::Finding => "finding",
        }
    }

    /// The kind with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The namespace of its signatures: `ssh-keygen -Y sign -n NAMESPACE`.
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::Keyring => "sekisho-keyring",
            Self::Policy => "sekisho-policy",
            Self::Territory => "sekisho-territory",
            Self::Exclusion => "sekisho-exclusion",
            Self::Revocation => "sekisho-revocation",
            Self::Stop => "sekisho-stop",
            Self::Lift => "sekisho-lift",
            Self::Consent => "sekisho-consent",
            Self::Request => "sekisho-request",
            Self::Approval => "sekisho-approval",
            Self::Standing => "sekisho-standing",
            Self::Finding => "sekisho-finding",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_name_its_namespace_and_its_place() {
        assert!(Kind::ALL.is_sorted());
        for kind in Kind::ALL {
            assert_eq!(Kind::of_name(kind.name()), Some(kind));
            assert_eq!(kind.namespace(), format!("sekisho-{}", kind.name()));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{}\"", kind.name()));
        }
        assert_eq!(Kind::of_name("warrant"), None);
    }
}
