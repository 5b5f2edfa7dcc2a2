//! PPP (RFC 1661), in frames like those of HDLC (RFC 1662) or without.
//!
//! Both ends may agree to leave out address and control, and the first byte of the protocol where
//! it is zero. A file does not say what they agreed on, and need not: the last byte of a protocol is
//! odd and the first one even, and no protocol begins with the address.

use super::{Content, Header, IPV4, IPV6, NOT_IP, cisco_hdlc};

/// All stations, unnumbered information.
const ADDRESS: u8 = 0xff;
const CONTROL: u8 = 0x03;

const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;

pub(super) fn header(data: &[u8]) -> Option<Header> {
    let (framing, protocol) = match data {
        [ADDRESS] => return None,
        [ADDRESS, CONTROL, protocol @ ..] => (2, protocol),
        protocol => (0, protocol),
    };
    let (protocol, length) = match *protocol {
        [last, ..] if last & 1 == 1 => (u16::from(last), 1),
        [first, last, ..] => (u16::from_be_bytes([first, last]), 2),
        _ => return None,
    };
    Some(Header {
        content: content(protocol),
        length: framing + length,
    })
}

/// As [`header`], where the address may also be one of Cisco HDLC, unicast or broadcast.
pub(super) fn serial_header(data: &[u8]) -> Option<Header> {
    match data.first()? {
        0x0f | 0x8f => cisco_hdlc(data),
        _ => header(data),
    }
}

/// What a protocol is (IANA, PPP DLL protocol numbers).
fn content(protocol: u16) -> Content {
    Content::EtherType(match protocol {
        0x0021 => IPV4,
        0x0057 => IPV6,
        0x0281 => MPLS,
        0x0283 => MPLS_MULTICAST,
        // Headers or datagrams compressed, encrypted, bridged, or several in a frame: there may be
        // IP, and nobody reads it without what came before.
        0x0003 | 0x0005 | 0x002d | 0x002f | 0x0031 | 0x003d | 0x004f | 0x0053 | 0x0055 | 0x0059
        | 0x0061 | 0x0063 | 0x0065 | 0x0067 | 0x0069 | 0x00fb | 0x00fd | 0x2063 | 0x2067
        | 0x2069 => return Content::InPpp(protocol),
        _ => NOT_IP,
    })
}
