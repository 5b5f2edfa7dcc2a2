//! Tunnels whose packets an approval lets be opened, and the rules that the kernel has of them.

use std::collections::BTreeMap;

use ipnet::IpNet;
use sensor_common::{SlotMask, TunnelKind, TunnelRule};
use serde::{Deserialize, Serialize};

use super::InForce;

/// A tunnel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tunnel {
    /// Its kind.
    #[serde(with = "named")]
    pub kind: TunnelKind,
    /// The UDP port that its packets go to, for kinds that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Octets that stand before Ethernet in `L2TPv3`.
    #[serde(default)]
    pub skipped: u8,
    /// Where its two ends lie.
    pub ends: [IpNet; 2],
}

/// A kind by its name.
mod named {
    use sensor_common::TunnelKind;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub(super) fn serialize<S: Serializer>(kind: &TunnelKind, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(kind.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TunnelKind, D::Error> {
        let name = String::deserialize(from)?;
        let mut kinds = TunnelKind::ALL.into_iter();
        kinds
            .find(|kind| kind.name() == name)
            .ok_or_else(|| D::Error::custom(format_args!("`{name}` is no kind of tunnel")))
    }
}

/// One rule for each distinct tunnel, in their order, with all approvals that name it.
pub(super) fn rules(approvals: &[InForce]) -> Vec<TunnelRule> {
    let mut named: BTreeMap<&Tunnel, SlotMask> = BTreeMap::new();
    for held in approvals {
        for tunnel in &held.approval.tunnels {
            let mask = named.entry(tunnel).or_insert(SlotMask::EMPTY);
            *mask = mask.union(&SlotMask::of(held.slot));
        }
    }
    let named = named.into_iter();
    named
        .filter_map(|(tunnel, approvals)| tunnel.rule(approvals))
        .collect()
}

impl Tunnel {
    /// Its rule; none where its ends are of two IP versions, between which nothing goes.
    fn rule(&self, approvals: SlotMask) -> Option<TunnelRule> {
        let [one, other] = self.ends;
        let ip_version = match (one, other) {
            (IpNet::V4(_), IpNet::V4(_)) => 4,
            (IpNet::V6(_), IpNet::V6(_)) => 6,
            (IpNet::V4(_), IpNet::V6(_)) | (IpNet::V6(_), IpNet::V4(_)) => return None,
        };
        Some(TunnelRule {
            ends: self.ends.map(|end| words(end.network())),
            masks: self.ends.map(|end| words(end.netmask())),
            approvals,
            kind: self.kind as u8,
            ip_version,
            port: self.port.unwrap_or(0),
            skipped: self.skipped,
            reserved: [0; 3],
        })
    }
}

/// An address or a mask, as a rule has it.
fn words(address: std::net::IpAddr) -> [u64; 2] {
    let bits = match address {
        std::net::IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        std::net::IpAddr::V6(address) => address.to_bits(),
    };
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
    [half(bits >> 64), half(bits)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watchlist::{Approval, ApprovalId, Scope, Validity};

    fn tunnel(kind: TunnelKind, ends: [&str; 2]) -> Tunnel {
        Tunnel {
            kind,
            port: kind.has_port().then_some(4789),
            skipped: 0,
            ends: ends.map(|end| end.parse().unwrap()),
        }
    }

    fn held(slot: u32, tunnels: &[Tunnel]) -> InForce {
        InForce {
            slot,
            approval: Approval {
                id: ApprovalId(slot.to_string()),
                validity: Validity { begin: 0, end: 1 },
                scope: Scope::All,
                handling: std::sync::Arc::default(),
                tunnels: tunnels.to_vec(),
                terms: sensor_common::Slot::default(),
            },
        }
    }

    #[test]
    fn a_tunnel_that_several_approvals_name_is_one_rule() {
        let gre = tunnel(TunnelKind::Gre, ["192.0.2.0/24", "198.51.100.7/32"]);
        let vxlan = tunnel(TunnelKind::Vxlan, ["2001:db8::/32", "::/0"]);
        let mixed = tunnel(TunnelKind::Gre, ["192.0.2.0/24", "::/0"]);
        let in_force = [
            held(3, &[gre.clone(), vxlan.clone()]),
            held(7, &[gre, mixed]),
        ];
        let rules = rules(&in_force);
        let [gre, vxlan] = rules[..] else {
            panic!("{rules:?}")
        };
        assert_eq!(gre.approvals, SlotMask::of(3).union(&SlotMask::of(7)));
        assert_eq!(gre.ends[0], [0xc000_0200_0000_0000, 0]);
        assert_eq!(gre.masks[0], [0xffff_ff00_0000_0000, 0]);
        assert_eq!((gre.kind, gre.ip_version, gre.port), (1, 4, 0));
        assert_eq!(vxlan.ends[0], [0x2001_0db8_0000_0000, 0]);
        assert_eq!(vxlan.masks, [[0xffff_ffff_0000_0000, 0], [0, 0]]);
        assert_eq!((vxlan.kind, vxlan.ip_version, vxlan.port), (7, 6, 4789));
    }

    #[test]
    fn a_tunnel_is_written_by_the_name_of_its_kind() {
        let tunnel = tunnel(TunnelKind::SixInFour, ["192.0.2.0/24", "198.51.100.0/24"]);
        let text = serde_json::to_string(&tunnel).unwrap();
        assert!(text.contains(r#""kind":"6in4""#), "{text}");
        assert_eq!(serde_json::from_str::<Tunnel>(&text).unwrap(), tunnel);
        assert!(serde_json::from_str::<Tunnel>(&text.replace("6in4", "7in4")).is_err());
    }
}
