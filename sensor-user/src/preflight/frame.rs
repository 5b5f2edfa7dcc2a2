//! The checks of what the card does to a frame before the program sees it: tags, length, joining.

use super::{Check, Finding, InterfaceFacts, Link, Observed, Offloads, Status};

/// `XDP_PACKET_HEADROOM`, `include/uapi/linux/bpf.h`.
const XDP_HEADROOM: u32 = 256;

/// `SKB_DATA_ALIGN(sizeof(struct skb_shared_info))` on 64-bit machines,
/// `include/linux/skbuff.h`.
const SHARED_INFO: u32 = 320;

/// `ETH_HLEN`, `include/uapi/linux/if_ether.h`.
const ETHERNET_HEADER: u32 = 14;

/// `NETDEV_XDP_ACT_RX_SG`, `include/uapi/linux/netdev.h`.
const XDP_ACT_RX_SG: u64 = 1 << 5;

/// `ETH_DATA_LEN`: the MTU every driver with native XDP takes.
const ETHERNET_MTU: u32 = 1500;

/// Drivers whose limit is [`single_buffer_mtu`] exactly: `veth_xdp_set` in `drivers/net/veth.c`,
/// `virtnet_xdp_set` in `drivers/net/virtio_net.c`.
const WHOLE_PAGE: [&str; 2] = [VETH, "virtio_net"];

/// The driver both of whose answers lie with the other end, maybe in another namespace: the tag
/// is put into the frame by the sender (`validate_xmit_vlan` in `net/core/dev.c`), and
/// `veth_xdp_set` compares the MTU of the peer.
const VETH: &str = "veth";

pub(super) fn vlan_offload(interface: &InterfaceFacts) -> Finding {
    const CHECK: Check = Check::VlanOffload;
    let name = &interface.name;
    if is_veth(interface) {
        return Finding::unknown(
            CHECK,
            "on a veth the tx-vlan-offload of the peer decides",
            "where the peer's is on, VLAN tags travel beside the frame and the sensor records \
             none: `ethtool -K PEER tx-vlan-offload off` at the other end of the pair",
        );
    }
    let off = format!("`ethtool -K {name} rx-vlan-offload off`");
    match &interface.offloads {
        Ok(Offloads { rx_vlan: false, .. }) => Finding::new(
            CHECK,
            Status::Ok,
            "rx-vlan-offload off",
            "VLAN tags stay in the frame, where the sensor reads them",
        ),
        Ok(Offloads { rx_vlan: true, .. }) => Finding::new(
            CHECK,
            Status::Warn,
            "rx-vlan-offload on",
            format!("the card takes the VLAN tag off, so the sensor records no VLAN: {off}"),
        ),
        Err(reason) => Finding::unknown(
            CHECK,
            reason,
            format!("see `ethtool -k {name}`; if it has rx-vlan-offload: {off}"),
        ),
    }
}

pub(super) fn mtu(interface: &InterfaceFacts, page_size: &Observed<u32>) -> Finding {
    const CHECK: Check = Check::Mtu;
    let name = &interface.name;
    let lower = format!("`ip link set dev {name} mtu {ETHERNET_MTU}`");
    let (mtu, page_size) = match (&interface.link, page_size) {
        (Ok(Link { mtu, .. }), Ok(page_size)) => (*mtu, *page_size),
        (Err(reason), _) | (_, Err(reason)) => {
            let advice = format!("see `ip link show dev {name}`; above {ETHERNET_MTU}: {lower}");
            return Finding::unknown(CHECK, reason, advice);
        }
    };
    let limit = single_buffer_mtu(page_size);
    let exact =
        (interface.driver.as_ref()).is_ok_and(|driver| WHOLE_PAGE.contains(&driver.as_str()));
    let observed = mtu.to_string();
    if mtu <= ETHERNET_MTU || (exact && mtu <= limit) {
        let advice = format!("a frame fits into one buffer (at most {limit})");
        Finding::new(CHECK, Status::Ok, observed, advice)
    } else if mtu <= limit {
        let advice = format!(
            "the page allows {limit}, but some drivers stop earlier (3 KiB buffers, or \
             {ETHERNET_MTU}) unless they give frames in several buffers, which the sensor takes. \
             If attaching fails: {lower}"
        );
        Finding::new(CHECK, Status::Warn, observed, advice)
    } else if is_veth(interface) {
        let advice = "a frame comes in several buffers, which the sensor takes (veth: Linux 6.1)";
        Finding::new(CHECK, Status::Ok, observed, advice)
    } else {
        several_buffers(interface, observed, limit, &lower)
    }
}

/// What becomes of frames that do not fit into one buffer.
fn several_buffers(
    interface: &InterfaceFacts,
    observed: String,
    limit: u32,
    lower: &str,
) -> Finding {
    const CHECK: Check = Check::Mtu;
    match &interface.xdp_features {
        Ok(features) if features & XDP_ACT_RX_SG != 0 => {
            let advice = "a frame comes in several buffers, which driver and sensor take";
            Finding::new(CHECK, Status::Ok, observed, advice)
        }
        Ok(_) => {
            let advice = format!(
                "the driver gives frames in one buffer only, at most {limit} here, and refuses \
                 the program above that: {lower} (and at the other end of the cable)"
            );
            Finding::new(CHECK, Status::Fail, observed, advice)
        }
        Err(_) => {
            let advice = format!(
                "the sensor takes frames in several buffers; whether the driver gives them is \
                 not reported. If attaching fails: {lower} (and at the other end of the cable)"
            );
            Finding::new(CHECK, Status::Warn, observed, advice)
        }
    }
}

