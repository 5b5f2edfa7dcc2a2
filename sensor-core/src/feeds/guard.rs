//! What no feed may have watched, whatever it says.
//!
//! The gate judges a request again when it is signed (`documents::gate`), by papers alone and all
//! of it at once. Here each prefix is judged by itself and told with its line, so that whoever
//! drafts a request knows what to leave out; where both judge, both use the same places.

use ipnet::IpNet;
use sensor_common::{Class, Place};

use super::{plain::Shortest, reason::Refusal};
use crate::places::{Exclusion, Flat, Layers, OperatorId, PlacesError, flatten, special};

/// What prefixes are held against.
#[derive(Clone, Debug)]
pub struct Guard {
    shortest: Shortest,
    flat: Flat,
    exclusions: Vec<Exclusion>,
    own: Vec<(IpNet, String)>,
    class: Option<Class>,
    allows_documentation: bool,
}

impl Guard {
    /// Without papers: only what holds everywhere. Space for documentation passes, since
    /// examples and exercises are written in it and nobody is there.
    pub fn lab(shortest: Shortest) -> Self {
        Self {
            shortest,
            flat: Flat::everywhere(Place::Foreign),
            exclusions: Vec::new(),
            own: Vec::new(),
            class: None,
            allows_documentation: true,
        }
    }

    /// By places, for a class where one is named. Operators' prefixes are the sensor's own side.
    pub fn of(
        shortest: Shortest,
        layers: &Layers,
        class: Option<Class>,
    ) -> Result<Self, PlacesError> {
        let own = layers.operators.iter().flat_map(|operator| {
            let OperatorId(id) = &operator.id;
            let prefixes = operator.prefixes.iter();
            prefixes.map(move |prefix| (*prefix, format!("the operator {id}")))
        });
        // Operators' prefixes are domestic; what they are beside that is asked by itself.
        let places = Layers {
            operators: Vec::new(),
            ..layers.clone()
        };
        Ok(Self {
            shortest,
            flat: flatten(&places)?,
            exclusions: layers.exclusions.clone(),
            own: own.collect(),
            class,
            allows_documentation: false,
        })
    }

    /// Adds a prefix of the network that the sensor is in.
    pub fn add_own(&mut self, prefix: IpNet) {
        self.own.push((prefix, "the sensor's own network".into()));
    }

    /// Lets space for documentation pass, or not.
    pub const fn allow_documentation(&mut self, is_allowed: bool) {
        self.allows_documentation = is_allowed;
    }

    /// Why a prefix may not be watched, if it may not.
    pub fn judge(&self, prefix: IpNet) -> Option<Refusal> {
        let shortest = match prefix {
            IpNet::V4(_) => self.shortest.v4,
            IpNet::V6(_) => self.shortest.v6,
        };
        if prefix.prefix_len() == 0 {
            return Some(Refusal::DefaultRoute(prefix));
        }
        if prefix.prefix_len() < shortest {
            return Some(Refusal::TooBroad { prefix, shortest });
        }
        self.bogon(prefix)
            .or_else(|| self.excluded(prefix))
            .or_else(|| self.of_own(prefix))
            .or_else(|| self.domestic(prefix))
    }

    /// A prefix of which a part has a special purpose.
    fn bogon(&self, prefix: IpNet) -> Option<Refusal> {
        if !may_be_special(prefix) {
            return None;
        }
        let touches = |special: &&special::Special| {
            special.prefix.contains(&prefix) || prefix.contains(&special.prefix)
        };
        // The widest around it says most of it.
        let special = special::REGISTRY.iter().find(touches)?;
        let is_documentation = special.name.starts_with("documentation");
        if is_documentation && self.allows_documentation && special.prefix.contains(&prefix) {
            return None;
        }
        Some(Refusal::Bogon {
            prefix,
            around: special.prefix,
            name: special.name,
            rfc: special.rfc,
        })
    }

    /// What the gate refuses: a prefix that lies wholly in excluded space.
    fn excluded(&self, prefix: IpNet) -> Option<Refusal> {
        if self.flat.any(prefix, |place| place != Place::Excluded) {
            return None;
        }
        let by = self
            .exclusions
            .iter()
            .find(|exclusion| exclusion.prefix.contains(&prefix));
        let by = by.map_or_else(
            || "several exclusions together".into(),
            |by| format!("{} line {}", by.source, by.line),
        );
        Some(Refusal::Excluded { prefix, by })
    }

    fn of_own(&self, prefix: IpNet) -> Option<Refusal> {
        let touches = |own: &IpNet| own.contains(&prefix) || prefix.contains(own);
        let (_, of) = self.own.iter().find(|(own, _)| touches(own))?;
        Some(Refusal::OwnNetwork {
            prefix,
            of: of.clone(),
        })
    }

