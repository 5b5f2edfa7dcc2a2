//! The newer format.

use super::files::{self, ORDERS, Order};
use super::{SUPPORTED, error, frames, read};
use crate::capture::{Capture, Frame, Link, Truncated};

const SECOND: u64 = 1_000_000_000;

fn frame(interface: u32, time: u64, wire_length: u32, data: &'static [u8]) -> Frame {
    Frame {
        time,
        wire_length,
        data: data.into(),
        interface,
        link: Link::Ethernet,
    }
}

#[test]
fn sections_interfaces_and_all_packet_blocks() {
    let file = files::pcapng();
    let expected = [
        frame(0, SECOND, 60, b"one"),
        frame(0, 0, 9, b"two!"),
        frame(1, 2 * SECOND + 3, 5, b"three"),
        frame(1, 2 * SECOND + 4, 4, b"four"),
    ];
    assert_eq!(frames(&file), expected);

    let mut capture = Capture::new("test.pcap", file.as_slice()).unwrap();
    assert_eq!(capture.interface_name(0), None);
    while capture.next_frame().unwrap().is_some() {}
    assert_eq!(capture.interface_name(0), Some("eth0"));
    assert_eq!(capture.interface_name(1), None);
    assert_eq!(capture.interface_name(2), None);
    assert_eq!(capture.position(), file.len() as u64);
}

#[test]
fn each_interface_has_a_clock_of_its_own() {
    for order in ORDERS {
        let file = [
            order.section(),
            order.interface(1, 0, &[]),
            order.interface(1, 0, &[(9, &[9])]),
            order.interface(1, 0, &[(9, &[0x8a])]),
            order.interface(1, 0, &[(14, &order.u64(10)), (9, &[0])]),
            order.interface(1, 0, &[(14, &order.u64(10_u64.wrapping_neg())), (9, &[3])]),
            order.interface(1, 0, &[(9, &[1, 2]), (14, &[1]), (0, &[]), (9, &[0])]),
            order.enhanced(5, 6, 1, b"f"),
            order.enhanced(4, 10_001, 1, b"e"),
            order.enhanced(4, 9_999, 1, b"e"),
            order.enhanced(3, 7, 1, b"d"),
            order.enhanced(2, 1_536, 1, b"c"),
            order.enhanced(1, SECOND << 8, 1, b"b"),
            order.obsolete(0, 1_500_000, 1, b"a"),
        ];
        let expected = [
            frame(5, 6_000, 1, b"f"),
            frame(4, 1_000_000, 1, b"e"),
            frame(4, 0, 1, b"e"),
            frame(3, 17 * SECOND, 1, b"d"),
            frame(2, SECOND / 2 * 3, 1, b"c"),
            frame(1, SECOND << 8, 1, b"b"),
            frame(0, SECOND / 2 * 3, 1, b"a"),
        ];
        assert_eq!(frames(&file.concat()), expected, "{order:?}");
    }
}

#[test]
fn only_packets_of_another_link_type_are_refused() {
    let order = Order::Little;
    let mut file = [
        order.section(),
        order.interface(1, 0, &[]),
        order.interface(105, 0, &[(2, b"wlan0")]),
        order.interface(147, 0, &[]),
        order.enhanced(0, 0, 1, b"a"),
    ]
    .concat();
    assert_eq!(frames(&file).len(), 1);
    file.extend(order.enhanced(2, 0, 1, b"b"));
    assert_eq!(
        error(&file),
        format!(
            "capture test.pcap: interface 2: link type 147 (private use) is not supported; \
             {SUPPORTED}"
        )
    );
    let named = [
        order.section(),
        order.interface(1, 0, &[]),
        order.section(),
        order.interface(105, 0, &[(2, b"wlan0")]),
        order.enhanced(0, 0, 1, b"b"),
    ];
    assert_eq!(
        error(&named.concat()),
        format!(
            "capture test.pcap: interface 1 (wlan0): link type 105 (Wi-Fi) is not supported; \
             {SUPPORTED}"
        )
    );
}

#[test]
fn each_interface_has_a_link_layer_of_its_own() {
    let order = Order::Big;
    let file = [
        order.section(),
        order.interface(276, 0, &[]),
        order.interface(1, 0, &[]),
        order.interface(101, 0, &[]),
        order.enhanced(2, 0, 1, b"a"),
        order.enhanced(0, 0, 1, b"b"),
        order.enhanced(1, 0, 1, b"c"),
    ];
    let links: Vec<_> = frames(&file.concat())
        .iter()
        .map(|frame| frame.link)
        .collect();
    assert_eq!(links, [Link::Raw, Link::Sll2, Link::Ethernet]);
}

#[test]
fn a_simple_packet_is_as_long_as_the_snapshot_length_lets_it() {
    let order = Order::Big;
    let file = |snapshot, wire, data: &[u8]| {
        [
            order.section(),
            order.interface(1, snapshot, &[]),
            order.simple(wire, data),
        ]
        .concat()
    };
    assert_eq!(frames(&file(5, 9, b"12345"))[0].data, b"12345"[..]);
    assert_eq!(frames(&file(0, 3, b"123"))[0].data, b"123"[..]);
    let message = error(&file(0, 9, b"12345"));
    assert!(message.ends_with("record 3 at byte 48 is corrupt: its fields do not fit in it"));
}

#[test]
fn names_are_made_printable() {
    let order = Order::Little;
    let long = [b'x'; 300];
    let file = [
        order.section(),
        order.interface(1, 0, &[(2, b"\x1b[31m\xff")]),
        order.interface(1, 0, &[(2, &long)]),
    ]
    .concat();
    let mut capture = Capture::new("test.pcap", file.as_slice()).unwrap();
    assert!(capture.next_frame().unwrap().is_none());
    assert_eq!(capture.interface_name(0), Some("\u{fffd}[31m\u{fffd}"));
    assert_eq!(capture.interface_name(1).unwrap().len(), 256);
}

#[test]
fn blocks_of_other_kinds_may_be_of_any_length() {
    let order = Order::Little;
    let secrets = order.block(10, &vec![1; 3_000_000]);
    let file = [
        order.section(),
        secrets,
        order.block(0x8000_0001, b""),
        order.interface(1, 0, &[]),
        order.enhanced(0, 0, 1, b"a"),
    ]
    .concat();
    assert_eq!(frames(&file), [frame(0, 0, 1, b"a")]);
    let (none, truncated) = read(&file[..1_000_000]).unwrap();
    assert_eq!(none, []);
    let expected = Truncated {
        record: 2,
        offset: 28,
        needed: 3_000_012,
        available: 999_972,
        compressed: None,
    };
    assert_eq!(truncated, Some(expected));
}