pub(super) fn lro(interface: &InterfaceFacts) -> Finding {
    const CHECK: Check = Check::Lro;
    let name = &interface.name;
    let off = format!("`ethtool -K {name} lro off`");
    match &interface.offloads {
        Ok(Offloads { lro: false, .. }) => Finding::new(
            CHECK,
            Status::Ok,
            "off",
            "one packet of the wire is one packet here",
        ),
        Ok(Offloads { lro: true, .. }) => Finding::new(
            CHECK,
            Status::Warn,
            "on",
            format!("joined packets miscount, and many drivers refuse XDP meanwhile: {off}"),
        ),
        Err(reason) => Finding::unknown(
            CHECK,
            reason,
            format!("see `ethtool -k {name}`; if it has large-receive-offload: {off}"),
        ),
    }
}

fn is_veth(interface: &InterfaceFacts) -> bool {
    (interface.driver.as_ref()).is_ok_and(|driver| driver == VETH)
}

/// The largest MTU whose frames fit into one page beside what XDP keeps there.
///
/// Page − headroom − `skb_shared_info` − Ethernet header: 3506 with pages of 4096 bytes. The
/// formula is that of veth and virtio-net; drivers that also count a VLAN tag or a checksum
/// (ena, mlx5) stop at 3498.
const fn single_buffer_mtu(page_size: u32) -> u32 {
    page_size.saturating_sub(XDP_HEADROOM + SHARED_INFO + ETHERNET_HEADER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::tests::{interface, table, unknown};

    fn with(driver: &str, rx_vlan: bool, lro: bool) -> InterfaceFacts {
        InterfaceFacts {
            driver: Ok(driver.to_owned()),
            offloads: Ok(Offloads { rx_vlan, lro }),
            ..interface()
        }
    }

    #[test]
    fn offloads() {
        let vlan = |(driver, on)| vlan_offload(&with(driver, on, false));
        table(
            vlan,
            &[
                (("ice", false), Status::Ok, "stay in the frame"),
                (("ice", true), Status::Warn, "-K eth0 rx-vlan-offload off"),
                (
                    ("veth", true),
                    Status::Unknown,
                    "-K PEER tx-vlan-offload off",
                ),
                (
                    ("veth", false),
                    Status::Unknown,
                    "-K PEER tx-vlan-offload off",
                ),
            ],
        );
        let lro_case = |on| lro(&with("ice", false, on));
        table(
            lro_case,
            &[
                (false, Status::Ok, "one packet"),
                (true, Status::Warn, "ethtool -K eth0 lro off"),
            ],
        );
        let blind = InterfaceFacts {
            offloads: Err("EOPNOTSUPP".into()),
            ..interface()
        };
        unknown(&vlan_offload(&blind), "EOPNOTSUPP");
        unknown(&lro(&blind), "EOPNOTSUPP");
    }

    #[test]
    fn mtus() {
        let judge = |(driver, value, page): (&str, u32, u32)| {
            let link = Link {
                mtu: value,
                up: true,
                promiscuous: false,
            };
            mtu(
                &InterfaceFacts {
                    link: Ok(link),
                    ..with(driver, false, false)
                },
                &Ok(page),
            )
        };
        table(
            judge,
            &[
                (("igc", 1500, 4096), Status::Ok, "at most 3506"),
                (("igc", 1501, 4096), Status::Warn, "mtu 1500"),
                (("veth", 3506, 4096), Status::Ok, "at most 3506"),
                (("veth", 3507, 4096), Status::Ok, "several buffers"),
                (("virtio_net", 3507, 4096), Status::Fail, "mtu 1500"),
                (("ena", 3506, 4096), Status::Warn, "mtu 1500"),
                (("ena", 9001, 4096), Status::Fail, "mtu 1500"),
                (("virtio_net", 9000, 65536), Status::Ok, "at most 64946"),
            ],
        );
        let large = |xdp_features: Observed<u64>| {
            let link = Link {
                mtu: 9000,
                up: true,
                promiscuous: false,
            };
            let interface = InterfaceFacts {
                link: Ok(link),
                xdp_features,
                ..with("mlx5_core", false, false)
            };
            mtu(&interface, &Ok(4096)).status
        };
        assert_eq!(large(Ok(0x21)), Status::Ok);
        assert_eq!(large(Ok(0x01)), Status::Fail);
        assert_eq!(large(Err("not reported".into())), Status::Warn);
        let blind = InterfaceFacts {
            link: Err("ENODEV".into()),
            ..interface()
        };
        unknown(&mtu(&blind, &Ok(4096)), "ENODEV");
        unknown(&mtu(&interface(), &Err("no sysconf".into())), "no sysconf");
    }
}
