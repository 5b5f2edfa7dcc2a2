//! What the sensor builds on, asked of the kernel: what it cannot do without is there, and what
//! it does without is told. `cargo xtask vm` makes a table of it.

use std::path::Path;

use aya::{
    maps::MapType,
    programs::ProgramType,
    sys::{BpfHelper, is_helper_supported, is_map_supported, is_program_supported},
};
use sekisho::{capped, kernel::probe};
use sensor_tests::{netns::Namespace, require, requires};

/// Bits of `enum netdev_xdp_act` (include/uapi/linux/netdev.h).
const XDP_BASIC: u64 = 1;
const XDP_RX_SG: u64 = 1 << 5;

#[expect(clippy::print_stderr, reason = "`cargo xtask vm` reads it")]
fn note(name: &str, value: &str) {
    eprintln!("noted: feature {name}: {value}");
}

fn is_there(name: &str, value: bool) -> bool {
    note(name, if value { "yes" } else { "no" });
    value
}

#[test]
fn what_the_sensor_cannot_do_without_is_there() {
    require!(privilege);
    let helper = |helper| is_helper_supported(ProgramType::Xdp, helper).unwrap();
    let last = capped::read_to_string("/proc/sys/kernel/cap_last_cap", 16).unwrap();
    let found = [
        (
            "XDP programs",
            is_program_supported(ProgramType::Xdp).unwrap(),
        ),
        ("ring buffer", is_map_supported(MapType::RingBuf).unwrap()),
        (
            "arrays of maps",
            is_map_supported(MapType::ArrayOfMaps).unwrap(),
        ),
        (
            "per-CPU hash maps",
            is_map_supported(MapType::PerCpuHash).unwrap(),
        ),
        ("`bpf_loop`", helper(BpfHelper::BPF_FUNC_loop)),
        (
            "`bpf_ktime_get_boot_ns`",
            helper(BpfHelper::BPF_FUNC_ktime_get_boot_ns),
        ),
        // CAP_PERFMON and CAP_BPF are 38 and 39 of linux/capability.h.
        ("CAP_BPF", last.trim().parse::<u8>().unwrap() >= 39),
        (
            "BTF of the kernel",
            Path::new("/sys/kernel/btf/vmlinux").is_file(),
        ),
    ];
    let missing: Vec<_> = (found.into_iter())
        .filter(|(name, found)| !is_there(name, *found))
        .collect();
    assert_eq!(missing, []);
}

#[test]
fn what_it_does_without_is_told() {
    require!(privilege);
    let namespace = Namespace::new();
    namespace.ip("link add one type veth peer name other");
    let facts = namespace.run(|| probe::interface("one")).unwrap();
    match facts.xdp_features {
        Ok(features) => {
            is_there("drivers report XDP features", true);
            assert_ne!(features & XDP_BASIC, 0, "{features:#x}");
            is_there("veth reports fragments", features & XDP_RX_SG != 0);
        }
        // And the preflight says which drivers it knows instead.
        Err(why) => {
            is_there("drivers report XDP features", false);
            assert!(why.contains("6.3 and newer do"), "{why}");
            note("veth reports fragments", "not told");
        }
    }
    let jit = capped::read_to_string("/proc/sys/net/core/bpf_jit_enable", 16);
    is_there("JIT", jit.is_ok_and(|jit| jit.trim() != "0"));
    for device in ["vlan", "bond", "netem", "rename"] {
        is_there(device, requires::device(device).is_ok());
    }
}
