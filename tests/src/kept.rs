//! Feeds that are kept by the commands of the binary.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{command, requires};

/// A folder in which commands about the feeds in `kept` run.
#[derive(Debug)]
pub struct Kept(PathBuf);

impl Kept {
    /// That may ask a server on this port of this machine.
    pub fn new(folder: &Path, port: u16) -> Self {
        must(fs::create_dir(folder.join("kept")));
        let hosts = format!("http://127.0.0.1:{port}\n");
        must(fs::write(folder.join("kept/hosts"), hosts));
        Self(folder.into())
    }

    /// Writes the file `secret`.
    pub fn secret(&self, secret: &str) {
        let file = self.0.join("secret");
        must(fs::write(&file, format!("{secret}\n")));
        must(fs::set_permissions(
            &file,
            fs::Permissions::from_mode(0o600),
        ));
    }

    /// What a command prints that succeeds.
    pub fn well(&self, words: &str) -> String {
        let mut command = Command::new(requires::binary());
        command.arg("feed").args(words.split_whitespace());
        command.args(["--feeds", "kept"]).current_dir(&self.0);
        command::expect(&mut command)
    }

    /// The files of a copy, in order.
    pub fn files(&self, feed: &str, copy: u64) -> Vec<String> {
        let folder = self.0.join(format!("kept/{feed}/{copy}/files"));
        let entries =
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut names: Vec<String> = entries
            .map(|entry| must(entry).file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

fn must<T>(done: std::io::Result<T>) -> T {
    done.unwrap_or_else(|error| panic!("{error}"))
}
