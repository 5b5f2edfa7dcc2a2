//! What of a pattern an address match says.
//!
//! A pattern becomes a list of alternatives, any of which fulfils it. An alternative that is
//! addresses, with ports of the same side or without, is watched for; any other is told with its
//! reason. So what is watched for is never more than the pattern says: of `[a OR b]` a part is
//! still what the pattern means, of `[a AND b]` it is not.

use ipnet::IpNet;

use super::pattern::{Comparison, Literal, Observation, Operator, Path, Qualifier, Step, Test};
use crate::{
    documents::Time,
    feeds::{
        address::{self, No, clip},
        reason::{Inexpressible, Refusal},
        time::moment,
    },
    watchlist::PortRule,
};

/// Alternatives after which a conjunction is not worked out further.
const MOST: usize = 4096;

/// Addresses that fulfil a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expressed {
    /// The prefixes, any of which will do; what could not be read of them.
    pub prefixes: Vec<Result<IpNet, No>>,
    /// The ports of their side; none is any.
    pub ports: Vec<PortRule>,
    /// From when.
    pub from: Option<Time>,
    /// Until when.
    pub until: Option<Time>,
}

/// What fulfils a pattern: each alternative, or why it cannot be said.
pub fn express(pattern: &Observation<'_>) -> Vec<Result<Expressed, No>> {
    match pattern {
        Observation::One(comparison) => {
            let alternatives = alternatives(comparison).into_iter();
            alternatives.map(Facts::finish).collect()
        }
        Observation::Or(all) => all.iter().flat_map(express).collect(),
        Observation::And(_) => vec![Err(Inexpressible::Observations.into())],
        Observation::FollowedBy(_) => vec![Err(Inexpressible::Sequence.into())],
        Observation::Qualified(inner, qualifier) => match qualifier {
            Qualifier::Repeats(1) => express(inner),
            Qualifier::Repeats(_) => vec![Err(Inexpressible::Repetition.into())],
            Qualifier::Within(_) => vec![Err(Inexpressible::Window.into())],
            Qualifier::StartStop(start, stop) => match (moment(start), moment(stop)) {
                (Some(start), Some(stop)) if start < stop => {
                    let mut all = express(inner);
                    for expressed in all.iter_mut().flatten() {
                        expressed.from = expressed.from.max(Some(start));
                        let until = expressed.until.map_or(stop, |until| until.min(stop));
                        expressed.until = Some(until);
                    }
                    all
                }
                _ => {
                    let text = format!("START {} STOP {} is no time", clip(start), clip(stop));
                    vec![Err(Refusal::Pattern(text).into())]
                }
            },
        },
    }
}

/// The end of a connection that a property is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// Whichever it is.
    Any,
    Source,
    Destination,
}

/// What one alternative says of a packet.
#[derive(Clone, Debug, Default)]
struct Facts {
    addresses: Option<(Side, Vec<Result<IpNet, No>>)>,
    /// Whether the address of a side has to be IPv6.
    families: Vec<(Side, bool)>,
    source_ports: Option<Vec<u16>>,
    destination_ports: Option<Vec<u16>>,
    protocols: Option<Vec<u8>>,
    /// Why it cannot be said.
    no: Option<No>,
}

impl Facts {
    fn no(why: impl Into<No>) -> Self {
        Self {
            no: Some(why.into()),
            ..Self::default()
        }
    }

