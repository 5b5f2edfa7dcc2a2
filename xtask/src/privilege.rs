//! Root, where it cannot be avoided: apt, and finished binaries that load programs.

use std::{ffi::OsStr, fs, os::unix::fs::MetadataExt as _, process::Command};

use anyhow::{Context as _, Result, bail};

/// Whether we are root already.
///
/// The owner of `/proc/self` is the effective user (proc(5)), which spares us
/// unsafe code and a dependency.
pub(crate) fn is_root() -> Result<bool> {
    let own = fs::metadata("/proc/self").context("cannot read /proc/self; is /proc mounted?")?;
    Ok(own.uid() == 0)
}

/// `program` as root: straight if we are root, else by `sudo`.
pub(crate) fn as_root(program: impl AsRef<OsStr>) -> Result<Command> {
    if is_root()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    Ok(command)
}

/// The Cargo target runner that makes a binary run as root; none if we are root.
///
/// The password, if one is needed, is asked here. The runner must not ask: test
/// runners start many binaries at once, away from the terminal.
pub(crate) fn runner() -> Result<Option<&'static str>> {
    if is_root()? {
        return Ok(None);
    }
    let granted = Command::new("sudo").arg("true").status();
    if !granted.is_ok_and(|status| status.success()) {
        bail!(
            "the kernel tests load XDP programs and need root, and sudo did not grant it; \
             allow sudo for this user or run the command as root"
        );
    }
    Ok(Some("sudo --non-interactive --preserve-env"))
}
