//! The versions Sekisho is built and tested with, in one place.
//!
//! Both `xtask`, which installs them, and the build script of `sekisho`, which
//! checks them, include this file as a module. The stable toolchain is not here:
//! its pin is `rust-toolchain.toml`, where `rustup` looks for it.

/// The toolchain that builds the eBPF object; it needs `rust-src` for `core`.
pub(crate) const NIGHTLY: &str = "nightly-2026-07-15";

/// The linker of the eBPF object.
pub(crate) const BPF_LINKER: &str = "0.13.0";

/// The LLVM that the linker is built against; no newer than that of [`NIGHTLY`],
/// and never another: an object linked by the wrong one fails only when it is loaded.
pub(crate) const LLVM: &str = "22";

/// The test runner, installed only where none is found.
pub(crate) const CARGO_NEXTEST: &str = "0.9.143";

/// The driver of the fuzzers, installed only for `cargo xtask fuzz`.
pub(crate) const CARGO_FUZZ: &str = "0.13.2";

/// The checker of licences and sources, installed only where none is found.
pub(crate) const CARGO_DENY: &str = "0.20.2";
