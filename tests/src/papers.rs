//! The state folder of a real sensor, and people who put papers into it.
//!
//! The papers are of one day, and the sensor is told that day by its wall clock.

use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use sekisho::documents::{Digest, Time};
use tempfile::TempDir;

use crate::{clock_state, command, requires};

/// Files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A state folder.
#[derive(Debug)]
pub struct State {
    folder: TempDir,
    /// What the wall clock of the sensor is ahead, in nanoseconds.
    shift: i64,
    written: BTreeMap<String, Vec<u8>>,
}

impl State {
    /// Sets a sensor up with a first keyring and the key of its log, and puts papers there. The
    /// sensor is told that it is `day`.
    pub fn new(root: &str, log_key: &str, papers: Files, day: Time) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        let key = folder.path().join("log.pub");
        must(fs::write(&key, format!("{log_key}\n")));
        let mut state = Self {
            shift: nanoseconds(day.0) - nanoseconds(wall()),
            written: BTreeMap::new(),
            folder,
        };
        let mut init = Command::new(requires::binary());
        let root = Digest::of(&papers[root]).to_string();
        init.args(["init", "--root", &root, "--log-key"]);
        command::expect(init.arg(&key).arg("--state").arg(state.path()));
        state.put(papers);
        state
    }

    /// The state folder.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Where papers are put.
    pub fn papers(&self) -> PathBuf {
        self.path().join("papers")
    }

    /// Puts what is new or other into the folder.
    pub fn put(&mut self, papers: Files) {
        for (name, bytes) in papers {
            if self.written.get(&name) != Some(&bytes) {
                // As people should: nobody reads half a paper.
                let beside = self.papers().join(format!("{name}.part"));
                must(fs::write(&beside, &bytes));
                must(fs::rename(&beside, self.papers().join(&name)));
                self.written.insert(name, bytes);
            }
        }
    }

    /// Takes a file away.
    pub fn remove(&mut self, name: &str) {
        must(fs::remove_file(self.papers().join(name)));
        self.written.remove(name);
    }

    /// The command runs on the day of the world, by a clock that is synchronised.
    pub fn on_its_day(&self, command: &mut Command) {
        clock_state::shifted(clock_state::synchronised(command), self.shift);
    }

    /// The wall clock of the sensor.
    pub const fn clock(&self) -> Wall {
        Wall(self.shift)
    }

    /// What the wall clock of the sensor says.
    pub fn now(&self) -> Time {
        self.clock().now()
    }
}

/// A wall clock that is so many nanoseconds ahead of this machine's.
#[derive(Clone, Copy, Debug)]
pub struct Wall(i64);

impl Wall {
    /// What it says.
    pub fn now(self) -> Time {
        Time(wall().saturating_add_signed(self.0))
    }
}

/// The wall clock of this machine.
fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or_else(|error| panic!("{error}"));
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn nanoseconds(unix: u64) -> i64 {
    i64::try_from(unix).unwrap_or(i64::MAX)
}

fn must(done: io::Result<()>) {
    if let Err(error) = done {
        panic!("{error}");
    }
}
