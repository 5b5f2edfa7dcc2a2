use etherparse::{NetHeaders, PacketHeaders, TransportHeader};

use super::*;

const WEST: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const EAST: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

#[test]
fn tags_options_and_tcp_are_where_they_belong() {
    let packet = Packet::v4([192, 0, 2, 1], [198, 51, 100, 7])
        .service_vlan(200)
        .vlan(100)
        .ttl(7)
        .options(&[1; 8])
        .tcp(443, 50_000, flags::SYN | flags::ACK)
        .payload(10);
    let frame = packet.clone().trailer(4).build();
    assert_eq!(frame[12..22], [0x88, 0xa8, 0, 200, 0x81, 0, 0, 100, 8, 0]);
    assert_eq!(
        (frame[22], frame[22 + 8], frame[22 + 28 + 13]),
        (0x47, 7, 0x12)
    );
    assert_eq!(frame.len(), 22 + 28 + 20 + 10 + 4);
    assert_eq!(packet.octets(), 58);
    assert_eq!(packet.truncate(30).build(), frame[..30]);
}

#[test]
fn fragments_after_the_first_have_no_transport_header() {
    let first = Packet::v4([192, 0, 2, 1], [198, 51, 100, 7])
        .udp(53, 5353)
        .payload(8);
    let later = first.clone().fragment(2, false);
    assert_eq!((first.fragment(0, true).octets(), later.octets()), (36, 28));
    let frame = later.build();
    assert_eq!((&frame[20..22], frame[23]), (&[0, 2][..], 17));
    let v6 = Packet::v6(WEST, EAST)
        .udp(53, 5353)
        .payload(16)
        .fragment(3, true)
        .build();
    assert_eq!((v6[20], v6[54], &v6[56..58]), (44, 17, &[0, 25][..]));
    assert_eq!(v6.len(), 14 + 40 + 8 + 16);
}

#[test]
fn extension_headers_form_a_chain() {
    let packet = Packet::v6(WEST, EAST)
        .extension(0, 8)
        .extension(43, 24)
        .extension(51, 16)
        .extension(60, 16)
        .icmp(128, 0)
        .payload(3);
    let frame = packet.build();
    let headers = PacketHeaders::from_ethernet_slice(&frame).unwrap();
    let Some(NetHeaders::Ipv6(header, extensions)) = headers.net else {
        panic!("{headers:?}")
    };
    assert_eq!(header.payload_length, 8 + 24 + 16 + 16 + 8 + 3);
    assert_eq!(
        (frame[20], frame[54], frame[62], frame[86], frame[102]),
        (0, 43, 51, 60, 58)
    );
    assert!(extensions.hop_by_hop_options.is_some() && extensions.auth.is_some());
    assert!(matches!(
        headers.transport,
        Some(TransportHeader::Icmpv6(_))
    ));
}

#[test]
fn checksums_are_right() {
    let frame = Packet::v4([192, 0, 2, 1], [198, 51, 100, 7])
        .udp(1, 2)
        .payload(5)
        .build();
    // One's complement sum over header and checksum is all ones (RFC 1071).
    let header: u32 = frame[14..34]
        .chunks(2)
        .map(|two| u32::from(two[0]) << 8 | u32::from(two[1]))
        .sum();
    assert_eq!((header & 0xffff) + (header >> 16), 0xffff);
}
