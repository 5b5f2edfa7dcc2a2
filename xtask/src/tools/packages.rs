//! Packages of the system, by apt, in groups that say what they are for.

use std::{collections::BTreeSet, env, process::Command};

use anyhow::{Context as _, Result, bail};

use super::Need;
use crate::{exec, pins::LLVM, privilege, say::say};

/// Packages that serve one purpose, under their Debian names.
struct Group {
    purpose: &'static str,
    packages: Vec<String>,
}

/// Installs the packages that `needs` call for and that are missing.
pub(super) fn ensure(needs: &[Need]) -> Result<()> {
    let groups = groups(needs);
    if !on_path("apt-get") || !on_path("dpkg-query") {
        bail!(
            "this system has no apt, so the packages cannot be checked or installed. Sekisho is \
             built on Debian 12 and later; these are the packages, under their Debian names:\n{}",
            listing(&groups)
        );
    }
    let missing = missing(groups)?;
    if missing.is_empty() {
        return Ok(());
    }
    for Group { purpose, packages } in &missing {
        say(
            "setup",
            format_args!("installing {} ({purpose})", packages.join(" ")),
        );
    }
    install(missing.iter().flat_map(|group| &group.packages))
        .context("cannot install the packages above; install them by hand and try again")
}

/// What each need calls for, each package once.
fn groups(needs: &[Need]) -> Vec<Group> {
    let group = |purpose, packages: &[&str]| Group {
        purpose,
        packages: packages.iter().map(ToString::to_string).collect(),
    };
    let tests = needs.contains(&Need::Test) || needs.contains(&Need::Vm);
    let traffic = needs.contains(&Need::Demo) || tests;

    let mut groups = vec![
        group("to link programs", &["gcc", "g++", "libc6-dev"]),
        group(
            "to build and run bpf-linker",
            &[
                &format!("llvm-{LLVM}-dev"),
                &format!("libpolly-{LLVM}-dev"),
                "libzstd-dev",
                "zlib1g-dev",
            ],
        ),
    ];
    if traffic {
        let packages = ["ethtool", "iproute2", "iputils-ping"];
        groups.push(group("to make networks and traffic", &packages));
    } else if needs.contains(&Need::Bench) {
        groups.push(group("to make networks", &["ethtool", "iproute2"]));
    }
    if needs.contains(&Need::Demo) || needs.contains(&Need::Test) {
        groups.push(group("to count as a second reader", &["tcpdump", "tshark"]));
    } else if needs.contains(&Need::Oracle) {
        groups.push(group("to count as a second reader", &["tshark"]));
    }
    if needs.contains(&Need::Oracle) {
        groups.push(group("to read what tshark cannot", &["zstd"]));
    }
    if tests {
        groups.push(group("to compare with in tests", &["bpftool"]));
    }
    if needs.contains(&Need::Test) {
        let packages = ["python3", "python3-venv"];
        groups.push(group("to run servers of feeds in tests", &packages));
        let packages = ["nfdump", "pmacct", "prometheus", "rsyslog"];
        groups.push(group("to receive in tests what is exported", &packages));
    }
    if needs.contains(&Need::Vm) {
        let packages = ["binutils", "kmod", "qemu-system-x86", "xz-utils"];
        groups.push(group("to boot other kernels", &packages));
    }
    if needs.contains(&Need::Bench) {
        let packages = ["ipset", "iptables", "nftables", "xdp-tools"];
        groups.push(group("to measure beside", &packages));
    }
    groups
}

/// `groups` without what is installed.
fn missing(mut groups: Vec<Group>) -> Result<Vec<Group>> {
    // Fails when it does not know one of the names, which is an answer too.
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\n"])
        .args(groups.iter().flat_map(|group| &group.packages))
        .output()
        .context("cannot run dpkg-query")?;
    let output = String::from_utf8_lossy(&output.stdout);
    let installed: BTreeSet<&str> = output
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"))
        .collect();
    for group in &mut groups {
        group
            .packages
            .retain(|package| !installed.contains(package.as_str()));
    }
    groups.retain(|group| !group.packages.is_empty());
    Ok(groups)
}

fn install<'a>(packages: impl Iterator<Item = &'a String>) -> Result<()> {
    let apt = || -> Result<Command> {
        // By `env`, because sudo does not pass our environment on.
        let mut apt = privilege::as_root("env")?;
        apt.args([
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "--quiet",
            "--quiet",
        ]);
        // No progress bars; and seconds to wait for another apt to finish.
        apt.args([
            "--option",
            "Dpkg::Use-Pty=0",
            "--option",
            "DPkg::Lock::Timeout=300",
        ]);
        Ok(apt)
    };
    if !exec::status(apt()?.arg("update"))?.success() {
        say(
            "setup",
            "apt-get update failed; going on with the package lists that are there",
        );
    }
    exec::check(
        apt()?
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages),
    )
}

/// One line per group, to copy from.
fn listing(groups: &[Group]) -> String {
    let lines = groups
        .iter()
        .map(|Group { purpose, packages }| format!("  {purpose}: {}", packages.join(" ")));
    lines.collect::<Vec<_>>().join("\n")
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn building_takes_less_than_testing() {
        let count = |needs: &[Need]| groups(needs).iter().map(|group| group.packages.len()).sum();
        let [build, bench, demo, oracle, test, vm, lint]: [usize; 7] =
            Need::ALL.map(|need| count(&[need]));
        assert!(build < demo && demo < test, "{build} < {demo} < {test}");
        assert!(build < bench && build < vm, "{build} < {bench}, {vm}");
        assert!(build < oracle, "{build} < {oracle}");
        assert_eq!(lint, build);
        assert!(count(&Need::ALL) > test);
    }

    #[test]
    fn the_listing_says_what_each_package_is_for() {
        let listing = listing(&groups(&[Need::Demo]));
        assert!(listing.contains("to build and run bpf-linker: llvm-22-dev libpolly-22-dev"));
        assert!(listing.contains("to make networks and traffic: ethtool iproute2 iputils-ping"));
    }

    #[test]
    fn an_unknown_package_is_missing() {
        if !on_path("dpkg-query") {
            eprintln!("skipped: this system has no dpkg-query");
            return;
        }
        let name = "sekisho-no-such-package".to_owned();
        let group = Group {
            purpose: "nothing",
            packages: vec!["dpkg".to_owned(), name.clone()],
        };
        let missing = missing(vec![group]).unwrap();
        assert_eq!(missing[0].packages, [name]);
    }
}
