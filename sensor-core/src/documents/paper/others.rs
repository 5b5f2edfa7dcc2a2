//! The short documents: exclusion, consent, revocation, stop, lift, standing, finding.

use serde::{Deserialize, Serialize};

use super::{
    Fault,
    request::{Asked, Feed, Interface, each_once},
};
use crate::documents::{
    Digest, Time,
    field::{FieldNames, Name, Number, Period, Prefix, Text},
};

/// Prefixes never recorded, by k of n overseers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// `exclusion`.
    pub kind: String,
    /// Its number.
    pub number: Number,
    /// Why.
    pub reason: Text,
    /// Earlier exclusions that it takes the place of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<Digest>,
    /// The prefixes; there are none where it only takes the place of others.
    pub prefixes: Vec<Prefix>,
}

impl Exclusion {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if !self.replaces.is_empty() {
            each_once("replaces", &self.replaces)?;
        }
        if self.replaces.is_empty() || !self.prefixes.is_empty() {
            each_once("prefixes", &self.prefixes)?;
        }
        Ok(())
    }
}

/// An operator's consent to watching its own prefixes, or its withdrawal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// `consent`.
    pub kind: String,
    /// Its number among those of the operator.
    pub number: Number,
    /// The operator: the name in `operator/NAME`.
    pub operator: Name,
    /// Ends every lower number instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// Its prefixes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<Prefix>,
    /// First moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// First moment no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Interfaces.
    #[serde(default, rename = "interface", skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<Interface>,
    /// What is watched under the consent alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<Alone>,
}

/// What a consent that stands alone has recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alone {
    /// What records may say.
    pub fields: FieldNames,
    /// How long records are kept.
    pub retention: Period,
    /// Why it is necessary.
    pub necessity: Text,
    /// The indicators, one by one.
    #[serde(default, rename = "indicator", skip_serializing_if = "Vec::is_empty")]
    pub indicators: Vec<Asked>,
    /// The indicators, in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<Feed>,
}

impl Consent {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.withdrawn {
            let is_bare = self.prefixes.is_empty()
                && self.interfaces.is_empty()
                && self.alone.is_none()
                && (self.from, self.until) == (None, None);
            return if is_bare {
                Ok(())
            } else {
                let text = "a withdrawal ends every lower number, and says nothing else";
                Err(Fault::at("withdrawn", text))
            };
        }
        each_once("prefixes", &self.prefixes)?;
        each_once("interface", &self.interfaces)?;
        let term = match (self.from, self.until) {
            (Some(from), Some(until)) if from < until => (from, until),
            (Some(_), Some(_)) => return Err(Fault::at("until", "until is not after from")),
            _ => return Err(Fault::at("until", "a consent says from and until")),
        };
        for asked in self.alone.iter().flat_map(|alone| &alone.indicators) {
            let checked = asked.check(term);
            checked.map_err(|text| Fault::at("alone", text))?;
        }
        if let Some(alone) = &self.alone
            && alone.indicators.is_empty() == alone.feed.is_none()
        {
            let text = "indicators are inline or in a feed, one of the two";
            return Err(Fault::at("alone", text));
        }
        Ok(())
    }
}

/// Ends an approval or a consent: by an overseer, the carrier, or an operator for its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// `revocation`.
    pub kind: String,
    /// Its number.
    pub number: Number,
    /// SHA-256 of the approval or consent.
    pub revokes: Digest,
    /// Why.
    pub reason: Text,
}

/// Ends all recording; by an operator, that of its own prefixes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// `stop`.
    pub kind: String,
    /// Its number.
    pub number: Number,
    /// Why.
    pub reason: Text,
}

/// Ends a stop, by k of n overseers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lift {
    /// `lift`.
    pub kind: String,
    /// Its number.
    pub number: Number,
    /// SHA-256 of the stop.
    pub lifts: Digest,
    /// Why.
    pub reason: Text,
}

/// That all this still stands, by one overseer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// `standing`.
    pub kind: String,
    /// Its number.
    pub number: Number,
    /// First moment.
    pub from: Time,
    /// First moment no longer.
    pub until: Time,
    /// SHA-256 of the keyring.
    pub keyring: Digest,
    /// SHA-256 of the policy.
    pub policy: Digest,
    /// SHA-256 of the territory.
    pub territory: Digest,
    /// SHA-256 of each exclusion in force.
    pub exclusions: Vec<Digest>,
    /// SHA-256 of every approval and consent that was revoked.
    pub revoked: Vec<Digest>,
}

impl Standing {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.from >= self.until {
            return Err(Fault::at("until", "until is not after from"));
        }
        for (key, list) in [("exclusions", &self.exclusions), ("revoked", &self.revoked)] {
            if !list.is_empty() {
                each_once(key, list)?;
            }
        }
        Ok(())
    }
}

/// What an inspector or overseer found, what was answered, or that it is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// `finding`.
    pub kind: String,
    /// Its number.
    pub number: Number,
    /// What was done.
    pub step: Step,
    /// When.
    pub at: Time,
    /// What it is, when found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<FindingKind>,
    /// What it concerns, when found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concerns: Option<Text>,
    /// SHA-256 of what was found, when answered or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Digest>,
    /// The answer, when answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Text>,
    /// What the public may read, when found or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Text>,
}

/// A step in the life of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// By inspector or overseer.
    Found,
    /// By whom it concerns.
    Answered,
    /// By inspector or overseer.
    Closed,
}

impl Step {
    /// The name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Answered => "answered",
            Self::Closed => "closed",
        }
    }
}

impl Finding {
    pub(super) fn check(&self) -> Result<(), Fault> {
        let says = (
            self.finding.is_some(),
            self.concerns.is_some(),
            self.of.is_some(),
            self.answer.is_some(),
            self.public.is_some(),
        );
        let (must, text) = match self.step {
            Step::Found => (
                (true, true, false, false, true),
                "found says finding, concerns and public, and nothing else",
            ),
            Step::Answered => (
                (false, false, true, true, false),
                "answered says of and answer, and nothing else",
            ),
            Step::Closed => (
                (false, false, true, false, true),
                "closed says of and public, and nothing else",
            ),
        };
        if says == must {
            Ok(())
        } else {
            Err(Fault::at("step", text))
        }
    }
}

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each is its name")]
pub enum FindingKind {
    Inspection,
    Notice,
    Demand,
    Recommendation,
}
