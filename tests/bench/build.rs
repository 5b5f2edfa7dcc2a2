//! Builds the eBPF object of the bench: the sensor's, and entry points that measure.
//!
//! As that of the sensor is built, by the build script of `sekisho`, which also checks
//! linker and toolchain and which this package does not build without.

#[expect(dead_code, reason = "the other pins are checked elsewhere")]
#[path = "../../pins.rs"]
mod pins;

use std::{env, path::PathBuf};

use anyhow::{Context as _, Result};
use aya_build::{Package, Toolchain};

/// Everything that decides what the object is, under the root of the repository.
const SOURCES: [&str; 6] = [
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "pins.rs",
    "sensor-common/src",
    "sensor-ebpf/src",
];

fn main() {
    if let Err(error) = build() {
        // As in the build script of `sekisho`.
        println!("cargo::error={}", format!("{error:#}").replace('\n', " "));
    }
}

fn build() -> Result<()> {
    let own = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("not run by Cargo")?);
    let root = own.ancestors().nth(2).context("tests/bench is elsewhere")?;
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let directory = root.join("sensor-ebpf");
    let package = Package {
        name: "sensor-ebpf",
        root_dir: directory
            .to_str()
            .context("the path of the repository is not UTF-8")?,
        no_default_features: false,
        features: &["bench"],
    };
    aya_build::build_ebpf([package], Toolchain::Custom(pins::NIGHTLY))
}
