use std::{format, vec, vec::Vec};

use proptest::prelude::*;

use super::*;

const ETHERNET_IPV4: [u8; 14] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];

fn ipv4(total_length: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = ETHERNET_IPV4.to_vec();
    frame.extend([0x45, 0]);
    frame.extend(total_length.to_be_bytes());
    frame.extend([
        0, 1, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 198, 51, 100, 7,
    ]);
    frame.extend(payload);
    frame
}

fn tcp() -> Vec<u8> {
    let mut header = vec![0xd4, 0x31, 0x01, 0xbb, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x12];
    header.extend([0; 6]);
    header
}

fn parsed(frame: &[u8]) -> Result<Packet, Unparsed> {
    parse(&Bytes::whole(frame))
}

#[test]
fn tcp_over_ipv4() {
    let packet = parsed(&ipv4(40, 6, &tcp())).unwrap();
    assert_eq!(packet.source[..4], [192, 0, 2, 1]);
    assert_eq!(packet.destination[..4], [198, 51, 100, 7]);
    assert_eq!(
        (packet.source_port, packet.destination_port),
        ([0xd4, 0x31], [1, 0xbb])
    );
    assert_eq!(
        (packet.octets, packet.tcp_flags, packet.ttl),
        (40, 0x12, 64)
    );
}

#[test]
fn padding_is_no_contradiction_and_is_not_counted() {
    let mut frame = ipv4(40, 6, &tcp());
    frame.resize(60, 0);
    assert_eq!(parsed(&frame).unwrap().octets, 40);
}

#[test]
fn a_total_length_of_zero_is_what_segmentation_offload_leaves() {
    assert_eq!(parsed(&ipv4(0, 6, &tcp())).unwrap().octets, 40);
}

#[test]
fn the_total_length_is_held_against_the_wire_and_not_the_capture() {
    let frame = ipv4(1500, 6, &tcp());
    assert_eq!(
        parsed(&frame),
        Err(Unparsed::Malformed(Malformed::Ipv4TotalLength))
    );
    let cut = Bytes {
        captured: &frame,
        wire_length: 1514,
    };
    assert_eq!(parse(&cut).unwrap().octets, 1500);
}

#[test]
fn every_ipv4_contradiction_has_its_reason() {
    let mut version = ipv4(40, 6, &tcp());
    version[14] = 0x65;
    let mut header_length = ipv4(40, 6, &tcp());
    header_length[14] = 0x44;
    let cases = [
        ("version", version, Malformed::Ipv4Version),
        ("header length", header_length, Malformed::Ipv4HeaderLength),
        (
            "total length below the header",
            ipv4(19, 6, &tcp()),
            Malformed::Ipv4TotalLength,
        ),
        (
            "cut in the header",
            ipv4(40, 6, &tcp())[..30].to_vec(),
            Malformed::Truncated,
        ),
        ("shorter than Ethernet", vec![0; 13], Malformed::Truncated),
        ("empty", vec![], Malformed::Truncated),
    ];
    for (name, frame, reason) in cases {
        assert_eq!(parsed(&frame), Err(Unparsed::Malformed(reason)), "{name}");
    }
}

#[test]
fn fragments_are_marked_and_later_ones_have_no_ports() {
    let mut first = ipv4(40, 6, &tcp());
    first[20] = 0x20;
    let packet = parsed(&first).unwrap();
    assert_eq!(
        (packet.fragment, packet.destination_port),
        (Fragment::First, [1, 0xbb])
    );
    let mut later = ipv4(40, 6, &tcp());
    later[21] = 5;
    let packet = parsed(&later).unwrap();
    assert_eq!(
        (packet.fragment, packet.destination_port),
        (Fragment::Later, [0, 0])
    );
}

#[test]
fn a_payload_that_ends_early_has_what_stands_in_it() {
    for (protocol, ports, flags) in [
        (6, 4, 14),
        (17, 4, 0),
        (132, 12, 0),
        (33, 4, 0),
        (136, 4, 0),
    ] {
        for length in 0..20_u16 {
            let frame = ipv4(20 + length, protocol, &tcp()[..length.into()]);
            let packet = parsed(&frame).unwrap();
            let said = format!("{length} bytes of protocol {protocol}");
            assert_eq!(packet.has_ports, length >= ports, "{said}");
            let expected = if length >= ports { [1, 0xbb] } else { [0; 2] };
            assert_eq!(packet.destination_port, expected, "{said}");
            let has_flags = flags > 0 && length >= flags;
            assert_eq!(packet.tcp_flags != 0, has_flags, "{said}");
        }
    }
}

#[test]
fn two_vlan_tags_are_read_and_more_are_passed_over() {
    let tagged = |tags: u8| {
        let plain = ipv4(40, 6, &tcp());
        let mut frame = plain[..12].to_vec();
        for tag in 0..tags {
            frame.extend([0x81, 0x00, 0xe0, 100 + tag]);
        }
        frame.extend(&plain[12..]);
        frame
    };
    let packet = parsed(&tagged(2)).unwrap();
    assert_eq!(
        (packet.vlan_tags, packet.vlan.ids),
        (2, [[0, 100], [0, 101]])
    );
    assert_eq!(parsed(&tagged(1)).unwrap().vlan.ids, [[0, 100], [0, 0]]);
    for tags in 3..=8 {
        assert_eq!(parsed(&tagged(tags)), Ok(packet));
    }
    assert_eq!(
        parsed(&tagged(9)),
        Err(Unparsed::Unsupported(Unsupported::VlanDepth))
    );
}

