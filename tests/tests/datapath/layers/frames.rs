//! The frames: every header whole, every way to contradict, and what comes of each.

use sensor_common::{Malformed, Unsupported};
use sensor_tests::packet::{Bridge, Packet, flags};

use super::{
    OTHER,
    Outcome::{self, NotIp, Recorded},
    Shape, WATCHED,
};

fn udp() -> Packet {
    Packet::v4(WATCHED, OTHER).udp(53, 5_353)
}

fn tcp() -> Packet {
    Packet::v4(OTHER, WATCHED).tcp(443, 50_000, flags::SYN)
}

fn v6(first: u16) -> [u8; 16] {
    std::net::Ipv6Addr::from([0x2001, 0xdb8, first, 0, 0, 0, 0, 1]).octets()
}

fn udp6() -> Packet {
    Packet::v6(v6(1), v6(2)).udp(53, 5_353)
}

const PAYLOAD: usize = 24;

/// A packet that is recorded, with payload behind its headers.
fn good(name: impl Into<String>, packet: Packet, outcome: Outcome) -> Shape {
    let frame = packet.payload(PAYLOAD).build();
    Shape {
        name: name.into(),
        headers: frame.len() - PAYLOAD,
        frame,
        outcome,
    }
}

/// A frame of which nothing may be recorded, with one thing in it changed.
fn bad(name: &str, packet: Packet, changes: &[(usize, u8)], outcome: Outcome) -> Shape {
    let mut frame = packet.payload(PAYLOAD).build();
    for &(at, byte) in changes {
        frame[at] = byte;
    }
    Shape {
        name: name.into(),
        headers: frame.len() - PAYLOAD,
        frame,
        outcome,
    }
}

fn links() -> Vec<Shape> {
    let udp_in = |vlan: &[u16]| Recorded(52, 17, (53, 5_353), 0, vlan.into());
    let mut shapes = vec![
        good("Ethernet", udp(), udp_in(&[])),
        good("VN-tag", udp().bridge(Bridge::VnTag), udp_in(&[])),
        good("E-tag", udp().bridge(Bridge::ETag), udp_in(&[])),
        good(
            "VN-tag and VLAN",
            udp().bridge(Bridge::VnTag).vlan(7),
            udp_in(&[7]),
        ),
        good(
            "E-tag and two VLANs",
            udp().bridge(Bridge::ETag).service_vlan(7).vlan(9),
            udp_in(&[7, 9]),
        ),
        good(
            "three VLANs",
            (1..=3).fold(udp(), Packet::vlan),
            udp_in(&[1, 2]),
        ),
        good(
            "eight VLANs",
            (1..=8).fold(udp(), Packet::vlan),
            udp_in(&[1, 2]),
        ),
        good("SNAP", udp().snap(), udp_in(&[])),
        good("SNAP in a VLAN", udp().vlan(4_094).snap(), udp_in(&[4_094])),
        good("PPPoE", udp().pppoe(), udp_in(&[])),
        good("PPPoE in a VLAN", udp().vlan(0).pppoe(), udp_in(&[0])),
        good("MPLS in PPPoE", udp().pppoe().labels(2), udp_in(&[])),
        good(
            "IPv6 in PPPoE",
            udp6().pppoe(),
            Recorded(72, 17, (53, 5_353), 0, Vec::new()),
        ),
        good(
            "IPv6 below MPLS",
            udp6().labels(3),
            Recorded(72, 17, (53, 5_353), 0, Vec::new()),
        ),
        good(
            "all at once",
            udp()
                .bridge(Bridge::ETag)
                .vlan(1)
                .vlan(2)
                .snap()
                .pppoe()
                .labels(4),
            udp_in(&[1, 2]),
        ),
    ];
    for identifier in [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300] {
        let name = format!("VLAN tag {identifier:04x}");
        shapes.push(good(name, udp().tag(identifier, 5), udp_in(&[5])));
    }
    for count in 1..=4 {
        let name = format!("{count} labels");
        shapes.push(good(name, udp().labels(count), udp_in(&[])));
    }
    shapes.extend(bridges());
    shapes
}