    /// What holds where both hold.
    fn and(self, other: Self) -> Self {
        use Inexpressible as No_;
        let has_address = self.addresses.is_some() || other.addresses.is_some();
        let no = match (self.no, other.no) {
            (None, None) => None,
            (Some(No::Refused(refusal)), _) | (_, Some(No::Refused(refusal))) => {
                Some(No::Refused(refusal))
            }
            (Some(one), Some(two)) if one == two => Some(one),
            (Some(_), Some(_)) => Some(No_::Conjunction.into()),
            (Some(No::Inexpressible(why)), None) | (None, Some(No::Inexpressible(why))) => {
                let says_more = is_of_address(why) || !has_address;
                Some(if says_more { why } else { No_::Conjunction }.into())
            }
        };
        let (addresses, clash) = match (self.addresses, other.addresses) {
            (None, any) | (any, None) => (any, None),
            (Some(one), Some(two)) => both_addresses(one, &two),
        };
        let (source_ports, first) = both(self.source_ports, other.source_ports);
        let (destination_ports, second) = both(self.destination_ports, other.destination_ports);
        let (protocols, third) = both(self.protocols, other.protocols);
        let never = (first || second || third).then_some(No_::Conjunction);
        Self {
            addresses,
            families: [self.families, other.families].concat(),
            source_ports,
            destination_ports,
            protocols,
            no: no.or_else(|| clash.or(never).map(No::from)),
        }
    }

    fn finish(self) -> Result<Expressed, No> {
        if let Some(no) = self.no {
            return Err(no);
        }
        let has_ports = self.source_ports.is_some() || self.destination_ports.is_some();
        let Some((side, prefixes)) = self.addresses else {
            let why = match (has_ports, &self.protocols) {
                (true, _) => Inexpressible::PortAlone,
                (false, Some(_)) => Inexpressible::Protocol,
                (false, None) => Inexpressible::OtherObject,
            };
            return Err(why.into());
        };
        for (of, is_v6) in &self.families {
            let is_other = |prefix: &Result<IpNet, No>| matches!(prefix, Ok(net) if matches!(net, IpNet::V6(_)) != *is_v6);
            if *of != side || prefixes.iter().any(is_other) {
                return Err(Inexpressible::Conjunction.into());
            }
        }
        let own = match (side, self.source_ports, self.destination_ports) {
            (_, None, None) => None,
            (Side::Any | Side::Source, Some(ports), None)
            | (Side::Any | Side::Destination, None, Some(ports)) => Some(ports),
            _ => return Err(Inexpressible::OtherEnd.into()),
        };
        let ports = match (own, self.protocols) {
            (None, None) => Vec::new(),
            (None, Some(_)) => return Err(Inexpressible::Protocol.into()),
            (Some(ports), None) => ports.into_iter().flat_map(address::on_any).collect(),
            (Some(ports), Some(protocols)) => {
                let rule = |port| {
                    let protocols = protocols.iter();
                    protocols.map(move |&protocol| PortRule { protocol, port })
                };
                ports.into_iter().flat_map(rule).collect()
            }
        };
        Ok(Expressed {
            prefixes,
            ports,
            from: None,
            until: None,
        })
    }
}

/// Whether a reason is about the address itself.
const fn is_of_address(why: Inexpressible) -> bool {
    matches!(
        why,
        Inexpressible::SeveralAddresses
            | Inexpressible::Negation
            | Inexpressible::TextMatch
            | Inexpressible::Comparison
            | Inexpressible::Superset
            | Inexpressible::Existence
            | Inexpressible::TooComplex
    )
}

type Addresses = (Side, Vec<Result<IpNet, No>>);

/// The same addresses named twice are those addresses; others cannot be at once.
fn both_addresses(one: Addresses, two: &Addresses) -> (Option<Addresses>, Option<Inexpressible>) {
    let side = match (one.0, two.0) {
        (Side::Any, side) | (side, Side::Any) => Some(side),
        (a, b) => (a == b).then_some(a),
    };
    match side {
        Some(side) if one.1 == two.1 => (Some((side, one.1)), None),
        _ => (Some(one), Some(Inexpressible::SeveralAddresses)),
    }
}

/// What is in both lists, and whether there is nothing that is.
fn both<T: PartialEq>(one: Option<Vec<T>>, two: Option<Vec<T>>) -> (Option<Vec<T>>, bool) {
    match (one, two) {
        (None, any) | (any, None) => (any, false),
        (Some(mut one), Some(two)) => {
            one.retain(|value| two.contains(value));
            let is_none = one.is_empty();
            (Some(one), is_none)
        }
    }
}

