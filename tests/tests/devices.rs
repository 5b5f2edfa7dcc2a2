//! Devices that not every kernel has, before the sensor and behind it: VLANs, bonds, a link that
//! loses and doubles, frames larger than a page. `cargo xtask vm` boots kernels that have them.
//!
//! ```text
//! west w0, w1 ────── r0, r1 barrier
//! ```

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own assumptions do"
)]

#[path = "devices/bonds.rs"]
mod bonds;
#[path = "devices/jumbo.rs"]
mod jumbo;
#[path = "devices/netem.rs"]
mod netem;
#[path = "devices/pair.rs"]
mod pair;
#[path = "devices/vlans.rs"]
mod vlans;