    fn domestic(&self, prefix: IpNet) -> Option<Refusal> {
        let class = self.class?;
        if !self.flat.any(prefix, |place| place == Place::Domestic) {
            return None;
        }
        match class {
            Class::Transit => Some(Refusal::Domestic(prefix)),
            Class::Relay if prefix.prefix_len() < prefix.max_prefix_len() => {
                Some(Refusal::DomesticBroad(prefix))
            }
            // Evidence stands in a request, never in a feed.
            Class::Relay => Some(Refusal::DomesticEvidence(prefix.addr())),
            Class::Infrastructure => None,
        }
    }
}

/// Whether it is worth asking the registry: most addresses are in none of these.
fn may_be_special(prefix: IpNet) -> bool {
    match prefix {
        IpNet::V4(net) => {
            matches!(
                net.addr().octets()[0],
                0 | 10 | 100 | 127 | 169 | 172 | 192 | 198 | 203 | 224..
            ) || net.prefix_len() < 8
        }
        IpNet::V6(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::{
        Territory,
        territory::{Placed, Row},
    };

    fn judged(guard: &Guard, prefix: &str) -> String {
        let refusal = guard.judge(prefix.parse().unwrap());
        refusal.map_or_else(|| "watched".into(), |refusal| refusal.name().into())
    }

    #[test]
    fn what_holds_everywhere() {
        let guard = Guard::lab(Shortest::POLICY);
        for (prefix, is) in [
            ("8.8.8.8/32", "watched"),
            ("2600::/32", "watched"),
            ("0.0.0.0/0", "default-route"),
            ("::/0", "default-route"),
            ("8.0.0.0/8", "too-broad"),
            ("2600::/31", "too-broad"),
            ("10.0.0.0/32", "bogon"),
            ("127.0.0.1/32", "bogon"),
            ("169.254.0.0/16", "bogon"),
            ("172.16.0.1/32", "bogon"),
            ("172.32.0.1/32", "watched"),
            ("192.168.0.0/16", "bogon"),
            ("100.64.0.1/32", "bogon"),
            ("224.0.0.1/32", "bogon"),
            ("255.255.255.255/32", "bogon"),
            ("fe80::1/128", "bogon"),
            ("fc00::/32", "bogon"),
            ("::1/128", "bogon"),
            ("192.0.0.0/16", "bogon"),
            ("192.0.2.1/32", "watched"),
            ("2001:db8::1/128", "watched"),
        ] {
            assert_eq!(judged(&guard, prefix), is, "{prefix}");
        }
        let wide = Guard::lab(Shortest::ANY);
        assert_eq!(judged(&wide, "198.51.0.0/16"), "bogon");
        assert_eq!(judged(&wide, "8.0.0.0/6"), "bogon");
        assert_eq!(judged(&wide, "128.0.0.0/1"), "bogon");
        assert_eq!(judged(&wide, "4.0.0.0/6"), "watched");
    }

    #[test]
    fn every_entry_of_the_registry_is_a_bogon_under_papers() {
        let guard = Guard::of(Shortest::ANY, &Layers::lab(), None).unwrap();
        for special in special::REGISTRY {
            assert_eq!(
                judged(&guard, &special.prefix.to_string()),
                "bogon",
                "{special:?}"
            );
        }
    }

    #[test]
    fn places_decide_by_class() {
        let layers = |class| {
            let layers = Layers {
                territory: Territory {
                    number: 1,
                    rows: vec![Row {
                        prefix: "8.8.8.0/24".parse().unwrap(),
                        place: Placed::Domestic,
                        source: 1,
                        line: 1,
                    }],
                    ..Territory::everything_foreign()
                },
                exclusions: vec![Exclusion {
                    prefix: "9.9.9.0/24".parse().unwrap(),
                    source: "x".into(),
                    line: 3,
                }],
                operators: vec![crate::places::Operator {
                    id: OperatorId("power".into()),
                    prefixes: vec!["8.8.8.128/25".parse().unwrap()],
                }],
            };
            let mut guard = Guard::of(Shortest::POLICY, &layers, class).unwrap();
            guard.add_own("7.7.7.7/32".parse().unwrap());
            guard
        };
        for (class, prefix, is) in [
            (None, "8.8.8.1/32", "watched"),
            (Some(Class::Transit), "8.8.8.1/32", "domestic"),
            (Some(Class::Relay), "8.8.8.0/25", "domestic"),
            (Some(Class::Relay), "8.8.8.1/32", "no-evidence"),
            (Some(Class::Infrastructure), "8.8.8.1/32", "watched"),
            (Some(Class::Transit), "8.8.8.129/32", "own-network"),
            (None, "9.9.9.9/32", "excluded"),
            (None, "9.9.0.0/16", "watched"),
            (None, "7.7.7.0/24", "own-network"),
        ] {
            assert_eq!(judged(&layers(class), prefix), is, "{class:?} {prefix}");
        }
    }
}
