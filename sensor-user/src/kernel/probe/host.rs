//! The facts of the host: what `uname`, `/proc` and `/sys` say.

use std::io;
use std::path::Path;

use nix::sys::utsname::uname;
use nix::unistd::{SysconfVar, sysconf};

use super::{clock, observed};
use crate::capped;
use crate::preflight::{Capabilities, HostFacts, Observed};

const STATUS: &str = "/proc/self/status";

/// `/proc/self/status` is about 1.5 KiB; its list of CPUs and groups grows with the machine.
const STATUS_CAP: u64 = 64 * 1024;

const JIT_SWITCH: &str = "/proc/sys/net/core/bpf_jit_enable";

/// Gathers the facts of the host.
pub(super) fn facts() -> HostFacts {
    HostFacts {
        kernel_release: observed(uname())
            .map(|uname| uname.release().to_string_lossy().into_owned()),
        btf: observed(Path::new("/sys/kernel/btf/vmlinux").try_exists()),
        jit: jit(),
        capabilities: capabilities(),
        clock: observed(clock::clock()),
        page_size: page_size(),
    }
}

/// A kernel with `CONFIG_BPF_JIT_ALWAYS_ON` shows the switch at 1 and refuses to change it; 2 is
/// on with debug output. The switch exists in the first network namespace only
/// (`net/core/sysctl_net_core.c`), so elsewhere a program that is loaded already is asked
/// whether it was compiled.
fn jit() -> Observed<bool> {
    match capped::read_to_string(JIT_SWITCH, 64) {
        Ok(switch) => match switch.trim() {
            "0" => Ok(false),
            "1" | "2" => Ok(true),
            other => Err(format!("{JIT_SWITCH} is {other:?}")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut loaded = aya::programs::loaded_programs().flatten();
            match loaded.next() {
                Some(program) if program.size_jitted() > 0 => Ok(true),
                _ => Err(format!(
                    "no {JIT_SWITCH}: a network namespace other than the first, or a kernel \
                     without the JIT"
                )),
            }
        }
        Err(error) => Err(format!("{JIT_SWITCH}: {error}")),
    }
}

pub(super) fn capabilities() -> Observed<Capabilities> {
    let status =
        capped::read_to_string(STATUS, STATUS_CAP).map_err(|error| format!("{STATUS}: {error}"))?;
    effective(&status).ok_or_else(|| format!("no CapEff in {STATUS}"))
}

fn effective(status: &str) -> Option<Capabilities> {
    let set = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(set.trim(), 16).ok().map(Capabilities)
}

fn page_size() -> Observed<u32> {
    let bytes = observed(sysconf(SysconfVar::PAGE_SIZE))?;
    bytes
        .and_then(|bytes| u32::try_from(bytes).ok())
        .ok_or_else(|| "the size of a page is not known".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_capabilities_are_the_hex_line() {
        let status = "Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t0000008000001000\n";
        let set = effective(status).unwrap();
        assert_eq!((set.has(12), set.has(39), set.has(21)), (true, true, false));
        for bad in ["", "CapEff:\tzz\n", "CapPrm:\t0\n", "xCapEff:\t0\n"] {
            assert_eq!(effective(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn this_host_has_a_release_capabilities_and_pages() {
        let facts = facts();
        assert!(facts.kernel_release.unwrap().contains('.'));
        assert!(facts.capabilities.is_ok());
        assert!(facts.page_size.unwrap() >= 4096);
    }
}
