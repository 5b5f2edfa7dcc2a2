//! Ports and TCP flags; nothing else of a transport header is read.
//!
//! A payload that ends before them is no contradiction: its packet has none.

use super::{Fragment, Packet, Payload, Protocol, Reader};

/// The ports, with which every header begins that has them.
const PORTS: u32 = 4;

/// One without the whole header is not told from another chunk of data (RFC 9260).
const SCTP_HEADER: u32 = 12;
const SCTP_CHECKSUM: usize = 8;

const TCP_FLAGS: usize = 12;

#[inline(always)]
pub(super) fn parse<R: Reader>(frame: &R, payload: Payload, packet: &mut Packet) {
    let (shortest, is_whole) = match payload.protocol {
        Protocol::TCP | Protocol::UDP | Protocol::UDP_LITE | Protocol::DCCP => (PORTS, true),
        Protocol::SCTP => {
            let checksum: Option<[u8; 4]> = frame.read(payload.offset + SCTP_CHECKSUM);
            (SCTP_HEADER, checksum.is_some())
        }
        _ => return,
    };
    if matches!(payload.fragment, Fragment::Later) || payload.length < shortest || !is_whole {
        return;
    }
    let Some([a, b, c, d]) = frame.read(payload.offset) else {
        return;
    };
    packet.source_port = [a, b];
    packet.destination_port = [c, d];
    packet.has_ports = true;
    if payload.protocol == Protocol::TCP
        && payload.length as usize >= TCP_FLAGS + 2
        && let Some([offset_and_flags, flags]) = frame.read(payload.offset + TCP_FLAGS)
    {
        packet.tcp_flags = u16::from_be_bytes([offset_and_flags & 0x0f, flags]);
    }
}
