//! How a stage of the tests ended, and what that means for the whole run.

use std::process::{Command, ExitStatus};

use anyhow::{Result, bail};

use crate::{exec, say::say};

/// How a stage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Failed,
    /// No test matched.
    Empty,
}

/// Runs nextest to its end.
pub(super) fn outcome(nextest: &mut Command) -> Result<Outcome> {
    let outcome = meaning(exec::status(nextest)?)?;
    if outcome == Outcome::Empty {
        say("test", "none here");
    }
    Ok(outcome)
}

/// What the status of nextest means (the constants of `NextestExitCode`).
fn meaning(status: ExitStatus) -> Result<Outcome> {
    match status.code() {
        Some(0) => Ok(Outcome::Passed),
        Some(4) => Ok(Outcome::Empty),
        Some(100) => Ok(Outcome::Failed),
        _ => bail!("nextest did not get to run the tests ({status}); its message is above"),
    }
}

/// Success if nothing failed and something ran; without filters, all stages must.
pub(super) fn conclude(outcomes: &[(&str, Outcome)], filtered: bool) -> Result<()> {
    let are = |outcome| {
        let stages = outcomes
            .iter()
            .filter(move |(_, o)| *o == outcome)
            .map(|(stage, _)| *stage);
        stages.collect::<Vec<_>>()
    };
    let (failed, empty) = (are(Outcome::Failed), are(Outcome::Empty));
    if !failed.is_empty() {
        bail!(
            "failed: {}; the summary of each is above",
            failed.join(", ")
        );
    }
    if empty.len() == outcomes.len() {
        bail!("no test matches; `cargo nextest list` shows their names");
    }
    if !filtered && !empty.is_empty() {
        bail!("no test at all in: {}", empty.join(", "));
    }
    say("test", "all passed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn a_filter_may_miss_a_stage_but_not_all() {
        let one = [
            ("unit tests", Outcome::Passed),
            ("kernel tests", Outcome::Empty),
        ];
        let none = [
            ("unit tests", Outcome::Empty),
            ("kernel tests", Outcome::Empty),
        ];
        assert!(conclude(&one, true).is_ok());
        assert!(conclude(&one, false).is_err());
        assert!(conclude(&none, true).is_err());
    }

    #[test]
    fn one_failed_stage_fails_the_run_and_is_named() {
        let outcomes = [
            ("unit tests", Outcome::Failed),
            ("kernel tests", Outcome::Passed),
        ];
        let error = conclude(&outcomes, false).unwrap_err().to_string();
        assert_eq!(error, "failed: unit tests; the summary of each is above");
    }

    #[test]
    fn a_status_that_nextest_does_not_document_is_no_result() {
        let code = |code: i32| meaning(ExitStatus::from_raw(code << 8));
        assert_eq!(code(0).unwrap(), Outcome::Passed);
        assert_eq!(code(4).unwrap(), Outcome::Empty);
        assert_eq!(code(100).unwrap(), Outcome::Failed);
        assert!(code(101).is_err());
        assert!(meaning(ExitStatus::from_raw(9)).is_err());
    }
}
