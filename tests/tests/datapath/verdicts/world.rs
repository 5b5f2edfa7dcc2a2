//! The world of the table: places, and approvals with what they name.
//!
//! It is written in IPv4 and stands in both families: `40.B.N.H` is `2a40:B:N::H`, and the
//! prefixes follow. Every approval names indicators of its own, so that one generation
//! holds all cases.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sekisho::{
    places::{
        Exclusion, Layers, Operator, OperatorId, Territory, flatten,
        territory::{Placed, Row},
    },
    watchlist::{
        Approval, ApprovalId, Compiled, InForce, IndicatorId, Moment, Scope, Validity, Watchlist,
        compile,
    },
};
use sensor_common::Slot;

/// Address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// Whether an address of the table has a counterpart in this family.
    pub(crate) fn has(self, address: &str) -> bool {
        let address: IpAddr = address.parse().unwrap();
        match self {
            Self::V4 => address.is_ipv4(),
            Self::V6 => counterpart(address).is_some(),
        }
    }

    /// The address in this family.
    pub(crate) fn address(self, address: &str) -> IpAddr {
        let address: IpAddr = address.parse().unwrap();
        match self {
            Self::V4 => address,
            Self::V6 => counterpart(address).unwrap().into(),
        }
    }

    fn prefixes(prefix: &str) -> Vec<IpNet> {
        match prefix.parse().unwrap() {
            IpNet::V4(v4) => match counterpart(v4.network().into()) {
                Some(address) => vec![v4.into(), in_v6(address, v4).into()],
                None => vec![v4.into()],
            },
            v6 @ IpNet::V6(_) => vec![v6],
        }
    }
}

fn counterpart(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V4(address) => {
            let [net, block, network, host] = address.octets().map(u16::from);
            (net == 40).then(|| Ipv6Addr::new(0x2a40, block, network, 0, 0, 0, 0, host))
        }
        IpAddr::V6(address) => Some(address),
    }
}

fn in_v6(address: Ipv6Addr, v4: Ipv4Net) -> Ipv6Net {
    let length = match v4.prefix_len() {
        length @ 8..=16 => length + 16,
        length @ 17..=24 => length + 24,
        length @ 25..=32 => length + 96,
        length => panic!("{v4} of /{length} has no counterpart"),
    };
    Ipv6Net::new(address, length).unwrap()
}

/// An approval of the table: in force from 1000 to 2000, for everything, unless said.
pub(crate) struct Permit {
    pub(crate) name: &'static str,
    pub(crate) names: &'static [&'static str],
    pub(crate) terms: Slot,
}

/// Places and approvals, compiled.
pub(crate) struct World {
    pub(crate) compiled: Compiled,
    slots: BTreeMap<&'static str, u32>,
}

const TERRITORY: [(&str, Placed); 11] = [
    ("40.1.0.0/16", Placed::Foreign),
    ("40.2.0.0/16", Placed::Foreign),
    ("40.3.0.0/16", Placed::Domestic),
    ("40.4.0.0/16", Placed::Domestic),
    ("40.5.0.0/16", Placed::Unknown),
    // Of 40.6.0.0/16 it says nothing.
    ("40.7.7.0/24", Placed::Excluded),
    ("40.7.8.0/24", Placed::Domestic),
    ("40.8.0.0/16", Placed::Foreign),
    ("40.9.0.0/16", Placed::Domestic),
    ("1fff:ffff::/32", Placed::Foreign),
    ("4000::/16", Placed::Foreign),
];

const EXCLUSIONS: [&str; 7] = [
    // Within foreign addresses: a network and a host.
    "40.1.100.0/24",
    "40.1.101.7/32",
    // Half a network of domestic ones.
    "40.3.50.128/25",
    // Within an operator's prefix, the same as one, and around one and two territories.
    "40.4.1.64/26",
    "40.4.3.0/24",
    "40.8.0.0/15",
    // Around nothing the territory knows.
    "40.6.66.0/24",
];

const OPERATORS: [&[&str]; 2] = [
    &["40.4.1.0/24", "40.4.2.128/25", "40.1.9.0/24", "40.9.1.0/24"],
    &["40.4.2.0/24", "40.4.3.0/24", "40.6.9.0/24"],
];

/// An indicator without an approval.
const UNNAMED: [&str; 2] = ["40.1.30.6/32", "40.1.31.0/24"];

impl World {
    /// Its first generation.
    pub(crate) fn new(permits: &[Permit]) -> Self {
        let mut prefixes: Vec<IpNet> = Vec::new();
        let mut number = |text: &str| -> Vec<IndicatorId> {
            let mut ids = Vec::new();
            for prefix in Family::prefixes(text) {
                prefixes.push(prefix);
                ids.push(IndicatorId(u32::try_from(prefixes.len() - 1).unwrap()));
            }
            ids
        };
        for text in UNNAMED {
            number(text);
        }
        let mut in_force = Vec::new();
        let mut slots = BTreeMap::new();
        for (index, permit) in (0..).zip(permits) {
            let named = permit.names.iter().flat_map(|text| number(text)).collect();
            // Slots of every word of a mask, with free ones between them.
            let slot = 5 * index + 3;
            assert!(slots.insert(permit.name, slot).is_none(), "{}", permit.name);
            let (begin, end) = (permit.terms.begin, permit.terms.end);
            in_force.push(InForce {
                slot,
                approval: Approval {
                    id: ApprovalId(permit.name.into()),
                    validity: Validity { begin, end },
                    scope: Scope::Indicators(named),
                    handling: Arc::default(),
                    tunnels: Vec::new(),
                    terms: permit.terms,
                },
            });
        }
        let mut watchlist = Watchlist::default();
        watchlist.add_feed("table".into(), prefixes.into_iter().zip(1..));
        let places = Arc::new(flatten(&layers()).unwrap());
        Self {
            compiled: compile(&watchlist, &in_force, places, 1, Moment::default()),
            slots,
        }
    }

    /// The slot of an approval.
    pub(crate) fn slot(&self, name: &str) -> u32 {
        self.slots[name]
    }

    /// The match set of the longest named prefix around an address; 0 is none.
    pub(crate) fn set(&self, address: IpAddr) -> u32 {
        let sets = self.compiled.sets();
        let around = sets.filter(|(_, set)| set.prefix.contains(&address));
        around
            .max_by_key(|(_, set)| set.prefix.prefix_len())
            .map_or(0, |(id, _)| id.0)
    }
}

fn layers() -> Layers {
    let mut rows: Vec<Row> = Vec::new();
    for (text, place) in TERRITORY {
        rows.extend(Family::prefixes(text).into_iter().map(|prefix| Row {
            prefix,
            place,
            source: 1,
            line: 1,
        }));
    }
    rows.sort_by_key(|row| row.prefix);
    let exclusions = EXCLUSIONS.iter().flat_map(|text| Family::prefixes(text));
    Layers {
        territory: Territory {
            number: 1,
            rows,
            ..Territory::everything_foreign()
        },
        exclusions: exclusions
            .map(|prefix| Exclusion {
                prefix,
                source: "table".into(),
                line: 1,
            })
            .collect(),
        operators: OPERATORS
            .iter()
            .map(|prefixes| Operator {
                id: OperatorId("operator".into()),
                prefixes: prefixes
                    .iter()
                    .flat_map(|text| Family::prefixes(text))
                    .collect(),
            })
            .collect(),
    }
}

/// IPv4 alone reaches the last four octets of a key.
pub(crate) fn bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => four(address),
        IpAddr::V6(address) => address.octets(),
    }
}

fn four(address: Ipv4Addr) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&address.octets());
    bytes
}
