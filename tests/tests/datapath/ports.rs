//! Indicators that count on some ports only.

use std::{collections::BTreeSet, sync::Arc};

use ipnet::IpNet;
use sekisho::{
    kernel::Datapath as _,
    places::Flat,
    settings::lab,
    watchlist::{
        Compiled, Limits, Moment, PortRule, Prefixes, SetId, Tables, Watchlist, compile, in_order,
    },
};
use sensor_common::{Place, Stat, Verdict};
use sensor_tests::{
    packet::{Packet, flags},
    require,
};

use crate::rig::{Rig, at_once};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Indicators by line, from 1. Without ports an indicator counts on all of them, and for packets
/// that have none.
const INDICATORS: [(&str, &[(u8, u16)]); 11] = [
    // One that counts on some ports only, alone.
    ("192.0.2.0/24", &[(TCP, 443), (UDP, 53)]),
    // Nested: each has ports, or not.
    ("10.0.0.0/8", &[]),
    ("10.1.0.0/16", &[(TCP, 443)]),
    ("10.1.2.0/24", &[(UDP, 443), (TCP, 22)]),
    ("10.1.2.3/32", &[]),
    // Nested in one with ports, and no other.
    ("192.0.2.77/32", &[(TCP, 25)]),
    // Equal prefixes with and without.
    ("198.18.0.0/15", &[(TCP, 443)]),
    ("198.18.0.0/15", &[]),
    // IPv6.
    ("2001:db8:1::/48", &[(TCP, 443)]),
    ("2001:db8:1::1/128", &[(UDP, 53)]),
    // ICMP has no ports, whatever a rule says.
    ("203.0.113.0/24", &[(1, 0), (50, 0), (TCP, 0)]),
];

fn compiled() -> Compiled {
    let mut prefixes = Prefixes::default();
    for (line, (prefix, ports)) in (1..).zip(INDICATORS) {
        let ports = ports.iter();
        let limits = Limits {
            validity: None,
            ports: ports
                .map(|&(protocol, port)| PortRule { protocol, port })
                .collect(),
        };
        prefixes.push_limited(prefix.parse().unwrap(), line, &limits);
    }
    let mut watchlist = Watchlist::default();
    watchlist.share_feed("test".into(), prefixes.into());
    let places = Arc::new(Flat::everywhere(Place::Foreign));
    compile(
        &watchlist,
        &in_order(&[lab::replay()]),
        places,
        1,
        Moment::default(),
    )
}

const OTHER: [u8; 4] = [198, 51, 100, 7];

fn from(source: [u8; 4]) -> Packet {
    Packet::v4(source, OTHER)
}

fn to(destination: [u8; 4]) -> Packet {
    Packet::v4(OTHER, destination)
}

fn v6(last: u16) -> [u8; 16] {
    std::net::Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, last).octets()
}

fn v6_other() -> [u8; 16] {
    std::net::Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 1).octets()
}

/// The lines that match the source, and those that match the destination.
type Lines = (&'static [u32], &'static [u32]);

