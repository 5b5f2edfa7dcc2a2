//! Programs in Python that tests run: servers of feeds, and other readers of them.
//!
//! They lie in `.tools/venv` of this clone and not with the tools that clones share: such a
//! folder has its own path in its programs.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{exec, pins::PYTHON_PACKAGES, say::say, workspace};

/// Says in the folder what is installed, and is written last.
const INSTALLED: &str = "sekisho-pins.txt";

/// Installs the packages, unless these very ones are.
pub(super) fn ensure() -> Result<()> {
    let folder = folder();
    let pins = PYTHON_PACKAGES.join("\n");
    if is_installed(&folder, &pins) {
        return Ok(());
    }
    let count = PYTHON_PACKAGES.len();
    say(
        "setup",
        format_args!("installing {count} packages of Python to test with into .tools/venv"),
    );
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", folder.display()));
        }
        _ => {}
    }
    exec::check(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps"])
        .args(["--disable-pip-version-check", "--no-input"])
        .args(PYTHON_PACKAGES);
    exec::check(&mut pip)?;
    let installed = folder.join(INSTALLED);
    fs::write(&installed, pins).with_context(|| format!("cannot write {}", installed.display()))
}

fn folder() -> PathBuf {
    workspace::root().join(".tools/venv")
}

#[expect(clippy::disallowed_methods, reason = "a file of ours, of a kibibyte")]
fn is_installed(folder: &Path, pins: &str) -> bool {
    fs::read_to_string(folder.join(INSTALLED)).is_ok_and(|installed| installed == pins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_one_exact_version() {
        for package in PYTHON_PACKAGES {
            let (name, version) = package.split_once("==").unwrap();
            let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-.".contains(&octet);
            assert!(name.bytes().all(plain) && !name.is_empty(), "{package}");
            assert!(
                version.bytes().all(plain) && !version.is_empty(),
                "{package}"
            );
        }
    }

    #[test]
    fn other_pins_are_not_installed() {
        let folder = std::env::temp_dir().join(format!("sekisho-venv-{}", std::process::id()));
        assert!(!is_installed(&folder, "a==1"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(INSTALLED), "a==1").unwrap();
        assert!(is_installed(&folder, "a==1"));
        assert!(!is_installed(&folder, "a==2"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
