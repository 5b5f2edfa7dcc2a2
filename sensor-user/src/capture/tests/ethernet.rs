//! Frames of every link layer, as the parser of the program reads them once they are Ethernet.

use proptest::prelude::*;
use sensor_common::{Bytes, Malformed, Packet, Unparsed, Unsupported, parse};

use crate::capture::{Frame, Link, LinkType};

const TRUNCATED: Unparsed = Unparsed::Malformed(Malformed::Truncated);
const ENCAPSULATION: Unparsed = Unparsed::Unsupported(Unsupported::Encapsulation);

const ALL: [Link; 12] = [
    Link::Ethernet,
    Link::Null,
    Link::Loop,
    Link::Ppp,
    Link::PppSerial,
    Link::Pppoe,
    Link::CiscoHdlc,
    Link::Raw,
    Link::Ipv4,
    Link::Ipv6,
    Link::Sll,
    Link::Sll2,
];

/// IPv4 and UDP, 28 bytes without content.
const V4: [u8; 28] = [
    0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0, 53, 0,
    8, 0, 0,
];

/// IPv6 and UDP, 48 bytes without content.
fn v6() -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0, 8, 17, 64];
    packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    packet.extend(&V4[20..]);
    packet
}

fn frame(link: Link, data: Vec<u8>) -> Frame {
    Frame {
        time: 7,
        wire_length: u32::try_from(data.len()).unwrap(),
        data: data.into(),
        interface: 3,
        link,
    }
}

/// What the program would read of a frame.
fn judge(frame: Frame) -> Result<Packet, Unparsed> {
    let frame = frame.into_ethernet();
    assert_eq!(
        (frame.link, frame.time, frame.interface),
        (Link::Ethernet, 7, 3)
    );
    parse(&Bytes {
        captured: &frame.data,
        wire_length: frame.wire_length as usize,
    })
}

/// What becomes of a link header before an IPv4 packet.
fn of(link: Link, header: &[u8]) -> Result<Packet, Unparsed> {
    judge(frame(link, [header, &V4].concat()))
}

/// A cooked header with the protocol and the type of the device.
fn sll(protocol: u16, device: u16) -> Vec<u8> {
    let mut header = vec![0, 4];
    header.extend(device.to_be_bytes());
    header.extend([0, 6, 2, 0, 0, 0, 0, 1, 0, 0]);
    header.extend(protocol.to_be_bytes());
    header
}

fn sll2(protocol: u16, device: u16) -> Vec<u8> {
    let mut header = protocol.to_be_bytes().to_vec();
    header.extend([0, 0, 0, 0, 0, 2]);
    header.extend(device.to_be_bytes());
    header.extend([4, 6, 2, 0, 0, 0, 0, 1, 0, 0]);
    header
}

/// Link headers before IPv4 and before IPv6.
fn headers() -> Vec<(Link, Vec<u8>, Vec<u8>)> {
    let mut ethernet = [vec![2; 12], vec![8, 0]].concat();
    let four = ethernet.clone();
    ethernet[12..].copy_from_slice(&[0x86, 0xdd]);
    let mut headers = vec![
        (Link::Ethernet, four, ethernet),
        (Link::Raw, vec![], vec![]),
        (Link::Ipv4, vec![], vec![]),
        (Link::Sll, sll(0x0800, 1), sll(0x86dd, 1)),
        (Link::Sll2, sll2(0x0800, 772), sll2(0x86dd, 65_534)),
        (
            Link::CiscoHdlc,
            vec![0x0f, 0, 8, 0],
            vec![0x8f, 0, 0x86, 0xdd],
        ),
        (
            Link::PppSerial,
            vec![0x8f, 0, 8, 0],
            vec![0x0f, 0, 0x86, 0xdd],
        ),
    ];
    for family in [10, 24, 28, 30] {
        headers.push((Link::Null, vec![2, 0, 0, 0], vec![family, 0, 0, 0]));
        headers.push((Link::Null, vec![0, 0, 0, 2], vec![0, 0, 0, family]));
        headers.push((Link::Loop, vec![0, 0, 0, 2], vec![0, 0, 0, family]));
    }
    for link in [Link::Ppp, Link::PppSerial] {
        headers.push((link, vec![0, 0x21], vec![0, 0x57]));
        headers.push((link, vec![0x21], vec![0x57]));
        headers.push((link, vec![0xff, 3, 0, 0x21], vec![0xff, 3, 0, 0x57]));
        headers.push((link, vec![0xff, 3, 0x21], vec![0xff, 3, 0x57]));
    }
    headers
}

