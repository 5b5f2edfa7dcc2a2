//! IPv6 (RFC 8200) with its extension headers.

use super::{
    Fragment, IpVersion, MAX_EXTENSIONS, Malformed, Packet, Payload, Protocol, Reader, Unparsed,
    Unsupported, truncated,
};
use crate::flow::Vlan;

const HEADER: usize = 40;
const HEADER_OCTETS: u32 = 40;

const HOP_BY_HOP: u8 = 0;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;

/// No extension header is shorter, and a fragment header is no longer.
const SHORTEST: u32 = 8;

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
        // A card that segments for the sender leaves 0 here, also before the jumbo payload
        // option (RFC 2675), so the frame tells the length.
        0 if matches!(next_header, Protocol::TCP | HOP_BY_HOP) => on_wire,
        length => usize::from(length),
    };
    if length > on_wire {
        return Err(Unparsed::Malformed(Malformed::Ipv6PayloadLength));
    }
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let payload = Payload {
        offset: start + HEADER,
        length,
        protocol: next_header,
        fragment: Fragment::Whole,
    };
    let payload = behind_extensions(frame, payload)?;
    let packet = Packet {
        version: IpVersion::V6,
        source,
        destination,
        protocol: payload.protocol,
        source_port: [0; 2],
        destination_port: [0; 2],
        vlan: Vlan::default(),
        vlan_tags: 0,
        fragment: payload.fragment,
        octets: length.saturating_add(HEADER_OCTETS),
        tcp_flags: 0,
        ttl: fixed[7],
    };
    Ok((payload, packet))
}

/// What comes after the extension headers. After the header of a later fragment there is none:
/// it says what the whole datagram carries.
#[inline(always)]
fn behind_extensions<R: Reader>(frame: &R, mut payload: Payload) -> Result<Payload, Unparsed> {
    for _ in 0..MAX_EXTENSIONS {
        let header = payload.protocol;
        if !is_extension(header) || matches!(payload.fragment, Fragment::Later) {
            return Ok(payload);
        }
        if payload.length < SHORTEST {
            return Err(Unparsed::Malformed(Malformed::Ipv6ExtensionLength));
        }
        let [next, length, high, low]: [u8; 4] = truncated(frame.read(payload.offset))?;
        let octets = match header {
            FRAGMENT => SHORTEST,
            AUTHENTICATION => (u32::from(length) + 2) * 4,
            _ => (u32::from(length) + 1) * 8,
        };
        if octets > payload.length {
            return Err(Unparsed::Malformed(Malformed::Ipv6ExtensionLength));
        }
        if header == FRAGMENT {
            payload.fragment = fragment(u16::from_be_bytes([high, low]), payload.fragment);
        }
        payload.protocol = next;
        payload.offset += octets as usize;
        payload.length -= octets;
    }
    if is_extension(payload.protocol) && !matches!(payload.fragment, Fragment::Later) {
        return Err(Unparsed::Unsupported(Unsupported::Ipv6Extension));
    }
    Ok(payload)
}

/// What the field of a fragment header says: an offset of 13 bits, and whether more follow. One
/// with neither is of a whole datagram (RFC 6946).
#[inline(always)]
const fn fragment(field: u16, before: Fragment) -> Fragment {
    match (field & 0xfff8, field & 1) {
        (0, 0) => before,
        (0, _) => Fragment::First,
        _ => Fragment::Later,
    }
}

/// Headers after which another one follows: hop-by-hop, routing, fragment, authentication,
/// destination options, mobility, HIP, shim6 (IANA, IPv6 extension header types). ESP is none of
/// them: what follows it is encrypted. Numbers for experiments are protocols.
#[inline(always)]
const fn is_extension(header: u8) -> bool {
    matches!(
        header,
        HOP_BY_HOP | 43 | FRAGMENT | AUTHENTICATION | 60 | 135 | 139 | 140
    )
}
