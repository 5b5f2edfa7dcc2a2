//! Where things are in this repository, and Cargo as it is to be run here.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::exec;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// The Cargo that runs us, so that the pin in `rust-toolchain.toml` holds, at the
/// root of the repository.
///
/// A linker set by the environment would win over the one in `.cargo/config.toml`,
/// which is the one built against the right LLVM.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .arg(subcommand)
        .current_dir(root())
        .env_remove("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER");
    cargo
}

/// Every member but `sensor-ebpf`, whose binary is built for its own target by the
/// build script of `sekisho`.
///
/// Commands that build share this one selection: Cargo unites features over the
/// selected packages, so another selection would build the dependencies again.
pub(crate) const HOST_PACKAGES: [&str; 3] = ["--workspace", "--exclude", "sensor-ebpf"];

/// Where Cargo puts what it builds.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let metadata = exec::stdout(cargo("metadata").args(["--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    let target = metadata["target_directory"].as_str();
    Ok(PathBuf::from(
        target.context("cargo metadata names no target directory")?,
    ))
}

/// Builds the binaries of the workspace and what `options` add, and says where that of
/// the sensor is.
pub(crate) fn build_sensor(options: &[&str]) -> Result<PathBuf> {
    let mut build = cargo("build");
    build.args(HOST_PACKAGES).arg("--bins").args(options);
    built(build, "sekisho")
}

/// Builds the bench as it is to be measured, and says where it is.
pub(crate) fn build_bench() -> Result<PathBuf> {
    let mut build = cargo("build");
    build.args(["--release", "--package", "sensor-bench"]);
    built(build, "sensor-bench")
}

/// Builds the sensor and the programs of `sensor-tests`: where it is, and what they are called
/// with where they are.
///
/// Only these, because the tests of other packages need no kernel; and as for a release, because
/// an emulated processor is slow enough.
pub(crate) fn build_kernel_tests() -> Result<(PathBuf, Vec<(String, PathBuf)>)> {
    let mut build = cargo("build");
    build.args(["--package", "sekisho", "--package", "sensor-tests"]);
    build.args(["--release", "--bin", "sekisho", "--test", "*"]);
    build.args(["--message-format", "json-render-diagnostics"]);
    let messages = exec::stdout(&mut build)?;
    let mut programs = Vec::new();
    let mut sensor = None;
    for message in serde_json::Deserializer::from_str(&messages).into_iter::<Value>() {
        let message = message.context("a message of Cargo is not JSON")?;
        let Some(executable) = message["executable"].as_str().map(PathBuf::from) else {
            continue;
        };
        let name = message["target"]["name"].as_str().unwrap_or_default();
        let manifest = message["manifest_path"].as_str().unwrap_or_default();
        if message["profile"]["test"] == false && name == "sekisho" {
            sensor = Some(executable);
        } else if Path::new(manifest) == root().join("tests/Cargo.toml") {
            programs.push((name.to_owned(), executable));
        }
    }
    Ok((sensor.context("Cargo built no binary `sekisho`")?, programs))
}

/// Runs a build and says where it put a binary.
fn built(mut build: Command, binary: &str) -> Result<PathBuf> {
    let messages = exec::stdout(build.args(["--message-format", "json-render-diagnostics"]))?;
    let messages = serde_json::Deserializer::from_str(&messages).into_iter::<Value>();
    for message in messages {
        let message = message.context("a message of Cargo is not JSON")?;
        let is_it = message["target"]["name"] == binary
            && message["target"]["kind"][0] == "bin"
            && message["profile"]["test"] == false;
        if is_it && let Some(executable) = message["executable"].as_str() {
            return Ok(PathBuf::from(executable));
        }
    }
    bail!("Cargo built no binary `{binary}`")
}
