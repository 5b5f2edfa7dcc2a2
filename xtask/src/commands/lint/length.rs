//! No source file is too long to be read in one go.

use std::{fs::File, io, process::Command};

use anyhow::{Context as _, Result};

use crate::{exec, say::say, workspace};

/// The name of the check.
pub(super) const NAME: &str = "length of files";

/// The most lines that a Rust file may have (STYLE: median about 150).
const MOST_LINES: usize = 600;

/// Whether every Rust file that Git knows or would take is short enough.
pub(super) fn check() -> Result<bool> {
    let mut git = Command::new("git");
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        "*.rs",
    ]);
    let files = exec::stdout(git.current_dir(workspace::root()))?;
    let mut all_short = true;
    for file in files.split_terminator('\0') {
        let lines = lines(file)?;
        if lines > MOST_LINES {
            say(
                "lint",
                format_args!("{file} has {lines} lines; split it, {MOST_LINES} are the most"),
            );
            all_short = false;
        }
    }
    Ok(all_short)
}

/// The lines of the file; none if it is deleted but Git still knows it.
fn lines(file: &str) -> Result<usize> {
    let mut opened = match File::open(workspace::root().join(file)) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error).with_context(|| format!("cannot open {file}")),
    };
    let mut bytes = Vec::new();
    io::copy(&mut opened, &mut bytes).with_context(|| format!("cannot read {file}"))?;
    Ok(bytes.split(|byte| *byte == b'\n').count().saturating_sub(1))
}