const NONE: Lines = (&[], &[]);

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<(&'static str, Packet, Lines)> {
    let alone = [192, 0, 2, 1];
    let nested = [10, 1, 2, 9];
    let host = [10, 1, 2, 3];
    let equal = [198, 18, 0, 1];
    let odd = [203, 0, 113, 1];
    vec![
        (
            "TCP from its port",
            from(alone).tcp(443, 50_000, flags::SYN),
            (&[1], &[]),
        ),
        (
            "TCP to its port",
            to(alone).tcp(50_000, 443, flags::SYN),
            (&[], &[1]),
        ),
        ("UDP to its port", to(alone).udp(50_000, 53), (&[], &[1])),
        ("another port", from(alone).tcp(444, 50_000, 0), NONE),
        (
            "the port of the other protocol",
            to(alone).udp(50_000, 443),
            NONE,
        ),
        (
            "the port of the other end",
            from(alone).tcp(50_000, 443, 0),
            NONE,
        ),
        (
            "the port of the other end, of a destination",
            to(alone).tcp(443, 50_000, 0),
            NONE,
        ),
        ("ICMP", from(alone).icmp(8, 0), NONE),
        (
            "another protocol",
            from(alone).protocol(50).payload(8),
            NONE,
        ),
        (
            "a first fragment",
            to(alone).udp(50_000, 53).payload(16).fragment(0, true),
            (&[], &[1]),
        ),
        (
            "a first fragment to another port",
            to(alone).udp(50_000, 54).payload(16).fragment(0, true),
            NONE,
        ),
        (
            "a later fragment",
            to(alone).udp(50_000, 53).payload(16).fragment(3, false),
            NONE,
        ),
        (
            "a first fragment of TCP",
            to(alone).tcp(50_000, 443, 0).fragment(0, true),
            (&[], &[1]),
        ),
        (
            "both ends, one on its port",
            Packet::v4(alone, nested).tcp(50_000, 443, 0),
            (&[], &[3, 2]),
        ),
        (
            "both ends on their ports",
            Packet::v4(alone, nested).tcp(443, 22, 0),
            (&[1], &[4, 2]),
        ),
        (
            "the port of an indicator around it",
            from(nested).tcp(443, 1, 0),
            (&[3, 2], &[]),
        ),
        (
            "its own port and not that around it",
            from(nested).udp(443, 1),
            (&[4, 2], &[]),
        ),
        ("no port of any", from(nested).udp(9, 1), (&[2], &[])),
        ("no ports at all", from(nested).icmp(8, 0), (&[2], &[])),
        (
            "a later fragment of what is watched on any port",
            from(nested).udp(443, 1).payload(16).fragment(3, true),
            (&[2], &[]),
        ),
        (
            "a host within all of them",
            from(host).tcp(22, 1, 0),
            (&[5, 4, 2], &[]),
        ),
        (
            "the same on no port of any",
            from(host).tcp(23, 1, 0),
            (&[5, 2], &[]),
        ),
        (
            "one within another, the port of the outer",
            from([192, 0, 2, 77]).tcp(443, 1, 0),
            (&[1], &[]),
        ),
        (
            "one within another, the port of the inner",
            from([192, 0, 2, 77]).tcp(25, 1, 0),
            (&[6], &[]),
        ),
        (
            "one within another, no port of either",
            from([192, 0, 2, 77]).tcp(26, 1, 0),
            NONE,
        ),
        (
            "equal prefixes on the port of one",
            from(equal).tcp(443, 1, 0),
            (&[7, 8], &[]),
        ),
        (
            "equal prefixes on another port",
            from(equal).udp(443, 1),
            (&[8], &[]),
        ),
        (
            "IPv6 from its port",
            Packet::v6(v6(9), v6_other()).tcp(443, 1, 0),
            (&[9], &[]),
        ),
        (
            "IPv6 to its port, nested",
            Packet::v6(v6_other(), v6(1)).udp(1, 53),
            (&[], &[10]),
        ),
        (
            "IPv6, the port of the outer",
            Packet::v6(v6_other(), v6(1)).tcp(1, 443, 0),
            (&[], &[9]),
        ),
        (
            "IPv6 on another port",
            Packet::v6(v6_other(), v6(1)).tcp(443, 1, 0),
            NONE,
        ),
        ("ICMPv6", Packet::v6(v6_other(), v6(1)).icmp(128, 0), NONE),
        ("ICMP is not port 0", from(odd).icmp(8, 0), NONE),
        (
            "another protocol is not port 0",
            from(odd).protocol(50).payload(8),
            NONE,
        ),
        ("TCP from port 0", from(odd).tcp(0, 1, 0), (&[11], &[])),
        (
            "a later fragment is not port 0",
            from(odd).tcp(0, 1, 0).payload(32).fragment(3, true),
            NONE,
        ),
    ]
}

