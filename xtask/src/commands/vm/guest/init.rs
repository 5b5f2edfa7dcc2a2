//! The first process of a guest: mounts what a system has, has the plan carried out by a child,
//! collects what others leave behind, and switches the machine off.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use anyhow::{Context as _, Result};
use nix::{
    mount::{MsFlags, mount},
    sys::{
        reboot::{RebootMode, reboot},
        wait::wait,
    },
    unistd::{Pid, sync},
};

use crate::say;

/// File systems, each with its folder.
const MOUNTS: [(&str, &str); 11] = [
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("devpts", "/dev/pts"),
    ("tmpfs", "/dev/shm"),
    ("tmpfs", "/tmp"),
    ("tmpfs", "/run"),
    ("bpf", "/sys/fs/bpf"),
    ("cgroup2", "/sys/fs/cgroup"),
    ("debugfs", "/sys/kernel/debug"),
    ("tracefs", "/sys/kernel/tracing"),
];

/// Does not return: a first process that ends is a panic.
pub(super) fn run() -> ! {
    if let Err(error) = go() {
        say::error(&error);
    }
    sync();
    loop {
        // Nothing is left that could be told of a failure.
        let _ = reboot(RebootMode::RB_POWER_OFF);
    }
}

fn go() -> Result<()> {
    for (kind, folder) in MOUNTS {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {folder}"))?;
        mount(
            Some(kind),
            folder,
            Some(kind),
            MsFlags::empty(),
            None::<&str>,
        )
        .with_context(|| format!("cannot mount {kind} on {folder}"))?;
    }
    for (link, target) in [("/dev/fd", "/proc/self/fd"), ("/var/run", "/run")] {
        if !Path::new(link).exists() {
            let parent = Path::new(link).parent().unwrap_or(Path::new("/"));
            fs::create_dir_all(parent)?;
            symlink(target, link).with_context(|| format!("cannot make {link}"))?;
        }
    }
    let worker = Command::new("/proc/self/exe")
        .args(["vm-guest", "--here"])
        .env("PATH", "/usr/sbin:/usr/bin")
        .spawn()
        .context("cannot start the tests")?;
    let worker = Pid::from_raw(i32::try_from(worker.id())?);
    while wait().context("cannot wait for the tests")?.pid() != Some(worker) {}
    Ok(())
}