#[test]
fn ip_is_read_behind_every_link_header_and_its_length_is_kept() {
    let plain_v4 = parse(&Bytes::whole(&[&[0; 12][..], &[8, 0], &V4].concat())).unwrap();
    let v6 = v6();
    let plain_v6 = parse(&Bytes::whole(&[&[0; 12][..], &[0x86, 0xdd], &v6].concat())).unwrap();
    for (link, four, six) in headers() {
        for (header, packet, plain) in [(four, &V4[..], plain_v4), (six, &v6, plain_v6)] {
            let link = match link {
                Link::Ipv4 if plain == plain_v6 => Link::Ipv6,
                link => link,
            };
            let mut whole = frame(link, [&header[..], packet].concat());
            assert_eq!(judge(whole.clone()), Ok(plain), "{link:?} {header:x?}");
            // A byte less on the wire contradicts the length in the IP header, in any link layer.
            whole.data.truncate(whole.data.len() - 1);
            assert_eq!(judge(whole.clone()), Ok(plain), "{link:?} {header:x?}");
            whole.wire_length -= 1;
            let Err(Unparsed::Malformed(reason)) = judge(whole) else {
                panic!("{link:?} {header:x?}");
            };
            let lengths = [Malformed::Ipv4TotalLength, Malformed::Ipv6PayloadLength];
            assert!(lengths.contains(&reason), "{link:?} {header:x?} {reason:?}");
        }
    }
}

#[test]
fn cut_anywhere_before_the_end_of_ip_a_frame_is_truncated() {
    for (link, header, _) in headers() {
        let whole = frame(link, [&header[..], &V4].concat());
        for length in 0..header.len() + 20 {
            let mut cut = whole.clone();
            cut.data.truncate(length);
            assert_eq!(judge(cut), Err(TRUNCATED), "{link:?} {header:x?} {length}");
        }
    }
    for length in 0..6 {
        let cut = frame(Link::Pppoe, [0x11, 0, 0, 1, 0, 30][..length].to_vec());
        assert_eq!(judge(cut), Err(TRUNCATED), "{length}");
    }
}

#[test]
fn what_is_not_ip_is_not_malformed() {
    for (link, header) in [
        // ARP, 802.2, raw 802.3, CDP, SLARP.
        (Link::Sll, sll(0x0806, 1)),
        (Link::Sll, sll(4, 1)),
        (Link::Sll2, sll2(1, 1)),
        (Link::CiscoHdlc, vec![0x8f, 0, 0x20, 0]),
        (Link::CiscoHdlc, vec![0x8f, 0, 0x80, 0x35]),
        // Netlink, radiotap and frame relay, whatever stands for the protocol.
        (Link::Sll, sll(0x0800, 824)),
        (Link::Sll2, sll2(0x0800, 803)),
        (Link::Sll2, sll2(0x86dd, 770)),
        // Other families; 2 in the other order is 2 for NULL only.
        (Link::Null, vec![7, 0, 0, 0]),
        (Link::Null, vec![0, 0, 2, 0]),
        (Link::Loop, vec![2, 0, 0, 0]),
        (Link::Loop, vec![0, 0, 0, 16]),
        // LCP, IPCP, IPX, and what would be an ether type of IP elsewhere.
        (Link::Ppp, vec![0xc0, 0x21]),
        (Link::Ppp, vec![0xff, 3, 0x80, 0x21]),
        (Link::PppSerial, vec![0x2b]),
        (Link::Ppp, vec![8, 0]),
        (Link::Ppp, vec![0xff, 0x21]),
        // PPPoE discovery.
        (Link::Pppoe, vec![0x11, 9, 0, 0, 0, 28]),
    ] {
        let judged = of(link, &header);
        assert_eq!(judged, Err(Unparsed::NotIp), "{link:?} {header:x?}");
    }
}

#[test]
fn labels_and_sessions_are_handed_on() {
    for (link, header) in [
        (Link::Ppp, vec![2, 0x81]),
        (Link::PppSerial, vec![0xff, 3, 2, 0x83]),
        (Link::CiscoHdlc, vec![0x0f, 0, 0x88, 0x47]),
        (Link::Sll, sll(0x8847, 1)),
    ] {
        let label = [header, vec![0, 1, 0x21, 64]].concat();
        let judged = of(link, &label);
        assert!(judged.is_ok(), "{link:?} {label:x?} {judged:?}");
    }
    let session = vec![0x11, 0, 0, 1, 0, 30, 0, 0x21];
    assert!(of(Link::Pppoe, &session).is_ok());
}

