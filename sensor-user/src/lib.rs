//! Sekisho's user side: everything but `main`.
//!
//! What decides is `sensor-core`, and what is kept `sensor-records`, given on here. The cores of this crate
//! (`clock`, `capture`, `pipeline`, `preflight`) know neither the kernel nor tokio;
//! `kernel` is the only module with `unsafe`; `agent` and `replay` wire them; `cli` sits on top.

pub mod agent;
pub mod authority;
mod beside;
pub mod capture;
pub mod cli;
pub mod clock;
pub mod exporters;
mod held;
pub mod kernel;
pub mod loaded;
pub mod pipeline;
pub mod preflight;
pub mod replay;
pub mod settings;
pub mod sources;
mod stat;
pub mod telemetry;
mod watch;
mod words;

pub use sensor_core::{capped, documents, feeds, places, watchlist};
pub use sensor_records as records;
