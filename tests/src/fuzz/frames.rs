//! Frames: the parser that kernel and host share, and tunnels.
//!
//! An input begins with four bytes: how much of the frame was captured, and by how much it was
//! longer on the wire, both little-endian. What follows is the frame. So one input is a frame
//! whole and cut, and the kernel is given the same.

use std::cell::Cell;

use sensor_common::{
    Bytes, Fragment, IpVersion, Malformed, Opened, Packet, Payload, Protocol, Reader, TunnelKind,
    Unparsed, Unsupported, carried_by, open, parse as parsed, parse_to_payload,
};

/// The last byte of a transport header that counts: the flags of TCP.
const LAST_READ: usize = 14;

/// The last byte of an extension header that counts: what a fragment says of itself.
const LAST_OF_EXTENSION: usize = 4;

/// A frame as an input describes it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// All of it.
    pub whole: &'a [u8],
    /// What of it was captured.
    pub captured: &'a [u8],
    /// Its length on the wire.
    pub wire_length: usize,
}

impl<'a> Frame<'a> {
    /// Reads an input; one that is too short for its head is no frame.
    pub fn of(input: &'a [u8]) -> Option<Self> {
        let ([low, high, more_low, more_high], whole) = input.split_first_chunk()?;
        let captured = usize::from(u16::from_le_bytes([*low, *high])).min(whole.len());
        let more = usize::from(u16::from_le_bytes([*more_low, *more_high]));
        Some(Self {
            whole,
            captured: &whole[..captured],
            wire_length: whole.len() + more,
        })
    }

    /// The input that describes it.
    pub fn input(whole: &[u8], captured: u16, more: u16) -> Vec<u8> {
        [&captured.to_le_bytes(), &more.to_le_bytes(), whole].concat()
    }
}

/// A reader that knows how far it was read.
struct Watched<'a> {
    bytes: Bytes<'a>,
    end: Cell<usize>,
}

impl<'a> Watched<'a> {
    fn new(captured: &'a [u8], wire_length: usize) -> Self {
        let bytes = Bytes {
            captured,
            wire_length,
        };
        let end = Cell::new(0);
        Self { bytes, end }
    }
}

impl Reader for Watched<'_> {
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let read = self.bytes.read(offset);
        if read.is_some() {
            self.end.set(self.end.get().max(offset + N));
        }
        read
    }

    fn wire_length(&self) -> usize {
        self.bytes.wire_length()
    }
}

type Read = Result<(Packet, Payload), Unparsed>;

/// The parser of a frame.
pub(super) fn parse(input: &[u8]) {
    let Some(frame) = Frame::of(input) else {
        return;
    };
    let whole = read(frame.whole, frame.wire_length);
    let cut = read(frame.captured, frame.wire_length);
    check_cut(
        whole.as_ref().map(|(packet, _)| packet),
        cut.as_ref().map(|(packet, _)| packet),
    );
}

/// Reads a frame and checks what is to hold for any.
fn read(captured: &[u8], wire_length: usize) -> Read {
    let reader = Watched::new(captured, wire_length);
    let read = parse_to_payload(&reader);
    let packet = read.map(|(packet, _)| packet);
    assert_eq!(packet, parsed(&reader.bytes), "read twice");
    let (packet, payload) = read?;
    check(&packet, wire_length);
    let word = payload.word();
    assert_eq!(Payload::of_word(word).word(), word);
    let (offset, length) = place(payload);
    // Nothing behind the headers that count is looked at.
    let may_read = match packet.version {
        _ if Protocol::has_ports(packet.protocol) => LAST_READ,
        IpVersion::V4 => 0,
        // An extension header that was cut is what the packet carries.
        IpVersion::V6 => LAST_OF_EXTENSION,
    };
    let end = reader.end.get();
    assert!(end <= offset + may_read, "{end} of {offset}");
    assert!(end <= captured.len());
    // One behind an extension header that is longer than the packet is empty.
    assert!(length == 0 || offset + length <= wire_length);
    Ok((packet, payload))
}

/// Where a payload begins, and its length.
fn place(payload: Payload) -> (usize, usize) {
    let word = payload.word();
    let number = |word: u64| usize::try_from(word).unwrap_or(usize::MAX);
    (number(word >> 16 & 0xffff), number(word >> 32))
}

