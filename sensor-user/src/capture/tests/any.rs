//! What holds for every file, good or not.

use std::ops::Range;

use proptest::prelude::*;

use super::files::{self, Order};
use super::{frames, read};
use crate::capture::interface::Clock;
use crate::capture::{Capture, MAX_PACKET};

/// Reads a file that may be anything; it must end, by itself, within what it holds.
fn ends(file: &[u8]) {
    let Ok(mut capture) = Capture::new("any", file) else {
        return;
    };
    let mut count = 0;
    let mut position = capture.position();
    while let Ok(Some(frame)) = capture.next_frame() {
        assert!(capture.position() > position && capture.position() <= file.len() as u64);
        position = capture.position();
        assert!(frame.data.len() <= file.len().min(MAX_PACKET as usize));
        assert!(frame.wire_length as usize >= frame.data.len());
        count += 1;
    }
    assert!(count <= file.len());
    assert!(matches!(capture.next_frame(), Ok(None)));
    if let Some(truncated) = capture.truncated() {
        assert!(truncated.available < truncated.needed);
        assert_eq!(truncated.offset + truncated.available, file.len() as u64);
    }
}

/// Cut anywhere, a file gives the first of its frames and says whether it was cut.
fn cut_anywhere(file: &[u8], lengths: Range<usize>) {
    let all = frames(file);
    for length in lengths {
        // An error here is a cut within the file header.
        if let Ok((some, truncated)) = read(&file[..length]) {
            assert_eq!(some, all[..some.len()], "{length}");
            assert!(truncated.is_none_or(|cut| cut.offset + cut.available == length as u64));
        } else {
            assert!(length < 28, "{length}");
        }
    }
}

#[test]
fn every_cut_gives_a_prefix() {
    for file in [files::pcap(), files::pcapng()] {
        cut_anywhere(&file, 0..file.len());
    }
}

#[test]
fn clocks_do_not_overflow() {
    for resolution in 0..=u8::MAX {
        for offset in [i64::MIN, -1, 0, 1, i64::MAX] {
            let clock = Clock { resolution, offset };
            let times = [0, 1, u64::from(u32::MAX), u64::MAX].map(|ticks| clock.time(ticks));
            assert!(times.is_sorted());
        }
    }
    let time = |resolution, offset, ticks| Clock { resolution, offset }.time(ticks);
    assert_eq!(time(0, 0, u64::MAX), u64::MAX);
    assert_eq!(time(6, i64::MAX, 0), u64::MAX);
    assert_eq!(time(6, i64::MIN, u64::MAX), 0);
    assert_eq!(time(19, 0, u64::MAX), 1_844_674_407);
    assert_eq!(time(0xff, 0, u64::MAX), 0);
    assert_eq!(time(0x80 | 32, 0, 3 << 31), 1_500_000_000);
}

proptest! {
    #[test]
    fn any_bytes_end(
        start in prop::sample::select(vec![
            vec![],
            Order::Little.pcap_header(0xa1b2_c3d4, 1),
            Order::Big.pcap_header(0xa1b2_3c4d, 1),
            [Order::Little.section(), Order::Little.interface(1, 0, &[])].concat(),
            [Order::Big.section(), Order::Big.interface(1, 0, &[])].concat(),
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        ends(&[start, rest].concat());
    }

    #[test]
    fn any_block_ends(
        big in any::<bool>(),
        kind in prop::sample::select(vec![1_u32, 2, 3, 4, 5, 6, 10, 0x0a0d_0d0a]),
        content in prop::collection::vec(prop_oneof![Just(0), 0_u8..40, any::<u8>()], 0..80),
    ) {
        let order = if big { Order::Big } else { Order::Little };
        let described = [order.section(), order.interface(1, 0, &[])].concat();
        ends(&[described, order.block(kind, &content), order.simple(1, b"a")].concat());
    }

    #[test]
    fn damaged_files_end(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for mut file in [files::pcap(), files::pcapng()] {
            for (index, byte) in &damage {
                let place = index.index(file.len());
                file[place] = *byte;
            }
            ends(&file);
        }
    }

    #[test]
    fn a_cut_file_gives_a_prefix(
        big in any::<bool>(),
        ng in any::<bool>(),
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let order = if big { Order::Big } else { Order::Little };
        let mut file = if ng {
            [order.section(), order.interface(1, 0, &[])].concat()
        } else {
            order.pcap_header(0xa1b2_c3d4, 1)
        };
        for (number, packet) in (0..).zip(&packets) {
            file.extend(if ng {
                order.enhanced(0, number, 64, packet)
            } else {
                order.record(7, 0, 64, packet)
            });
        }
        let cut = cut.index(file.len());
        cut_anywhere(&file, cut..cut + 1);
        let read: Vec<_> = frames(&file).into_iter().map(|frame| frame.data.to_vec()).collect();
        prop_assert_eq!(read, packets);
    }
}
