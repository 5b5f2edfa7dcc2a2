//! Ports and TCP flags; nothing else of a transport header is read.

use super::{Fragment, Malformed, Packet, Payload, Protocol, Reader, Unparsed, truncated};

const TCP_HEADER: u32 = 20;
const TCP_FLAGS: usize = 12;
const UDP_HEADER: u32 = 8;
const SCTP_HEADER: u32 = 12;
const DCCP_HEADER: u32 = 12;

/// The shortest fragment but the last (RFC 791): the ports, but not yet the TCP flags.
const FRAGMENT: u32 = 8;

#[inline(always)]
pub(super) fn parse<R: Reader>(
    frame: &R,
    payload: Payload,
    packet: &mut Packet,
) -> Result<(), Unparsed> {
    let header = match packet.protocol {
        Protocol::TCP => TCP_HEADER,
        Protocol::UDP | Protocol::UDP_LITE => UDP_HEADER,
        Protocol::SCTP => SCTP_HEADER,
        Protocol::DCCP => DCCP_HEADER,
        _ => return Ok(()),
    };
    if packet.fragment == Fragment::Later {
        return Ok(());
    }
    let needed = if packet.fragment == Fragment::First {
        FRAGMENT
    } else {
        header
    };
    if payload.length < needed {
        return Err(Unparsed::Malformed(Malformed::TransportLength));
    }
    let [a, b, c, d] = truncated(frame.read(payload.offset))?;
    packet.source_port = [a, b];
    packet.destination_port = [c, d];
    if packet.protocol == Protocol::TCP && payload.length >= TCP_HEADER {
        let [offset_and_flags, flags] = truncated(frame.read(payload.offset + TCP_FLAGS))?;
        packet.tcp_flags = u16::from_be_bytes([offset_and_flags & 0x0f, flags]);
    }
    Ok(())
}
