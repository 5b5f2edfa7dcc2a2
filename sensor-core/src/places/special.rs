//! Addresses with a purpose of their own, which lie nowhere.
//!
//! The IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190), and
//! multicast, which has registries of its own. Entries that are globally reachable are
//! among them: an anycast or translated address says nothing about where its user is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// The date both registries were last updated when [`REGISTRY`] was written.
pub const UPDATED: &str = "2025-10-09";

/// An entry of the registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Special {
    /// The addresses.
    pub prefix: IpNet,
    /// What they are for.
    pub name: &'static str,
    /// The RFC that says so.
    pub rfc: u16,
}

/// The entries, IPv4 first, ascending; wider ones before those within them.
pub const REGISTRY: [Special; 53] = [
    v4([0, 0, 0, 0], 8, "this network", 791),
    v4([0, 0, 0, 0], 32, "this host on this network", 1122),
    v4([10, 0, 0, 0], 8, "private use", 1918),
    v4([100, 64, 0, 0], 10, "shared address space", 6598),
    v4([127, 0, 0, 0], 8, "loopback", 1122),
    v4([169, 254, 0, 0], 16, "link local", 3927),
    v4([172, 16, 0, 0], 12, "private use", 1918),
    v4([192, 0, 0, 0], 24, "IETF protocol assignments", 6890),
    v4([192, 0, 0, 0], 29, "IPv4 service continuity prefix", 7335),
    v4([192, 0, 0, 8], 32, "IPv4 dummy address", 7600),
    v4([192, 0, 0, 9], 32, "Port Control Protocol anycast", 7723),
    v4([192, 0, 0, 10], 32, "TURN anycast", 8155),
    v4([192, 0, 0, 170], 32, "NAT64/DNS64 discovery", 8880),
    v4([192, 0, 0, 171], 32, "NAT64/DNS64 discovery", 8880),
    v4([192, 0, 2, 0], 24, "documentation (TEST-NET-1)", 5737),
    v4([192, 31, 196, 0], 24, "AS112-v4", 7535),
    v4([192, 52, 193, 0], 24, "AMT", 7450),
    v4(
        [192, 88, 99, 0],
        24,
        "deprecated (6to4 relay anycast)",
        7526,
    ),
    v4([192, 88, 99, 2], 32, "6a44 relay anycast", 6751),
    v4([192, 168, 0, 0], 16, "private use", 1918),
    v4(
        [192, 175, 48, 0],
        24,
        "direct delegation AS112 service",
        7534,
    ),
    v4([198, 18, 0, 0], 15, "benchmarking", 2544),
    v4([198, 51, 100, 0], 24, "documentation (TEST-NET-2)", 5737),
    v4([203, 0, 113, 0], 24, "documentation (TEST-NET-3)", 5737),
    v4([224, 0, 0, 0], 4, "multicast", 5771),
    v4([240, 0, 0, 0], 4, "reserved", 1112),
    v4([255, 255, 255, 255], 32, "limited broadcast", 919),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified address", 4291),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback address", 4291),
    v6(
        [0, 0, 0, 0, 0, 0xffff, 0, 0],
        96,
        "IPv4-mapped address",
        4291,
    ),
    v6(
        [0x64, 0xff9b, 0, 0, 0, 0, 0, 0],
        96,
        "IPv4-IPv6 translation",
        6052,
    ),
    v6(
        [0x64, 0xff9b, 1, 0, 0, 0, 0, 0],
        48,
        "IPv4-IPv6 translation",
        8215,
    ),
    v6(
        [0x100, 0, 0, 0, 0, 0, 0, 0],
        64,
        "discard-only address block",
        6666,
    ),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "dummy IPv6 prefix", 9780),
    v6(
        [0x2001, 0, 0, 0, 0, 0, 0, 0],
        23,
        "IETF protocol assignments",
        2928,
    ),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "TEREDO", 4380),
    v6(
        [0x2001, 1, 0, 0, 0, 0, 0, 1],
        128,
        "Port Control Protocol anycast",
        7723,
    ),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128, "TURN anycast", 8155),
    v6(
        [0x2001, 1, 0, 0, 0, 0, 0, 3],
        128,
        "DNS-SD Service Registration Protocol anycast",
        9665,
    ),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "benchmarking", 5180),
    v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, "AMT", 7450),
    v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, "AS112-v6", 7535),
    v6(
        [0x2001, 0x10, 0, 0, 0, 0, 0, 0],
        28,
        "deprecated (previously ORCHID)",
        4843,
    ),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, "ORCHIDv2", 7343),
    v6(
        [0x2001, 0x30, 0, 0, 0, 0, 0, 0],
        28,
        "drone remote ID protocol entity tags",
        9374,
    ),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation", 3849),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4", 3056),
    v6(
        [0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0],
        48,
        "direct delegation AS112 service",
        7534,
    ),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation", 9637),
    v6(
        [0x5f00, 0, 0, 0, 0, 0, 0, 0],
        16,
        "segment routing (SRv6) SIDs",
        9602,
    ),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local", 4193),
    v6(
        [0xfe80, 0, 0, 0, 0, 0, 0, 0],
        10,
        "link-local unicast",
        4291,
    ),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast", 4291),
];

/// The entries an address belongs to, the narrowest first.
pub fn entries_of(address: IpAddr) -> impl Iterator<Item = &'static Special> {
    REGISTRY
        .iter()
        .rev()
        .filter(move |special| special.prefix.contains(&address))
}

/// The narrowest entry that a prefix lies in as a whole.
pub fn entry_around(prefix: IpNet) -> Option<&'static Special> {
    REGISTRY
        .iter()
        .rev()
        .find(|special| special.prefix.contains(&prefix))
}

const fn v4(address: [u8; 4], length: u8, name: &'static str, rfc: u16) -> Special {
    let address = IpAddr::V4(Ipv4Addr::from_octets(address));
    Special {
        prefix: IpNet::new_assert(address, length),
        name,
        rfc,
    }
}

const fn v6(address: [u16; 8], length: u8, name: &'static str, rfc: u16) -> Special {
    let address = IpAddr::V6(Ipv6Addr::from_segments(address));
    Special {
        prefix: IpNet::new_assert(address, length),
        name,
        rfc,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_ascends_and_its_prefixes_are_canonical() {
        assert!(REGISTRY.is_sorted_by(|a, b| a.prefix < b.prefix));
        for Special { prefix, .. } in REGISTRY {
            assert_eq!(prefix, prefix.trunc());
        }
    }

    #[test]
    fn the_narrowest_entry_comes_first() {
        let names = |address: &str| {
            entries_of(address.parse().unwrap())
                .map(|special| special.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names("192.0.0.9"),
            ["Port Control Protocol anycast", "IETF protocol assignments"]
        );
        assert_eq!(names("::ffff:203.0.113.1"), ["IPv4-mapped address"]);
        assert_eq!(names("203.0.114.1"), [] as [&str; 0]);
        assert_eq!(names("3fff:fff::1"), ["documentation"]);
        assert_eq!(names("3fff:1000::1"), [] as [&str; 0]);
        assert_eq!(names("2001:1ff:ffff::1"), ["IETF protocol assignments"]);
        assert_eq!(names("2001:200::1"), [] as [&str; 0]);
    }

    #[test]
    fn a_prefix_around_an_entry_is_not_in_it() {
        let around =
            |prefix: &str| entry_around(prefix.parse().unwrap()).map(|special| special.rfc);
        assert_eq!(around("10.1.0.0/16"), Some(1918));
        assert_eq!(around("10.0.0.0/7"), None);
        assert_eq!(around("192.88.99.2/32"), Some(6751));
    }
}
