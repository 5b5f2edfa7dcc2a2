use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use super::*;
use crate::capped;

const TEXT: &[u8] = b"1.1.1.1\n2.2.2.2\n";

fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let text = Unpacked::open(bytes, 1 << 30).and_then(|reader| capped::read_from(reader, 1 << 30));
    text.map_err(|error| error.to_string())
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(text: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    ruzstd::encoding::compress_to_vec(text, level)
}

/// An archive with these files, each stored or deflated, its sizes before or after the data.
fn zip(files: &[(&str, &[u8])], is_deflated: bool, is_followed: bool) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, text) in files {
        let mut crc = flate2::Crc::new();
        crc.update(text);
        let packed = if is_deflated {
            let mut encoder =
                flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        } else {
            text.to_vec()
        };
        let [packed_length, length] = [packed.len(), text.len()].map(|n| u32::try_from(n).unwrap());
        archive.extend(*b"PK\x03\x04\x14\0");
        archive.extend([if is_followed { 8 } else { 0 }, 0]);
        archive.extend([if is_deflated { 8 } else { 0 }, 0, 0, 0, 0, 0]);
        let mut sums = [crc.sum(), packed_length, length]
            .map(u32::to_le_bytes)
            .concat();
        let after = sums.clone();
        if is_followed {
            sums = vec![0; 12];
        }
        archive.extend(sums);
        archive.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        archive.extend([0, 0]);
        archive.extend(name.as_bytes());
        archive.extend(packed);
        if is_followed {
            archive.extend(*b"PK\x07\x08");
            archive.extend(after);
        }
    }
    archive.extend(*b"PK\x01\x02");
    archive.extend([0; 42]);
    archive.extend(*b"PK\x05\x06");
    archive.extend([0; 18]);
    archive
}

#[test]
fn each_packing_gives_the_text() {
    assert_eq!(unpacked(TEXT).unwrap(), TEXT);
    assert_eq!(unpacked(b"").unwrap(), b"");
    let twice = [TEXT, TEXT].concat();
    for packed in [gzip, bzip2, zstd] {
        assert_eq!(unpacked(&packed(TEXT)).unwrap(), TEXT);
        assert_eq!(
            unpacked(&[packed(TEXT), packed(TEXT)].concat()).unwrap(),
            twice
        );
    }
    for (is_deflated, is_followed) in [(true, true), (true, false), (false, false)] {
        let archive = zip(
            &[("x/", b""), ("x/../y.csv", TEXT)],
            is_deflated && !is_followed,
            is_followed,
        );
        let plain = zip(&[("y.csv", TEXT)], is_deflated, is_followed);
        assert_eq!(unpacked(&plain).unwrap(), TEXT);
        if !is_deflated {
            assert_eq!(unpacked(&archive).unwrap(), TEXT);
        }
    }
}

#[test]
fn what_is_cut_or_changed_is_no_feed() {
    let text: Vec<u8> = (0..4000u32)
        .flat_map(|n| format!("1.2.{}.{}\n", n / 99, n % 99).into_bytes())
        .collect();
    for (packed, name) in [
        (gzip(&text), "gzip"),
        (bzip2(&text), "bzip2"),
        (zstd(&text), "zstd"),
        (zip(&[("x", &text)], true, true), "zip"),
        (zip(&[("x", &text)], false, false), "zip"),
    ] {
        let half = unpacked(&packed[..packed.len() / 2]).unwrap_err();
        assert_eq!(
            half,
            format!("{name}: it ends before its data do; fetch it again")
        );
        let mut changed = packed.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 0x55;
        assert!(unpacked(&changed).is_err(), "{name}");
    }
}

#[test]
fn what_grows_beyond_measure_is_refused() {
    let zeroes = vec![b'\n'; 64 << 20];
    for packed in [
        gzip(&zeroes),
        bzip2(&zeroes),
        zip(&[("x", &zeroes)], true, true),
    ] {
        let error = unpacked(&packed).unwrap_err();
        assert!(
            error.starts_with("more than 400 bytes come out for each"),
            "{error}"
        );
    }
    let mut reader = Unpacked::open(&zeroes[..], 1000).unwrap();
    let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
    assert_eq!(error.to_string(), "larger than 1000 bytes");
}

#[test]
fn archives_of_other_kinds_are_told() {
    let two = zip(&[("x", TEXT), ("y", TEXT)], true, true);
    assert_eq!(
        unpacked(&two).unwrap_err(),
        "zip: it has several files in it; unpack it and name the files"
    );
    assert_eq!(unpacked(b"PK\x05\x06").unwrap_err(), "it has no file in it");
    let mut encrypted = zip(&[("x", TEXT)], true, false);
    encrypted[6] |= 1;
    assert_eq!(
        unpacked(&encrypted).unwrap_err(),
        "the file in it is encrypted; unpack it by hand"
    );
    let mut other = zip(&[("x", TEXT)], true, false);
    other[8] = 12;
    assert!(
        unpacked(&other)
            .unwrap_err()
            .contains("another way than deflate")
    );
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(kind in 0..4usize, bytes in proptest::collection::vec(0..=255u8, 0..200)) {
        let magic: &[u8] = [&b"\x1f\x8b\x08"[..], b"\x28\xb5\x2f\xfd", b"BZh9", b"PK\x03\x04"][kind];
        let _ = unpacked(&[magic, &bytes].concat());
    }
}

/// A pipe gives what is there: a byte may be all of it.
#[test]
fn a_packing_is_told_however_little_comes_at_a_time() {
    struct OneByOne<'a>(&'a [u8], bool);
    impl Read for OneByOne<'_> {
        fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let most = target.len().min(1);
            self.0.read(&mut target[..most])
        }
    }
    for (packed, packing) in [
        (gzip(TEXT), Some(Packing::Gzip)),
        (zstd(TEXT), Some(Packing::Zstd)),
        (bzip2(TEXT), Some(Packing::Bzip2)),
        (zip(&[("a.txt", TEXT)], true, false), Some(Packing::Zip)),
        (TEXT.to_vec(), None),
        (b"1".to_vec(), None),
    ] {
        let unpacked = Unpacked::open(OneByOne(&packed, false), 1 << 30).unwrap();
        assert_eq!(unpacked.packing(), packing);
        let text = capped::read_from(unpacked, 1 << 30).unwrap();
        assert_eq!(text, if packed.len() == 1 { b"1" } else { TEXT });
    }
}
