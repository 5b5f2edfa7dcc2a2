//! A BPF file system of a test's own.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{command, requires};

/// A BPF file system on a folder of its own, unmounted when dropped: what is pinned there is
/// gone then, whoever pinned it.
#[derive(Debug)]
pub struct BpfFolder {
    folder: TempDir,
}

impl BpfFolder {
    /// Mounts it.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        let mut mount = Command::new(tool("mount"));
        command::expect(mount.args(["-t", "bpf", "bpf"]).arg(folder.path()));
        Self { folder }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Default for BpfFolder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for BpfFolder {
    fn drop(&mut self) {
        // The test says what failed; a second panic here would end it without a word.
        let _ = Command::new(tool("umount")).arg(self.path()).status();
    }
}

fn tool(name: &str) -> PathBuf {
    requires::tool(name).unwrap_or_else(|missing| panic!("{missing}"))
}
