//! The real binary, running in a namespace.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

pub use nix::sys::signal::Signal;
use nix::{sys::signal, unistd::Pid};
use sekisho::capped;
use tempfile::TempDir;

pub use self::lines::Lines;
use crate::{netns::Namespace, papers::State, pins::Pins, requires, wait};

mod lines;

/// Largest output that is read.
const LARGEST: u64 = 1 << 30;

/// `sekisho run`, in lab or under papers, before it is started.
#[derive(Debug)]
pub struct Launch {
    command: Command,
    folder: TempDir,
    stdout: Option<Stdio>,
}

impl Launch {
    /// A sensor on these interfaces that watches these addresses and prefixes. Flows are
    /// written at the end only, unless `--idle-timeout` or `--active-timeout` say otherwise.
    pub fn new(namespace: &Namespace, interfaces: &[&str], watched: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        let feed = folder.path().join("feed.txt");
        let written = fs::write(&feed, watched.join("\n"));
        written.unwrap_or_else(|error| panic!("{}: {error}", feed.display()));
        let mut command = namespace.command(requires::binary());
        command
            .args(["run", "--lab", "--state-dir"])
            .arg(folder.path().join("state"));
        command.arg("--runtime-dir").arg(folder.path().join("run"));
        command
            .arg("--pseudonym-keys")
            .arg(folder.path().join("keys"));
        command.arg("--feed").arg(feed);
        for interface in interfaces {
            command.args(["--interface", interface]);
        }
        command.env_remove("SEKISHO_LOG").stdin(Stdio::null());
        Self {
            command,
            folder,
            stdout: None,
        }
    }

    /// A real sensor on these interfaces, under the papers of a state folder.
    pub fn real(namespace: &Namespace, interfaces: &[&str], state: &State) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        let mut command = namespace.command(requires::binary());
        command.args(["run", "--state"]).arg(state.path());
        command.arg("--runtime-dir").arg(folder.path().join("run"));
        command
            .arg("--pseudonym-keys")
            .arg(folder.path().join("keys"));
        for interface in interfaces {
            command.args(["--interface", interface]);
        }
        state.on_its_day(&mut command);
        command.env_remove("SEKISHO_LOG").stdin(Stdio::null());
        Self {
            command,
            folder,
            stdout: None,
        }
    }

    /// With pins that outlive it: otherwise it is in a mount namespace of its own, with a BPF
    /// file system that is gone when it is.
    #[must_use]
    pub fn pinned(mut self, pins: &Pins) -> Self {
        let args: Vec<_> = self.command.get_args().map(ToOwned::to_owned).collect();
        let own = self.folder.path().join("run");
        let args = args.into_iter().map(|arg| {
            if arg == own.as_os_str() {
                pins.runtime().into_os_string()
            } else {
                arg
            }
        });
        let mut command = Command::new(self.command.get_program());
        command.args(args).arg("--pin-dir").arg(pins.pins());
        for (name, value) in self.command.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.env_remove("SEKISHO_LOG").stdin(Stdio::null());
        self.command = command;
        self
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Further arguments, divided by spaces.
    #[must_use]
    pub fn args(mut self, words: &str) -> Self {
        self.command.args(words.split(' '));
        self
    }

    /// Writes to this instead of a file of the harness.
    #[must_use]
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.stdout = Some(stdout.into());
        self
    }

    /// Starts it without waiting for anything.
    pub fn start(mut self) -> Sensor {
        for timeout in ["--idle-timeout", "--active-timeout"] {
            if self.command.get_args().all(|word| word != timeout) {
                self.command.args([timeout, "3600"]);
            }
        }
        let stdout = self
            .stdout
            .unwrap_or_else(|| create(&self.folder, STDOUT).into());
        self.command
            .stdout(stdout)
            .stderr(create(&self.folder, STDERR));
        match self.command.spawn() {
            Ok(child) => Sensor {
                child,
                folder: self.folder,
            },
            Err(error) => panic!("cannot run {:?}: {error}", self.command),
        }
    }

    /// Starts it and waits until it records.
    pub fn ready(self) -> Sensor {
        let mut sensor = self.start();
        sensor.until_told("the sensor records", |told| {
            told == "LAB: recording" || told.starts_with("sekisho: recording: ")
        });
        sensor
    }
}

