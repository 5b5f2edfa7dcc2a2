//! A BPF file system of a test's own, and a folder for snapshots.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tempfile::TempDir;

use crate::command;

/// Where the pins and snapshots of one sensor are; gone when dropped.
#[derive(Debug)]
pub struct Pins {
    folder: TempDir,
}

impl Pins {
    /// Mounts a BPF file system.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        let pins = Self { folder };
        let path = pins.file_system();
        command::expect(Command::new("mkdir").arg(&path));
        let mounted = mount(
            Some("bpf"),
            &path,
            Some("bpf"),
            MsFlags::empty(),
            None::<&str>,
        );
        mounted.unwrap_or_else(|error| panic!("mount -t bpf bpf {}: {error}", path.display()));
        pins
    }

    /// The sensor's folder of pins.
    pub fn pins(&self) -> PathBuf {
        self.file_system().join("sekisho")
    }

    /// The sensor's folder of snapshots.
    pub fn runtime(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Every file below the folder of pins, and the folders of agents.
    pub fn all(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        below(&self.pins(), &mut found);
        found.sort();
        found
    }

    /// Where the file system is mounted.
    pub fn file_system(&self) -> PathBuf {
        self.folder.path().join("bpf")
    }
}

impl Default for Pins {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        // What is pinned there goes with it.
        let _ = umount2(&self.file_system(), MntFlags::MNT_DETACH);
    }
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            below(&path, found);
        }
        found.push(path);
    }
}