/// The alternatives of a comparison.
fn alternatives(comparison: &Comparison<'_>) -> Vec<Facts> {
    match comparison {
        Comparison::Test(test) => vec![fact(test)],
        Comparison::Exists { path, .. } => {
            let why = kind(path).err().unwrap_or(Inexpressible::Existence);
            vec![Facts::no(why)]
        }
        Comparison::Or(all) => all.iter().flat_map(alternatives).collect(),
        Comparison::And(all) => {
            let mut joined = vec![Facts::default()];
            for each in all {
                let these = alternatives(each);
                if joined.len().saturating_mul(these.len()) > MOST {
                    return vec![Facts::no(Inexpressible::TooComplex)];
                }
                let pairs = joined.iter().flat_map(|one| {
                    let both = |two: &Facts| one.clone().and(two.clone());
                    these.iter().map(both)
                });
                joined = pairs.collect();
            }
            joined
        }
    }
}

/// What a property is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Property {
    /// An address; whether it has to be IPv6.
    Address(Side, Option<bool>),
    /// The type of the object at one end.
    Family(Side),
    Port(Side),
    Protocol,
}

/// What a property is about, unless it is nothing that is matched.
fn kind(path: &Path<'_>) -> Result<Property, Inexpressible> {
    let names: Vec<&str> = (path.steps.iter())
        .map(|step| match step {
            Step::Name(name) => name.as_ref(),
            Step::Index(_) => "[]",
        })
        .collect();
    let has_hash = names.iter().any(|name| name.contains("hash"));
    Ok(match (path.object, &names[..]) {
        ("ipv4-addr", ["value"]) => Property::Address(Side::Any, Some(false)),
        ("ipv6-addr", ["value"]) => Property::Address(Side::Any, Some(true)),
        ("network-traffic", ["src_ref", "value"]) => Property::Address(Side::Source, None),
        ("network-traffic", ["dst_ref", "value"]) => Property::Address(Side::Destination, None),
        ("network-traffic", ["src_ref", "type"]) => Property::Family(Side::Source),
        ("network-traffic", ["dst_ref", "type"]) => Property::Family(Side::Destination),
        ("network-traffic", ["src_port"]) => Property::Port(Side::Source),
        ("network-traffic", ["dst_port"]) => Property::Port(Side::Destination),
        ("network-traffic", ["protocols", "[]"]) => Property::Protocol,
        ("domain-name", _) => return Err(Inexpressible::Domain),
        ("url", _) => return Err(Inexpressible::Url),
        ("file" | "artifact" | "x509-certificate", _) if has_hash => {
            return Err(Inexpressible::Hash);
        }
        ("file" | "directory" | "artifact", _) => return Err(Inexpressible::File),
        ("email-addr" | "email-message", _) => return Err(Inexpressible::Email),
        ("autonomous-system", _) => return Err(Inexpressible::AutonomousSystem),
        ("mac-addr", _) => return Err(Inexpressible::HardwareAddress),
        ("network-traffic" | "x509-certificate", _) => return Err(Inexpressible::Content),
        _ => return Err(Inexpressible::OtherObject),
    })
}

fn fact(test: &Test<'_>) -> Facts {
    let property = match kind(&test.path) {
        Ok(property) => property,
        Err(why) => return Facts::no(why),
    };
    let is_address = matches!(property, Property::Address(..));
    let why = match test.operator {
        _ if test.is_negated => Some(Inexpressible::Negation),
        Operator::NotEqual => Some(Inexpressible::Negation),
        Operator::Order => Some(Inexpressible::Comparison),
        Operator::Like | Operator::Matches => Some(Inexpressible::TextMatch),
        Operator::IsSuperset => Some(Inexpressible::Superset),
        Operator::IsSubset if !is_address => Some(Inexpressible::OtherObject),
        Operator::IsSubset | Operator::Equal | Operator::In => None,
    };
    if let Some(why) = why {
        return Facts::no(why);
    }
    if test.values.is_empty() {
        // A set of nothing has nothing in it.
        return Facts::no(Refusal::Pattern("IN () is fulfilled by nothing".into()));
    }
    match property {
        Property::Address(side, is_v6) => {
            let prefixes = test.values.iter().map(|value| prefix(value, is_v6));
            Facts {
                addresses: Some((side, prefixes.collect())),
                ..Facts::default()
            }
        }
        Property::Family(side) => family(side, &test.values),
        Property::Port(side) => ports(side, &test.values),
        Property::Protocol => protocols(&test.values),
    }
}