#[test]
fn an_extension_header_that_was_not_captured_is_what_the_packet_carries() {
    let frame = ipv6(16, 60, &[17, 0, 1, 4, 0, 0, 0, 0, 0, 53, 4, 0, 0, 8, 0, 0]);
    let cut = |captured| {
        let bytes = Bytes {
            captured: &frame[..captured],
            wire_length: frame.len(),
        };
        let packet = parse(&bytes).unwrap();
        (packet.protocol, packet.has_ports)
    };
    assert_eq!(cut(55), (60, false));
    assert_eq!(cut(56), (17, false));
    assert_eq!(cut(65), (17, false));
    assert_eq!(cut(66), (17, true));
}

#[test]
fn nothing_is_read_behind_a_payload() {
    let udp = [0, 53, 4, 0, 0, 8, 0, 0];
    // Eight bytes by its own length, of which the packet has seven, or none.
    let options = [17, 0, 1, 4, 0, 0, 0, 0];
    for (length, protocol) in [(16, 17), (8, 17), (7, 17), (2, 17), (1, 60)] {
        let packet = parsed(&ipv6(length, 60, &[options, udp].concat())).unwrap();
        assert_eq!(
            (packet.protocol, packet.has_ports),
            (protocol, length == 16)
        );
    }
    let mut longer = options;
    longer[1] = 9;
    let packet = parsed(&ipv6(16, 60, &[longer, udp].concat())).unwrap();
    assert_eq!((packet.protocol, packet.has_ports), (17, false));
}

#[test]
fn what_may_hide_ip_is_unsupported_and_the_rest_is_not_ip() {
    let with_type = |ether_type: u16| {
        let mut frame = ipv4(40, 6, &tcp());
        frame[12..14].copy_from_slice(&ether_type.to_be_bytes());
        parsed(&frame)
    };
    for hides in [0x22f3, 0x88e5] {
        assert_eq!(
            with_type(hides),
            Err(Unparsed::Unsupported(Unsupported::Encapsulation))
        );
    }
    for other in [0x0806, 0x88cc, 0x0040] {
        assert_eq!(with_type(other), Err(Unparsed::NotIp));
    }
}

fn ipv6(payload_length: u16, next_header: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = ETHERNET_IPV4[..12].to_vec();
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
    frame.extend(payload_length.to_be_bytes());
    frame.extend([next_header, 61]);
    frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    frame.extend(payload);
    frame
}

#[test]
fn udp_and_icmp_over_ipv6() {
    let packet = parsed(&ipv6(8, 17, &[0, 53, 4, 0, 0, 8, 0, 0])).unwrap();
    assert_eq!(
        (packet.source_port, packet.destination_port),
        ([0, 53], [4, 0])
    );
    assert_eq!((packet.octets, packet.ttl, packet.tcp_flags), (48, 61, 0));
    let packet = parsed(&ipv6(8, 58, &[128, 0, 0, 0, 0, 1, 0, 1])).unwrap();
    assert_eq!((packet.protocol, packet.source_port), (58, [0, 0]));
}

#[test]
fn every_ipv6_refusal_has_its_reason() {
    let mut version = ipv6(8, 17, &[0; 8]);
    version[14] = 0x40;
    let cases = [
        (version, Unparsed::Malformed(Malformed::Ipv6Version)),
        (
            ipv6(9, 17, &[0; 8]),
            Unparsed::Malformed(Malformed::Ipv6PayloadLength),
        ),
        (
            ipv6(8, 17, &[])[..50].to_vec(),
            Unparsed::Malformed(Malformed::Truncated),
        ),
    ];
    for (frame, expected) in cases {
        assert_eq!(parsed(&frame), Err(expected));
    }
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_packet_or_a_reason(
        frame in prop::collection::vec(any::<u8>(), 0..200),
        more in 0..2000usize,
    ) {
        let bytes = Bytes { captured: &frame, wire_length: frame.len() + more };
        if let Ok(packet) = parse(&bytes) {
            prop_assert!(packet.octets as usize <= bytes.wire_length);
            prop_assert!(packet.octets >= 20);
        }
    }

    #[test]
    fn a_cut_packet_never_changes_what_is_read(cut in 0..54usize) {
        let frame = ipv4(40, 6, &tcp());
        let whole = parsed(&frame).unwrap();
        let bytes = Bytes { captured: &frame[..cut], wire_length: frame.len() };
        match parse(&bytes) {
            Ok(packet) => {
                let ports = [packet.source_port, packet.destination_port];
                let expected = if packet.has_ports {
                    [whole.source_port, whole.destination_port]
                } else {
                    [[0; 2]; 2]
                };
                prop_assert_eq!(ports, expected);
                prop_assert_eq!(packet.has_ports, cut >= 38);
                prop_assert_eq!(packet.tcp_flags, if cut < 48 { 0 } else { whole.tcp_flags });
                prop_assert_eq!((packet.source, packet.octets), (whole.source, whole.octets));
            }
            Err(unparsed) => {
                prop_assert_eq!(unparsed, Unparsed::Malformed(Malformed::Truncated));
            }
        }
    }
}
