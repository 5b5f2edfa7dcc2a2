//! Random frames, with what is true of them.

use std::net::IpAddr;

use sensor_tests::packet::{Bridge, Packet};

use super::{dice::Dice, worlds::Universe};
use crate::reference::{Facts, Frame};

const PORTS: [u16; 3] = [53, 443, 50_000];
const VLANS: [u16; 3] = [0, 5, 4_095];
const TTLS: [u8; 4] = [0, 1, 64, 255];

/// All kinds of IPv6 extension headers but that of fragments.
const EXTENSIONS: [u8; 7] = [0, 43, 51, 60, 135, 139, 140];

/// Through which interface packets come; 64 and more have no slot.
const INTERFACES: [u32; 10] = [0, 0, 1, 1, 2, 3, 31, 32, 63, 64];

/// When and through which interface packets arrive.
pub(crate) struct Arrivals {
    pub(crate) times: Vec<u64>,
    pub(crate) interfaces: Vec<u32>,
}

impl Arrivals {
    /// At these times, through any interface.
    pub(crate) fn at(times: Vec<u64>) -> Self {
        Self {
            times,
            interfaces: INTERFACES.to_vec(),
        }
    }
}

/// A frame, and what is true of it. The time and the interface are also those of a frame that
/// is no packet.
pub(crate) struct Arrival {
    pub(crate) bytes: Vec<u8>,
    pub(crate) frame: Frame,
    pub(crate) time: u64,
    pub(crate) interface: u32,
}

impl Arrival {
    pub(crate) fn new(dice: &mut Dice, universe: &Universe, arrivals: &Arrivals) -> Self {
        let family = dice.below(2);
        let all = &universe.addresses[family];
        let end = |dice: &mut Dice| match &universe.watched[family] {
            watched if !watched.is_empty() && dice.percent(60) => dice.pick(watched),
            _ => dice.pick(all),
        };
        let (source, destination) = (end(dice), end(dice));
        let time = dice.pick(&arrivals.times);
        let interface = dice.pick(&arrivals.interfaces);
        let (packet, facts) = packet(dice, (source, destination), time, interface);
        let (bytes, frame) = match dice.below(100) {
            0 => (not_ip(dice, &packet), Frame::NotIp),
            1..3 => (malformed(dice, &packet, &facts), Frame::Malformed),
            3 => (unsupported(dice, packet, &facts), Frame::Unsupported),
            4..20 => (carried(dice, packet).build(), Frame::Packet(facts)),
            _ => (packet.build(), Frame::Packet(facts)),
        };
        Self {
            bytes,
            frame,
            time,
            interface,
        }
    }
}

fn packet(
    dice: &mut Dice,
    (source, destination): (IpAddr, IpAddr),
    time: u64,
    interface: u32,
) -> (Packet, Facts) {
    let mut packet = between(source, destination);
    let ttl = dice.pick(&TTLS);
    let tags = dice.below(3);
    let vlan: Vec<u16> = (0..tags).map(|_| dice.pick(&VLANS)).collect();
    for &id in &vlan {
        packet = if dice.percent(50) {
            packet.vlan(id)
        } else {
            packet.service_vlan(id)
        };
    }
    let mut facts = Facts {
        source,
        destination,
        protocol: 0,
        ports: None,
        vlan,
        fragment: 0,
        tcp_flags: 0,
        ttl,
        octets: 0,
        interface,
        time,
    };
    let (from, to) = (dice.pick(&PORTS), dice.pick(&PORTS));
    packet = match dice.below(9) {
        0..3 => {
            facts.protocol = 6;
            facts.ports = Some((from, to));
            facts.tcp_flags = 1 << dice.below(8);
            packet.tcp(from, to, facts.tcp_flags)
        }
        3..6 => {
            facts.protocol = 17;
            facts.ports = Some((from, to));
            packet.udp(from, to)
        }
        6 => {
            facts.protocol = dice.pick(&[33, 132, 136]);
            facts.ports = Some((from, to));
            packet.ports_of(facts.protocol, from, to)
        }
        7 => {
            facts.protocol = if source.is_ipv4() { 1 } else { 58 };
            packet.icmp(8, 0)
        }
        _ => {
            facts.protocol = 47;
            packet.protocol(47)
        }
    };
    packet = packet.ttl(ttl).payload(8 * dice.below(3));
    if source.is_ipv6() && dice.percent(20) {
        for _ in 0..=dice.below(5) {
            packet = packet.extension(dice.pick(&EXTENSIONS), 8 * (1 + dice.below(40)));
        }
    }
    if dice.percent(10) {
        if dice.percent(50) {
            facts.fragment = 1;
            packet = packet.fragment(0, true);
        } else {
            facts.fragment = 2;
            facts.ports = None;
            facts.tcp_flags = 0;
            packet = packet.fragment(3, dice.percent(50));
        }
    }
    facts.octets = u64::try_from(packet.octets()).unwrap();
    (packet, facts)
}

