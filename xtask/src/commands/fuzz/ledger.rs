//! The ledger: a line for each run of a fuzzer, in the repository, and never less.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::{
    fuzzer::Ended,
    target::{Target, folder},
};
use crate::{exec, files};

const HEAD: &str =
    "date\tcommit\ttarget\tcpu_seconds\texecutions\tinputs\tpeak_mib\tcrashes\tmachine";

pub(super) struct Ledger {
    file: PathBuf,
    lines: Vec<Line>,
    /// What is checked out when it is opened, which is what is built then.
    commit: String,
}

/// What is summed of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    target: String,
    sum: Sum,
}

/// Sums of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) cpu_seconds: u64,
    pub(super) executions: u64,
    pub(super) crashes: u64,
}

impl Ledger {
    /// Reads what there is.
    pub(super) fn open() -> Result<Self> {
        let file = folder().join("ledger.tsv");
        let text = files::text(&file)?;
        let lines = read(&text).with_context(|| format!("in {}", file.display()))?;
        let commit = commit()?;
        Ok(Self {
            file,
            lines,
            commit,
        })
    }

    /// What was fuzzed so far, by target.
    pub(super) fn sums(&self) -> BTreeMap<String, Sum> {
        let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
        for Line { target, sum: line } in &self.lines {
            let sum = sums.entry(target.clone()).or_default();
            sum.cpu_seconds += line.cpu_seconds;
            sum.executions += line.executions;
            sum.crashes += line.crashes;
        }
        sums
    }

    /// Adds a run that has ended, however it did.
    pub(super) fn add(&self, target: &Target, ended: &Ended) -> Result<()> {
        let line = format!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
            jiff::Zoned::now().strftime("%Y-%m-%d"),
            self.commit,
            target.name,
            ended.cpu.as_secs(),
            ended.executions,
            ended.inputs,
            ended.peak_mib,
            ended.artifacts.len(),
            machine(),
        );
        let write = || {
            // A line is one write, so two runs do not mix.
            let mut out = File::options().append(true).open(&self.file)?;
            out.write_all(line.as_bytes())
        };
        write().with_context(|| format!("cannot write {}", self.file.display()))
    }
}

fn read(text: &str) -> Result<Vec<Line>> {
    let mut lines = text.lines();
    ensure!(lines.next() == Some(HEAD), "line 1 is not {HEAD:?}");
    let lines = (2..).zip(lines).map(|(number, line)| {
        line_of(line).with_context(|| format!("line {number} is no run of a fuzzer: {line:?}"))
    });
    lines.collect()
}

fn line_of(line: &str) -> Option<Line> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [_, _, target, cpu, executions, _, _, crashes, _] = fields[..] else {
        return None;
    };
    Some(Line {
        target: target.to_owned(),
        sum: Sum {
            cpu_seconds: cpu.parse().ok()?,
            executions: executions.parse().ok()?,
            crashes: crashes.parse().ok()?,
        },
    })
}

/// What is checked out, with a `+` where something else was built.
fn commit() -> Result<String> {
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        exec::stdout(git.args(args).current_dir(crate::workspace::root()))
    };
    let commit = git(&["rev-parse", "--short=10", "HEAD"])?;
    let sources = [
        "status",
        "--porcelain",
        "--",
        "*.rs",
        "*.toml",
        "Cargo.lock",
    ];
    let changed = if git(&sources)?.is_empty() { "" } else { "+" };
    Ok(format!("{}{changed}", commit.trim()))
}

/// The kind of its processor, in lower case, with dashes.
fn machine() -> String {
    let facts = files::text(Path::new("/proc/cpuinfo")).unwrap_or_default();
    let model = facts.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then_some(value)
    });
    let words = model.unwrap_or(std::env::consts::ARCH);
    let words = words.split(|character: char| !character.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).take(3).collect();
    words.join("-").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_read_and_summed() {
        let text = format!(
            "{HEAD}\n2026-11-23\tabc\tparse\t600\t1000\t20\t60\t0\tamd-epyc\n\
             2026-11-24\tdef+\tparse\t60\t10\t20\t60\t1\tamd-epyc\n\
             2026-11-24\tdef\tmisp\t5\t1\t2\t60\t0\tamd-epyc\n"
        );
        let lines = read(&text).unwrap();
        let ledger = Ledger {
            file: PathBuf::new(),
            lines,
            commit: String::new(),
        };
        let sums = ledger.sums();
        let parse = Sum {
            cpu_seconds: 660,
            executions: 1010,
            crashes: 1,
        };
        assert_eq!((sums.len(), sums["parse"]), (2, parse));
    }

    #[test]
    fn what_is_no_ledger_is_refused_with_its_line() {
        assert!(read("").is_err());
        let error = read(&format!("{HEAD}\nhalf\ta line\n")).unwrap_err();
        assert!(error.to_string().starts_with("line 2 is no run"), "{error}");
    }

    #[test]
    fn the_ledger_in_the_repository_is_one() {
        assert!(Ledger::open().is_ok());
    }
}
