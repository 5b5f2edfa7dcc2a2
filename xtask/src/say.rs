//! What `xtask` tells its user: one calm line per step on standard output, and
//! why it stopped on standard error.

use std::fmt::Display;

/// Prints one line, led by the step it is about.
#[expect(clippy::print_stdout, reason = "the one place where xtask prints")]
pub(crate) fn say(step: &str, line: impl Display) {
    println!("{step}: {line}");
}

/// Prints why we stop, with its causes and without a backtrace.
#[expect(
    clippy::print_stderr,
    reason = "the one place where xtask prints an error"
)]
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
