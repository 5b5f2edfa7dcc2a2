//! A process that goes on while the demo does.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::interrupt::{Interrupt, STEP};

/// How long it may take to begin or to end; far more than it ever does.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most that is read of what it says.
const MOST_SAID: u64 = 1 << 20;

/// A process that is killed when this value goes, unless it was ended before.
#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    child: Child,
    /// Lines from its standard error, as they come.
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Process {
    pub(super) fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let (sender, lines) = mpsc::channel();
        if let Some(errors) = child.stderr.take() {
            // Ends with the process: then the pipe does.
            thread::spawn(move || {
                for line in BufReader::new(errors.take(MOST_SAID)).split(b'\n') {
                    let Ok(line) = line else { break };
                    if sender
                        .send(String::from_utf8_lossy(&line).into_owned())
                        .is_err()
                    {
                        break;
                    }
                }
            });
        }
        Ok(Self {
            name,
            child,
            lines,
            said: Vec::new(),
        })
    }

    /// Waits until it says a line with `text` in it.
    pub(super) fn wait_for(&mut self, text: &str, interrupt: &Interrupt) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            interrupt.check()?;
            match self.lines.recv_timeout(STEP) {
                Ok(line) => {
                    let is_it = line.contains(text);
                    self.said.push(line);
                    if is_it {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("{} ended early: {}", self.name, self.said.join("; "));
                }
            }
        }
        bail!("{} did not get ready: {}", self.name, self.said.join("; "))
    }

    /// Asks it to end by `signal`, waits until it has, and returns what it said.
    pub(super) fn end(mut self, signal: Signal, interrupt: &Interrupt) -> Result<Vec<String>> {
        let pid = i32::try_from(self.child.id()).context("a process id is too large")?;
        kill(Pid::from_raw(pid), signal).with_context(|| format!("cannot signal {}", self.name))?;
        let status = self.ended(interrupt)?;
        self.said.extend(self.lines.iter());
        if !status.success() {
            bail!("{} failed ({status}): {}", self.name, self.said.join("; "));
        }
        Ok(std::mem::take(&mut self.said))
    }

    fn ended(&mut self, interrupt: &Interrupt) -> Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            interrupt.pause(STEP)?;
        }
        bail!("{} does not end", self.name)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both do nothing once it has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