/// A fabric, a backbone and a service chain around a packet, and spellings of what others spell
/// otherwise.
fn bridges() -> Vec<Shape> {
    let recorded = || Recorded(52, 17, (53, 5_353), 0, Vec::new());
    let mut shapes = Vec::new();
    let around = |name: &str, kind: [u8; 2], header: &[u8]| {
        let mut shape = good(name, udp(), recorded());
        let rest = shape.frame.split_off(12);
        shape.frame.extend(kind);
        shape.frame.extend(header);
        shape
            .frame
            .extend(&rest[if kind == [0x89, 0x4f] { 2 } else { 0 }..]);
        shape.headers = shape.frame.len() - PAYLOAD;
        shape
    };
    shapes.push(around(
        "metadata of a switch",
        [0x89, 9],
        &[1, 1, 0, 1, 0, 7],
    ));
    shapes.push(around("bridged Ethernet", [0x65, 0x58], &[2; 12]));
    shapes.push(around(
        "a long LLC frame",
        [0x88, 0x70],
        &[0xaa, 0xaa, 3, 0, 0, 0],
    ));
    let mut service_point = around("IP by the number of its service", [0, 55], &[6, 6, 3]);
    service_point.frame.drain(17..19);
    service_point.headers -= 2;
    shapes.push(service_point);
    shapes.push(around(
        "FabricPath",
        [0x89, 3],
        &[[0; 2].as_slice(), &[2; 12]].concat(),
    ));
    shapes.push(around(
        "backbone",
        [0x88, 0xe7],
        &[[0; 4].as_slice(), &[2; 12]].concat(),
    ));
    let service = |words: u8| {
        let rest = vec![0; usize::from(words) * 4 - 4];
        [vec![0, words, 1, 1], rest].concat()
    };
    for words in [2, 6, 63] {
        let name = format!("service header of {words} words");
        shapes.push(around(&name, [0x89, 0x4f], &service(words)));
    }
    // The protocol of PPP in one byte.
    let mut compressed = good("compressed protocol in PPPoE", udp().pppoe(), recorded());
    assert_eq!(compressed.frame.remove(20), 0);
    compressed.frame[19] -= 1;
    compressed.headers -= 1;
    shapes.push(compressed);
    // Labels for a group, and a bridge's SNAP.
    let mut multicast = good("multicast labels", udp().labels(1), recorded());
    multicast.frame[13] = 0x48;
    let mut bridged = good("SNAP of a bridge", udp().snap(), recorded());
    bridged.frame[19] = 0xf8;
    shapes.extend([multicast, bridged]);
    shapes
}

fn networks() -> Vec<Shape> {
    let plain = |octets, protocol| Recorded(octets, protocol, (0, 0), 0, Vec::new());
    let mut shapes = vec![
        good("TCP", tcp(), Recorded(64, 6, (443, 50_000), 0, Vec::new())),
        good(
            "options",
            tcp().options(&[1; 40]),
            Recorded(104, 6, (443, 50_000), 0, Vec::new()),
        ),
        good(
            "first fragment",
            udp().fragment(0, true),
            Recorded(52, 17, (53, 5_353), 1, Vec::new()),
        ),
        good(
            "later fragment",
            udp().fragment(3, true),
            Recorded(44, 17, (0, 0), 2, Vec::new()),
        ),
        good(
            "IPv6 whole datagram with a fragment header",
            udp6().fragment(0, false),
            Recorded(80, 17, (53, 5_353), 0, Vec::new()),
        ),
        good(
            "IPv6 first fragment",
            udp6().extension(0, 8).fragment(0, true),
            Recorded(88, 17, (53, 5_353), 1, Vec::new()),
        ),
        good(
            "IPv6 later fragment",
            udp6().fragment(3, false),
            Recorded(72, 17, (0, 0), 2, Vec::new()),
        ),
    ];
    // What a later fragment carries is not looked into, whatever it begins with.
    let mut later = good(
        "IPv6 later fragment of options",
        udp6().fragment(3, true),
        Recorded(72, 60, (0, 0), 2, Vec::new()),
    );
    later.frame[54] = 60;
    shapes.push(later);
    for header in [0, 43, 51, 60, 135, 139, 140] {
        for size in [8, 64] {
            let packet = udp6().extension(header, size);
            let octets = 72 + u64::try_from(size).unwrap();
            let outcome = Recorded(octets, 17, (53, 5_353), 0, Vec::new());
            let name = format!("extension {header} of {size}");
            shapes.push(good(name, packet, outcome));
        }
    }
    let six = [0, 60, 43, 51, 60, 135].into_iter();
    let six = six.fold(udp6(), |packet, header| packet.extension(header, 16));
    shapes.push(good(
        "six extensions",
        six,
        Recorded(168, 17, (53, 5_353), 0, Vec::new()),
    ));
    for protocol in [33, 132, 136] {
        for (packet, octets) in [
            (Packet::v4(WATCHED, OTHER), 56),
            (Packet::v6(v6(1), v6(2)), 76),
        ] {
            let packet = packet.ports_of(protocol, 53, 5_353);
            let outcome = Recorded(octets, protocol, (53, 5_353), 0, Vec::new());
            shapes.push(good(format!("protocol {protocol}"), packet, outcome));
        }
    }
    for protocol in [1, 2, 4, 41, 47, 50, 51, 58, 59, 89, 115, 253, 255] {
        let packet = Packet::v4(WATCHED, OTHER).protocol(protocol);
        shapes.push(good(
            format!("protocol {protocol}"),
            packet,
            plain(44, protocol),
        ));
    }
    for protocol in [1, 2, 4, 41, 47, 50, 58, 59, 89, 253, 255] {
        let packet = Packet::v6(v6(1), v6(2)).protocol(protocol);
        let name = format!("protocol {protocol} in IPv6");
        shapes.push(good(name, packet, plain(64, protocol)));
    }
    shapes
}

