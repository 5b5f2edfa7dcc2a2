//! Captures in gzip and zstd: whole, in several parts, cut and damaged.

use std::io::{Read, Write as _};

use flate2::{Compression as Level, write::GzEncoder};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::files::{self, Order};
use super::{Slow, error, frames, read};
use crate::capture::{Capture, Compressed, Compression, Frame};

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// With a checksum of the content.
fn zstd(data: &[u8]) -> Vec<u8> {
    compress_to_vec(data, CompressionLevel::Fastest)
}

/// Blocks as they are, without a checksum, of which the window is kept back.
fn zstd_window(blocks: &[&[u8]]) -> Vec<u8> {
    // A window of 2^(10 + 7) bytes.
    let mut file = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    for (number, block) in (1..).zip(blocks) {
        let is_last = u32::from(number == blocks.len());
        let header = files::length(block) << 3 | is_last;
        file.extend(&header.to_le_bytes()[..3]);
        file.extend(*block);
    }
    file
}

/// A zstd frame to skip.
fn skipped(length: u32) -> Vec<u8> {
    let mut file = vec![0x5a, 0x2a, 0x4d, 0x18];
    file.extend(length.to_le_bytes());
    file.resize(8 + length as usize, 0xee);
    file
}

type Compress = fn(&[u8]) -> Vec<u8>;

const ALL: [Compress; 2] = [gzip, zstd];

/// Packets that do not compress to nothing.
fn large() -> Vec<u8> {
    let order = Order::Little;
    let mut file = order.pcap_header(0xa1b2_c3d4, 1);
    let mut state = 1_u32;
    for number in 0..200 {
        let data: Vec<u8> = (0..number * 3)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 28) as u8
            })
            .collect();
        file.extend(order.record(number, 0, 1_500, &data));
    }
    file
}

/// The frames before the end, whatever that is, and the message.
fn until_the_end(file: &[u8]) -> (Vec<Frame>, String) {
    let mut frames = Vec::new();
    let mut capture = match Capture::new("test.pcap", file) {
        Ok(capture) => capture,
        Err(error) => return (frames, error.to_string()),
    };
    loop {
        match capture.next_frame() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => {
                let truncated = capture.truncated().map(|truncated| truncated.to_string());
                return (frames, truncated.unwrap_or_default());
            }
            Err(error) => return (frames, error.to_string()),
        }
    }
}

#[test]
fn compressed_captures_are_read_as_they_are() {
    for file in [files::pcap(), files::pcapng(), large()] {
        let expected = frames(&file);
        let (head, tail) = file.split_at(30);
        for compressed in [
            gzip(&file),
            zstd(&file),
            // Members and frames one after the other, empty ones too.
            [gzip(head), gzip(b""), gzip(tail)].concat(),
            [zstd(head), zstd(b""), skipped(5), zstd(tail), skipped(0)].concat(),
            [skipped(70_000), zstd(&file)].concat(),
            zstd_window(&[&head[..4], &head[4..], b""]),
        ]
        .into_iter()
        .take(if file.len() > 30_000 { 2 } else { 5 })
        {
            assert_eq!(frames(&compressed), expected);
            let slow = read(Slow {
                file: &compressed,
                interrupted: false,
            });
            assert_eq!(slow.unwrap(), (expected.clone(), None));
        }
    }
}

#[test]
fn places_of_the_progress_are_those_on_the_disk() {
    let file = large();
    for compress in ALL {
        let compressed = compress(&file);
        let mut capture = Capture::new("test.pcap", compressed.as_slice()).unwrap();
        let mut position = 0;
        while capture.next_frame().unwrap().is_some() {
            assert!((position..=compressed.len() as u64).contains(&capture.position()));
            position = capture.position();
        }
        assert_eq!(capture.position(), compressed.len() as u64);
    }
}

