//! IPv6 (RFC 8200) with its extension headers.

use super::{
    Fragment, IpVersion, MAX_EXTENSIONS, Malformed, Packet, Payload, Reader, Unparsed, Unsupported,
    truncated,
};
use crate::flow::Vlan;

const HEADER: usize = 40;
const HEADER_OCTETS: u32 = 40;

const HOP_BY_HOP: u8 = 0;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const NO_NEXT_HEADER: u8 = 59;

const FRAGMENT_OCTETS: u32 = 8;

#[inline(always)]
pub(super) fn parse<R: Reader>(frame: &R, start: usize) -> Result<(Payload, Packet), Unparsed> {
    let fixed: [u8; 8] = truncated(frame.read(start))?;
    if fixed[0] >> 4 != 6 {
        return Err(Unparsed::Malformed(Malformed::Ipv6Version));
    }
    let source = truncated(frame.read(start + 8))?;
    let destination = truncated(frame.read(start + 24))?;
    let next_header = fixed[6];
    let length = match u16::from_be_bytes([fixed[4], fixed[5]]) {
        // A card that segments for the sender leaves 0 here, also before the jumbo payload
        // option (RFC 2675), so the frame tells the length.
        0 if next_header != NO_NEXT_HEADER => frame.wire_length().saturating_sub(start + HEADER),
        length => usize::from(length),
    };
    if !frame.reaches(start + HEADER + length) {
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
        has_ports: false,
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
/// it says what the whole datagram carries. After one that is not there, or was not captured,
/// nobody can say what follows: it is what the packet carries.
#[inline(always)]
fn behind_extensions<R: Reader>(frame: &R, mut payload: Payload) -> Result<Payload, Unparsed> {
    for _ in 0..MAX_EXTENSIONS {
        let header = payload.protocol;
        if !is_extension(header)
            || matches!(payload.fragment, Fragment::Later)
            || payload.length < 2
        {
            return Ok(payload);
        }
        let Some([next, length]) = frame.read(payload.offset) else {
            return Ok(payload);
        };
        let octets = match header {
            FRAGMENT => FRAGMENT_OCTETS,
            AUTHENTICATION => (u32::from(length) + 2) * 4,
            _ => (u32::from(length) + 1) * 8,
        };
        if header == FRAGMENT {
            let Some(field) = frame.read(payload.offset + 2) else {
                return Ok(payload);
            };
            payload.fragment = fragment(u16::from_be_bytes(field), payload.fragment);
        }
        payload.protocol = next;
        payload.offset += octets as usize;
        // One that is longer than the packet has nothing behind it.
        payload.length = payload.length.saturating_sub(octets);
        payload = payload.settled(frame);
    }
    if is_extension(payload.protocol)
        && !matches!(payload.fragment, Fragment::Later)
        && payload.length > 0
    {
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
