//! What stands before the IP header.

use super::fit;

const VN_TAG: u16 = 0x8926;
const E_TAG: u16 = 0x893f;
const MPLS: u16 = 0x8847;
const PPPOE_SESSION: u16 = 0x8864;

/// Before the VLAN tags, a tag of a bridge's extender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bridge {
    /// Cisco's VN-tag.
    VnTag,
    /// The E-tag of IEEE 802.1BR.
    ETag,
}

/// The link layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    pub(super) bridge: Option<Bridge>,
    /// VLAN tags: tag protocol identifier and id.
    pub(super) tags: Vec<(u16, u16)>,
    pub(super) snap: bool,
    pub(super) pppoe: bool,
    pub(super) labels: usize,
}

impl Link {
    /// The frame of an IP packet.
    pub(super) fn around(&self, ip: Vec<u8>, ether_type: u16) -> Vec<u8> {
        let (mut behind, mut kind) = (ip, ether_type);
        if self.labels > 0 {
            let labels = (1..=self.labels).flat_map(|label| {
                let bottom = u8::from(label == self.labels);
                [0, fit(label), 0x20 | bottom, 64]
            });
            behind.splice(..0, labels);
            kind = MPLS;
        }
        if self.pppoe {
            let protocol: u16 = match kind {
                MPLS => 0x0281,
                0x0800 => 0x0021,
                _ => 0x0057,
            };
            let [high, low] = fit::<u16>(2 + behind.len()).to_be_bytes();
            behind.splice(..0, protocol.to_be_bytes());
            behind.splice(..0, [0x11, 0, 0, 7, high, low]);
            kind = PPPOE_SESSION;
        }
        if self.snap {
            behind.splice(..0, kind.to_be_bytes());
            behind.splice(..0, [0xaa, 0xaa, 3, 0, 0, 0]);
            assert!(behind.len() <= 1500, "an LLC frame is no longer");
            kind = fit(behind.len());
        }
        for &(tag, id) in self.tags.iter().rev() {
            assert!(id < 4096, "a VLAN id has 12 bits");
            behind.splice(..0, kind.to_be_bytes());
            behind.splice(..0, id.to_be_bytes());
            kind = tag;
        }
        if let Some(bridge) = self.bridge {
            behind.splice(..0, kind.to_be_bytes());
            match bridge {
                Bridge::VnTag => behind.splice(..0, vec![0x80, 5, 0, 7]),
                Bridge::ETag => behind.splice(..0, vec![0xe0, 5, 0x30, 7, 0, 0]),
            };
            kind = match bridge {
                Bridge::VnTag => VN_TAG,
                Bridge::ETag => E_TAG,
            };
        }
        behind.splice(..0, kind.to_be_bytes());
        behind.splice(..0, [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
        behind
    }
}
