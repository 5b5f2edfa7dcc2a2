//! Debian's kernels: which, and getting them.
//!
//! A package is downloaded and unpacked, never installed. Debian's metapackages say which is
//! the newest of a series, so no version stands here.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{exec, privilege, say::say};

/// A kernel that the sensor is to run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kernel {
    /// What it is called here.
    pub(super) name: &'static str,
    pub(super) source: Source,
}

/// Where it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The one this machine runs on.
    Host,
    /// The package that a metapackage depends on.
    Debian(&'static str),
}

/// All of them, the oldest first.
pub(super) const ALL: [Kernel; 7] = [
    debian("6.1", "linux-image-amd64"),
    debian("6.1-cloud", "linux-image-cloud-amd64"),
    debian("6.1-rt", "linux-image-rt-amd64"),
    debian("6.12", "linux-image-6.12-amd64"),
    debian("6.12-cloud", "linux-image-6.12-cloud-amd64"),
    debian("6.12-rt", "linux-image-6.12-rt-amd64"),
    Kernel {
        name: "host",
        source: Source::Host,
    },
];

const fn debian(name: &'static str, metapackage: &'static str) -> Kernel {
    Kernel {
        name,
        source: Source::Debian(metapackage),
    }
}

/// Those with these names, or all; in the order of [`ALL`].
pub(super) fn named(names: &[String]) -> Result<Vec<Kernel>> {
    let all = ALL.map(|kernel| kernel.name);
    for name in names {
        ensure!(
            all.contains(&name.as_str()),
            "no kernel is called '{name}'; there are {}",
            all.join(", ")
        );
    }
    let is_named = |kernel: &Kernel| names.is_empty() || names.iter().any(|it| it == kernel.name);
    Ok(ALL.into_iter().filter(is_named).collect())
}

/// A kernel on disk.
#[derive(Debug)]
pub(super) struct Unpacked {
    pub(super) image: PathBuf,
    /// `lib/modules/RELEASE`.
    pub(super) modules: PathBuf,
}

/// The newest package of a series, as apt knows it.
pub(super) fn package(kernel: Kernel, metapackage: &str) -> Result<String> {
    let mut depends = exec::apart("apt-cache");
    let depends = exec::captured(depends.args(["depends", "--no-recommends", metapackage]));
    let depends = depends.context("apt does not know the kernel; Debian 12 has it")?;
    let package = depended(&depends).with_context(|| {
        format!("apt has no candidate for {metapackage}; Debian 12 has it, after `apt-get update`")
    })?;
    let series = kernel.name.split('-').next().unwrap_or(kernel.name);
    ensure!(
        package.starts_with(&format!("linux-image-{series}.")),
        "{metapackage} is {package} here, not Linux {series}: Debian 12 has that one"
    );
    Ok(package)
}

/// Downloads and unpacks a package below `folder`, unless it is there.
pub(super) fn fetch(package: &str, folder: &Path) -> Result<Unpacked> {
    let release = package.trim_start_matches("linux-image-");
    let there = folder.join("kernels").join(package);
    if !there.is_dir() {
        let archive = download(package, &folder.join("packages"))?;
        say("vm", format_args!("unpacking {package}"));
        let part = there.with_extension("part");
        if part.exists() {
            fs::remove_dir_all(&part)?;
        }
        fs::create_dir_all(&part)?;
        let mut unpack = exec::apart("dpkg-deb");
        exec::captured(unpack.arg("--extract").arg(archive).arg(&part))?;
        // The package leaves this to its installation. Its folder is not on everybody's PATH.
        let mut depmod = exec::apart("/usr/sbin/depmod");
        exec::captured(depmod.arg("--basedir").arg(&part).arg(release))?;
        fs::rename(&part, &there)?;
    }
    Ok(Unpacked {
        image: there.join(format!("boot/vmlinuz-{release}")),
        modules: there.join("lib/modules").join(release),
    })
}

fn download(package: &str, folder: &Path) -> Result<PathBuf> {
    if let Some(archive) = archive(package, folder)? {
        return Ok(archive);
    }
    fs::create_dir_all(folder)?;
    say("vm", format_args!("downloading {package}"));
    let get = || {
        let mut get = exec::apart("apt-get");
        get.args(["--quiet", "--quiet", "download", package]);
        exec::captured(get.current_dir(folder))
    };
    if let Err(error) = get() {
        say("vm", format_args!("{error:#}; once more with new lists"));
        exec::check(privilege::as_root("apt-get")?.args(["--quiet", "--quiet", "update"]))?;
        get()?;
    }
    match archive(package, folder)? {
        Some(archive) => Ok(archive),
        None => bail!("apt-get left no {package} in {}", folder.display()),
    }
}

/// The archive of a package, which has its version in its name.
fn archive(package: &str, folder: &Path) -> Result<Option<PathBuf>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let begin = format!("{package}_");
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&begin) {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// The first dependency, in what `apt-cache depends` prints.
fn depended(printed: &str) -> Option<String> {
    let depends = |line: &str| line.trim().strip_prefix("Depends: ").map(str::to_owned);
    printed.lines().find_map(depends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_taken_by_name_in_one_order() {
        let names = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
            let found = named(&asked).unwrap_or_default();
            found.iter().map(|one| one.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["host", "6.1-rt"]), ["6.1-rt", "host"]);
        assert_eq!(names(&[]).len(), ALL.len());
        let error = named(&["5.15".into()]).unwrap_err().to_string();
        assert!(
            error.contains("'5.15'") && error.contains("6.12-cloud"),
            "{error}"
        );
    }

    #[test]
    fn the_package_of_a_metapackage_is_read() {
        let printed = "linux-image-amd64\n  Depends: linux-image-6.1.0-56-amd64\n";
        let package = depended(printed);
        assert_eq!(package.as_deref(), Some("linux-image-6.1.0-56-amd64"));
        assert_eq!(depended("linux-image-amd64\n"), None);
    }
}