#[test]
fn an_indicator_counts_on_the_ports_of_its_own_side_only() {
    require!(privilege);
    let compiled = compiled();
    let mut seen = BTreeSet::new();
    for (name, packet, (source, destination)) in cases() {
        let mut rig = Rig::new(true, 64);
        rig.publish(&compiled);
        let frame = packet.build();
        rig.receive(&frame, at_once(&frame));
        let counted = rig.counted();
        assert_eq!(counted.of(Stat::Seen), 1, "{name}");
        if source.is_empty() && destination.is_empty() {
            assert_eq!(counted.verdict(Verdict::NoMatch), 1, "{name}");
            assert!(counted.flows.is_empty(), "{name}");
            assert!(counted.totals.is_empty(), "{name}");
            continue;
        }
        assert_eq!(counted.verdict(Verdict::Recorded), 1, "{name}");
        let (key, _) = counted.flows.first_key_value().unwrap();
        let lines = |set| -> Vec<u32> {
            let covering = compiled.covering(SetId(set));
            covering.map(|id| id.0 + 1).collect()
        };
        let found = (lines(key.source_set), lines(key.destination_set));
        assert_eq!(
            (&found.0[..], &found.1[..]),
            (source, destination),
            "{name}"
        );
        let sets = [key.source_set, key.destination_set];
        let totals: Vec<u32> = counted.totals.iter().map(|(set, _)| set.0).collect();
        let mut expected: Vec<u32> = sets.into_iter().filter(|set| *set != 0).collect();
        expected.sort_unstable();
        assert_eq!(totals, expected, "{name}");
        seen.extend(sets);
    }
    let prefixes = compiled.tables.v4.len() + compiled.tables.v6.len();
    let of_ports = seen.iter().filter(|set| **set as usize > prefixes);
    assert!(of_ports.count() > 6, "{seen:?}");
}

/// A thousand of them, in a table that the kernel fills to the last entry.
#[test]
fn every_one_of_many_ports_is_found_and_no_other() {
    const PREFIXES: u16 = 40;
    require!(privilege);
    let mut prefixes = Prefixes::default();
    for number in 0..PREFIXES {
        let ports = (0..32).map(|port| PortRule {
            protocol: if port % 2 == 0 { TCP } else { UDP },
            port: number + 100 * port,
        });
        let limits = Limits {
            validity: None,
            ports: ports.collect(),
        };
        let prefix: IpNet = format!("10.0.{number}.0/24").parse().unwrap();
        prefixes.push_limited(prefix, u32::from(number) + 1, &limits);
    }
    let mut watchlist = Watchlist::default();
    watchlist.share_feed("test".into(), prefixes.into());
    let places = Arc::new(Flat::everywhere(Place::Foreign));
    let compiled = compile(
        &watchlist,
        &in_order(&[lab::replay()]),
        places,
        1,
        Moment::default(),
    );
    let mut rig = Rig::new(true, 8_192);
    rig.publish(&compiled);
    let mut expected = 0;
    for number in 0..u8::try_from(PREFIXES).unwrap() {
        for port in 0..32 {
            for (own, is_tcp) in [
                (u16::from(number) + 100 * port, port % 2 == 0),
                (u16::from(number) + 100 * port, port % 2 == 1),
                (u16::from(number) + 100 * port + 50, port % 2 == 0),
            ] {
                let packet = from([10, 0, number, 1]);
                let frame = if is_tcp {
                    packet.tcp(own, 1, 0).build()
                } else {
                    packet.udp(own, 1).build()
                };
                rig.receive(&frame, at_once(&frame));
            }
            expected += 1;
        }
    }
    let counted = rig.counted();
    assert_eq!(counted.verdict(Verdict::Recorded), expected);
    assert_eq!(counted.verdict(Verdict::NoMatch), 2 * expected);
    let sets = counted.totals.len();
    assert_eq!(sets, usize::from(PREFIXES), "one for all ports of a prefix");
}

#[test]
fn too_many_of_them_are_refused_and_the_generation_before_goes_on() {
    require!(privilege);
    let compiled = compiled();
    let mut rig = Rig::new(true, 64);
    rig.publish(&compiled);
    let mut tables = Tables {
        generation: 2,
        ..Tables::clone(&compiled.tables)
    };
    let one = tables.ports[0];
    tables.ports = vec![one; Tables::PORT_RULES + 1];
    let refused = rig.kernel.publish(&tables).unwrap_err().to_string();
    let numbers = "port rules of match sets: 1000001 needed, room for 1000000";
    assert!(refused.contains(numbers), "{refused}");
    let frame = from([192, 0, 2, 1]).tcp(443, 1, 0).build();
    rig.receive(&frame, at_once(&frame));
    assert_eq!(rig.counted().verdict(Verdict::Recorded), 1);
}
