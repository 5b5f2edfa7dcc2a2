//! One frame a case: its verdict, and the record where there is one.

use sensor_common::{Malformed, Stat, Unsupported, Verdict};
use sensor_tests::{
    packet::{Packet, flags},
    require,
};

use crate::rig::{Rig, at_once};

const WATCHED: [u8; 4] = [192, 0, 2, 1];
const OTHER: [u8; 4] = [198, 51, 100, 7];
const WATCHED_6: [u16; 8] = [0x2001, 0xdb8, 1, 0, 0, 0, 0, 1];
const OTHER_6: [u16; 8] = [0x2001, 0xdb8, 2, 0, 0, 0, 0, 1];
const PREFIXES: [&str; 2] = ["192.0.2.0/24", "2001:db8:1::/48"];

enum Expected {
    /// This verdict, and this reason counted.
    Not(Verdict, Option<Stat>),
    /// Octets, protocol, ports, TCP flags, fragment, VLAN ids.
    Recorded(u64, u8, (u16, u16), u16, u8, &'static [u16]),
}
use Expected::{Not, Recorded};

fn v6(address: [u16; 8]) -> [u8; 16] {
    std::net::Ipv6Addr::from(address).octets()
}

fn malformed(reason: Malformed) -> Expected {
    Not(Verdict::Malformed, Some(Stat::Malformed(reason)))
}

fn unsupported(reason: Unsupported) -> Expected {
    Not(Verdict::Unsupported, Some(Stat::Unsupported(reason)))
}

/// A frame with bytes changed.
fn with(packet: &Packet, changes: &[(usize, u8)]) -> Vec<u8> {
    let mut frame = packet.build();
    for &(at, byte) in changes {
        frame[at] = byte;
    }
    frame
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let tcp = || Packet::v4(WATCHED, OTHER).tcp(443, 50_000, flags::SYN | flags::ACK);
    let udp = || Packet::v4(OTHER, WATCHED).udp(53, 53);
    let tcp6 = || Packet::v6(v6(OTHER_6), v6(WATCHED_6)).tcp(1, 2, flags::FIN);
    vec![
        (
            "TCP from a watched source",
            tcp().build(),
            Recorded(40, 6, (443, 50_000), 18, 0, &[]),
        ),
        (
            "TCP with payload and padding",
            tcp().payload(10).trailer(20).build(),
            Recorded(50, 6, (443, 50_000), 18, 0, &[]),
        ),
        (
            "UDP to a watched destination",
            udp().build(),
            Recorded(28, 17, (53, 53), 0, 0, &[]),
        ),
        (
            "ICMP",
            Packet::v4(WATCHED, OTHER).icmp(8, 0).build(),
            Recorded(28, 1, (0, 0), 0, 0, &[]),
        ),
        (
            "another protocol by its number",
            Packet::v4(WATCHED, OTHER).protocol(50).payload(8).build(),
            Recorded(28, 50, (0, 0), 0, 0, &[]),
        ),
        (
            "IPv4 options",
            tcp().options(&[1, 1, 1, 1]).build(),
            Recorded(44, 6, (443, 50_000), 18, 0, &[]),
        ),
        (
            "one VLAN tag",
            tcp().vlan(100).build(),
            Recorded(40, 6, (443, 50_000), 18, 0, &[100]),
        ),
        (
            "two VLAN tags",
            tcp().service_vlan(7).vlan(4095).build(),
            Recorded(40, 6, (443, 50_000), 18, 0, &[7, 4095]),
        ),
        (
            "VLAN id 0 is a tag",
            tcp().vlan(0).build(),
            Recorded(40, 6, (443, 50_000), 18, 0, &[0]),
        ),
        (
            "three VLAN tags",
            tcp().vlan(1).vlan(2).vlan(3).build(),
            Recorded(40, 6, (443, 50_000), 18, 0, &[1, 2]),
        ),
        (
            "nine VLAN tags",
            (1..=9).fold(tcp(), Packet::vlan).build(),
            unsupported(Unsupported::VlanDepth),
        ),
        (
            "a first fragment",
            udp().payload(16).fragment(0, true).build(),
            Recorded(44, 17, (53, 53), 0, 1, &[]),
        ),
        (
            "a later fragment",
            udp().payload(16).fragment(3, false).build(),
            Recorded(36, 17, (0, 0), 0, 2, &[]),
        ),
        (
            "IPv6 TCP",
            tcp6().build(),
            Recorded(60, 6, (1, 2), 1, 0, &[]),
        ),
        (
            "IPv6 UDP in a VLAN",
            Packet::v6(v6(WATCHED_6), v6(OTHER_6))
                .udp(1, 2)
                .vlan(5)
                .payload(2)
                .build(),
            Recorded(50, 17, (1, 2), 0, 0, &[5]),
        ),
        (
            "ICMPv6",
            Packet::v6(v6(WATCHED_6), v6(OTHER_6)).icmp(128, 0).build(),
            Recorded(48, 58, (0, 0), 0, 0, &[]),
        ),
        (
            "IPv6 hop-by-hop options",
            tcp6().extension(0, 8).build(),
            Recorded(68, 6, (1, 2), 1, 0, &[]),
        ),
        (
            "an IPv6 fragment",
            tcp6().fragment(0, true).build(),
            Recorded(68, 6, (1, 2), 1, 1, &[]),
        ),
        (
            "neither end watched",
            Packet::v4(OTHER, [203, 0, 113, 1]).udp(1, 2).build(),
            Not(Verdict::NoMatch, None),
        ),
        (
            "neither end watched in IPv6",
            Packet::v6(v6(OTHER_6), v6([0x2001, 0xdb8, 3, 0, 0, 0, 0, 1]))
                .udp(1, 2)
                .build(),
            Not(Verdict::NoMatch, None),
        ),
        (
            "ARP",
            with(&tcp(), &[(12, 0x08), (13, 0x06)]),
            Not(Verdict::NotIp, None),
        ),
        (
            "TRILL",
            with(&tcp(), &[(12, 0x22), (13, 0xf3)]),
            unsupported(Unsupported::Encapsulation),
        ),
        (
            "IPv6 behind the IPv4 type",
            with(&tcp(), &[(14, 0x65)]),
            malformed(Malformed::Ipv4Version),
        ),
        (
            "IPv4 behind the IPv6 type",
            with(&tcp6(), &[(14, 0x45)]),
            malformed(Malformed::Ipv6Version),
        ),
        (
            "a header of 16 bytes",
            with(&tcp(), &[(14, 0x44)]),
            malformed(Malformed::Ipv4HeaderLength),
        ),
        (
            "longer than the wire",
            with(&tcp(), &[(16, 0xff)]),
            malformed(Malformed::Ipv4TotalLength),
        ),
        (
            "shorter than its header",
            with(&tcp(), &[(16, 0), (17, 19)]),
            malformed(Malformed::Ipv4TotalLength),
        ),
        (
            "IPv6 longer than the wire",
            with(&tcp6(), &[(18, 0xff)]),
            malformed(Malformed::Ipv6PayloadLength),
        ),
        (
            "too short for the flags of TCP",
            with(&tcp(), &[(17, 33)]),
            Recorded(33, 6, (443, 50_000), 0, 0, &[]),
        ),
        (
            "too short for ports",
            with(&tcp(), &[(17, 23)]),
            Recorded(23, 6, (0, 0), 0, 0, &[]),
        ),
        (
            "segmented by the card",
            with(&tcp().payload(100), &[(16, 0), (17, 0)]),
            Recorded(140, 6, (443, 50_000), 18, 0, &[]),
        ),
        (
            "cut in the IPv4 header",
            tcp().truncate(20).build(),
            malformed(Malformed::Truncated),
        ),
        (
            "cut before the ports",
            tcp().truncate(34).build(),
            malformed(Malformed::Ipv4TotalLength),
        ),
        (
            "shorter than the kernel takes",
            tcp().truncate(13).build(),
            malformed(Malformed::Truncated),
        ),
        (
            "one byte",
            tcp().truncate(1).build(),
            malformed(Malformed::Truncated),
        ),
    ]
}

#[test]
fn every_case_has_its_verdict_and_its_record() {
    require!(privilege);
    for (name, frame, expected) in cases() {
        let mut rig = Rig::watching(&PREFIXES);
        rig.receive(&frame, at_once(&frame));
        let counted = rig.counted();
        assert_eq!(counted.of(Stat::Seen), 1, "{name}");
        match expected {
            Not(verdict, reason) => {
                assert_eq!(counted.verdict(verdict), 1, "{name}: {verdict:?}");
                assert!(
                    counted.flows.is_empty() && counted.notices.is_empty(),
                    "{name}"
                );
                if let Some(reason) = reason {
                    assert_eq!(counted.of(reason), 1, "{name}: {reason:?}");
                }
            }
            Recorded(octets, protocol, ports, tcp_flags, fragment, vlan) => {
                assert_eq!(counted.verdict(Verdict::Recorded), 1, "{name}");
                let (key, value) = counted.flows.first_key_value().unwrap();
                assert_eq!((value.packets, value.octets), (1, octets), "{name}");
                assert_eq!((value.first, value.last), (1_000, 1_000), "{name}");
                assert_eq!((value.ttl_min, value.ttl_max), (64, 64), "{name}");
                assert_eq!(value.tcp_flags, tcp_flags, "{name}");
                assert_eq!((key.protocol, key.fragment), (protocol, fragment), "{name}");
                let (source, destination) = ports;
                assert_eq!(key.source_port, source.to_be_bytes(), "{name}");
                assert_eq!(key.destination_port, destination.to_be_bytes(), "{name}");
                let ids: Vec<u16> = key
                    .vlan
                    .ids
                    .iter()
                    .map(|&id| u16::from_be_bytes(id))
                    .collect();
                assert_eq!(&ids[..usize::from(key.vlan_tags)], vlan, "{name}");
                assert_eq!((key.interface, key.generation), (0, 1), "{name}");
                let notices: Vec<_> = counted.notices.iter().collect();
                let [(announced, notice)] = notices[..] else {
                    panic!("{name}: one notice")
                };
                assert_eq!((announced, notice.first), (key, 1_000), "{name}");
                assert_eq!(
                    (notice.class, notice.direction),
                    (value.class, value.direction),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn the_wire_length_counts_and_not_what_was_captured() {
    require!(privilege);
    let frame = Packet::v4(WATCHED, OTHER).udp(1, 2).payload(1400).build();
    let mut rig = Rig::watching(&PREFIXES);
    let context = at_once(&frame);
    rig.receive(&frame[..60], context);
    let long = Packet::v4(WATCHED, OTHER).udp(1, 2).payload(60_000).build();
    rig.receive(&long, at_once(&long));
    let counted = rig.counted();
    assert_eq!(counted.verdict(Verdict::Recorded), 2);
    let value = counted.flows.first_key_value().unwrap().1;
    assert_eq!(value.octets, 1428 + 60_028);
}

#[test]
fn a_flow_is_one_however_it_is_drained_and_is_announced_once_a_bank() {
    require!(privilege);
    let mut rig = Rig::watching(&PREFIXES);
    for (number, bits) in [(0, flags::SYN), (1, flags::ACK), (2, flags::FIN)] {
        let packet = Packet::v4(WATCHED, OTHER)
            .tcp(443, 50_000, bits)
            .ttl(60 + number);
        let frame = packet.build();
        for time in 0..4 {
            let time = 10 * u64::from(number) + time;
            rig.receive(
                &frame,
                sensor_common::ReplayContext {
                    time,
                    ..at_once(&frame)
                },
            );
        }
        rig.drain();
    }
    let counted = rig.counted();
    let (_, value) = counted.flows.first_key_value().unwrap();
    assert_eq!(
        (counted.flows.len(), value.packets, value.octets),
        (1, 12, 480)
    );
    assert_eq!((value.first, value.last), (0, 23));
    assert_eq!(
        value.tcp_flags,
        u16::from(flags::SYN | flags::ACK | flags::FIN)
    );
    assert_eq!((value.ttl_min, value.ttl_max), (60, 62));
    assert_eq!(counted.notices.len(), 1);
}
