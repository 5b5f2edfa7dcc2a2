//! IPv6 (RFC 8200), without extension headers.

use super::{
    Fragment, IpVersion, Malformed, Packet, Payload, Reader, Unparsed, Unsupported, truncated,
};
use crate::flow::Vlan;

const HEADER: usize = 40;
const HEADER_OCTETS: u32 = 40;

#[inline(always)]
pub(super) fn parse<R: Reader>(frame: &R, start: usize) -> Result<(Payload, Packet), Unparsed> {
    let fixed: [u8; 8] = truncated(frame.read(start))?;
    if fixed[0] >> 4 != 6 {
        return Err(Unparsed::Malformed(Malformed::Ipv6Version));
    }
    let source = truncated(frame.read(start + 8))?;
    let destination = truncated(frame.read(start + 24))?;
    let on_wire = frame.wire_length().saturating_sub(start + HEADER);
    let next_header = fixed[6];
    let length = match u16::from_be_bytes([fixed[4], fixed[5]]) {
        // A card that segments for the sender leaves 0 here, so the frame tells the length.
        0 if next_header == super::Protocol::TCP => on_wire,
        length => usize::from(length),
    };
    if length > on_wire {
        return Err(Unparsed::Malformed(Malformed::Ipv6PayloadLength));
    }
    if is_extension(next_header) {
        return Err(Unparsed::Unsupported(Unsupported::Ipv6Extension));
    }
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let packet = Packet {
        version: IpVersion::V6,
        source,
        destination,
        protocol: next_header,
        source_port: [0; 2],
        destination_port: [0; 2],
        vlan: Vlan::default(),
        vlan_tags: 0,
        fragment: Fragment::Whole,
        octets: length.saturating_add(HEADER_OCTETS),
        tcp_flags: 0,
        ttl: fixed[7],
    };
    Ok((
        Payload {
            offset: start + HEADER,
            length,
        },
        packet,
    ))
}

/// Extension headers after which another header follows: hop-by-hop, routing,
/// fragment, authentication, destination options, mobility, HIP, shim6 and two
/// for experiments (IANA, IPv6 extension header types). ESP is none of them: what
/// follows it is encrypted.
#[inline(always)]
fn is_extension(next_header: u8) -> bool {
    matches!(
        next_header,
        0 | 43 | 44 | 51 | 60 | 135 | 139 | 140 | 253 | 254
    )
}
