//! What a test needs and a machine may lack.
//!
//! A test whose peer or privilege is missing says so and is skipped on a user's
//! machine; where `CI=true` it fails, because there nobody reads that it was skipped.

use std::{
    env,
    path::{Path, PathBuf},
};

use sekisho::capped;

use crate::{command, netns::Namespace};

/// Returns early from a test where something it needs is missing.
///
/// `require!(privilege)`: root with the capabilities to load programs and make
/// namespaces, and the tools that make them. `require!(tool "tshark")`: a program, and
/// its path is the value. `require!(data "pcap")`: a folder of `SEKISHO_DATA`, and its
/// path is the value. `require!(python)`: the Python that has the packages of `pins.rs`, and its
/// path is the value. `require!(clock)`: what gives one process a clock of its own.
/// `require!(device "bond")`: a kind of device that not every kernel has; see
/// [`device`].
#[macro_export]
macro_rules! require {
    (privilege) => {
        $crate::require!(@ $crate::requires::privilege())
    };
    (clock) => {
        $crate::require!(@ $crate::clock_state::available())
    };
    (tool $name:expr) => {
        $crate::require!(@ $crate::requires::tool($name))
    };
    (python) => {
        $crate::require!(@ $crate::requires::python())
    };
    (data $folder:expr) => {
        $crate::require!(@ $crate::requires::data($folder))
    };
    (device $kind:expr) => {
        if let Err(missing) = $crate::requires::device($kind) {
            $crate::requires::pass_over(&missing);
            return;
        }
    };
    (@ $found:expr) => {
        match $found {
            Ok(found) => found,
            Err(missing) => {
                $crate::requires::skip(&missing);
                return;
            }
        }
    };
}

/// Of linux/capability.h.
const CAPABILITIES: [(u8, &str); 4] = [
    (12, "CAP_NET_ADMIN"),
    (21, "CAP_SYS_ADMIN"),
    (38, "CAP_PERFMON"),
    (39, "CAP_BPF"),
];

/// Whether this process may make namespaces and load programs; else what is missing.
pub fn privilege() -> Result<(), String> {
    if !is_root() {
        return Err("not root".into());
    }
    let status = capped::read_to_string("/proc/self/status", 1 << 16)
        .map_err(|error| format!("/proc/self/status: {error}"))?;
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .ok_or("/proc/self/status has no CapEff")?;
    for (number, name) in CAPABILITIES {
        if effective & (1 << number) == 0 {
            return Err(format!("no {name}"));
        }
    }
    for name in ["ip", "ethtool"] {
        tool(name)?;
    }
    Ok(())
}

/// Whether this process is root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The path of a program on `PATH`; else that there is none.
pub fn tool(name: &str) -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        // An ordinary user's PATH often lacks the folders of ip and ethtool.
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("no program '{name}' on PATH"))
}

/// The Python of `.tools/venv`, or of the folder `SEKISHO_VENV`; else that there is none.
pub fn python() -> Result<PathBuf, String> {
    let folder = match env::var_os("SEKISHO_VENV") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/venv"),
    };
    // Written last by what installs it.
    if folder.join("sekisho-pins.txt").is_file() {
        Ok(folder.join("bin/python"))
    } else {
        let folder = folder.display();
        Err(format!(
            "no servers of feeds in {folder} ('cargo xtask setup' installs them)"
        ))
    }
}

/// A folder of the shared data: below `SEKISHO_DATA`, or below `shared/data` beside the
/// workspace.
pub fn data(folder: &str) -> Result<PathBuf, String> {
    let root = match env::var_os("SEKISHO_DATA") {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    };
    let found = root.join(folder);
    if found.is_dir() {
        Ok(found)
    } else {
        Err(format!("no folder {} (set SEKISHO_DATA)", found.display()))
    }
}

/// Whether the kernel makes such a device or discipline: `vlan`, `bond` or `netem`; or lets an
/// interface that is up have another name, `rename`; else what it answers.
pub fn device(kind: &str) -> Result<(), String> {
    let namespace = Namespace::new();
    namespace.ip("link add one type veth peer name other");
    namespace.ip("link set dev one up");
    let words = match kind {
        "vlan" => "ip link add link one name it type vlan id 7",
        "rename" => "ip link set dev one name it",
        "netem" => "tc qdisc add dev one root netem limit 10",
        kind => &format!("ip link add it type {kind}"),
    };
    let mut words = words.split(' ');
    let program = tool(words.next().unwrap_or_default())?;
    let printed = command::run(namespace.command(program).args(words));
    if printed.status == Some(0) {
        return Ok(());
    }
    let answer = printed.stderr.lines().next().unwrap_or_default();
    Err(format!("the kernel has no {kind} ({answer})"))
}

/// The binary under test: `SEKISHO_BIN`, or the one Cargo built beside the tests.
pub fn binary() -> PathBuf {
    let binary = env::var_os("SEKISHO_BIN").map_or_else(beside_the_tests, PathBuf::from);
    assert!(
        binary.is_file(),
        "no binary {}: run the tests by 'cargo xtask test'",
        binary.display()
    );
    binary
}

/// Tests lie in `target/PROFILE/deps`, binaries in `target/PROFILE`.
fn beside_the_tests() -> PathBuf {
    let test = env::current_exe().unwrap_or_default();
    let profile = test
        .parent()
        .and_then(Path::parent)
        .unwrap_or(Path::new(""));
    profile.join("sekisho")
}

/// Says that a test is skipped and why.
///
/// # Panics
///
/// Where `CI=true`.
#[expect(
    clippy::print_stderr,
    reason = "a skipped test says so where tests speak"
)]
pub fn skip(missing: &str) {
    assert!(
        env::var("CI").as_deref() != Ok("true"),
        "may not be skipped where CI=true: {missing}"
    );
    eprintln!("skipped: {missing}");
}

/// Says that a test is skipped because this kernel cannot do what others can. That is no failure
/// where `CI=true`, which says what a machine has to have: `cargo xtask vm` boots the others.
#[expect(
    clippy::print_stderr,
    reason = "a skipped test says so where tests speak"
)]
pub fn pass_over(missing: &str) {
    eprintln!("skipped: {missing}");
}
