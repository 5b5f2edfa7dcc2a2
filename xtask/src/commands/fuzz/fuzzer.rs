//! A fuzzer that runs.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, SysconfVar, sysconf},
};

use super::{
    corpus::{self, Corpus},
    target::Target,
};
use crate::{exec, files};

/// Between two looks at what it has used.
const LOOK: Duration = Duration::from_millis(500);

/// The most memory that a fuzzer may take, in MiB: what grows is found so.
const MEMORY: u32 = 2048;

/// The most that may be taken at once, in MiB: no input here is a thousandth of it.
const AT_ONCE: u32 = 512;

/// The longest that an input may take, in seconds.
const LONGEST_TIME: u32 = 10;

/// What the sanitizer is told; the first as `cargo fuzz run` does.
const SANITIZER: &str = "detect_odr_violation=0:quarantine_size_mb=8:malloc_context_size=3";

pub(super) struct Fuzzer {
    pub(super) target: Target,
    /// What it says.
    pub(super) log: PathBuf,
    child: Child,
    cpu: Duration,
    looked: Instant,
    is_interrupted: bool,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) cpu: Duration,
    pub(super) executions: u64,
    /// Inputs it goes on with.
    pub(super) inputs: usize,
    /// The most memory it took, in MiB.
    pub(super) peak_mib: u64,
    /// Files of what it found.
    pub(super) artifacts: Vec<PathBuf>,
    pub(super) is_good: bool,
}

impl Fuzzer {
    /// Starts one, with what it found before or with the corpus of the repository alone.
    pub(super) fn start(target: Target, time: Duration, resumes: bool) -> Result<Self> {
        let corpus = Corpus::of(&target)?;
        corpus.prepare(resumes)?;
        let log = target.scratch("log");
        let parent = log.parent().context("a log has a folder")?;
        fs::create_dir_all(parent).context("cannot make a folder for logs")?;
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let program = target.program();
        // In a group of its own: Ctrl-C reaches us alone, and we tell it.
        let mut command: Command = exec::apart("nice");
        command
            .args(["-n", "19"])
            .arg(&program)
            .args([&corpus.working, &corpus.folder])
            .arg(format!("-artifact_prefix={}/", corpus.artifacts.display()))
            .arg(format!("-max_total_time={}", time.as_secs()))
            .arg(format!("-max_len={}", target.longest))
            .arg(format!("-rss_limit_mb={MEMORY}"))
            .arg(format!("-malloc_limit_mb={AT_ONCE}"))
            .arg(format!("-timeout={LONGEST_TIME}"))
            .arg("-print_final_stats=1")
            // Less memory is held back, and shorter ways to it are kept: a third faster.
            .env("ASAN_OPTIONS", SANITIZER)
            .stdout(Stdio::null())
            .stderr(file);
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        Ok(Self {
            target,
            log,
            child,
            cpu: Duration::ZERO,
            looked: Instant::now(),
            is_interrupted: false,
        })
    }

    /// Lets it end, with what it has; it says what it did.
    pub(super) fn interrupt(&mut self) {
        if !self.is_interrupted {
            self.is_interrupted = true;
            if let Ok(id) = i32::try_from(self.child.id()) {
                // It may have ended by itself.
                let _ = kill(Pid::from_raw(id), Signal::SIGINT);
            }
        }
    }

    /// What came of it, once it has ended.
    pub(super) fn ended(&mut self) -> Result<Option<Ended>> {
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            // What it used last is missed, less than a second; not more than was used is booked.
            self.cpu = used(self.child.id()).unwrap_or(self.cpu);
        }
        let Some(status) = self.child.try_wait().context("cannot wait for a fuzzer")? else {
            return Ok(None);
        };
        let corpus = Corpus::of(&self.target)?;
        let log = files::text(&self.log)?;
        Ok(Some(Ended {
            cpu: self.cpu,
            executions: stat(&log, "number_of_executed_units").unwrap_or(0),
            peak_mib: stat(&log, "peak_rss_mb").unwrap_or(0),
            inputs: corpus::count(&corpus.working)?,
            artifacts: corpus.found()?,
            is_good: status.success() || self.is_interrupted,
        }))
    }
}

/// A number that libFuzzer says at its end.
fn stat(log: &str, name: &str) -> Option<u64> {
    let mut lines = log.lines().rev();
    lines.find_map(|line| {
        let (said, number) = line.strip_prefix("stat::")?.split_once(':')?;
        (said == name).then(|| number.trim().parse().ok())?
    })
}

/// The processor time of a process so far (proc(5): fields 14 and 15, in ticks).
fn used(id: u32) -> Option<Duration> {
    let stat = files::text(format!("/proc/{id}/stat").as_ref()).ok()?;
    let ticks = u64::try_from(sysconf(SysconfVar::CLK_TCK).ok()??).ok()?;
    let sum = ticks_of(&stat)?;
    Some(Duration::from_millis(sum * 1000 / ticks.max(1)))
}

/// The name may have spaces and parentheses.
fn ticks_of(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_at_the_end_is_read() {
        let log = "#2 INITED\nstat::number_of_executed_units: 1234\nstat::peak_rss_mb:    60\n";
        assert_eq!(stat(log, "number_of_executed_units"), Some(1234));
        assert_eq!(stat(log, "peak_rss_mb"), Some(60));
        assert_eq!(stat(log, "average_exec_per_sec"), None);
    }

    #[test]
    fn processor_time_is_read_whatever_the_name() {
        let stat = "7 (a) b) R 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 39 19 1 0";
        assert_eq!(ticks_of(stat), Some(300));
        assert!(used(std::process::id()).is_some());
        assert_eq!(used(u32::MAX), None);
    }
}
