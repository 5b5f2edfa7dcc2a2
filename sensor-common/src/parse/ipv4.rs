//! IPv4 (RFC 791).

use super::{Fragment, IpVersion, Malformed, Packet, Payload, Reader, Unparsed, truncated};
use crate::flow::Vlan;

const HEADER: usize = 20;
const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

#[inline(always)]
pub(super) fn parse<R: Reader>(frame: &R, start: usize) -> Result<(Payload, Packet), Unparsed> {
    let header: [u8; HEADER] = truncated(frame.read(start))?;
    if header[0] >> 4 != 4 {
        return Err(Unparsed::Malformed(Malformed::Ipv4Version));
    }
    let header_length = usize::from(header[0] & 0x0f) * 4;
    if header_length < HEADER {
        return Err(Unparsed::Malformed(Malformed::Ipv4HeaderLength));
    }
    if header_length > HEADER {
        let _: [u8; 2] = truncated(frame.read(start + header_length - 2))?;
    }
    // A card that segments for the sender leaves 0 here, so the frame tells the length.
    let total_length = match u16::from_be_bytes([header[2], header[3]]) {
        0 => frame.wire_length().saturating_sub(start),
        length => usize::from(length),
    };
    if total_length < header_length || !frame.reaches(start + total_length) {
        return Err(Unparsed::Malformed(Malformed::Ipv4TotalLength));
    }
    let fragment = match u16::from_be_bytes([header[6], header[7]]) {
        word if word & FRAGMENT_OFFSET != 0 => Fragment::Later,
        word if word & MORE_FRAGMENTS != 0 => Fragment::First,
        _ => Fragment::Whole,
    };
    let octets = u32::try_from(total_length).unwrap_or(u32::MAX);
    let payload = Payload {
        offset: start + header_length,
        length: octets.saturating_sub(u32::from(header[0] & 0x0f) * 4),
        protocol: header[9],
        fragment,
    };
    let packet = Packet {
        version: IpVersion::V4,
        source: address([header[12], header[13], header[14], header[15]]),
        destination: address([header[16], header[17], header[18], header[19]]),
        protocol: header[9],
        source_port: [0; 2],
        destination_port: [0; 2],
        has_ports: false,
        vlan: Vlan::default(),
        vlan_tags: 0,
        fragment,
        octets,
        tcp_flags: 0,
        ttl: header[8],
    };
    Ok((payload, packet))
}

/// As one wide integer: filling bytes one by one becomes a call to `memset`, whose loop the
/// verifier refuses without `CAP_PERFMON`.
#[inline(always)]
fn address(bytes: [u8; 4]) -> [u8; 16] {
    u128::from(u32::from_le_bytes(bytes)).to_le_bytes()
}