fn malformed() -> Vec<Shape> {
    let malformed = Outcome::Malformed;
    vec![
        bad(
            "PPPoE version 2",
            udp().pppoe(),
            &[(14, 0x12)],
            malformed(Malformed::PppoeVersion),
        ),
        bad(
            "PPPoE too long",
            udp().pppoe(),
            &[(18, 1)],
            malformed(Malformed::PppoeLength),
        ),
        bad(
            "IPv4 version",
            udp(),
            &[(14, 0x55)],
            malformed(Malformed::Ipv4Version),
        ),
        bad(
            "IPv4 header length",
            udp(),
            &[(14, 0x44)],
            malformed(Malformed::Ipv4HeaderLength),
        ),
        bad(
            "IPv4 total length",
            udp(),
            &[(16, 1)],
            malformed(Malformed::Ipv4TotalLength),
        ),
        bad(
            "IPv6 version",
            udp6(),
            &[(14, 0x70)],
            malformed(Malformed::Ipv6Version),
        ),
        bad(
            "IPv6 payload length",
            udp6(),
            &[(18, 1)],
            malformed(Malformed::Ipv6PayloadLength),
        ),
    ]
}

/// What ends before a header of transport is no contradiction: what is there counts.
fn short() -> Vec<Shape> {
    let udp_in = |octets, ports| Recorded(octets, 17, ports, 0, Vec::new());
    let short = |name: &str, packet: Packet, length: u8, outcome: Outcome| {
        let mut shape = bad(name, packet, &[(17, length)], outcome);
        shape.headers = 14 + usize::from(length);
        shape
    };
    let sctp = || Packet::v4(WATCHED, OTHER).ports_of(132, 1, 2);
    vec![
        short("no UDP at all", udp(), 20, udp_in(20, (0, 0))),
        short("half the ports", udp(), 23, udp_in(23, (0, 0))),
        short("only ports", udp(), 24, udp_in(24, (53, 5_353))),
        short("no checksum", udp(), 27, udp_in(27, (53, 5_353))),
        short(
            "no flags of TCP",
            tcp(),
            33,
            Recorded(33, 6, (443, 50_000), 0, Vec::new()),
        ),
        short(
            "SCTP without its checksum",
            sctp(),
            31,
            Recorded(31, 132, (0, 0), 0, Vec::new()),
        ),
        bad(
            "extension too long",
            udp6().extension(60, 8),
            &[(55, 9)],
            Recorded(80, 17, (0, 0), 0, Vec::new()),
        ),
        bad(
            "extension without room",
            udp6().extension(60, 8),
            &[(19, 7)],
            Recorded(47, 17, (0, 0), 0, Vec::new()),
        ),
        short(
            "a first fragment without ports",
            udp().fragment(0, true),
            23,
            Recorded(23, 17, (0, 0), 1, Vec::new()),
        ),
    ]
}

fn passed_over() -> Vec<Shape> {
    let unsupported = Outcome::Unsupported;
    let seven = (0..7).fold(udp6(), |packet, _| packet.extension(60, 8));
    vec![
        bad(
            "PPPoE that ends a session",
            udp().pppoe(),
            &[(15, 0xa7)],
            NotIp,
        ),
        bad("LCP in PPPoE", udp().pppoe(), &[(20, 0xc0)], NotIp),
        bad(
            "compressed in PPPoE",
            udp().pppoe(),
            &[(21, 0x2d)],
            unsupported(Unsupported::Encapsulation),
        ),
        bad(
            "nine VLANs",
            (1..=9).fold(udp(), Packet::vlan),
            &[],
            unsupported(Unsupported::VlanDepth),
        ),
        bad(
            "five labels",
            udp().labels(5),
            &[],
            unsupported(Unsupported::MplsDepth),
        ),
        bad(
            "no IP below the label",
            udp().labels(1),
            &[(18, 0)],
            unsupported(Unsupported::MplsPayload),
        ),
        bad(
            "seven extensions",
            seven,
            &[],
            unsupported(Unsupported::Ipv6Extension),
        ),
        bad("LLC", udp().snap(), &[(14, 0xfe), (15, 0xfe)], NotIp),
        bad("SNAP of somebody", udp().snap(), &[(19, 0x0c)], NotIp),
        bad("ARP", udp(), &[(13, 6)], NotIp),
    ]
}

pub(crate) fn shapes() -> Vec<Shape> {
    [links(), networks(), short(), malformed(), passed_over()]
        .into_iter()
        .flatten()
        .collect()
}
