//! The command line: what it prints, whole, and how it ends.

#![expect(clippy::unwrap_used, reason = "all of this crate is tests")]

mod check;
mod feed;
mod feeds;
mod flows;
mod help;
mod init;
mod kept;
mod papers;
mod refusals;
mod replay;
mod territory;
mod views;

use std::{fs, path::Path, process::Command};

use sensor_tests::{
    command::{self, Printed},
    netns::Namespace,
    requires,
};
use tempfile::TempDir;

/// Runs the sensor in no namespace of its own: for what ends before an interface is touched.
fn sekisho(words: &[&str]) -> Printed {
    command::run(Command::new(requires::binary()).args(words))
}

/// A text in which the folder's name is `[FOLDER]`.
fn in_folder(text: &str, folder: &Path) -> String {
    text.replace(&folder.display().to_string(), "[FOLDER]")
}

/// Asserts that a command failed with this status, said one line and did not panic.
fn failed_plainly(printed: &Printed, status: i32) {
    let whole = printed.whole();
    assert_eq!(printed.status, Some(status), "{whole}");
    assert_eq!(printed.stdout, "", "{whole}");
    assert_eq!(printed.stderr.lines().count(), 1, "{whole}");
    assert!(printed.stderr.starts_with("sekisho: "), "{whole}");
    assert!(!printed.stderr.contains("panicked"), "{whole}");
}

/// A folder with feeds, none of which belongs to a sensor.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("feed.txt"), "192.0.2.0/24\n").unwrap();
    fs::write(path.join("empty.txt"), "").unwrap();
    fs::write(path.join("comments.txt"), "# nothing\n\n; yet\n").unwrap();
    fs::write(path.join("words.txt"), "certainly\nnot a feed\n").unwrap();
    let noise: Vec<u8> = (0..=255).rev().cycle().take(4096).collect();
    fs::write(path.join("noise.bin"), noise).unwrap();
    folder
}

/// `sekisho run --lab` with a feed and an interface of this namespace.
fn run(namespace: &Namespace, folder: &Path, feed: &str, interface: &str) -> Printed {
    let mut command = namespace.command(requires::binary());
    command.args([
        "run",
        "--lab",
        "--duration",
        "1",
        "--interface",
        interface,
        "--state-dir",
    ]);
    command::run(
        command
            .arg(folder.join("state"))
            .arg("--runtime-dir")
            .arg(folder.join("run"))
            .arg("--feed")
            .arg(folder.join(feed)),
    )
}
