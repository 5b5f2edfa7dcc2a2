//! One network namespace.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{self, Command},
    thread,
};

use anyhow::{Context as _, Result, anyhow};
use nix::sched::{CloneFlags, setns};

use crate::exec;

/// Where `ip netns` keeps what it names (ip-netns(8)).
const NAMED: &str = "/run/netns";

/// The roles of the namespaces of a demo.
const ROLES: [&str; 3] = ["foreign", "carrier", "domestic"];

/// A named network namespace that goes with this value.
///
/// The name holds our process id, so that two demos at once, or one that was killed,
/// are not in each other's way.
#[derive(Debug)]
pub(super) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes the namespace for one of the [`ROLES`].
    pub(super) fn create(role: &str) -> Result<Self> {
        let namespace = Self {
            name: format!("sekisho-{role}-{}", process::id()),
        };
        run("ip", ["netns", "add", &namespace.name])
            .context("cannot make a network namespace; in a container this needs --privileged")?;
        Ok(namespace)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` with these words on the namespace.
    pub(super) fn ip(&self, words: &str) -> Result<()> {
        run("ip", ["-n", &self.name].into_iter().chain(words.split(' ')))
    }

    /// Runs `program` inside to its end; what it prints is shown only if it fails.
    pub(super) fn run<'a>(
        &'a self,
        program: &'a str,
        words: impl IntoIterator<Item = &'a str>,
    ) -> Result<()> {
        let words = words.into_iter();
        run(
            "ip",
            ["netns", "exec", &self.name, program]
                .into_iter()
                .chain(words),
        )
    }

    /// A command that will be `program` inside: `ip` replaces itself by it, so that its
    /// process id is that of the program.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = exec::apart("ip");
        command.args(["netns", "exec", &self.name]);
        // If we are killed, nobody else would end it.
        command
            .args(["setpriv", "--pdeathsig", "KILL"])
            .arg(program);
        command
    }

    /// Does `work` inside, on a thread of its own: sockets stay where they were made.
    pub(super) fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let path = self.path();
        let inside = || {
            let namespace = File::open(&path)?;
            setns(namespace, CloneFlags::CLONE_NEWNET)?;
            work()
        };
        let done = thread::scope(|scope| scope.spawn(inside).join());
        done.map_err(|_| anyhow!("a thread panicked"))?
            .with_context(|| format!("in namespace {}", self.name))
    }

    /// Sets values under `/proc/sys/net`.
    pub(super) fn set(&self, values: &[(&str, &str)]) -> Result<()> {
        self.enter(|| {
            for (key, value) in values {
                let path = Path::new("/proc/sys/net").join(key);
                fs::write(&path, value)
                    .with_context(|| format!("cannot write {value} to {}", path.display()))?;
            }
            Ok(())
        })
    }

    fn path(&self) -> PathBuf {
        Path::new(NAMED).join(&self.name)
    }
}

impl Drop for Namespace {
    /// Interfaces, addresses and routes go with the namespace.
    fn drop(&mut self) {
        let _ = run("ip", ["netns", "delete", &self.name]);
    }
}

/// Removes namespaces of demos that were killed: those that name a process that is gone.
pub(super) fn remove_stale() -> Result<()> {
    let Ok(names) = fs::read_dir(NAMED) else {
        return Ok(());
    };
    for name in names {
        let name = name?.file_name();
        let Some(name) = name.to_str() else { continue };
        if owner(name).is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            run("ip", ["netns", "delete", name])?;
        }
    }
    Ok(())
}

/// The process that made the namespace, if its name is one of ours.
fn owner(name: &str) -> Option<u32> {
    let (role, pid) = name.strip_prefix("sekisho-")?.split_once('-')?;
    ROLES.contains(&role).then(|| pid.parse().ok())?
}

fn run<'a>(program: &str, words: impl IntoIterator<Item = &'a str>) -> Result<()> {
    exec::captured(exec::apart(program).args(words))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_ours_have_an_owner() {
        assert_eq!(owner("sekisho-carrier-42"), Some(42));
        assert_eq!(owner("sekisho-test-42"), None);
        assert_eq!(owner("sekisho-carrier-42x"), None);
        assert_eq!(owner("carrier-42"), None);
    }
}
