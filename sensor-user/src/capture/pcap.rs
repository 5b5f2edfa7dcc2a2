//! The older format: one header, then records of a fixed header and a packet.
//!
//! The magic number gives byte order and unit of the fraction of a second. Times are unsigned
//! seconds, as libpcap and Wireshark read them; the header's time zone is ignored, as they do.

use std::io::Read;

use bytes::Bytes;
use pcap_parser::{parse_pcap_frame, parse_pcap_frame_be, parse_pcap_header};

use super::error::{CaptureError, Problem};
use super::link::{Link, LinkType};
use super::packet::word;
use super::source::Source;
use super::{Frame, MAX_PACKET};

/// Microseconds and nanoseconds, each in both byte orders.
pub(super) const MAGICS: [[u8; 4]; 4] = [
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
];

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
/// Where the captured length stands in a record.
const CAPTURED_LENGTH: usize = 8;
/// The bits of the link type that libpcap reads; those above tell whether frames end with a check
/// sequence, which IP's own length leaves out anyway.
const LINK_BITS: u32 = 0x03ff_ffff;

pub(super) struct Pcap {
    big_endian: bool,
    /// Nanoseconds in a unit of the fraction.
    unit: u64,
    link: Link,
}

impl Pcap {
    /// Reads the file header; the magic number is known.
    pub(super) fn open<R: Read>(source: &mut Source<R>) -> Result<Self, CaptureError> {
        source.claim(FILE_HEADER as u64);
        if !source.fill(FILE_HEADER)? {
            return Err(source.header_cut());
        }
        let Ok((_, header)) = parse_pcap_header(source.bytes()) else {
            return Err(source.corrupt(Problem::Fields));
        };
        // Before 2.4 the two lengths of a record stood the other way round, or either way.
        if header.version_major != 2 || header.version_minor < 4 {
            return Err(source.version("pcap", header.version_major, header.version_minor));
        }
        let number = LinkType(header.network.0.cast_unsigned() & LINK_BITS);
        let Some(link) = number.link() else {
            return Err(source.link(number, None));
        };
        let unit = if header.is_nanosecond_precision() {
            1
        } else {
            1_000
        };
        Ok(Self {
            big_endian: header.is_bigendian(),
            unit,
            link,
        })
    }

    pub(super) fn next_frame<R: Read>(
        &self,
        source: &mut Source<R>,
    ) -> Result<Option<Frame>, CaptureError> {
        source.begin(RECORD_HEADER as u64);
        if !source.fill(RECORD_HEADER)? {
            return Ok(None);
        }
        let length = word(source.bytes(), CAPTURED_LENGTH, self.big_endian);
        if length > MAX_PACKET {
            return Err(source.corrupt(Problem::PacketTooLong { length }));
        }
        let whole = RECORD_HEADER + length as usize;
        source.claim(whole as u64);
        if !source.fill(whole)? {
            return Ok(None);
        }
        let parse = if self.big_endian {
            parse_pcap_frame_be
        } else {
            parse_pcap_frame
        };
        let Ok((_, record)) = parse(source.bytes()) else {
            return Err(source.corrupt(Problem::Fields));
        };
        let seconds = u64::from(record.ts_sec) * 1_000_000_000;
        Ok(Some(Frame {
            time: seconds.saturating_add(u64::from(record.ts_usec) * self.unit),
            wire_length: record.origlen.max(record.caplen),
            data: Bytes::copy_from_slice(record.data),
            interface: 0,
            link: self.link,
        }))
    }
}
