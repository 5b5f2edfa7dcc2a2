//! Log lines, on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Starts logging: warnings and errors, or what `SEKISHO_LOG` asks for.
///
/// A released program has no log line below `info` compiled in, so none that
/// holds an address or speaks of a packet.
pub fn start() {
    let filter = EnvFilter::try_from_env("SEKISHO_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
}
