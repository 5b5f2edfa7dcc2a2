//! The checks of the host: kernel, BTF, JIT, capabilities and clock.

use super::{Capabilities, Check, Clock, Finding, Observed, Status};

/// The oldest kernel the sensor is tested on, as major and minor.
const OLDEST_KERNEL: (u32, u32) = (6, 1);

/// `CAP_NET_ADMIN`, a number of include/uapi/linux/capability.h.
const CAP_NET_ADMIN: u32 = 12;
/// `CAP_SYS_ADMIN`, a number of include/uapi/linux/capability.h.
const CAP_SYS_ADMIN: u32 = 21;
/// `CAP_PERFMON`, a number of include/uapi/linux/capability.h.
const CAP_PERFMON: u32 = 38;
/// `CAP_BPF`, a number of include/uapi/linux/capability.h.
const CAP_BPF: u32 = 39;

pub(super) fn kernel(release: &Observed<String>) -> Finding {
    const CHECK: Check = Check::Kernel;
    let (oldest_major, oldest_minor) = OLDEST_KERNEL;
    let find_out = format!("compare `uname -r` with {oldest_major}.{oldest_minor}");
    let release = match release {
        Ok(release) => release,
        Err(reason) => return Finding::unknown(CHECK, reason, find_out),
    };
    let Some(version) = version(release) else {
        return Finding::unknown(CHECK, &format!("no version in {release:?}"), find_out);
    };
    if version < OLDEST_KERNEL {
        let advice = format!(
            "the oldest supported kernel is {oldest_major}.{oldest_minor}: install a newer one"
        );
        return Finding::new(CHECK, Status::Fail, release, advice);
    }
    let advice = format!("{oldest_major}.{oldest_minor} or newer");
    Finding::new(CHECK, Status::Ok, release, advice)
}

pub(super) fn btf(present: &Observed<bool>) -> Finding {
    const CHECK: Check = Check::Btf;
    match present {
        Ok(true) => Finding::new(
            CHECK,
            Status::Ok,
            "/sys/kernel/btf/vmlinux",
            "the kernel describes its types",
        ),
        Ok(false) => Finding::new(
            CHECK,
            Status::Warn,
            "no /sys/kernel/btf/vmlinux",
            "the sensor reads no kernel types and loads without, but bpftool explains less: \
             use a kernel with CONFIG_DEBUG_INFO_BTF=y",
        ),
        Err(reason) => Finding::unknown(CHECK, reason, "look for /sys/kernel/btf/vmlinux"),
    }
}

pub(super) fn jit(on: &Observed<bool>) -> Finding {
    const CHECK: Check = Check::Jit;
    match on {
        Ok(true) => Finding::new(CHECK, Status::Ok, "on", "programs run as machine code"),
        Ok(false) => Finding::new(
            CHECK,
            Status::Warn,
            "off",
            "every packet is interpreted, several times slower: \
             `sysctl -w net.core.bpf_jit_enable=1`",
        ),
        Err(reason) => Finding::unknown(
            CHECK,
            reason,
            "read `sysctl net.core.bpf_jit_enable` in the first network namespace; it should be 1",
        ),
    }
}

impl Capabilities {
    /// What lacks for loading and attaching the program.
    ///
    /// `CAP_PERFMON`, because the verifier lets no packet pointer move by a variable offset,
    /// as past IPv4 options, without it (`sanitize_ptr_alu`, kernel/bpf/verifier.c).
    /// `CAP_SYS_ADMIN` stands in for it and for `CAP_BPF`, but not for `CAP_NET_ADMIN`
    /// (include/linux/capability.h).
    pub fn missing(self) -> Vec<&'static str> {
        let or_admin = |number| self.has(number) || self.has(CAP_SYS_ADMIN);
        let needed = [
            (or_admin(CAP_BPF), "CAP_BPF"),
            (self.has(CAP_NET_ADMIN), "CAP_NET_ADMIN"),
            (or_admin(CAP_PERFMON), "CAP_PERFMON"),
        ];
        let missing = needed.into_iter().filter(|(has, _)| !has);
        missing.map(|(_, name)| name).collect()
    }
}

pub(super) fn capabilities(effective: &Observed<Capabilities>) -> Finding {
    const CHECK: Check = Check::Capabilities;
    const ADVICE: &str = "run with sudo, or grant CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON \
                          (`setcap cap_bpf,cap_net_admin,cap_perfmon+ep` on the binary, or \
                          AmbientCapabilities= in the unit)";
    let effective = match effective {
        Ok(effective) => *effective,
        Err(reason) => return Finding::unknown(CHECK, reason, ADVICE),
    };
    let missing = effective.missing();
    if missing.is_empty() {
        let observed = "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON";
        return Finding::new(
            CHECK,
            Status::Ok,
            observed,
            "may load a program and attach it",
        );
    }
    let missing = missing.join(", ");
    Finding::new(CHECK, Status::Fail, format!("without {missing}"), ADVICE)
}