#[test]
fn what_may_carry_ip_is_unsupported() {
    for (link, header) in [
        // Van Jacobson's compression, several links, compressed datagrams.
        (Link::Ppp, vec![0, 0x2d]),
        (Link::PppSerial, vec![0xff, 3, 0x3d]),
        (Link::Ppp, vec![0xfd]),
        (Link::Pppoe, vec![0x11, 0, 0, 1, 0, 30, 0, 0x3d]),
    ] {
        let judged = of(link, &header);
        assert_eq!(judged, Err(ENCAPSULATION), "{link:?} {header:x?}");
    }
}

#[test]
fn what_only_ppp_has_is_handed_on_as_a_pppoe_session() {
    let given = frame(Link::PppSerial, vec![0xff, 3, 0x2d, 1, 2, 3]).into_ethernet();
    let expected = [
        &[0; 12][..],
        &[0x88, 0x64, 0x11, 0, 0, 0, 0, 5, 0, 0x2d],
        &[1, 2, 3],
    ];
    assert_eq!(given.data, expected.concat());
    assert_eq!(given.wire_length, 25);
}

#[test]
fn tags_in_a_cooked_frame_stay() {
    let tags = [0x00, 0x05, 0x81, 0x00, 0x20, 0x06, 0x08, 0x00];
    for (link, header) in [(Link::Sll, sll(0x88a8, 1)), (Link::Sll2, sll2(0x88a8, 1))] {
        let packet = of(link, &[&header[..], &tags].concat()).unwrap();
        assert_eq!(packet.vlan_tags, 2);
        assert_eq!(packet.vlan.ids, [[0, 5], [0, 6]]);
        assert_eq!(packet.octets, 28);
    }
}

#[test]
fn raw_ip_of_another_version_is_malformed() {
    let mut packet = V4.to_vec();
    for version in (0..16_u8).filter(|version| ![4, 6].contains(version)) {
        packet[0] = version << 4 | 5;
        let judged = judge(frame(Link::Raw, packet.clone()));
        let expected = Unparsed::Malformed(Malformed::Ipv4Version);
        assert_eq!(judged, Err(expected), "{version}");
    }
    // The link type says which.
    let judged = judge(frame(Link::Ipv4, v6()));
    assert_eq!(judged, Err(Unparsed::Malformed(Malformed::Ipv4Version)));
    let judged = judge(frame(Link::Ipv6, V4.repeat(2)));
    assert_eq!(judged, Err(Unparsed::Malformed(Malformed::Ipv6Version)));
}

#[test]
fn the_types_that_are_read_are_those_of_the_message_and_no_others() {
    let read: Vec<_> = (0..=0xffff)
        .map(LinkType)
        .filter(|link| link.link().is_some())
        .collect();
    assert_eq!(read, LinkType::READ);
    assert!(read.iter().all(|link| link.name().is_some()));
    for link in ALL {
        assert!(read.iter().any(|number| number.link() == Some(link)));
    }
}

proptest! {
    #[test]
    fn any_bytes_of_any_link_layer_become_a_frame(
        link in prop::sample::select(ALL.to_vec()),
        data in prop::collection::vec(prop_oneof![
            prop::sample::select(vec![0, 2, 3, 8, 0x0f, 0x11, 0x21, 0x45, 0x57, 0x60, 0x81, 0xff]),
            any::<u8>(),
        ], 0..80),
        beyond in prop_oneof![Just(0), 0_u32..2000, Just(u32::MAX)],
    ) {
        let mut given = frame(link, data.clone());
        given.wire_length = given.wire_length.saturating_add(beyond);
        let on_wire = i64::from(given.wire_length);
        let adapted = given.clone().into_ethernet();
        prop_assert!(adapted.wire_length as usize >= adapted.data.len());
        // What follows the link header is there to the last byte, and what was not captured
        // is still missing.
        if !adapted.data.is_empty() && adapted.wire_length < u32::MAX {
            let header = adapted.data.len().min(22);
            let rest = &adapted.data[header..];
            prop_assert!(data.ends_with(rest));
            let missing = i64::from(adapted.wire_length) - i64::try_from(adapted.data.len()).unwrap();
            prop_assert_eq!(missing, on_wire - i64::try_from(data.len()).unwrap());
        }
        let _ = judge(given);
    }
}
