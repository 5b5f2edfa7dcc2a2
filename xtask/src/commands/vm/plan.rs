//! What is done in a guest, and what is said of it: the two messages between `cargo xtask vm`
//! and itself on the other side. Lines of JSON, because a serial line has nothing else.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// What to do.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Modules to load, in this order.
    pub(super) modules: Vec<PathBuf>,
    /// The environment of the tests.
    pub(super) environment: BTreeMap<String, String>,
    /// Where tests are started.
    pub(super) folder: PathBuf,
    /// The tests, in the order they are started.
    pub(super) trials: Vec<Trial>,
    /// How many at a time.
    pub(super) at_once: usize,
    /// Seconds after which a test hangs.
    pub(super) limit: u64,
}

/// A test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Trial {
    /// The file it is in, under `tests/tests`.
    pub(super) program: String,
    pub(super) binary: PathBuf,
    /// Its name there.
    pub(super) test: String,
}

/// What the other side says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// Of which kernel it speaks.
    Kernel { release: String },
    /// A module could not be loaded.
    Module { file: PathBuf, why: String },
    /// A test has ended.
    Ended(Ended),
    /// A line of the kernel's log.
    Log { line: String },
    /// Nothing more follows.
    Done,
    /// It could not go on.
    Stopped { why: String },
}

/// A test that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) program: String,
    pub(super) test: String,
    pub(super) outcome: Outcome,
    pub(super) seconds: f64,
    /// Lines that began with `noted: `, without that.
    pub(super) notes: Vec<String>,
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Passed,
    Skipped { why: String },
    Failed { output: String },
}

/// What became of a test whose process ended well or not, by what it wrote to standard output
/// and error.
pub(super) fn outcome(is_success: bool, output: &str, error: &str) -> Outcome {
    /// As much of an output as a serial line carries in no time.
    const MOST: usize = 6_000;
    let passed = output.contains("test result: ok. 1 passed");
    let why = |line: &str| line.strip_prefix("skipped: ").map(str::to_owned);
    if is_success && passed {
        match error.lines().find_map(why) {
            Some(why) => Outcome::Skipped { why },
            None => Outcome::Passed,
        }
    } else if is_success && output.contains("1 ignored;") {
        let why = "ignored unless asked for".to_owned();
        Outcome::Skipped { why }
    } else {
        let begin = error.len().saturating_sub(MOST);
        let begin = (begin..error.len()).find(|at| error.is_char_boundary(*at));
        let output = error[begin.unwrap_or(0)..].to_owned();
        Outcome::Failed { output }
    }
}

/// What a test noted for the table.
pub(super) fn notes(error: &str) -> Vec<String> {
    let notes = error
        .lines()
        .filter_map(|line| line.strip_prefix("noted: "));
    notes.map(str::to_owned).collect()
}

/// What is said in whole lines so far. A line that is not ours is left out: a panicking kernel
/// may write anywhere.
pub(super) fn read(text: &str) -> Vec<Said> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.lines().map(str::trim);
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\nrunning 1 test\ntest it ... ok\n\ntest result: ok. 1 passed; 0 failed; \
                        0 ignored; 0 measured; 4 filtered out\n";

    #[test]
    fn a_skipped_test_is_none_that_passed() {
        assert_eq!(outcome(true, GOOD, "note\n"), Outcome::Passed);
        let skipped = "a line\nskipped: no program 'ping' on PATH\n";
        let why = "no program 'ping' on PATH".to_owned();
        assert_eq!(outcome(true, GOOD, skipped), Outcome::Skipped { why });
    }

    #[test]
    fn what_ends_badly_or_runs_nothing_has_failed() {
        let none = GOOD.replace("1 passed", "0 passed");
        for (is_success, output) in [(false, GOOD), (true, ""), (true, none.as_str())] {
            let output = outcome(is_success, output, "why");
            assert!(matches!(output, Outcome::Failed { .. }), "{output:?}");
        }
        let ignored = none.replace("0 ignored", "1 ignored");
        let ignored = outcome(true, &ignored, "");
        assert!(matches!(ignored, Outcome::Skipped { .. }), "{ignored:?}");
    }

    #[test]
    fn the_end_of_a_long_output_is_kept() {
        let long = format!("{}the panic", "é".repeat(10_000));
        let Outcome::Failed { output } = outcome(false, GOOD, &long) else {
            panic!("it did not fail");
        };
        assert!(output.ends_with("the panic") && output.len() <= 6_000);
    }

    #[test]
    fn notes_are_lines_of_their_own() {
        let output = "noted: verified sekisho 7\nx noted: no\nnoted: b\n";
        assert_eq!(notes(output), ["verified sekisho 7", "b"]);
    }

    #[test]
    fn what_is_said_comes_through_a_terminal_and_noise() {
        let said = [
            Said::Kernel {
                release: "6.1".into(),
            },
            Said::Ended(Ended {
                program: "run".into(),
                test: "a::b".into(),
                outcome: Outcome::Failed {
                    output: "one\ntwo \"x\"".into(),
                },
                seconds: 1.5,
                notes: vec!["verified sekisho 1".into()],
            }),
            Said::Done,
        ];
        let text: Vec<String> = (said.iter())
            .map(|said| serde_json::to_string(said).unwrap_or_default())
            .collect();
        let text = format!(
            "garbage\r\n{}\r\n\"done\"",
            text.join("\r\n[ 1.0] oops\r\n")
        );
        assert_eq!(read(&text), said, "and half a line is none");
    }
}