fn between(source: IpAddr, destination: IpAddr) -> Packet {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            Packet::v4(source.octets(), destination.octets())
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            Packet::v6(source.octets(), destination.octets())
        }
        mixed => panic!("{mixed:?}"),
    }
}

/// The packet in a frame that says less plainly that it is one.
fn carried(dice: &mut Dice, packet: Packet) -> Packet {
    let packet = match dice.below(4) {
        0 => packet.bridge(Bridge::VnTag),
        1 => packet.bridge(Bridge::ETag),
        _ => packet,
    };
    match dice.below(5) {
        0 => packet.labels(1 + dice.below(4)),
        1 => packet.pppoe(),
        2 => packet.pppoe().labels(1 + dice.below(4)),
        3 if packet.octets() < 1_400 => packet.snap(),
        _ => packet,
    }
}

/// The frame of another protocol than IP, in at most two VLAN tags.
fn not_ip(dice: &mut Dice, packet: &Packet) -> Vec<u8> {
    const ARP: u16 = 0x0806;
    const LLDP: u16 = 0x88cc;
    let mut frame = packet.build();
    let at = network(&frame) - 2;
    let kind = dice.pick(&[ARP, LLDP, 46, 0]);
    frame[at..at + 2].copy_from_slice(&kind.to_be_bytes());
    frame
}

/// The frame with one thing in it that cannot be.
fn malformed(dice: &mut Dice, packet: &Packet, facts: &Facts) -> Vec<u8> {
    let mut frame = packet.build();
    let at = network(&frame);
    let is_v4 = facts.source.is_ipv4();
    match dice.below(4) {
        // Another version.
        0 => frame[at] = if is_v4 { 0x65 } else { 0x45 },
        // Cut within the IP header, and where it begins.
        1 => frame.truncate(at + 1 + dice.below(19)),
        2 => frame.truncate(at),
        // A header of fewer than 20 bytes.
        _ if is_v4 => frame[at] = 0x44,
        // More payload than there is.
        _ => frame[at + 4] = 0x10,
    }
    frame
}

/// The frame in more than is read.
fn unsupported(dice: &mut Dice, packet: Packet, facts: &Facts) -> Vec<u8> {
    const TRILL: u16 = 0x22f3;
    match dice.below(4) {
        0 => (1..=9).fold(packet, Packet::vlan).build(),
        1 if facts.source.is_ipv6() => (0..7)
            .fold(packet, |packet, _| packet.extension(60, 8))
            .build(),
        2 => packet.labels(5).build(),
        _ => {
            let mut frame = packet.build();
            let at = network(&frame) - 2;
            frame[at..at + 2].copy_from_slice(&TRILL.to_be_bytes());
            frame
        }
    }
}

/// Where the IP header begins.
fn network(frame: &[u8]) -> usize {
    let mut at = 14;
    while matches!(frame[at - 2..at], [0x81, 0] | [0x88, 0xa8]) {
        at += 4;
    }
    at
}
