//! `cargo xtask lint`: what a reviewer should not have to look for.
//!
//! All checks run even if one fails, so that one run shows everything.

mod length;

use std::process::Command;

use anyhow::{Result, bail};

use crate::{
    exec, pins,
    say::say,
    tools::{self, CARGO_DENY, Need},
    workspace::{HOST_PACKAGES, cargo},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Look for known vulnerabilities too, in a database from the network
    #[arg(long)]
    advisories: bool,
}

/// Runs every check and names those that failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    tools::ensure(&[Need::Lint])?;
    let checks = [
        ("format", format()),
        ("format of the fuzzers", format_of_fuzzers()),
        ("clippy", clippy(&HOST_PACKAGES, &["--all-targets"])),
        (
            "clippy of the log feature",
            clippy(&["--package", "sekisho"], &["--features", "log"]),
        ),
        (
            "clippy of the eBPF library",
            clippy(&["--package", "sensor-ebpf"], &["--lib"]),
        ),
        ("eBPF program", ebpf(&[])),
        ("eBPF program with log", ebpf(&["--features", "log"])),
        ("eBPF program of the bench", ebpf(&["--features", "bench"])),
        ("documentation", documentation()),
        ("licences and sources", deny(args.advisories)?),
    ];

    let mut failed = Vec::new();
    for (name, mut command) in checks {
        say("lint", name);
        if !exec::status(&mut command)?.success() {
            failed.push(name);
        }
    }
    say("lint", length::NAME);
    if !length::check()? {
        failed.push(length::NAME);
    }
    if !failed.is_empty() {
        bail!("lint found something in: {}", failed.join(", "));
    }
    say("lint", "nothing found");
    Ok(())
}

fn format() -> Command {
    let mut fmt = cargo("fmt");
    fmt.args(["--all", "--check"]);
    fmt
}

/// They are in a workspace of their own. Their one macro is not worth another build.
fn format_of_fuzzers() -> Command {
    let mut fmt = cargo("fmt");
    fmt.args(["--check", "--manifest-path", "tests/fuzz/Cargo.toml"]);
    fmt
}

fn clippy(packages: &[&str], options: &[&str]) -> Command {
    let mut clippy = cargo("clippy");
    clippy
        .arg("--quiet")
        .args(packages)
        .args(options)
        .args(["--", "-D", "warnings"]);
    clippy
}

/// Compiles the program as its build does, but with warnings as errors: the build
/// script of `sekisho` can only pass them on.
fn ebpf(options: &[&str]) -> Command {
    let mut check = Command::new("rustup");
    check
        .args(["run", pins::NIGHTLY])
        .args([
            "cargo",
            "check",
            "--quiet",
            "--package",
            "sensor-ebpf",
            "--bins",
            "--release",
        ])
        .args(["--target", "bpfel-unknown-none", "-Z", "build-std=core"])
        .args(options)
        .current_dir(crate::workspace::root());
    // The flags of `aya_build::build_ebpf`, separated as Cargo wants it.
    let architecture = format!("--cfg=bpf_target_arch=\"{}\"", std::env::consts::ARCH);
    let flags = [architecture.as_str(), "-Dwarnings"].join("\x1f");
    check.env("CARGO_ENCODED_RUSTFLAGS", flags);
    check
}

/// The documentation of our own crates, private items too: they are what a reader
/// of the sources sees.
fn documentation() -> Command {
    let mut doc = cargo("doc");
    doc.args(["--quiet", "--no-deps", "--document-private-items"])
        .args(HOST_PACKAGES);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    doc
}

fn deny(advisories: bool) -> Result<Command> {
    let mut deny = CARGO_DENY.command()?;
    deny.args([
        "--all-features",
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]);
    if advisories {
        deny.arg("advisories");
    }
    Ok(deny)
}