const STDOUT: &str = "stdout";
const STDERR: &str = "stderr";

/// A sensor that runs, killed when dropped.
#[derive(Debug)]
pub struct Sensor {
    child: Child,
    folder: TempDir,
}

impl Sensor {
    /// What it has written so far.
    pub fn lines(&self) -> Lines {
        Lines::parse(&self.read(STDOUT))
    }

    /// What it has said so far.
    pub fn stderr(&self) -> String {
        self.read(STDERR)
    }

    /// Waits until it has told a line.
    pub fn until_told(&mut self, what: &str, is: impl Fn(&str) -> bool) {
        let begin = Instant::now();
        wait::until(what, || {
            let stderr = self.stderr();
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the sensor ended with {status}: {stderr}");
            }
            // A little before `wait` would give up without what was told instead.
            assert!(
                begin.elapsed() < wait::HANG / 2,
                "no line tells {what}: {stderr}"
            );
            stderr.lines().any(&is).then_some(())
        });
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap_or_else(|error| panic!("{error}"));
        // The child is not waited for yet, so the number is still its own.
        let sent = signal::kill(Pid::from_raw(pid), signal);
        sent.unwrap_or_else(|error| panic!("{signal}: {error}"));
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// The folder of its output, of what it said, of its feed and of its state.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops it where it is, until `SIGCONT`; returns when each of its threads stands still.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
        let folder = format!("/proc/{}/task", self.process());
        wait::until("the sensor stands still", || {
            let threads = fs::read_dir(&folder);
            let mut threads = threads.unwrap_or_else(|error| panic!("{folder}: {error}"));
            threads
                .all(|thread| thread.is_ok_and(|thread| is_stopped(&thread.path())))
                .then_some(())
        });
    }

    /// Sends it a signal and waits until it has ended.
    pub fn stop(self, signal: Signal) -> Ended {
        self.signal(signal);
        self.end()
    }

    /// Waits until it has ended by itself.
    pub fn end(mut self) -> Ended {
        let status = wait::until("the sensor ends", || match self.child.try_wait() {
            Ok(status) => status,
            Err(error) => panic!("cannot wait for the sensor: {error}"),
        });
        Ended {
            status: status.code(),
            lines: self.lines(),
            stderr: self.stderr(),
        }
    }

    fn read(&self, name: &str) -> String {
        let file: PathBuf = self.folder.path().join(name);
        if !Path::exists(&file) {
            return String::new();
        }
        let bytes = capped::read(&file, LARGEST);
        let bytes = bytes.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        // Both fail where it has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A sensor that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit status; none when a signal ended it.
    pub status: Option<i32>,
    /// What it wrote.
    pub lines: Lines,
    /// What it said.
    pub stderr: String,
}

impl Ended {
    /// The lines of a run that ended well: status 0, nothing amiss, a summary as the last line
    /// that accounts for every packet.
    pub fn well(&self) -> &Lines {
        assert_eq!(self.status, Some(0), "{}", self.stderr);
        for line in self.stderr.lines() {
            assert!(!line.starts_with("sekisho: "), "{}", self.stderr);
        }
        self.lines.account();
        &self.lines
    }
}

/// Whether a thread stands still: `NUMBER (NAME) STATE ...`, of `/proc/PID/task/TID/stat`.
fn is_stopped(thread: &Path) -> bool {
    let stat = capped::read_to_string(thread.join("stat"), 1 << 16).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, state)| state.starts_with('T'))
}

fn create(folder: &TempDir, name: &str) -> File {
    let path = folder.path().join(name);
    File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
