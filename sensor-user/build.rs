//! Builds the eBPF object that the sensor carries.
//!
//! The work is `aya_build`'s; two traps shape what is around it.
//!
//! 1. `aya_build` alone only asks Cargo to watch the directory of `sensor-ebpf`, so
//!    a change in `sensor-common` would leave an old object in a new sensor, with
//!    another layout of the records they share. Therefore `sensor-ebpf` has a
//!    library target besides its program, and is a build-dependency of this
//!    package: Cargo then knows the whole chain.
//! 2. With a wrong linker the object is built without complaint and fails when it is
//!    loaded, so the linker is checked here before anything is built. What to
//!    install and how is the business of `cargo xtask setup`.

#[expect(dead_code, reason = "the pins of the test tools are xtask's")]
#[path = "../pins.rs"]
mod pins;

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use aya_build::{Package, Toolchain};

/// Where `.cargo/config.toml` looks for the linker.
const LINKER: &str = ".tools/bin/bpf-linker";

/// Everything that decides what the object is, under the root of the repository.
const SOURCES: [&str; 7] = [
    ".cargo/config.toml",
    LINKER,
    "Cargo.lock",
    "Cargo.toml",
    "pins.rs",
    "sensor-common/src",
    "sensor-ebpf/src",
];

fn main() {
    if let Err(error) = build() {
        // Fails the build with this line alone; a status of failure would make Cargo
        // show all that we print to it.
        println!("cargo::error={}", format!("{error:#}").replace('\n', " "));
    }
}

fn build() -> Result<()> {
    let own = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("not run by Cargo")?);
    let root = own
        .parent()
        .context("sensor-user is at the root of the file system")?;
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER");
    check_linker(root)?;
    check_toolchain()?;

    let directory = root.join("sensor-ebpf");
    let package = Package {
        name: "sensor-ebpf",
        root_dir: directory
            .to_str()
            .context("the path of the repository is not UTF-8")?,
        no_default_features: false,
        features: if env::var_os("CARGO_FEATURE_LOG").is_some() {
            &["log"]
        } else {
            &[]
        },
    };
    aya_build::build_ebpf([package], Toolchain::Custom(pins::NIGHTLY))
}

/// The linker is the pinned one, and nothing in the environment takes its place.
fn check_linker(root: &Path) -> Result<()> {
    ensure!(
        env::var_os("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER").is_none(),
        "CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER names another linker than the pinned one: unset it"
    );
    let pinned = format!("bpf-linker-{}-llvm-{}", pins::BPF_LINKER, pins::LLVM);
    let linker = root.join(LINKER).canonicalize();
    if !linker.is_ok_and(|linker| linker.components().any(|part| part.as_os_str() == &*pinned)) {
        bail!("{LINKER} is missing or not {pinned}: run `cargo xtask setup`");
    }
    Ok(())
}

/// The toolchain is there; asked through rustup, as `aya_build` will.
fn check_toolchain() -> Result<()> {
    let nightly = pins::NIGHTLY;
    let rustc = Command::new("rustup")
        .args(["run", nightly, "rustc", "--version"])
        .stdout(Stdio::null())
        .status();
    if !rustc.is_ok_and(|status| status.success()) {
        bail!("the toolchain {nightly} is missing: run `cargo xtask setup`");
    }
    Ok(())
}
