//! Approval: what the overseers answered to exactly one request.

use serde::{Deserialize, Serialize};

use super::{Fault, request::each_once};
use crate::documents::{
    Digest, Time,
    field::{DirectionName, FieldNames, Fingerprint, InterfaceName, Number, Period, Prefix, Text},
};

/// An approval, or a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// `approval`.
    pub kind: String,
    /// Its number.
    pub number: Number,
    /// SHA-256 of the request.
    pub request: Digest,
    /// What was answered.
    pub decision: Answer,
    /// Why.
    pub reason: Text,
    /// What narrows it.
    #[serde(default, skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,
}

/// What overseers answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Yes, under the conditions.
    Granted,
    /// No, for ever.
    Refused,
}

/// What an approval takes from what was asked for; what is not said stays as asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// Not from this moment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Only these directions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Vec<DirectionName>>,
    /// Only these sensors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensors: Option<Vec<Fingerprint>>,
    /// Only these interfaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<Vec<InterfaceName>>,
    /// Only these fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<FieldNames>,
    /// Kept no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Period>,
    /// Only these indicators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indicators: Option<Vec<Prefix>>,
    /// Without tunnels.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_tunnels: bool,
}

impl Conditions {
    /// Whether nothing is narrowed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Approval {
    pub(super) fn check(&self) -> Result<(), Fault> {
        let conditions = &self.conditions;
        if self.decision == Answer::Refused && !conditions.is_empty() {
            return Err(Fault::at("conditions", "a refusal has no conditions"));
        }
        if let Some(list) = &conditions.direction {
            each_once("direction", list)?;
        }
        if let Some(list) = &conditions.sensors {
            each_once("sensors", list)?;
        }
        if let Some(list) = &conditions.interfaces {
            each_once("interfaces", list)?;
        }
        if let Some(list) = &conditions.indicators {
            each_once("indicators", list)?;
        }
        Ok(())
    }
}
