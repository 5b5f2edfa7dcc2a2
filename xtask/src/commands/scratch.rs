//! A directory for files of one run.

use std::{fs, path::PathBuf};

use anyhow::Result;

use crate::exec;

/// A directory that only we can enter, and that goes with this value.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn create() -> Result<Self> {
        let mut mktemp = exec::apart("mktemp");
        let path = exec::captured(mktemp.args(["--directory", "-t", "sekisho-xtask.XXXXXXXX"]))?;
        Ok(Self(PathBuf::from(path.trim_end_matches('\n'))))
    }

    /// A path in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing can be done about a failure, and the directory is a temporary one.
        let _ = fs::remove_dir_all(&self.0);
    }
}
