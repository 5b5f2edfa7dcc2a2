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

/// Servers and readers of feeds and readers of what is exported, that tests compare with, and
/// all that they need.
pub(crate) const PYTHON_PACKAGES: [&str; 45] = [
    "antlr4-python3-runtime==4.13.2",
    "arrow==1.4.0",
    "attrs==26.1.0",
    "blinker==1.9.0",
    "certifi==2026.10.18",
    "charset-normalizer==3.5.2",
    "click==8.5.1",
    "colorama==0.4.6",
    "cpe==1.3.1",
    "Deprecated==1.3.1",
    "Flask-HTTPAuth==4.8.1",
    "duckdb==2.0.0",
    "Flask==3.1.3",
    "fqdn==1.6.0",
    "idna==3.20",
    "isoduration==20.11.0",
    "itsdangerous==2.2.0",
    "Jinja2==3.1.6",
    "jsonpointer==3.12",
    "jsonschema-specifications==2025.9.1",
    "jsonschema==4.26.0",
    "lark==1.3.1",
    "MarkupSafe==3.0.4",
    "medallion==3.0.0",
    "pymisp==2.5.34.4",
    "python-dateutil==4.0.0",
    "pytz==2026.6",
    "referencing==0.37.0",
    "requests==2.34.2",
    "rfc3339-validator==0.1.4",
    "rfc3986-validator==0.1.1",
    "rfc3987-syntax==1.1.0",
    "rpds-py==2026.9.1",
    "simplejson==4.3.0",
    "six==1.17.0",
    "stix2-patterns==2.1.2",
    "stix2-validator==3.3.2",
    "stix2==3.0.2",
    "typing-extensions==4.16.0",
    "tzdata==2026.6",
    "uri-template==1.3.0",
    "urllib3==2.8.0",
    "webcolors==25.10.0",
    "Werkzeug==3.1.9",
    "wrapt==2.5.2",
];
