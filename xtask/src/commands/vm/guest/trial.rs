//! One test as a process.

use std::{
    env,
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::{
    commands::vm::plan::{Ended, Outcome, Plan, Trial, notes, outcome},
    files,
};

/// Time between two looks at a test.
const LOOK: Duration = Duration::from_millis(10);

/// Runs it to its end, or to the limit.
pub(super) fn run(trial: &Trial, plan: &Plan) -> Result<Ended> {
    let (output, error) = (Output::new("output")?, Output::new("error")?);
    let begin = Instant::now();
    let mut child = Command::new(&trial.binary)
        .args(["--exact", &trial.test, "--nocapture", "--test-threads", "1"])
        .envs(&plan.environment)
        .current_dir(&plan.folder)
        .stdin(Stdio::null())
        .stdout(output.open()?)
        .stderr(error.open()?)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot run {}", trial.binary.display()))?;
    let status = wait(&mut child, Duration::from_secs(plan.limit))?;
    let seconds = begin.elapsed().as_secs_f64();
    let (output, error) = (output.read()?, error.read()?);
    Ok(Ended {
        program: trial.program.clone(),
        test: trial.test.clone(),
        outcome: match status {
            Some(status) => outcome(status.success(), &output, &error),
            None => Outcome::Failed {
                output: format!("{error}\nit had not ended after {} s", plan.limit),
            },
        },
        seconds,
        notes: notes(&error),
    })
}

/// How it ended; none if it had to be ended, with all it had started.
fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let begin = Instant::now();
    while begin.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(LOOK);
    }
    killpg(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGKILL)?;
    child.wait()?;
    Ok(None)
}

/// What a test writes: a file, because what it leaves running would keep a pipe open.
struct Output(PathBuf);

impl Output {
    fn new(name: &str) -> Result<Self> {
        let thread = format!("{:?}", thread::current().id());
        let number = thread.replace(|c: char| !c.is_ascii_digit(), "");
        let name = format!("sekisho-trial-{}-{number}-{name}", std::process::id());
        let path = env::temp_dir().join(name);
        File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }

    fn open(&self) -> Result<File> {
        let file = File::options().append(true).open(&self.0);
        file.with_context(|| format!("cannot write {}", self.0.display()))
    }

    fn read(&self) -> Result<String> {
        files::text(&self.0)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // It is in a folder for such files.
        let _ = fs::remove_file(&self.0);
    }
}
