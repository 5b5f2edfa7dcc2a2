//! The linker of the eBPF object.
//!
//! It is always our own, even if there is one on `PATH`: a `bpf-linker` built
//! against an LLVM other than the compiler's links without complaint, and the maps
//! then fail with `EINVAL` when the object is loaded. `.cargo/config.toml` names it
//! by a path inside the repository, which this module makes a link to the real one.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context as _, Result};

use super::cargo_tool;
use crate::{exec, pins, say::say, workspace};

/// Where `.cargo/config.toml` looks for the linker.
const LINK: &str = ".tools/bin/bpf-linker";

/// Builds the linker unless it is there, and links the repository to it.
pub(super) fn ensure() -> Result<()> {
    let directory = directory()?;
    let linker = directory.join("bin/bpf-linker");
    if !linker.is_file() {
        build(&directory)?;
    }
    let link = workspace::root().join(LINK);
    point(&link, &linker).with_context(|| format!("cannot make {} a link", link.display()))
}

/// The directory tells the LLVM as well as the version.
fn directory() -> Result<PathBuf> {
    let name = format!("bpf-linker-{}-llvm-{}", pins::BPF_LINKER, pins::LLVM);
    Ok(cargo_tool::shared()?.join(name))
}

fn build(directory: &Path) -> Result<()> {
    let (version, llvm) = (pins::BPF_LINKER, pins::LLVM);
    say(
        "setup",
        format_args!("building bpf-linker {version} against LLVM {llvm}; minutes, once"),
    );
    let mut install = cargo_tool::install("bpf-linker", version, directory);
    install
        .args([
            "--no-default-features",
            "--features",
            &format!("llvm-{llvm}"),
        ])
        .env("LLVM_PREFIX", format!("/usr/lib/llvm-{llvm}"));
    exec::check(&mut install).with_context(|| format!("bpf-linker {version} could not be built"))
}

/// Makes `link` a symbolic link to `target`, in one step even if others do the same.
fn point(link: &Path, target: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|old| old == target) {
        return Ok(());
    }
    let directory = link.parent().context("the link has no directory")?;
    fs::create_dir_all(directory)?;
    let fresh = directory.join(format!("bpf-linker.{}", process::id()));
    symlink(target, &fresh)?;
    fs::rename(&fresh, link)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    #[test]
    fn a_link_to_an_old_version_is_replaced() {
        let scratch = env::temp_dir().join(format!("sekisho-link-{}", process::id()));
        let link = scratch.join("bin/bpf-linker");
        for target in ["old", "new", "new"] {
            point(&link, Path::new(target)).unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), Path::new(target));
        }
        assert_eq!(
            fs::read_dir(scratch.join("bin")).unwrap().count(),
            1,
            "nothing is left over"
        );
        fs::remove_dir_all(scratch).unwrap();
    }
}
