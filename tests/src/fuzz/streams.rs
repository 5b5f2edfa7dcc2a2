//! What is read as a stream: captures, and the packing around a feed.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, Read},
};

use sekisho::{
    capture::{Capture, CaptureError, Frame, MAX_PACKET},
    feeds::unpack::Unpacked,
};
use sensor_common::{Bytes, parse};

/// Frames that are read of a capture.
const FRAMES: usize = 512;

/// What may come out of packing that is read twice.
const FEW: u64 = 1 << 20;

/// What may come out of a bomb.
const MANY: u64 = 64 << 20;

/// What comes out before it is held against what goes in, and how much may come out of each
/// byte: `FREE` and `RATIO` of `feeds::unpack`.
const FREE: u64 = 16 << 20;
const RATIO: u64 = 400;

/// A reader that gives so many bytes at a time.
pub(super) struct Pieces<'a> {
    pub(super) rest: &'a [u8],
    pub(super) size: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.size.min(target.len());
        self.rest.read(&mut target[..count])
    }
}

/// Of an input, whole and in pieces.
pub(super) fn both_ways<T: PartialEq + std::fmt::Debug>(
    input: &[u8],
    mut read: impl FnMut(Pieces<'_>) -> T,
) -> T {
    let pieces = |size| Pieces { rest: input, size };
    let whole = read(pieces(usize::MAX));
    let size = 1 + input.len() % 5;
    assert_eq!(whole, read(pieces(size)), "in pieces of {size}");
    whole
}

/// A capture, frame by frame.
pub(super) fn capture(input: &[u8]) {
    both_ways(input, captured);
}

/// What a capture gave: the frames, and how it ended. Nothing where its packing is corrupt: how
/// much of what comes before the fault a decoder gives is not the same however it is read.
#[derive(Debug)]
struct Given(Option<(u64, String)>);

impl PartialEq for Given {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        }
    }
}

fn captured(reader: Pieces<'_>) -> Given {
    let length = reader.rest.len() as u64;
    let mut seen = DefaultHasher::new();
    let mut capture = match Capture::new("fuzz", reader) {
        Ok(capture) => capture,
        Err(CaptureError::Compressed { .. }) => return Given(None),
        Err(error) => return Given(Some((0, error.to_string()))),
    };
    let mut end = String::from("goes on");
    for _ in 0..FRAMES {
        match capture.next_frame() {
            Ok(Some(frame)) => {
                (frame.time, frame.wire_length, frame.interface).hash(&mut seen);
                frame.data.hash(&mut seen);
                let name = capture.interface_name(frame.interface);
                assert!(name.is_none_or(|name| !name.contains(char::is_control)));
                check(frame);
            }
            Ok(None) => {
                end = format!("{:?}", capture.truncated());
                assert!(matches!(capture.next_frame(), Ok(None)));
                break;
            }
            Err(error) => {
                assert!(matches!(capture.next_frame(), Ok(None)));
                if matches!(error, CaptureError::Compressed { .. }) {
                    return Given(None);
                }
                end = error.to_string();
                break;
            }
        }
    }
    assert!(capture.position() <= length);
    Given(Some((seen.finish(), end)))
}

fn check(frame: Frame) {
    assert!(frame.data.len() <= MAX_PACKET as usize);
    assert!(frame.data.len() <= frame.wire_length as usize);
    let ethernet = frame.into_ethernet();
    assert!(ethernet.data.len() <= ethernet.wire_length as usize);
    let bytes = Bytes {
        captured: &ethernet.data,
        wire_length: ethernet.wire_length as usize,
    };
    let _verdict = parse(&bytes);
}

/// Packing, taken off.
pub(super) fn unpack(input: &[u8]) {
    let mut most = 0;
    let _ = both_ways(input, |reader| {
        let (out, seen, end) = unpacked(reader, FEW);
        most = most.max(out);
        // What comes before an error counts for nothing, and is not always as much.
        end.map(|packing| (out, seen, packing))
    });
    // It ends with the step that goes beyond.
    if most + (1 << 16) < FEW {
        return;
    }
    let whole = Pieces {
        rest: input,
        size: usize::MAX,
    };
    let (out, ..) = unpacked(whole, MANY);
    let most = (input.len() as u64 * RATIO).max(FREE);
    // What one step gives before it is counted.
    assert!(out <= most + (1 << 16), "{out} bytes of {}", input.len());
}

/// How much comes out and what, and how it ends.
fn unpacked(reader: Pieces<'_>, most: u64) -> (u64, u64, Result<String, String>) {
    let mut seen = DefaultHasher::new();
    let mut out = 0;
    let mut unpacked = match Unpacked::open(reader, most) {
        Ok(unpacked) => unpacked,
        Err(error) => return (0, 0, Err(error.to_string())),
    };
    let mut some = vec![0; 1 << 16];
    let end = loop {
        match unpacked.read(&mut some) {
            Ok(0) => break Ok(format!("{:?}", unpacked.packing())),
            Ok(count) => {
                // Of a bomb only the size counts.
                if most == FEW {
                    seen.write(&some[..count]);
                }
                out += count as u64;
                assert!(out <= most, "{out} of {most}");
            }
            Err(error) => break Err(error.to_string()),
        }
    };
    (out, seen.finish(), end)
}
