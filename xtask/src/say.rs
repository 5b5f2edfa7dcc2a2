//! What `xtask` tells its user: one calm line per step on standard output, and
//! why it stopped on standard error.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

/// Prints one line, led by the step it is about.
pub(crate) fn say(step: &str, line: impl Display) {
    show(format_args!("{step}: {line}"));
}

/// Prints lines that are no step but what was asked for.
///
/// If nobody reads them any more, we go on to the end: what was begun is to be cleaned up.
pub(crate) fn show(lines: impl Display) {
    let _ = writeln!(io::stdout(), "{lines}");
}

/// Prints why we stop, with its causes and without a backtrace.
#[expect(
    clippy::print_stderr,
    reason = "the one place where xtask prints an error"
)]
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