pub(super) fn clock(clock: &Observed<Clock>) -> Finding {
    const CHECK: Check = Check::Clock;
    match clock {
        Ok(Clock {
            synchronised: true,
            max_error,
        }) => Finding::new(
            CHECK,
            Status::Ok,
            format!("synchronised, at most {} µs off", max_error.as_micros()),
            "times in records compare with those of other hosts",
        ),
        Ok(Clock {
            synchronised: false,
            max_error,
        }) => Finding::new(
            CHECK,
            Status::Warn,
            format!("not synchronised, up to {} µs off", max_error.as_micros()),
            "times in records do not compare with those of other hosts: \
             start chrony or systemd-timesyncd",
        ),
        Err(reason) => Finding::unknown(
            CHECK,
            reason,
            "see `timedatectl`: it should say that the system clock is synchronized",
        ),
    }
}

/// Major and minor of a release such as `6.1.0-28-amd64` or `6.18-rc1`.
fn version(release: &str) -> Option<(u32, u32)> {
    let (major, rest) = release.split_once('.')?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    Some((major.parse().ok()?, rest[..end].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::tests::{table, unknown};
    use std::time::Duration;

    #[test]
    fn kernels() {
        let judge = |release: &str| kernel(&Ok(release.to_owned()));
        table(
            judge,
            &[
                (
                    "5.10.0-35-amd64",
                    Status::Fail,
                    "oldest supported kernel is 6.1",
                ),
                ("6.0.19", Status::Fail, "oldest supported kernel is 6.1"),
                ("6.1.0-28-amd64", Status::Ok, "6.1 or newer"),
                ("6.18-rc1", Status::Ok, "6.1 or newer"),
                ("6.18.44-fc-v595", Status::Ok, "6.1 or newer"),
                ("10.0", Status::Ok, "6.1 or newer"),
                ("", Status::Unknown, "uname -r"),
                ("six.one", Status::Unknown, "uname -r"),
                ("6.", Status::Unknown, "uname -r"),
            ],
        );
        unknown(&kernel(&Err("no uname".into())), "no uname");
    }

    #[test]
    fn btf_and_jit() {
        table(
            |on| btf(&Ok(on)),
            &[
                (true, Status::Ok, "describes"),
                (false, Status::Warn, "CONFIG_DEBUG_INFO_BTF"),
            ],
        );
        table(
            |on| jit(&Ok(on)),
            &[
                (true, Status::Ok, "machine code"),
                (false, Status::Warn, "bpf_jit_enable=1"),
            ],
        );
        unknown(&btf(&Err("no /sys".into())), "no /sys");
        unknown(&jit(&Err("another namespace".into())), "another namespace");
    }

    #[test]
    fn capability_sets() {
        let judge = |bits: &[u32]| {
            let set = bits.iter().fold(0, |set, bit| set | 1 << bit);
            capabilities(&Ok(Capabilities(set)))
        };
        let (net, sys, bpf, perf) = (CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON);
        table(
            judge,
            &[
                (&[net, bpf, perf][..], Status::Ok, "attach"),
                (&[net, sys], Status::Ok, "attach"),
                (&[bpf, sys], Status::Fail, "run with sudo, or grant"),
                (
                    &[net],
                    Status::Fail,
                    "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON",
                ),
                (&[], Status::Fail, "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"),
            ],
        );
        assert_eq!(judge(&[bpf, perf]).observed, "without CAP_NET_ADMIN");
        assert_eq!(judge(&[net]).observed, "without CAP_BPF, CAP_PERFMON");
        assert_eq!(judge(&[net, bpf]).observed, "without CAP_PERFMON");
        unknown(&capabilities(&Err("no /proc".into())), "no /proc");
    }

    #[test]
    fn clocks() {
        let judge = |synchronised| {
            clock(&Ok(Clock {
                synchronised,
                max_error: Duration::from_micros(1_234),
            }))
        };
        table(
            judge,
            &[
                (true, Status::Ok, "compare"),
                (false, Status::Warn, "start chrony or systemd-timesyncd"),
            ],
        );
        assert_eq!(judge(true).observed, "synchronised, at most 1234 µs off");
        unknown(&clock(&Err("EPERM".into())), "EPERM");
    }
}
