//! Anchors as text, for the state folder: one line each, numbers in nanoseconds.
//!
//! ```text
//! sekisho-anchors 1
//! not-before 1790000000000000000
//! anchor 2e84fa73-6b6d-490d-86da-6b00b63df503 11885002432847 1790011885002432847 250000 synchronised
//! end
//! ```
//!
//! An anchor line has boot id, boot clock, wall clock, uncertainty and state. Reading is strict:
//! a file that lost a line would lengthen an approval, so the last line says that it is the last,
//! and whatever is not exactly as it is written is an error.

use std::fmt;

use thiserror::Error;

use super::{Anchor, Anchors};

const HEAD: &str = "sekisho-anchors 1";
const NOT_BEFORE: &str = "not-before";
const ANCHOR: &str = "anchor";
const SYNCHRONISED: &str = "synchronised";
const UNSYNCHRONISED: &str = "unsynchronised";
const END: &str = "end";

/// What is wrong with the text, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {what}")]
pub struct TextError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Anchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}")?;
        writeln!(f, "{NOT_BEFORE} {}", self.not_before())?;
        for anchor in self.kept() {
            let Anchor {
                boot_id,
                boot,
                wall,
                uncertainty,
                synchronised,
            } = anchor;
            let state = if *synchronised {
                SYNCHRONISED
            } else {
                UNSYNCHRONISED
            };
            writeln!(f, "{ANCHOR} {boot_id} {boot} {wall} {uncertainty} {state}")?;
        }
        writeln!(f, "{END}")
    }
}

impl std::str::FromStr for Anchors {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        Reader { text, line: 0 }.read()
    }
}

struct Reader<'a> {
    /// What is left.
    text: &'a str,
    /// Lines read.
    line: usize,
}

impl<'a> Reader<'a> {
    fn read(mut self) -> Result<Anchors, TextError> {
        if self.line()? != HEAD {
            return Err(self.error(format!("is not '{HEAD}'")));
        }
        let not_before = match self.words()?[..] {
            [NOT_BEFORE, time] => self.number(time)?,
            _ => return Err(self.error(format!("is not '{NOT_BEFORE}' and a number"))),
        };
        let mut kept = Vec::new();
        loop {
            match self.words()?[..] {
                [END] if self.text.is_empty() => return Ok(Anchors::restored(kept, not_before)),
                [END] => return Err(self.error("something follows")),
                [ANCHOR, boot_id, boot, wall, uncertainty, state] => {
                    let anchor = Anchor {
                        boot_id: boot_id.parse().map_err(|error| self.error(error))?,
                        boot: self.number(boot)?,
                        wall: self.number(wall)?,
                        uncertainty: self.number(uncertainty)?,
                        synchronised: self.state(state)?,
                    };
                    self.check_order(kept.last(), &anchor)?;
                    kept.push(anchor);
                }
                _ => return Err(self.error("is neither an anchor of six words nor the end")),
            }
        }
    }

    fn line(&mut self) -> Result<&'a str, TextError> {
        self.line += 1;
        let Some((line, rest)) = self.text.split_once('\n') else {
            return Err(self.error("is missing, or has no line feed: the file was cut"));
        };
        self.text = rest;
        Ok(line)
    }

    fn words(&mut self) -> Result<Vec<&'a str>, TextError> {
        Ok(self.line()?.split(' ').collect())
    }

    fn number(&self, word: &str) -> Result<u64, TextError> {
        word.parse()
            .ok()
            // One way to write each: no sign, no leading zeroes.
            .filter(|number: &u64| number.to_string() == word)
            .ok_or_else(|| self.error(format!("{word:?} is no number of nanoseconds")))
    }

    fn state(&self, word: &str) -> Result<bool, TextError> {
        match word {
            SYNCHRONISED => Ok(true),
            UNSYNCHRONISED => Ok(false),
            _ => Err(self.error(format!(
                "{word:?} is neither '{SYNCHRONISED}' nor '{UNSYNCHRONISED}'"
            ))),
        }
    }

    fn check_order(&self, before: Option<&Anchor>, anchor: &Anchor) -> Result<(), TextError> {
        let Some(before) = before else {
            return Ok(());
        };
        if before.boot_id != anchor.boot_id {
            return Err(self.error("is of another boot than the line before"));
        }
        if before.boot > anchor.boot {
            return Err(self.error("is earlier than the line before"));
        }
        Ok(())
    }

    fn error(&self, what: impl fmt::Display) -> TextError {
        TextError {
            line: self.line,
            what: what.to_string(),
        }
    }
}