#[test]
fn cut_anywhere_a_compressed_capture_gives_a_prefix_and_says_so() {
    let (small, large) = (files::pcap(), large());
    let rest = &small[24..];
    let mut files: Vec<_> = ALL.map(|compress| (compress(&small), 1)).into();
    files.push(([gzip(&small[..50]), gzip(&small[50..])].concat(), 1));
    files.push((zstd_window(&[&small[..24], rest]), 1));
    files.extend(ALL.map(|compress| (compress(&large), 97)));
    for (file, step) in files {
        let all = frames(&file);
        let mut most = 0;
        for length in (4..file.len()).step_by(step) {
            let (some, told) = until_the_end(&file[..length]);
            assert_eq!(some, all[..some.len()], "{length}");
            assert!(some.len() >= most, "{length}");
            most = some.len();
            let cut = format!("data are cut short at byte {length}");
            // Between two members nothing says that another one was to come.
            assert!(
                told.contains(&cut)
                    || told.ends_with("of 21 bytes")
                    || told.ends_with("of 16 bytes"),
                "{length}: {told}"
            );
        }
    }
}

#[test]
fn what_a_window_keeps_back_is_given_when_the_data_are_cut() {
    let order = Order::Little;
    let records = [
        order.pcap_header(0xa1b2_c3d4, 1),
        order.record(1, 0, 5, b"first"),
        order.record(2, 0, 6, b"second"),
    ];
    let third = order.record(3, 0, 5, b"third");
    let blocks: Vec<&[u8]> = records.iter().chain([&third]).map(Vec::as_slice).collect();
    let file = zstd_window(&blocks);
    let (some, told) = until_the_end(&file[..file.len() - 1]);
    assert_eq!(some.len(), 2);
    assert_eq!(
        told,
        format!(
            "zstd data are cut short at byte {}, where record 3 would begin",
            file.len() - 1
        )
    );
}

#[test]
fn a_cut_is_told_with_its_places() {
    let file = files::pcap();
    // The capture was cut before it was compressed.
    for compress in ALL {
        let (_, truncated) = read(compress(&file[..60]).as_slice()).unwrap();
        assert_eq!(
            truncated.unwrap().to_string(),
            "record 2 at byte 43 after decompression is cut short: 17 of 21 bytes"
        );
    }
    // The checksum alone is missing.
    let compressed = gzip(&file);
    let length = compressed.len() - 8;
    let (some, truncated) = read(&compressed[..length]).unwrap();
    assert_eq!(some.len(), 2);
    let truncated = truncated.unwrap();
    assert_eq!(
        truncated.compressed,
        Some(Compressed {
            compression: Compression::Gzip,
            cut: Some(length as u64)
        })
    );
    assert_eq!(
        truncated.to_string(),
        format!("gzip data are cut short at byte {length}, where record 3 would begin")
    );
    // Both.
    let cut = zstd_window(&[&file[..60], &file[60..]]);
    let length = cut.len() - 1;
    let (_, truncated) = read(&cut[..length]).unwrap();
    assert_eq!(
        truncated.unwrap().to_string(),
        format!(
            "zstd data are cut short at byte {length}, \
             record 2 at byte 43 after decompression is cut short: 17 of 21 bytes"
        )
    );
}

#[test]
fn a_file_cut_or_wrong_at_its_start_is_refused_by_name() {
    let header = &files::pcap()[..20];
    assert_eq!(
        error(&gzip(header)),
        "capture test.pcap: ends inside its file header (20 of 24 bytes) after decompression"
    );
    assert_eq!(
        error(&gzip(header)[..6]),
        "capture test.pcap: ends inside its file header (0 of 4 bytes): \
         its gzip data are cut short at byte 6"
    );
    for compress in ALL {
        assert_eq!(
            error(&compress(b"")),
            "capture test.pcap: the file is empty after decompression"
        );
        assert_eq!(
            error(&compress(&gzip(&files::pcap()))),
            "capture test.pcap: neither pcap nor pcapng \
             (it is compressed twice: decompress it once first)"
        );
    }
    let order = Order::Little;
    let corrupt = [
        order.pcap_header(0xa1b2_c3d4, 1),
        order.words(&[0, 0, 1 << 30, 0]),
    ];
    assert_eq!(
        error(&zstd(&corrupt.concat())),
        "capture test.pcap: record 1 at byte 24 after decompression is corrupt: \
         a packet of 1073741824 bytes, more than 262144 are not read"
    );
}

