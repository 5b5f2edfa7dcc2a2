//! Policy: what an approval may be, by k of n overseers.

use std::collections::BTreeMap;

use sensor_common::Class;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    documents::{
        Time,
        field::{ClassName, Number, Period},
    },
    feeds::plain::Shortest,
};

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// `policy`.
    pub kind: String,
    /// Its number.
    pub number: Number,
    /// Overseers' signatures that an approval needs, by class.
    pub signatures: BTreeMap<ClassName, u32>,
    /// The longest term of an approval, by class.
    pub longest: BTreeMap<ClassName, Period>,
    /// The shortest prefixes allowed as indicators.
    #[serde(default)]
    pub shortest: ShortestPrefix,
    /// How long records may be kept at most.
    pub retention: Period,
    /// Age past which a territory stops recording.
    pub territory_age: Period,
    /// The longest term of a standing.
    pub standing: Period,
    /// Whether a consent may stand alone for `infrastructure`.
    pub consent_alone: bool,
}

/// Shortest prefix lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShortestPrefix {
    /// Of IPv4.
    pub ipv4: u8,
    /// Of IPv6.
    pub ipv6: u8,
}

impl Default for ShortestPrefix {
    fn default() -> Self {
        let Shortest { v4, v6 } = Shortest::POLICY;
        Self { ipv4: v4, ipv6: v6 }
    }
}

impl From<ShortestPrefix> for Shortest {
    fn from(shortest: ShortestPrefix) -> Self {
        Self {
            v4: shortest.ipv4,
            v6: shortest.ipv6,
        }
    }
}

/// What the law allows at most, whatever a policy says.
const LAW: [(Class, &str); 2] = [(Class::Transit, "P6M"), (Class::Relay, "P3M")];

/// The longest term of a standing, whatever a policy says.
const STANDING: &str = "P7D";

impl Policy {
    /// Signatures that an approval of a class needs.
    pub fn signatures(&self, class: Class) -> u32 {
        self.signatures
            .get(&ClassName(class))
            .copied()
            .unwrap_or(u32::MAX)
    }

    /// The latest end of an approval of a class that begins at a moment; 90 days are within
    /// three months, but not from the first of February on.
    pub fn latest(&self, class: Class, begin: Time) -> Time {
        let longest = self.longest.get(&ClassName(class));
        let own = longest.map_or(begin, |longest| longest.from(begin));
        let law = LAW.into_iter().filter(|(of, _)| *of == class);
        law.map(|(_, most)| Period::known(most).from(begin))
            .fold(own, Time::min)
    }

    /// A class that wants more signatures than there are overseers, and how many it wants.
    pub fn unfulfillable(&self, overseers: u32) -> Option<(Class, u32)> {
        let mut wanted = self.signatures.iter();
        let (class, needed) = wanted.find(|(_, needed)| **needed > overseers)?;
        Some((class.0, *needed))
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        // Every month is in a reckoning from here, so the longest of each counts.
        let begin = Time::of(jiff::Timestamp::UNIX_EPOCH);
        for class in Class::ALL {
            let name = class.name();
            match self.signatures.get(&ClassName(class)) {
                None => {
                    let text = format!("signatures say nothing of {name}");
                    return Err(Fault::at("signatures", text));
                }
                Some(0) => {
                    let text = format!("an approval for {name} needs one signature at least");
                    return Err(Fault::at("signatures", text));
                }
                Some(_) => {}
            }
            if !self.longest.contains_key(&ClassName(class)) {
                let text = format!("longest says nothing of {name}");
                return Err(Fault::at("longest", text));
            }
        }
        for (class, most) in LAW {
            let (name, allowed) = (class.name(), Period::known(most));
            let longest = self.longest.get(&ClassName(class));
            if longest.is_some_and(|longest| longest.from(begin) > allowed.from(begin)) {
                let text = format!("the longest term of {name} is more than {most}");
                return Err(Fault::at("longest", text));
            }
        }
        if self.standing.from(begin) > Period::known(STANDING).from(begin) {
            let text = format!("a standing is good for {STANDING} at most");
            return Err(Fault::at("standing", text));
        }
        let ShortestPrefix { ipv4, ipv6 } = self.shortest;
        if !(1..=32).contains(&ipv4) || !(1..=128).contains(&ipv6) {
            let text = "the shortest prefix is 1 to 32 for ipv4, 1 to 128 for ipv6";
            return Err(Fault::at("shortest", text));
        }
        Ok(())
    }
}
