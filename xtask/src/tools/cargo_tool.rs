//! Tools that Cargo builds from source, at a pinned version.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{exec, pins, say::say, workspace};

/// A Cargo subcommand that is taken from the machine if it is there, else built.
pub(crate) struct CargoTool {
    /// The package and the binary, such as `cargo-nextest`.
    name: &'static str,
    version: &'static str,
    purpose: &'static str,
}

/// Runs the tests, each in a process of its own.
pub(crate) const CARGO_NEXTEST: CargoTool = CargoTool {
    name: "cargo-nextest",
    version: pins::CARGO_NEXTEST,
    purpose: "runs the tests",
};

/// Builds the fuzzers.
pub(crate) const CARGO_FUZZ: CargoTool = CargoTool {
    name: "cargo-fuzz",
    version: pins::CARGO_FUZZ,
    purpose: "builds the fuzzers",
};

/// Checks licences and sources of the dependencies.
pub(crate) const CARGO_DENY: CargoTool = CargoTool {
    name: "cargo-deny",
    version: pins::CARGO_DENY,
    purpose: "checks licences and sources",
};

impl CargoTool {
    /// Builds the tool unless there is one.
    pub(super) fn ensure(&self) -> Result<()> {
        let Self {
            name,
            version,
            purpose,
        } = self;
        if self.own()?.is_file() || exec::succeeds(Command::new(name).arg("--version")) {
            return Ok(());
        }
        say(
            "setup",
            format_args!("building {name} {version}, which {purpose}; minutes, once"),
        );
        exec::check(&mut install(name, version, &self.directory()?))
            .with_context(|| format!("{name} {version} could not be built"))
    }

    /// The tool, at the root of the repository.
    pub(crate) fn command(&self) -> Result<Command> {
        let own = self.own()?;
        let program = if own.is_file() {
            own
        } else {
            PathBuf::from(self.name)
        };
        let mut command = Command::new(program);
        command.current_dir(workspace::root());
        Ok(command)
    }

    fn own(&self) -> Result<PathBuf> {
        Ok(self.directory()?.join("bin").join(self.name))
    }

    fn directory(&self) -> Result<PathBuf> {
        Ok(shared()?.join(format!("{}-{}", self.name, self.version)))
    }
}

/// Where the tools of all clones live.
pub(super) fn shared() -> Result<PathBuf> {
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .context("neither CARGO_HOME nor HOME is set; set HOME and try again")?;
    Ok(cargo_home.join("sekisho-tools"))
}

/// The command that builds `package` into `directory`.
///
/// It builds in a temporary directory, never in the target directory of a clone.
pub(super) fn install(package: &str, version: &str, directory: &Path) -> Command {
    let mut cargo = workspace::cargo("install");
    cargo
        .args([
            "--quiet",
            package,
            "--version",
            version,
            "--locked",
            "--root",
        ])
        .arg(directory)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_BUILD_TARGET_DIR");
    cargo
}
