//! What one kernel gave, and the tables of all.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    log,
    plan::{Ended, Outcome, Said},
};

/// What is known of a run on one kernel.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) name: String,
    /// The kernel's own name of itself.
    pub(super) release: String,
    pub(super) passed: usize,
    /// Tests by why they were skipped.
    pub(super) skipped: BTreeMap<String, Vec<String>>,
    /// Tests with what they said.
    pub(super) failed: Vec<(String, String)>,
    /// Lines of the kernel's log that are failures.
    pub(super) faults: Vec<String>,
    /// All lines of it.
    pub(super) log: Vec<String>,
    /// Why it did not come to its end.
    pub(super) amiss: Option<String>,
    pub(super) seconds: u64,
    /// Instructions verified, by program.
    pub(super) verified: BTreeMap<String, u64>,
    /// What the kernel has, by name.
    pub(super) features: BTreeMap<String, String>,
    /// Seconds by program of tests.
    pub(super) by_program: BTreeMap<String, f64>,
}

impl Report {
    /// Puts together what was said.
    pub(super) fn of(name: &str, said: Vec<Said>, planned: usize) -> Self {
        let mut report = Self {
            name: name.to_owned(),
            amiss: Some("nothing was heard of it".to_owned()),
            ..Self::default()
        };
        for said in said {
            match said {
                Said::Kernel { release } => {
                    report.release = release;
                    report.amiss = Some("it ended before its tests did".to_owned());
                }
                Said::Module { file, why } => {
                    let test = format!("module {}", file.display());
                    report.failed.push((test, why));
                }
                Said::Ended(ended) => report.end(ended),
                Said::Log { line } => {
                    if log::is_fault(&line) {
                        report.faults.push(line.clone());
                    }
                    report.log.push(line);
                }
                Said::Done => report.amiss = None,
                Said::Stopped { why } => report.amiss = Some(why),
            }
        }
        let ended = report.ended();
        if report.amiss.is_none() && ended != planned {
            report.amiss = Some(format!("{ended} of {planned} tests were heard of"));
        }
        report
    }

    /// Whether there is nothing to complain of.
    pub(super) fn is_good(&self) -> bool {
        self.failed.is_empty() && self.faults.is_empty() && self.amiss.is_none()
    }

    /// How many tests were skipped.
    pub(super) fn count_skipped(&self) -> usize {
        self.skipped.values().map(Vec::len).sum()
    }

    fn ended(&self) -> usize {
        let modules = self
            .failed
            .iter()
            .filter(|(test, _)| test.starts_with("module "));
        self.passed + self.count_skipped() + self.failed.len() - modules.count()
    }

    fn end(&mut self, ended: Ended) {
        let test = format!("{} {}", ended.program, ended.test);
        *self.by_program.entry(ended.program).or_default() += ended.seconds;
        for note in ended.notes {
            if let Some((program, count)) = verified(&note) {
                self.verified.insert(program, count);
            } else if let Some((name, value)) = feature(&note) {
                self.features.insert(name, value);
            }
        }
        match ended.outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Skipped { why } => self.skipped.entry(why).or_default().push(test),
            Outcome::Failed { output } => self.failed.push((test, output)),
        }
    }
}

/// `verified PROGRAM: COUNT`, as the test `verifier` notes it.
fn verified(note: &str) -> Option<(String, u64)> {
    let (program, count) = note.strip_prefix("verified ")?.rsplit_once(": ")?;
    Some((program.to_owned(), count.parse().ok()?))
}

/// `feature NAME: VALUE`, as the test `features` notes it.
fn feature(note: &str) -> Option<(String, String)> {
    let (name, value) = note.strip_prefix("feature ")?.rsplit_once(": ")?;
    Some((name.to_owned(), value.to_owned()))
}

/// What one kernel gave, in full.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (test, output) in &self.failed {
            writeln!(f, "--- failed on {}: {test}\n{}", self.name, output.trim())?;
        }
        for fault in &self.faults {
            writeln!(f, "--- {} logged: {fault}", self.name)?;
        }
        if let Some(amiss) = &self.amiss {
            writeln!(f, "--- {}: {amiss}", self.name)?;
        }
        for (why, tests) in &self.skipped {
            let tests = tests.join(", ");
            writeln!(f, "--- skipped on {}: {why}: {tests}", self.name)?;
        }
        Ok(())
    }
}

/// All tables, as Markdown, for a terminal and for docs/kernels.md.
pub(super) struct Tables<'a> {
    pub(super) reports: &'a [Report],
    /// Most instructions that may be verified, by program.
    pub(super) ceilings: &'a BTreeMap<String, u64>,
}

impl Tables<'_> {
    /// How the tests went.
    fn tests(&self) -> Vec<Vec<String>> {
        let head = [
            "kernel",
            "release",
            "passed",
            "skipped",
            "failed",
            "kernel's log",
            "s",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for report in self.reports {
            let log = match report.faults.len() {
                0 if report.amiss.is_none() => "clean".to_owned(),
                0 => "not read".to_owned(),
                faults => format!("{faults} FAULTS"),
            };
            let failed = match &report.amiss {
                Some(_) => format!("{}, DID NOT END", report.failed.len()),
                None => report.failed.len().to_string(),
            };
            rows.push(vec![
                report.name.clone(),
                report.release.clone(),
                report.passed.to_string(),
                report.count_skipped().to_string(),
                failed,
                log,
                report.seconds.to_string(),
            ]);
        }
        rows
    }

    /// What the verifier had to do.
    fn verified(&self) -> Vec<Vec<String>> {
        let mut rows = vec![self.head("instructions verified")];
        rows[0].insert(1, "ceiling".to_owned());
        for (program, ceiling) in self.ceilings {
            let mut row = vec![format!("`{program}`"), grouped(*ceiling)];
            for report in self.reports {
                row.push(match report.verified.get(program) {
                    Some(count) if count > ceiling => format!("{} OVER", grouped(*count)),
                    Some(count) => grouped(*count),
                    None => "?".to_owned(),
                });
            }
            rows.push(row);
        }
        rows
    }

    /// What the kernels have.
    fn features(&self) -> Vec<Vec<String>> {
        let names = self
            .reports
            .iter()
            .flat_map(|report| report.features.keys());
        let names: BTreeSet<&String> = names.collect();
        let mut rows = vec![self.head("feature")];
        for name in names {
            let mut row = vec![name.clone()];
            let value = |report: &Report| report.features.get(name).cloned();
            let values = self.reports.iter().map(value);
            row.extend(values.map(|value| value.unwrap_or("?".to_owned())));
            rows.push(row);
        }
        rows
    }

    fn head(&self, first: &str) -> Vec<String> {
        let names = self.reports.iter().map(|report| report.name.as_str());
        std::iter::once(first)
            .chain(names)
            .map(str::to_owned)
            .collect()
    }
}

impl fmt::Display for Tables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table(f, &self.tests())?;
        writeln!(f)?;
        table(f, &self.verified())?;
        writeln!(f)?;
        table(f, &self.features())
    }
}

fn table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (number, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        writeln!(f, "| {} |", cells.join(" | "))?;
        if number == 0 {
            let lines: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            writeln!(f, "| {} |", lines.join(" | "))?;
        }
    }
    Ok(())
}

/// A number as a person reads it: `255,091`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests;