#[test]
fn corrupt_compressed_data_are_told_after_what_came_before() {
    let file = files::pcap();
    let mut checksum = gzip(&file);
    let place = checksum.len() - 8;
    checksum[place] ^= 1;
    let (some, told) = until_the_end(&checksum);
    assert_eq!(some.len(), 2);
    assert_eq!(
        told,
        format!(
            "capture test.pcap: gzip data are corrupt before byte {}: \
             corrupt gzip stream does not have a matching checksum",
            checksum.len()
        )
    );
    let mut checksum = zstd(&file);
    *checksum.last_mut().unwrap() ^= 1;
    let (some, told) = until_the_end(&checksum);
    assert_eq!(some.len(), 2);
    assert_eq!(
        told,
        format!(
            "capture test.pcap: zstd data are corrupt before byte {}: its checksum is another",
            checksum.len()
        )
    );
    for (compress, told) in ALL.into_iter().zip([
        "gzip data are corrupt before byte",
        "zstd data are corrupt before byte",
    ]) {
        let compressed = [compress(&file), b"and more, which is no member".to_vec()].concat();
        let (some, message) = until_the_end(&compressed);
        assert_eq!(some.len(), 2);
        assert!(message.contains(told), "{message}");
    }
}

#[test]
fn a_window_or_a_dictionary_is_not_taken_on_trust() {
    let huge = [0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3, 1, 0, 0];
    assert_eq!(
        error(&huge),
        "capture test.pcap: zstd data are corrupt before byte 6: a window of 268435456 bytes, \
         more than 134217728 are not kept; decompress it first: zstd -d --long=31"
    );
    let dictionary = [0x28, 0xb5, 0x2f, 0xfd, 1, 0, 9, 1, 0, 0];
    assert_eq!(
        error(&dictionary),
        "capture test.pcap: zstd data are corrupt before byte 7: dictionary 9 is needed, which \
         the file has not; decompress it first: zstd -d -D DICTIONARY"
    );
}

#[test]
fn a_reader_that_fails_is_told_after_what_came_before() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("unplugged"))
        }
    }
    for compress in ALL {
        let compressed = compress(&files::pcap());
        for length in 0..compressed.len() {
            let reader = compressed[..length].chain(Broken);
            let error = read(reader).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("capture test.pcap: cannot be read at byte {length}")
            );
            let source = std::error::Error::source(&error).unwrap();
            assert_eq!(source.to_string(), "unplugged");
        }
    }
}

proptest! {
    #[test]
    fn damaged_compressed_files_end(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        size in 24_usize..20_000,
    ) {
        let file = large();
        for compress in ALL {
            let mut compressed = compress(&file[..size]);
            for (index, byte) in &damage {
                let place = index.index(compressed.len());
                compressed[place] = *byte;
            }
            let (frames, _) = until_the_end(&compressed);
            prop_assert!(frames.len() <= 1 << 20);
        }
    }

    #[test]
    fn any_bytes_after_a_magic_number_end(
        start in prop::sample::select(vec![
            vec![0x1f, 0x8b],
            vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0],
            vec![0x28, 0xb5, 0x2f, 0xfd],
            vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3],
            vec![0x28, 0xb5, 0x2f, 0xfd, 0x04, 0],
            vec![0x50, 0x2a, 0x4d, 0x18],
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        until_the_end(&[start, rest].concat());
    }
}
