//! What the bench tells: lines on standard output, the last of them for machines.

use std::{
    fmt::Display,
    io::{self, Write as _},
    sync::LazyLock,
    time::Instant,
};

/// When the first line was printed.
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Prints one line of progress, with the seconds since the first.
pub(crate) fn say(line: impl Display) {
    let seconds = STARTED.elapsed().as_secs();
    show(format_args!("bench: {seconds:>4} s  {line}"));
}

/// Prints lines as they are. If nobody reads them any more, we go on to the end: what was
/// begun is to be cleaned up.
pub(crate) fn show(lines: impl Display) {
    let _ = writeln!(io::stdout(), "{lines}");
}
