//! Who speaks with whom, and what becomes of it.
//!
//! The bytes of an address differ from each other and are unlikely in counters and times.
//! None stands in the configuration, which holds prefixes around them.

use std::net::IpAddr;

use sensor_common::{Class, Verdict};

/// Indicators.
pub(crate) const WATCHED: [&str; 6] = [
    "20.173.0.0/16",
    "23.114.0.0/16",
    "43.157.219.0/24",
    "2a0c:5b1e::/32",
    "2a0e:6c4f::/32",
    "240b:9a37::/32",
];

/// An operator's own prefixes.
pub(crate) const OPERATOR: [&str; 2] = ["43.88.0.0/16", "240b:58d1::/32"];

/// Exclusions: longer and shorter than the territory's rows.
pub(crate) const EXCLUDED: [&str; 4] = [
    "20.173.112.0/20",
    "23.0.0.0/8",
    "2a0c:5b1e:c000::/34",
    "2a0e::/16",
];

/// What the territory is built from: 43.0.0.0/8 and `240b::/16` are domestic.
pub(crate) const DELEGATED: &str = "\
2.3|apnic|20240102|6||20240101|+1000
apnic|*|ipv4|*|3|summary
apnic|*|ipv6|*|3|summary
apnic|AU|ipv4|20.0.0.0|33554432|20110811|allocated|A1
apnic|AU|ipv4|23.114.0.0|65536|20110811|allocated|A1
apnic|JP|ipv4|43.0.0.0|16777216|20110412|allocated|A2
apnic|JP|ipv6|240b::|16|19990813|allocated|A2
apnic|AU|ipv6|2a0c::|15|19990813|allocated|A1
apnic|AU|ipv6|2a0e:6c4f::|32|19990813|allocated|A1
";

/// One kind of traffic, over both IP versions.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// What becomes of it.
    pub(crate) outcome: Outcome,
    /// The end in the west, IPv4 and IPv6.
    west: [&'static str; 2],
    /// The end in the east.
    east: [&'static str; 2],
}

/// What becomes of packets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Recorded: the class, and whether the end in the west is domestic.
    Recorded(Class, IsDomestic),
    /// Counted by verdict, and nothing else.
    Counted(Verdict),
}

/// Which end of recorded packets is domestic.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsDomestic {
    Neither,
    West,
}

impl Outcome {
    pub(crate) const fn verdict(self) -> Verdict {
        match self {
            Self::Recorded(..) => Verdict::Recorded,
            Self::Counted(verdict) => verdict,
        }
    }
}

impl Kind {
    /// The ends, west first, of each IP version.
    pub(crate) fn ends(&self) -> [(IpAddr, IpAddr); 2] {
        let address = |text: &str| text.parse().unwrap();
        let [west, east] = [self.west, self.east].map(|end| end.map(address));
        [(west[0], east[0]), (west[1], east[1])]
    }
}

/// All kinds. What is recorded comes first, so that the last packet of each CPU is likely
/// to be one that is not.
pub(crate) const KINDS: [Kind; 9] = [
    Kind {
        name: "transit",
        outcome: Outcome::Recorded(Class::Transit, IsDomestic::Neither),
        west: ["20.173.91.202", "2a0c:5b1e:71d3:a94:c65f:3ee8:9b7:d142"],
        east: ["21.198.107.45", "2a0d:83f6:e2b:97c4:51ad:b80c:6e73:f219"],
    },
    Kind {
        name: "relay through a watched server",
        outcome: Outcome::Recorded(Class::Relay, IsDomestic::West),
        west: ["43.157.219.86", "240b:9a37:62fe:4c1:ab85:7d19:e03b:58f6"],
        east: ["21.142.233.77", "2a0d:2c97:f58a:6d3:9be4:417f:c8a5:3d9"],
    },
    Kind {
        name: "infrastructure",
        outcome: Outcome::Recorded(Class::Infrastructure, IsDomestic::West),
        west: ["43.88.173.62", "240b:58d1:b6f:e924:73ca:1f85:d69e:4ab3"],
        east: ["20.173.181.94", "2a0c:5b1e:3f82:c5d:94e7:a6b1:785c:e1f4"],
    },
    Kind {
        name: "domestic at both ends",
        outcome: Outcome::Counted(Verdict::Domestic),
        west: ["43.157.219.121", "240b:9a37:d4b9:8e6:1c73:f5a2:6b4d:97c8"],
        east: ["43.201.146.35", "240b:e65c:7a4:b3d8:895e:2f61:c4fb:a137"],
    },
    Kind {
        name: "unknown because special",
        outcome: Outcome::Counted(Verdict::Unknown),
        west: ["20.173.66.239", "2a0c:5b1e:5ae7:f3b:d218:64c9:b7f5:83a6"],
        east: ["10.187.54.229", "fd5b:c7e4:91f8:2ad:6e3c:b95f:48d7:e2c3"],
    },
    Kind {
        name: "unknown because unnamed",
        outcome: Outcome::Counted(Verdict::Unknown),
        west: ["20.173.214.71", "2a0c:5b1e:1d96:e4f:b87a:c3f2:59ed:64b8"],
        east: ["146.217.58.103", "2c4f:d891:a6b:73ec:f5b4:289d:e7c1:56fa"],
    },
    Kind {
        name: "excluded within a row",
        outcome: Outcome::Counted(Verdict::Excluded),
        west: ["20.173.119.58", "2a0c:5b1e:d7f3:4ba:865c:e92f:1db7:a3c4"],
        east: ["21.83.205.166", "2a0d:b4f7:5c9:e81d:6fa2:93bc:d75e:48e1"],
    },
    Kind {
        name: "excluded around a row",
        outcome: Outcome::Counted(Verdict::Excluded),
        west: ["23.114.205.67", "2a0e:6c4f:83da:1f7:be59:c46d:f2a8:97e3"],
        east: ["21.154.38.249", "2a0d:5e9a:7b8:d3c6:af41:68f5:c2ed:b974"],
    },
    Kind {
        name: "unmatched",
        outcome: Outcome::Counted(Verdict::NoMatch),
        west: ["21.77.194.52", "2a0d:e7c3:9f4:a5b8:d61e:7cf9:42ab:85d3"],
        east: ["21.236.83.149", "2a0d:96fb:c8e:d2a7:4b5f:e8c3:73d9:1af6"],
    },
];
