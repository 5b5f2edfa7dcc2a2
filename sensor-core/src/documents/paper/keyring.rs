//! Keyring: whose keys count. It names an `allowed_signers` file by its hash, and its
//! predecessor, so that nobody can put another one in its place.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::documents::{
    Digest,
    field::{Fingerprint, Name, Number, Prefix},
};

/// A keyring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyring {
    /// `keyring`.
    pub kind: String,
    /// Its number.
    pub number: Number,
    /// SHA-256 of the keyring before it; the first has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// SHA-256 of the `allowed_signers` file with the keys.
    pub allowed_signers: Digest,
    /// k: overseers that policy, territory, exclusions, lifts and the next keyring need.
    pub overseers: u32,
    /// Operators with the prefixes that are theirs.
    #[serde(default, rename = "operator", skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<Bound>,
    /// Sensors with their log keys.
    #[serde(default, rename = "sensor", skip_serializing_if = "Vec::is_empty")]
    pub sensors: Vec<Sensor>,
}

/// An operator and the prefixes that are its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Its name, as in `operator/NAME`.
    pub name: Name,
    /// Its prefixes.
    pub prefixes: Vec<Prefix>,
}

/// A sensor and the key of its audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensor {
    /// Its name.
    pub name: Name,
    /// Fingerprint of its log key.
    pub log_key: Fingerprint,
}

impl Keyring {
    /// The prefixes bound to an operator.
    pub fn operator(&self, name: &str) -> Option<&Bound> {
        self.operators.iter().find(|bound| &*bound.name == name)
    }

    /// The sensor with a log key.
    pub fn sensor(&self, log_key: &Fingerprint) -> Option<&Sensor> {
        self.sensors
            .iter()
            .find(|sensor| sensor.log_key == *log_key)
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.previous.is_some() == (self.number.0 == 1) {
            let text = "keyring 1 has no previous, every later one names the one before it";
            return Err(Fault::at("previous", text));
        }
        if self.overseers == 0 {
            let text = "overseers is 0: at least one signature is needed";
            return Err(Fault::at("overseers", text));
        }
        let mut names = BTreeSet::new();
        let mut prefixes = BTreeSet::new();
        for Bound {
            name,
            prefixes: own,
        } in &self.operators
        {
            if !names.insert(name) {
                return Err(Fault::at("operator", format!("{name} is named twice")));
            }
            if own.is_empty() {
                return Err(Fault::at("operator", format!("{name} has no prefixes")));
            }
            for prefix in own {
                if !prefixes.insert(prefix) {
                    let text = format!("{} is bound twice", prefix.0);
                    return Err(Fault::at("operator", text));
                }
            }
        }
        let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for Sensor { name, log_key } in &self.sensors {
            if !names.insert(name) {
                return Err(Fault::at("sensor", format!("{name} is named twice")));
            }
            if !keys.insert(log_key) {
                return Err(Fault::at("sensor", format!("{log_key} is bound twice")));
            }
        }
        Ok(())
    }
}
