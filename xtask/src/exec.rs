//! Running other programs, with errors that name the command line.

use std::{
    ffi::OsStr,
    os::unix::process::CommandExt as _,
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// Runs `command` with our own input and output, and fails unless it succeeds.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs `command` with our own input and output, and leaves its status to the caller.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    command
        .status()
        .with_context(|| format!("cannot run `{}`", shown(command)))
}

/// What `command` writes to standard output; standard error stays ours.
pub(crate) fn stdout(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{}`", shown(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({})", shown(command), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("the output of `{}` is not UTF-8", shown(command)))
}

/// What `command` writes to standard output; what it says besides is in the error.
pub(crate) fn captured(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run `{}`", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{}` failed ({}): {}",
            shown(command),
            output.status,
            said.trim()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("the output of `{}` is not UTF-8", shown(command)))
}

/// A command away from the terminal, so that Ctrl-C reaches us alone: what cleans up
/// must not be interrupted itself.
pub(crate) fn apart(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).process_group(0);
    command
}

/// Whether `command` runs and succeeds; for questions, so nothing is shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command line as a person would type it, without its environment.
fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_line() {
        let error = check(Command::new("false").arg("--really")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`false --really` failed (exit status: 1)"
        );
    }

    #[test]
    fn what_a_quiet_command_complains_of_is_in_the_error() {
        let error = captured(apart("ls").arg("/no-such-directory"))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("`ls /no-such-directory` failed (exit status: 2): ls: "),
            "{error}"
        );
    }

    #[test]
    fn a_missing_program_is_an_error_and_not_a_success() {
        let mut missing = Command::new("./no-such-program");
        assert!(!succeeds(&mut missing));
        assert_eq!(
            check(&mut missing).unwrap_err().to_string(),
            "cannot run `./no-such-program`"
        );
    }
}
