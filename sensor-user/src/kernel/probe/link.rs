//! One link as rtnetlink describes it: `RTM_GETLINK` and the parts of its answer the sensor
//! looks at (`include/uapi/linux/if_link.h`).

use std::io;

use nix::sys::socket::SockProtocol;

use super::netlink::{array, attribute, malformed, push_attribute, request};
use crate::preflight::{Link, Sample, XdpMode};

const RTM_GETLINK: u16 = 18;
/// `struct ifinfomsg`: family u8, padding, type u16, index i32, flags u32, change u32.
const IFINFO: usize = 16;
const IFINFO_TYPE: usize = 2;
const IFINFO_FLAGS: usize = 8;

/// Link types of `include/uapi/linux/if_arp.h`.
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;

const IFF_UP: u32 = 0x1;
const IFF_PROMISC: u32 = 0x100;

const IFLA_MTU: u16 = 4;
const IFLA_LINKINFO: u16 = 18;
const IFLA_STATS64: u16 = 23;
const IFLA_EXT_MASK: u16 = 29;
const IFLA_PROMISCUITY: u16 = 30;
const IFLA_XDP: u16 = 43;
pub(super) const IFLA_PARENT_DEV_NAME: u16 = 56;

/// Nested in `IFLA_LINKINFO`.
const IFLA_INFO_KIND: u16 = 1;

const IFLA_XDP_ATTACHED: u16 = 2;
const IFLA_XDP_PROG_ID: u16 = 4;
const IFLA_XDP_DRV_PROG_ID: u16 = 5;
const IFLA_XDP_SKB_PROG_ID: u16 = 6;
const IFLA_XDP_HW_PROG_ID: u16 = 7;

/// The parts of an `RTM_NEWLINK` message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinkMessage {
    flags: u32,
    mtu: u32,
    /// How many users asked for promiscuous mode. A packet capture asks here and leaves the
    /// flag alone (`dev_get_flags` in `net/core/dev.c`).
    promiscuity: u32,
    /// The first two of `struct rtnl_link_stats64`.
    pub(super) sample: Option<Sample>,
    /// Whether the link has a parent device.
    pub(super) has_parent: bool,
    /// Whether its frames begin with an Ethernet header.
    pub(super) is_ethernet: bool,
    /// Whether the link ends in this machine: a veth, or a tun or tap.
    pub(super) is_virtual_end: bool,
    /// Id and mode of the attached XDP program.
    pub(super) xdp: Option<(u32, XdpMode)>,
}

impl LinkMessage {
    /// MTU and flags.
    pub(super) const fn link(&self) -> Link {
        Link {
            mtu: self.mtu,
            up: self.flags & IFF_UP != 0,
            promiscuous: self.flags & IFF_PROMISC != 0 || self.promiscuity > 0,
        }
    }
}

/// Asks for the link with this index.
///
/// # Errors
///
/// What the kernel answered, `ENODEV` when there is none.
pub(super) fn by_index(index: u32) -> io::Result<LinkMessage> {
    parse(&answer(index)?).ok_or_else(malformed)
}

/// The attributes of the link with this index.
///
/// # Errors
///
/// As [`by_index`].
pub(super) fn attributes_of(index: u32) -> io::Result<Vec<u8>> {
    let mut answer = answer(index)?;
    if answer.len() < IFINFO {
        return Err(malformed());
    }
    Ok(answer.split_off(IFINFO))
}

fn answer(index: u32) -> io::Result<Vec<u8>> {
    let mut body = vec![0; IFINFO];
    body[4..IFINFO_FLAGS].copy_from_slice(&index.to_ne_bytes());
    // An empty mask leaves out what is long: virtual functions.
    push_attribute(&mut body, IFLA_EXT_MASK, &0u32.to_ne_bytes())?;
    request(SockProtocol::NetlinkRoute, RTM_GETLINK, &body)
}

