//! The nightly toolchain of the eBPF object.
//!
//! `rustup` fetches the stable one by itself from `rust-toolchain.toml`; of this
//! one it knows nothing, and `core` is built from source for the kernel's target.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{exec, pins::NIGHTLY, say::say};

/// Installs the toolchain with the source of `core` unless it is there.
pub(super) fn ensure() -> Result<()> {
    if is_present() {
        return Ok(());
    }
    if !exec::succeeds(Command::new("rustup").arg("--version")) {
        bail!("rustup is missing, and {NIGHTLY} comes through it; install rustup and try again");
    }
    say("setup", format_args!("installing {NIGHTLY} with rust-src"));
    let arguments = ["toolchain", "install", NIGHTLY, "--profile", "minimal"];
    exec::check(
        Command::new("rustup")
            .args(arguments)
            .args(["--component", "rust-src"]),
    )
    .with_context(|| format!("{NIGHTLY} could not be installed"))
}

/// Asks the toolchain itself: it runs, and has the source of `core`.
fn is_present() -> bool {
    let mut rustc = Command::new("rustup");
    rustc.args(["run", NIGHTLY, "rustc", "--print", "sysroot"]);
    let Ok(output) = rustc.output() else {
        return false;
    };
    let sysroot = String::from_utf8_lossy(&output.stdout);
    let core = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core/src/lib.rs");
    output.status.success() && core.is_file()
}
