//! Ethernet II with VLAN tags.

use super::{IpVersion, MAX_VLAN_TAGS, Reader, Unparsed, Unsupported, truncated};
use crate::flow::Vlan;

const ETHER_TYPE: usize = 12;
const TAG: usize = 4;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// The outcome of the link layer.
pub(super) struct Link {
    pub(super) version: IpVersion,
    pub(super) payload: usize,
    pub(super) vlan: Vlan,
    pub(super) vlan_tags: u8,
}

#[inline(always)]
pub(super) fn parse<R: Reader>(frame: &R) -> Result<Link, Unparsed> {
    let mut offset = ETHER_TYPE;
    let mut ether_type = u16::from_be_bytes(truncated(frame.read(offset))?);
    let mut vlan = Vlan::default();
    let mut vlan_tags = 0;
    for id in &mut vlan.ids {
        if !is_tag(ether_type) {
            break;
        }
        let [high, low, inner @ ..]: [u8; TAG] = truncated(frame.read(offset + 2))?;
        *id = [high & 0x0f, low];
        ether_type = u16::from_be_bytes(inner);
        offset += TAG;
        vlan_tags += 1;
    }
    let version = match ether_type {
        IPV4 => IpVersion::V4,
        IPV6 => IpVersion::V6,
        other => return Err(without_ip(other)),
    };
    Ok(Link {
        version,
        payload: offset + 2,
        vlan,
        vlan_tags,
    })
}

/// Tag protocol identifiers: 802.1Q, 802.1ad and the ones in use before it.
#[inline(always)]
fn is_tag(ether_type: u16) -> bool {
    matches!(ether_type, 0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300)
}

#[inline(always)]
fn without_ip(ether_type: u16) -> Unparsed {
    match ether_type {
        tag if is_tag(tag) => Unparsed::Unsupported(Unsupported::VlanDepth),
        // TRILL, MPLS, PPPoE session, provider backbone bridging, FabricPath, VN-tag, E-tag, NSH.
        0x22f3 | 0x8847 | 0x8848 | 0x8864 | 0x88e7 | 0x8903 | 0x8926 | 0x893f | 0x894f => {
            Unparsed::Unsupported(Unsupported::Encapsulation)
        }
        _ => Unparsed::NotIp,
    }
}

const _: () = assert!(MAX_VLAN_TAGS == size_of::<Vlan>() / 2);