/// What holds for every packet.
fn check(packet: &Packet, longest: usize) {
    assert!(packet.octets as usize <= longest && packet.octets >= 20);
    assert!(packet.tcp_flags <= 0xfff);
    assert!(packet.tcp_flags == 0 || packet.protocol == Protocol::TCP);
    let ports = [packet.source_port, packet.destination_port];
    assert!(packet.has_ports || (ports == [[0; 2]; 2] && packet.tcp_flags == 0));
    assert!(!packet.has_ports || Protocol::has_ports(packet.protocol));
    assert!(!packet.has_ports || packet.fragment != Fragment::Later);
    if packet.version == IpVersion::V4 {
        assert_eq!(packet.source[4..], [0; 12]);
        assert_eq!(packet.destination[4..], [0; 12]);
    }
    let tags = usize::from(packet.vlan_tags);
    assert!(tags <= packet.vlan.ids.len());
    assert!(packet.vlan.ids.iter().skip(tags).all(|id| *id == [0; 2]));
    assert!(
        packet
            .vlan
            .ids
            .iter()
            .all(|id| u16::from_be_bytes(*id) <= 0xfff)
    );
}

/// A frame that was cut while it was captured says no more than the whole of it.
fn check_cut(whole: Result<&Packet, &Unparsed>, cut: Result<&Packet, &Unparsed>) {
    let truncated = Unparsed::Malformed(Malformed::Truncated);
    match (whole, cut) {
        (_, Err(refusal)) if *refusal == truncated => {}
        (Err(one), Err(other)) => assert_eq!(one, other),
        (Ok(_), Err(refusal)) => panic!("whole it is read, cut it is {refusal:?}"),
        // The header that is refused was not captured: the packet carries the one before.
        (Err(refusal), Ok(packet)) => {
            assert_eq!(
                *refusal,
                Unparsed::Unsupported(Unsupported::Ipv6Extension),
                "cut it is {packet:?}"
            );
            assert!(!packet.has_ports);
        }
        (Ok(whole), Ok(cut)) => {
            assert_eq!(
                (whole.source, whole.destination, whole.version),
                (cut.source, cut.destination, cut.version)
            );
            assert_eq!(
                (whole.octets, whole.ttl, whole.vlan, whole.vlan_tags),
                (cut.octets, cut.ttl, cut.vlan, cut.vlan_tags)
            );
            if cut.has_ports {
                assert_eq!(
                    (whole.protocol, whole.fragment),
                    (cut.protocol, cut.fragment)
                );
                assert_eq!(
                    (whole.source_port, whole.destination_port),
                    (cut.source_port, cut.destination_port)
                );
            }
            assert!(cut.tcp_flags == 0 || cut.tcp_flags == whole.tcp_flags);
        }
    }
}

/// A packet that may be carried, opened as each kind it may be, and as all of them.
pub(super) fn tunnels(input: &[u8]) {
    let Some(frame) = Frame::of(input) else {
        return;
    };
    let whole = Bytes {
        captured: frame.whole,
        wire_length: frame.wire_length,
    };
    let Ok((packet, payload)) = parse_to_payload(&whole) else {
        return;
    };
    let kinds = carried_by(&packet);
    let single = TunnelKind::ALL.map(TunnelKind::bit);
    let skipped = usize::from(input[0] & 15);
    for asked in single.into_iter().chain([kinds]) {
        if asked & kinds != asked || asked == 0 {
            continue;
        }
        let whole = opened(frame.whole, frame.wire_length, payload, asked, skipped);
        let cut = opened(frame.captured, frame.wire_length, payload, asked, skipped);
        if let (Ok(whole), Ok(cut)) = (&whole, &cut) {
            assert_eq!((whole.kind, whole.id), (cut.kind, cut.id));
        }
        check_cut(
            whole.as_ref().map(|opened| &opened.packet),
            cut.as_ref().map(|opened| &opened.packet),
        );
    }
}

fn opened(
    captured: &[u8],
    wire_length: usize,
    outer: Payload,
    kinds: u16,
    skipped: usize,
) -> Result<Opened, Unparsed> {
    let reader = Watched::new(captured, wire_length);
    let read = open(&reader, outer, kinds, skipped);
    assert_eq!(
        read,
        open(&reader.bytes, outer, kinds, skipped),
        "read twice"
    );
    let opened = read?;
    assert!(kinds & opened.kind.bit() != 0);
    assert!(opened.kind.has_id() || opened.id == 0);
    let (_, length) = place(outer);
    check(&opened.packet, length);
    assert!(reader.end.get() <= captured.len());
    Ok(opened)
}