fn parse(body: &[u8]) -> Option<LinkMessage> {
    let flags = u32::from_ne_bytes(array(body, IFINFO_FLAGS)?);
    let kind = u16::from_ne_bytes(array(body, IFINFO_TYPE)?);
    let attributes = body.get(IFINFO..)?;
    Some(LinkMessage {
        flags,
        mtu: number(attributes, IFLA_MTU)?,
        promiscuity: number(attributes, IFLA_PROMISCUITY).unwrap_or_default(),
        sample: attribute(attributes, IFLA_STATS64).and_then(|stats| {
            Some(Sample {
                received: u64::from_ne_bytes(array(stats, 0)?),
                sent: u64::from_ne_bytes(array(stats, 8)?),
            })
        }),
        has_parent: attribute(attributes, IFLA_PARENT_DEV_NAME).is_some(),
        is_ethernet: matches!(kind, ARPHRD_ETHER | ARPHRD_LOOPBACK),
        is_virtual_end: attribute(attributes, IFLA_LINKINFO)
            .and_then(|info| attribute(info, IFLA_INFO_KIND))
            .is_some_and(|kind| matches!(kind, b"veth\0" | b"tun\0")),
        xdp: attribute(attributes, IFLA_XDP).and_then(xdp),
    })
}

/// `IFLA_XDP_PROG_ID` is missing when several modes are in use (`rtnl_xdp_fill` in
/// `net/core/rtnetlink.c`); then the first of the modes' own ids stands for all.
fn xdp(nested: &[u8]) -> Option<(u32, XdpMode)> {
    let [attached] = array(attribute(nested, IFLA_XDP_ATTACHED)?, 0)?;
    let mode = match attached {
        0 => return None,
        1 => XdpMode::Native,
        2 => XdpMode::Generic,
        3 => XdpMode::Offloaded,
        _ => XdpMode::Multiple,
    };
    let ids = [
        IFLA_XDP_PROG_ID,
        IFLA_XDP_DRV_PROG_ID,
        IFLA_XDP_SKB_PROG_ID,
        IFLA_XDP_HW_PROG_ID,
    ];
    let id = ids.iter().find_map(|kind| number(nested, *kind))?;
    Some((id, mode))
}

fn number(attributes: &[u8], kind: u16) -> Option<u32> {
    array(attribute(attributes, kind)?, 0).map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(attached: u8, ids: &[(u16, u32)]) -> Vec<u8> {
        let mut bytes = vec![];
        push_attribute(&mut bytes, IFLA_XDP_ATTACHED, &[attached]).unwrap();
        for (kind, id) in ids {
            push_attribute(&mut bytes, *kind, &id.to_ne_bytes()).unwrap();
        }
        bytes
    }

    #[test]
    fn a_link_message() {
        let mut body = vec![0; IFINFO];
        body[IFINFO_FLAGS..12].copy_from_slice(&IFF_UP.to_ne_bytes());
        push_attribute(&mut body, IFLA_MTU, &1500u32.to_ne_bytes()).unwrap();
        push_attribute(&mut body, IFLA_PROMISCUITY, &1u32.to_ne_bytes()).unwrap();
        let stats = [7u64, 9, 0].map(u64::to_ne_bytes).concat();
        push_attribute(&mut body, IFLA_STATS64, &stats).unwrap();
        push_attribute(&mut body, IFLA_XDP, &nested(1, &[(IFLA_XDP_PROG_ID, 42)])).unwrap();
        let message = parse(&body).unwrap();
        assert_eq!(
            message.link(),
            Link {
                mtu: 1500,
                up: true,
                promiscuous: true
            }
        );
        assert_eq!(
            message.sample,
            Some(Sample {
                received: 7,
                sent: 9
            })
        );
        assert_eq!(message.xdp, Some((42, XdpMode::Native)));
        assert!(!message.has_parent);
        for length in 0..IFINFO + 8 {
            assert_eq!(parse(&body[..length]), None, "{length}");
        }
    }

    #[test]
    fn xdp_slots() {
        let several = &[(IFLA_XDP_SKB_PROG_ID, 8), (IFLA_XDP_DRV_PROG_ID, 7)][..];
        for (attached, ids, expected) in [
            (0, &[][..], None),
            (1, &[(IFLA_XDP_PROG_ID, 5)], Some((5, XdpMode::Native))),
            (2, &[(IFLA_XDP_PROG_ID, 5)], Some((5, XdpMode::Generic))),
            (3, &[(IFLA_XDP_PROG_ID, 5)], Some((5, XdpMode::Offloaded))),
            (4, several, Some((7, XdpMode::Multiple))),
            (1, &[], None),
        ] {
            assert_eq!(xdp(&nested(attached, ids)), expected, "{attached}");
        }
        assert_eq!(xdp(&[]), None);
    }
}
