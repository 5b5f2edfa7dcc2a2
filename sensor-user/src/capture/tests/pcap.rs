//! The older format.

use super::files::{ORDERS, Order};
use super::{SUPPORTED, error, frames, read};
use crate::capture::{Frame, Link, MAX_PACKET, Truncated};

fn frame(time: u64, wire_length: u32, data: &'static [u8]) -> Frame {
    Frame {
        time,
        wire_length,
        data: data.into(),
        interface: 0,
        link: Link::Ethernet,
    }
}

#[test]
fn both_units_in_both_byte_orders() {
    for order in ORDERS {
        for (magic, unit) in [(0xa1b2_c3d4, 1_000), (0xa1b2_3c4d, 1)] {
            let file = [
                order.pcap_header(magic, 1),
                order.record(1_700_000_000, 999_999, 1_500, b"abc"),
                order.record(0, 0, 0, b""),
                order.record(u32::MAX, u32::MAX, 2, b"more than was on the wire"),
            ];
            let largest = u64::from(u32::MAX);
            let expected = [
                frame(1_700_000_000_000_000_000 + 999_999 * unit, 1_500, b"abc"),
                frame(0, 0, b""),
                frame(
                    largest * 1_000_000_000 + largest * unit,
                    25,
                    b"more than was on the wire",
                ),
            ];
            assert_eq!(frames(&file.concat()), expected, "{order:?} {magic:x}");
        }
    }
}

#[test]
fn the_length_of_a_check_sequence_is_no_part_of_the_link_type() {
    let order = Order::Big;
    let file = [
        order.pcap_header(0xa1b2_c3d4, 0x4400_0001),
        order.record(1, 0, 1, b"a"),
    ];
    assert_eq!(frames(&file.concat()), [frame(1_000_000_000, 1, b"a")]);
}

#[test]
fn other_link_types_are_refused_by_number_and_name() {
    let file = |link| Order::Little.pcap_header(0xa1b2_c3d4, link);
    assert_eq!(
        error(&file(105)),
        format!("capture test.pcap: link type 105 (Wi-Fi) is not supported; {SUPPORTED}")
    );
    assert_eq!(
        error(&file(3)),
        format!("capture test.pcap: link type 3 is not supported; {SUPPORTED}")
    );
}

#[test]
fn old_versions_are_refused() {
    let mut file = Order::Little.pcap_header(0xa1b2_c3d4, 1);
    file[6] = 3;
    assert_eq!(
        error(&file),
        "capture test.pcap: pcap version 2.3 is not supported"
    );
}

#[test]
fn a_packet_past_the_cap_is_corrupt() {
    let order = Order::Big;
    let most = vec![7; MAX_PACKET as usize];
    let header = order.pcap_header(0xa1b2_c3d4, 1);
    let good = [header, order.record(1, 0, MAX_PACKET, &most)].concat();
    assert_eq!(frames(&good).len(), 1);

    let corrupt = [good, order.words(&[1, 0, MAX_PACKET + 1, 60]), vec![0; 99]].concat();
    assert_eq!(
        error(&corrupt),
        "capture test.pcap: record 2 at byte 262184 is corrupt: \
         a packet of 262145 bytes, more than 262144 are not read"
    );
}

#[test]
fn a_last_record_cut_short_is_told_from_the_end() {
    let file = super::files::pcap();
    let cut = |needed, available| {
        Some(Truncated {
            record: 2,
            offset: 43,
            needed,
            available,
            compressed: None,
        })
    };
    for (length, expected) in [
        (43, None),
        (44, cut(16, 1)),
        (58, cut(16, 15)),
        (59, cut(21, 16)),
    ] {
        let (frames, truncated) = read(&file[..length]).unwrap();
        assert_eq!((frames.len(), truncated), (1, expected), "{length}");
    }
    let truncated = read(&file[..60]).unwrap().1.unwrap();
    assert_eq!(
        truncated.to_string(),
        "record 2 at byte 43 is cut short: 17 of 21 bytes"
    );
}
