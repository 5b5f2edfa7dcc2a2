//! Captures built byte by byte in [`files`], read back.

mod any;
mod compressed;
mod corrupt;
mod ethernet;
mod files;
mod pcap;
mod pcapng;

use std::io::{self, Read};

use super::{Capture, CaptureError, Frame, Truncated};

/// How a refusal of a link type ends.
const SUPPORTED: &str = "supported are 0 (BSD loopback), 1 (Ethernet), 9 (PPP), 12 (raw IP), \
    14 (raw IP), 50 (PPP on a serial line), 51 (PPPoE), 101 (raw IP), 104 (Cisco HDLC), \
    108 (OpenBSD loopback), 113 (Linux cooked), 228 (raw IPv4), 229 (raw IPv6), \
    276 (Linux cooked v2)";

/// Reads to the end, which must be a good one.
fn frames(file: &[u8]) -> Vec<Frame> {
    let (frames, truncated) = read(file).unwrap();
    assert_eq!(truncated, None);
    frames
}

/// All frames, and where the file is cut.
fn read(reader: impl Read) -> Result<(Vec<Frame>, Option<Truncated>), CaptureError> {
    let mut capture = Capture::new("test.pcap", reader)?;
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame()? {
        frames.push(frame);
    }
    assert!(matches!(capture.next_frame(), Ok(None)));
    Ok((frames, capture.truncated()))
}

/// The message of the error a file ends with.
fn error(file: &[u8]) -> String {
    read(file).unwrap_err().to_string()
}

/// Gives one byte at a time, and is interrupted before each.
struct Slow<'a> {
    file: &'a [u8],
    interrupted: bool,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let one = buffer.len().min(1);
        self.file.read(&mut buffer[..one])
    }
}

#[test]
fn how_the_reader_hands_out_bytes_makes_no_difference() {
    for file in [files::pcap(), files::pcapng()] {
        let slow = read(Slow {
            file: &file,
            interrupted: false,
        })
        .unwrap();
        assert_eq!(slow, (frames(&file), None));
    }
}

#[test]
fn a_failing_reader_is_named_with_its_place() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("unplugged"))
        }
    }
    let file = files::pcap();
    let error = read(file[..50].chain(Broken)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "capture test.pcap: cannot be read at byte 50"
    );
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "unplugged");
}

#[test]
fn what_is_no_capture_is_refused_by_name() {
    assert_eq!(error(b""), "capture test.pcap: the file is empty");
    assert_eq!(
        error(b"hello"),
        "capture test.pcap: neither pcap nor pcapng (it starts with 68 65 6c 6c)"
    );
    assert_eq!(
        error(&[0xfd, b'7', b'z', b'X', b'Z', 0]),
        "capture test.pcap: neither pcap nor pcapng (it looks like xz: decompress it first)"
    );
    assert_eq!(
        error(&files::pcap()[..20]),
        "capture test.pcap: ends inside its file header (20 of 24 bytes)"
    );
    assert_eq!(
        error(&files::pcapng()[..20]),
        "capture test.pcap: ends inside its file header (20 of 28 bytes)"
    );
}

#[test]
fn after_an_error_there_is_nothing() {
    let mut file = files::pcap();
    file.extend([0xff; 16]);
    let mut capture = Capture::new("test.pcap", file.as_slice()).unwrap();
    let failed = (0..3).filter(|_| capture.next_frame().is_err()).count();
    assert_eq!(failed, 1);
    assert!(matches!(capture.next_frame(), Ok(None)));
    assert_eq!(capture.position(), file.len() as u64);
}
