//! The targets, as the manifest of `tests/fuzz` names them, and their programs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{exec, pins::NIGHTLY, tools::CARGO_FUZZ, workspace};

/// The crate of the fuzzers.
pub(super) fn folder() -> PathBuf {
    workspace::root().join("tests/fuzz")
}

/// A target.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: String,
    /// The longest input that is tried, in bytes.
    pub(super) longest: u64,
    /// Where everything is built.
    built: PathBuf,
}

impl Target {
    /// Its fuzzer.
    pub(super) fn program(&self) -> PathBuf {
        let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        self.built.join(triple).join("release").join(&self.name)
    }

    /// Where something of its runs is, outside of the repository.
    pub(super) fn scratch(&self, what: &str) -> PathBuf {
        self.built.join(what).join(&self.name)
    }
}

/// The targets of these names, or all.
pub(super) fn chosen(names: &[String]) -> Result<Vec<Target>> {
    let all = all()?;
    if names.is_empty() {
        return Ok(all);
    }
    let chosen = names.iter().map(|name| {
        let target = all.iter().find(|target| target.name == *name);
        let known = || all.iter().map(|target| target.name.as_str());
        target.cloned().with_context(|| {
            let known = known().collect::<Vec<_>>().join(", ");
            format!("{name} is no target; there are {known}")
        })
    });
    chosen.collect()
}

fn all() -> Result<Vec<Target>> {
    let mut cargo = workspace::cargo("metadata");
    cargo.args(["--no-deps", "--format-version", "1", "--manifest-path"]);
    let metadata = exec::stdout(cargo.arg(folder().join("Cargo.toml")))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    let built = workspace::target_dir()?.join("fuzz");
    of_manifest(&metadata["packages"][0], &built)
}

fn of_manifest(package: &Value, built: &Path) -> Result<Vec<Target>> {
    let longest = &package["metadata"]["longest"];
    let targets = package["targets"].as_array().into_iter().flatten();
    let programs = targets.filter(|target| target["kind"][0] == "bin");
    let targets = programs.map(|program| {
        let name = program["name"].as_str().unwrap_or_default();
        let Some(longest) = longest[name].as_u64() else {
            bail!("tests/fuzz/Cargo.toml does not say how long an input of {name} is at most");
        };
        Ok(Target {
            name: name.to_owned(),
            longest,
            built: built.to_owned(),
        })
    });
    targets.collect()
}

/// Builds the fuzzers. `sensor-ebpf` is built by the build script of `sekisho` with flags of its
/// own, so neither the sanitizer nor its counters get into the program.
pub(super) fn build(targets: &[Target]) -> Result<()> {
    let Some(first) = targets.first() else {
        return Ok(());
    };
    let mut build = CARGO_FUZZ.command()?;
    build
        .args(["fuzz", "build", "--fuzz-dir"])
        .arg(folder())
        .arg("--target-dir")
        .arg(&first.built);
    if let [only] = targets {
        build.arg(&only.name);
    }
    // It runs the Cargo that is named here, which would be the one that runs us.
    build.env("RUSTUP_TOOLCHAIN", NIGHTLY).env_remove("CARGO");
    exec::check(&mut build)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_programs_of_the_manifest_with_their_longest_input() {
        let package = serde_json::json!({
            "metadata": {"longest": {"parse": 512}},
            "targets": [
                {"name": "sensor_fuzz", "kind": ["lib"]},
                {"name": "parse", "kind": ["bin"]},
            ],
        });
        let targets = of_manifest(&package, Path::new("/built")).unwrap();
        assert_eq!(targets.len(), 1);
        assert_eq!(
            (targets[0].name.as_str(), targets[0].longest),
            ("parse", 512)
        );
        assert_eq!(targets[0].scratch("log"), Path::new("/built/log/parse"));
        let mut unknown = package;
        unknown["metadata"]["longest"] = serde_json::json!({});
        let error = of_manifest(&unknown, Path::new("/built")).unwrap_err();
        assert!(error.to_string().contains("parse"), "{error}");
    }

    #[test]
    fn the_manifest_in_the_repository_is_read() {
        let targets = chosen(&[]).unwrap();
        assert!(targets.iter().any(|target| target.name == "parse"));
        assert!(chosen(&["nothing".to_owned()]).is_err());
    }
}
