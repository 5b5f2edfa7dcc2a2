//! The checks of the place where the program goes: the driver's support, and whether it is free.

use super::{AttachedXdp, Check, Finding, InterfaceFacts, Status, XdpMode};

/// `NETDEV_XDP_ACT_BASIC` of `include/uapi/linux/netdev.h`: the driver runs XDP programs and
/// knows the actions ABORTED, DROP, PASS and TX.
const XDP_ACT_BASIC: u64 = 1;

/// Several links as one, as ethtool names it.
pub(crate) const BONDING: &str = "bonding";

/// Drivers that have native XDP in Linux 6.1, by the name ethtool gives them.
///
/// Only asked on 6.1 and 6.2, where the kernel does not report XDP features, and not complete: a
/// driver that is missing here is unknown, not refused. The table "XDP" of iovisor/bcc
/// `docs/kernel-versions.md` has the older ones; `git grep -l XDP_SETUP_PROG drivers/net` finds
/// all in a kernel tree. Sorted for the search.
const NATIVE_IN_6_1: &[&str] = &[
    "atlantic",
    "bnxt_en",
    "cpsw",
    "ena",
    "fsl_dpaa2_eth",
    "fsl_enetc",
    "hv_netvsc",
    "i40e",
    "ice",
    "igb",
    "igc",
    "ixgbe",
    "ixgbevf",
    "mlx4_en",
    "mlx5_core",
    "mvneta",
    "mvpp2",
    "netsec",
    "nfp",
    "nicvf",
    "qede",
    "sfc",
    "st_gmac",
    "tun",
    "veth",
    "virtio_net",
];

pub(super) fn native_xdp(interface: &InterfaceFacts) -> Finding {
    const CHECK: Check = Check::NativeXdp;
    let name = &interface.name;
    let driver = interface.driver.as_ref().map(String::as_str).ok();
    let described = driver.unwrap_or("a driver without a name");
    if driver == Some(BONDING) {
        let advice = format!(
            "a bond has the program run by its links, and the sensor would not know its packets: \
             watch the links of {name} instead (`ip link show master {name}`)"
        );
        return Finding::new(CHECK, Status::Fail, described, advice);
    }
    let reason = match &interface.xdp_features {
        Ok(features) if features & XDP_ACT_BASIC != 0 => {
            let observed = format!("{described}, xdp-features {features:#x}");
            let advice = "the driver runs the program before a packet buffer is made";
            return Finding::new(CHECK, Status::Ok, observed, advice);
        }
        Ok(features) => {
            let observed = format!("{described}, xdp-features {features:#x}");
            let advice = format!(
                "the driver of {name} has no native XDP in this kernel: watch an interface whose \
                 driver has it (ena, i40e, ice, igc, ixgbe, mlx5_core, veth, virtio_net, …), or \
                 the physical port below a bridge, VLAN or tunnel"
            );
            return Finding::new(CHECK, Status::Fail, observed, advice);
        }
        Err(reason) => reason,
    };
    if driver.is_some_and(|driver| NATIVE_IN_6_1.binary_search(&driver).is_ok()) {
        let observed = format!("{described}; {reason}");
        let advice = "this driver has native XDP since Linux 6.1 or earlier";
        return Finding::new(CHECK, Status::Ok, observed, advice);
    }
    Finding::unknown(
        CHECK,
        &format!("{described}; {reason}"),
        "starting the sensor will tell: the kernel refuses a driver without native XDP",
    )
}

pub(super) fn xdp_slot(interface: &InterfaceFacts) -> Finding {
    const CHECK: Check = Check::XdpSlot;
    let name = &interface.name;
    let AttachedXdp {
        id,
        name: program,
        mode,
    } = match &interface.xdp_slot {
        Ok(None) => {
            return Finding::new(CHECK, Status::Ok, "free", "no XDP program is attached");
        }
        Ok(Some(attached)) => attached,
        Err(reason) => {
            let advice = format!("see `ip link show dev {name}`: it should name no xdp program");
            return Finding::unknown(CHECK, reason, advice);
        }
    };
    let program = match program {
        Some(program) => format!("a program {program:?} (id {id})"),
        None => format!("a program without a visible name (id {id})"),
    };
    let (wording, off) = match mode {
        XdpMode::Native => ("native", "xdpdrv off"),
        XdpMode::Generic => ("generic", "xdpgeneric off"),
        XdpMode::Offloaded => ("offloaded", "xdpoffload off"),
        XdpMode::Multiple => ("in several modes", "xdpgeneric off` and `xdpdrv off"),
    };
    let advice = format!(
        "if that is no running sensor, stop what owns it, or detach with \
         `ip link set dev {name} {off}`; where the kernel answers `busy`, a bpf_link holds the \
         program: `bpftool link show` and the process that holds it"
    );
    Finding::new(
        CHECK,
        Status::Fail,
        format!("{program} is attached, {wording}"),
        advice,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::tests::{interface, table, unknown};

    const SILENT: &str = "this kernel does not report XDP features";

    #[test]
    fn drivers() {
        let judge = |(driver, features): (Option<&str>, Option<u64>)| {
            native_xdp(&InterfaceFacts {
                driver: driver.map(str::to_owned).ok_or("no name".to_owned()),
                xdp_features: features.ok_or(SILENT.to_owned()),
                ..interface()
            })
        };
        table(
            judge,
            &[
                (
                    (Some("virtio_net"), Some(0x7b)),
                    Status::Ok,
                    "the driver runs",
                ),
                ((None, Some(1)), Status::Ok, "the driver runs"),
                ((None, Some(0)), Status::Fail, "no native XDP"),
                // Redirect target only: frames may be sent through it, none are seen arriving.
                ((Some("bridge"), Some(4)), Status::Fail, "no native XDP"),
                ((Some("bonding"), Some(3)), Status::Fail, "watch the links"),
                ((Some("bonding"), None), Status::Fail, "watch the links"),
                ((Some("ixgbe"), None), Status::Ok, "since Linux 6.1"),
                ((Some("e1000e"), None), Status::Unknown, "will tell"),
                ((None, None), Status::Unknown, "will tell"),
            ],
        );
    }

    #[test]
    fn the_driver_list_is_sorted() {
        assert!(NATIVE_IN_6_1.is_sorted());
    }

    #[test]
    fn slots() {
        let judge = |slot: Option<(Option<&str>, XdpMode)>| {
            let attached = slot.map(|(name, mode)| AttachedXdp {
                id: 42,
                name: name.map(str::to_owned),
                mode,
            });
            xdp_slot(&InterfaceFacts {
                xdp_slot: Ok(attached),
                ..interface()
            })
        };
        let (native, generic) = (XdpMode::Native, XdpMode::Generic);
        let (hardware, multiple) = (XdpMode::Offloaded, XdpMode::Multiple);
        table(
            judge,
            &[
                (None, Status::Ok, "no XDP program"),
                (
                    Some((Some("pass"), native)),
                    Status::Fail,
                    "dev eth0 xdpdrv off",
                ),
                (
                    Some((None, generic)),
                    Status::Fail,
                    "dev eth0 xdpgeneric off",
                ),
                (
                    Some((None, hardware)),
                    Status::Fail,
                    "dev eth0 xdpoffload off",
                ),
                (Some((None, multiple)), Status::Fail, "`xdpdrv off`"),
            ],
        );
        assert_eq!(
            judge(Some((Some("pass"), native))).observed,
            "a program \"pass\" (id 42) is attached, native",
        );
        let blind = InterfaceFacts {
            xdp_slot: Err("EPERM".into()),
            ..interface()
        };
        unknown(&xdp_slot(&blind), "EPERM");
    }
}
