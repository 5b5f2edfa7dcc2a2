//! The other side: this binary as the first process of a guest, or as root on this machine.
//!
//! A test is a process of its own with nothing shared but the kernel, as under nextest, and
//! what outlives it is a child of the first process, which collects it.

mod init;
mod trial;

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::{fd::AsFd as _, unix::fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
    process,
    sync::Mutex,
    thread,
};

use anyhow::{Context as _, Result};
use nix::{fcntl::OFlag, kmod};

use super::plan::{Plan, Said};
use crate::files;

/// Where an image has its plan.
pub(super) const PLAN: &str = "/plan.json";

/// The serial line that nothing else writes to.
const RESULTS: &str = "/dev/ttyS1";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Carry the plan out in the system that is there
    #[arg(long)]
    here: bool,
    #[arg(long, default_value = PLAN)]
    plan: PathBuf,
    #[arg(long, default_value = RESULTS)]
    results: PathBuf,
    /// Leave out what the kernel has logged so far
    #[arg(long)]
    from_now: bool,
}

/// Makes a system of what the kernel unpacked and ends with it, or only carries the plan out.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !args.here && process::id() == 1 {
        init::run();
    }
    let results = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&args.results)
        .with_context(|| format!("cannot open {}", args.results.display()))?;
    let say = Say(Mutex::new(results));
    let carried_out = carry_out(args, &say);
    match &carried_out {
        Ok(()) => say.say(&Said::Done),
        Err(error) => say.say(&Said::Stopped {
            why: format!("{error:#}"),
        }),
    }
}

fn carry_out(args: &Args, say: &Say) -> Result<()> {
    let release = files::text(Path::new("/proc/sys/kernel/osrelease"))?
        .trim()
        .to_owned();
    say.say(&Said::Kernel { release })?;
    let mut log = KernelLog::open(args.from_now)?;
    let plan = serde_json::from_str(&files::text(&args.plan)?);
    let plan: Plan = plan.with_context(|| format!("{} is no plan", args.plan.display()))?;
    load(&plan.modules, say)?;

    let trials = Mutex::new(plan.trials.iter());
    let next = || trials.lock().ok()?.next();
    let work = || -> Result<()> {
        while let Some(trial) = next() {
            say.say(&Said::Ended(trial::run(trial, &plan)?))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..plan.at_once).map(|_| scope.spawn(work)).collect();
        let ended = workers.into_iter().map(|worker| match worker.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect::<Result<Vec<()>>>()
    })?;
    for line in log.lines()? {
        say.say(&Said::Log { line })?;
    }
    Ok(())
}

/// Loads modules. One that cannot be is said; the tests that need it say so as well.
fn load(modules: &[PathBuf], say: &Say) -> Result<()> {
    for file in modules {
        let module = File::open(file).with_context(|| format!("no {}", file.display()))?;
        let flags = kmod::ModuleInitFlags::empty();
        if let Err(error) = kmod::finit_module(module.as_fd(), c"", flags) {
            say.say(&Said::Module {
                file: file.clone(),
                why: error.to_string(),
            })?;
        }
    }
    Ok(())
}

/// Where it is said.
struct Say(Mutex<File>);

impl Say {
    /// Says it as a line, at once: the kernel may not live long.
    fn say(&self, said: &Said) -> Result<()> {
        let mut line = serde_json::to_vec(said)?;
        line.push(b'\n');
        let mut results = self
            .0
            .lock()
            .map_err(|_| anyhow::anyhow!("a test panicked"))?;
        results.write_all(&line).context("cannot write results")
    }
}

/// The kernel's log (Documentation/ABI/testing/dev-kmsg).
struct KernelLog(File);

impl KernelLog {
    fn open(from_now: bool) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(OFlag::O_NONBLOCK.bits());
        let mut file = options.open("/dev/kmsg").context("cannot read /dev/kmsg")?;
        if from_now {
            file.seek(SeekFrom::End(0)).context("/dev/kmsg")?;
        }
        Ok(Self(file))
    }

    /// What was logged since it was opened.
    fn lines(&mut self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let mut record = [0; 8192];
        loop {
            match self.0.read(&mut record) {
                Ok(length) => {
                    let record = String::from_utf8_lossy(&record[..length]);
                    // `PRIORITY,NUMBER,TIME,FLAGS;TEXT`, then lines of its parts.
                    let text = record.lines().next().and_then(|line| line.split_once(';'));
                    lines.extend(text.map(|(_, text)| text.to_owned()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(lines),
                // Records were overwritten before they were read.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    lines.push("(some lines of the kernel's log are lost)".to_owned());
                }
                Err(error) => return Err(error).context("cannot read /dev/kmsg"),
            }
        }
    }
}
