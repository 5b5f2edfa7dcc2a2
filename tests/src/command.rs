//! Running programs to their end.

use std::{
    fmt::Write as _,
    process::{Command, Stdio},
};

/// What a program printed and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// Its exit status; none when a signal ended it.
    pub status: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Printed {
    /// All of it, as a text for a snapshot.
    pub fn whole(&self) -> String {
        let Self {
            status,
            stdout,
            stderr,
        } = self;
        let mut text = match status {
            Some(status) => format!("exit status: {status}\n"),
            None => "ended by a signal\n".into(),
        };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "----- stdout -----\n{stdout}----- stderr -----\n{stderr}"
        );
        text
    }
}

/// Runs a command to its end, away from the terminal.
pub fn run(command: &mut Command) -> Printed {
    // The width of a terminal would show in help texts, the log level in what is printed.
    command
        .stdin(Stdio::null())
        .env_remove("COLUMNS")
        .env_remove("SEKISHO_LOG");
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => panic!("cannot run {command:?}: {error}"),
    };
    Printed {
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs a command that has to succeed, and returns what it wrote to standard output.
pub fn expect(command: &mut Command) -> String {
    let printed = run(command);
    assert_eq!(
        printed.status,
        Some(0),
        "{command:?} failed: {}",
        printed.whole()
    );
    printed.stdout
}
