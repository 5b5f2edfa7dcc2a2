//! The one place that prints to standard error.
//!
//! Whoever reads it may have gone, as `head` does; that is no reason to end a run.

use std::io::{self, Write as _};

use crate::words;

/// One line about how the command failed.
pub(super) fn error(error: &anyhow::Error) {
    tell(&format!("sekisho: {}", one_line(&words::told(error))));
}

/// One line about something that is not as it should be, after which the command goes on.
pub(super) fn warn(text: &str) {
    tell(&format!("sekisho: warning: {}", one_line(text)));
}

/// One line about something worth knowing.
pub(super) fn note(text: &str) {
    tell(&format!("sekisho: {}", one_line(text)));
}

/// One line about the run, marked in lab.
pub(super) fn say(is_lab: bool, text: &str) {
    if is_lab {
        tell(&format!("LAB: {text}"));
    } else {
        note(text);
    }
}

/// Lines for the person at the terminal.
pub(super) fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// What came of writing an answer to standard output: whoever reads it may have read enough.
pub(super) fn unless_gone(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// One line, in which nothing that a file says can move the cursor.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace(char::is_control, "\u{fffd}")
}
