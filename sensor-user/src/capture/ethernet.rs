//! A frame of any link layer that is read, as the Ethernet frame the program parses.
//!
//! The program and its parser know Ethernet only, and no packet path is made for replay. So the
//! link header is taken off here and an Ethernet header with the same meaning put in its place:
//! addresses of zeroes, which the parser does not read, and an ether type. What follows the link
//! header is not looked at, but for the version of raw IP, which has no other header.
//!
//! Nothing is skipped here. A frame that ends inside its link header becomes an empty one, which
//! the program counts as malformed; what is not IP becomes an ether type that is not.

mod ppp;

use bytes::Bytes;

use super::link::Link;

/// Destination and source before the ether type, in bytes.
const ADDRESSES: usize = 12;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const PPPOE_DISCOVERY: u16 = 0x8863;
const PPPOE_SESSION: u16 = 0x8864;
/// For local experiments (IEEE 802): it stands for all that has no ether type.
const NOT_IP: u16 = 0x88b5;

/// What a link header says follows it.
#[derive(Clone, Copy)]
enum Content {
    /// What has this ether type.
    EtherType(u16),
    /// IP inside a PPP protocol that only PPP has.
    InPpp(u16),
}

/// A link header.
struct Header {
    content: Content,
    /// In bytes.
    length: usize,
}

impl Header {
    const fn new(ether_type: u16, length: usize) -> Self {
        Self {
            content: Content::EtherType(ether_type),
            length,
        }
    }
}

/// The frame as Ethernet, and its length on the wire as that, in bytes.
///
/// `wire_length` is at least the length of `data`, and what is given back is so too.
pub(super) fn adapt(link: Link, data: Bytes, wire_length: u32) -> (Bytes, u32) {
    if link == Link::Ethernet {
        return (data, wire_length);
    }
    let Some(header) = header(link, &data) else {
        return (Bytes::new(), wire_length);
    };
    let payload = data.get(header.length..).unwrap_or_default();
    let on_wire = (wire_length as usize).saturating_sub(header.length);
    let mut frame = Vec::with_capacity(ADDRESSES + 10 + payload.len());
    frame.resize(ADDRESSES, 0);
    match header.content {
        Content::EtherType(ether_type) => frame.extend(ether_type.to_be_bytes()),
        Content::InPpp(protocol) => {
            // Version and type 1, code and session 0, and a length that counts the protocol.
            let length = u16::try_from(on_wire + 2).unwrap_or(u16::MAX);
            frame.extend(PPPOE_SESSION.to_be_bytes());
            frame.extend([0x11, 0, 0, 0]);
            frame.extend(length.to_be_bytes());
            frame.extend(protocol.to_be_bytes());
        }
    }
    let wire_length = u32::try_from(frame.len() + on_wire).unwrap_or(u32::MAX);
    frame.extend(payload);
    (frame.into(), wire_length)
}

/// The link header of a frame; `None` where the frame ends inside it.
fn header(link: Link, data: &[u8]) -> Option<Header> {
    Some(match link {
        Link::Ethernet => Header::new(word(data, ADDRESSES)?, ADDRESSES + 2),
        Link::Null => Header::new(either_family(*data.first_chunk()?), 4),
        Link::Loop => {
            let family = u32::from_be_bytes(*data.first_chunk()?);
            Header::new(of_family(family).unwrap_or(NOT_IP), 4)
        }
        Link::Ppp => ppp::header(data)?,
        Link::PppSerial => ppp::serial_header(data)?,
        Link::Pppoe => {
            let [_, code, ..]: [u8; 6] = *data.first_chunk()?;
            let is_session = code == 0;
            let ether_type = if is_session {
                PPPOE_SESSION
            } else {
                PPPOE_DISCOVERY
            };
            Header::new(ether_type, 0)
        }
        Link::CiscoHdlc => cisco_hdlc(data)?,
        // Another version than 4 or 6 contradicts the link type: as IPv4 it is malformed.
        Link::Raw => Header::new(if data.first()? >> 4 == 6 { IPV6 } else { IPV4 }, 0),
        Link::Ipv4 => Header::new(IPV4, 0),
        Link::Ipv6 => Header::new(IPV6, 0),
        Link::Sll => {
            let header: [u8; 16] = *data.first_chunk()?;
            cooked(word(&header, 14)?, word(&header, 2)?, header.len())
        }
        Link::Sll2 => {
            let header: [u8; 20] = *data.first_chunk()?;
            cooked(word(&header, 0)?, word(&header, 8)?, header.len())
        }
    })
}

/// Two bytes at `offset`, in network order.
fn word(data: &[u8], offset: usize) -> Option<u16> {
    let bytes = data.get(offset..)?.first_chunk()?;
    Some(u16::from_be_bytes(*bytes))
}

/// The ether type of a family in the byte order of a machine unknown. No family that is IP in one
/// order is one in the other.
fn either_family(bytes: [u8; 4]) -> u16 {
    let little = of_family(u32::from_le_bytes(bytes));
    little
        .or(of_family(u32::from_be_bytes(bytes)))
        .unwrap_or(NOT_IP)
}

/// `AF_INET` is 2 everywhere; `AF_INET6` is 10 on Linux, 24 on `NetBSD` and `OpenBSD`, 28 on
/// `FreeBSD`, 30 on macOS.
fn of_family(family: u32) -> Option<u16> {
    match family {
        2 => Some(IPV4),
        10 | 24 | 28 | 30 => Some(IPV6),
        _ => None,
    }
}

/// Linux cooked, where the type of the device says what the protocol is a number of: frame relay
/// and radiotap have none, netlink has numbers of its own (`include/uapi/linux/if_arp.h`). Below
/// 0x600 it is no ether type but one of Linux (802.2 for instance), which is not IP either.
fn cooked(protocol: u16, device: u16, length: usize) -> Header {
    let ether_type = match device {
        770 | 803 | 824 => NOT_IP,
        _ => protocol,
    };
    Header::new(ether_type, length)
}

/// Cisco HDLC: address, control, ether type.
fn cisco_hdlc(data: &[u8]) -> Option<Header> {
    Some(Header::new(word(data, 2)?, 4))
}
