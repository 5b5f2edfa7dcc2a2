//! Blocks that contradict themselves, and the messages for them.

use super::error;
use super::files::ORDERS;
use crate::capture::MAX_PACKET;

/// The message of the error these blocks end with, without the name of the file.
fn corrupt(blocks: &[Vec<u8>]) -> String {
    let message = error(&blocks.concat());
    message
        .strip_prefix("capture test.pcap: ")
        .unwrap()
        .to_owned()
}

#[test]
fn corrupt_blocks_are_named_by_number_and_place() {
    for order in ORDERS {
        let described = || [order.section(), order.interface(1, 0, &[])].concat();
        let mut lengths = order.block(11, b"abcd");
        lengths[12..].copy_from_slice(&order.u32(20));
        let mut inside = order.enhanced(0, 0, 4, b"abcd");
        inside[20..24].copy_from_slice(&order.u32(5));
        let mut inside_obsolete = order.obsolete(0, 0, 4, b"abcd");
        inside_obsolete[20..24].copy_from_slice(&order.u32(u32::MAX));
        let long = vec![0; MAX_PACKET as usize + 1];
        let words = |values: &[u32]| order.words(values);
        for (block, message) in [
            (
                words(&[6, 8, 0]),
                "8 bytes is not a length a block can have",
            ),
            (
                words(&[99, 13, 0]),
                "13 bytes is not a length a block can have",
            ),
            (words(&[6, 0x0010_0000, 0]), "a block of 1048576 bytes"),
            (
                lengths,
                "its lengths before and after, 16 and 20 bytes, differ",
            ),
            (inside, "its fields do not fit in it"),
            (inside_obsolete, "its fields do not fit in it"),
            (words(&[2, 12, 12]), "its fields do not fit in it"),
            (words(&[1, 12, 12]), "its fields do not fit in it"),
            (
                order.enhanced(1, 0, 1, b"a"),
                "a packet of interface 1, which the section does not describe",
            ),
            (
                order.enhanced(0, 0, 1, &long),
                "a packet of 262145 bytes, more than 262144 are not read",
            ),
            (
                words(&[0x0a0d_0d0a, 28, 0x1234_5678]),
                "its byte order is unknown",
            ),
        ] {
            let expected = format!("record 3 at byte 48 is corrupt: {message}");
            assert_eq!(corrupt(&[described(), block]), expected, "{order:?}");
        }
        assert_eq!(
            corrupt(&[order.section(), order.simple(1, b"a")]),
            "record 2 at byte 28 is corrupt: \
             a packet of interface 0, which the section does not describe"
        );
        assert_eq!(
            corrupt(&[described(), order.section(), order.enhanced(0, 0, 1, b"a")]),
            "record 4 at byte 76 is corrupt: \
             a packet of interface 0, which the section does not describe"
        );
        let mut version = order.section();
        version[12..14].copy_from_slice(&order.u16(2));
        assert_eq!(corrupt(&[version]), "pcapng version 2.0 is not supported");
        assert_eq!(
            corrupt(&[order.section(), order.interface(1, 0, &[]).repeat(4_097)]),
            "record 4098 at byte 81948 is corrupt: more than 4096 interfaces"
        );
    }
}