fn prefix(value: &Literal<'_>, is_v6: Option<bool>) -> Result<IpNet, No> {
    let Literal::Text(text) = value else {
        return Err(Refusal::Pattern("an address has to be a text in quotes".into()).into());
    };
    let prefix = match address::prefix(text) {
        Ok(prefix) => prefix,
        Err(refusal) => {
            // A name at one end of a connection is a name.
            let other = address::named(text).err();
            let why = other.filter(|no| matches!(no, No::Inexpressible(_)));
            return Err(why.unwrap_or(No::Refused(refusal)));
        }
    };
    let has_other = is_v6.is_some_and(|is_v6| matches!(prefix, IpNet::V6(_)) != is_v6);
    if has_other {
        let text = format!("{prefix} is of the other family than its object");
        return Err(Refusal::Pattern(text).into());
    }
    Ok(prefix)
}

fn family(side: Side, values: &[Literal<'_>]) -> Facts {
    let is_v6 = match values {
        [Literal::Text(text)] => match text.as_ref() {
            "ipv4-addr" => false,
            "ipv6-addr" => true,
            "domain-name" => return Facts::no(Inexpressible::Domain),
            "mac-addr" => return Facts::no(Inexpressible::HardwareAddress),
            _ => return Facts::no(Inexpressible::OtherObject),
        },
        _ => return Facts::no(Inexpressible::OtherObject),
    };
    Facts {
        families: vec![(side, is_v6)],
        ..Facts::default()
    }
}

fn ports(side: Side, values: &[Literal<'_>]) -> Facts {
    let mut ports = Vec::new();
    for value in values {
        let port = match value {
            Literal::Integer(number) => u16::try_from(*number).ok().filter(|port| *port > 0),
            Literal::Text(_)
            | Literal::Float(_)
            | Literal::Bool(_)
            | Literal::Timestamp(_)
            | Literal::Binary(_) => None,
        };
        let Some(port) = port else {
            return Facts::no(Refusal::Port(told(value)));
        };
        ports.push(port);
    }
    let ports = Some(ports);
    match side {
        Side::Destination => Facts {
            destination_ports: ports,
            ..Facts::default()
        },
        Side::Any | Side::Source => Facts {
            source_ports: ports,
            ..Facts::default()
        },
    }
}

fn protocols(values: &[Literal<'_>]) -> Facts {
    let mut protocols = Vec::new();
    for value in values {
        let number = match value {
            Literal::Text(name) => {
                let mut named = PortRule::NAMED.into_iter();
                named.find(|(known, _)| known.eq_ignore_ascii_case(name))
            }
            Literal::Integer(_)
            | Literal::Float(_)
            | Literal::Bool(_)
            | Literal::Timestamp(_)
            | Literal::Binary(_) => None,
        };
        let Some((_, number)) = number else {
            return Facts::no(Inexpressible::Protocol);
        };
        protocols.push(number);
    }
    Facts {
        protocols: Some(protocols),
        ..Facts::default()
    }
}

fn told(value: &Literal<'_>) -> String {
    match value {
        Literal::Text(text) | Literal::Timestamp(text) | Literal::Binary(text) => clip(text),
        Literal::Integer(number) => number.to_string(),
        Literal::Float(text) => clip(text),
        Literal::Bool(bool) => bool.to_string(),
    }
}

#[cfg(test)]
mod tests;
