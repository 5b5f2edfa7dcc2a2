//! A server of feeds in another process, of `.tools/venv`.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A server that says its port first; it ends when it is dropped.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    asks: ChildStdin,
    says: BufReader<ChildStdout>,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
}

impl Peer {
    /// Starts a script of `tests/tests/feeds`.
    pub fn new(python: &Path, script: &str, args: &[&str]) -> Self {
        let mut child = Command::new(python)
            // What is compiled would lie beside the script, and be root's.
            .arg("-B")
            .arg(folder().join(script))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A line for each request.
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", python.display()));
        let (Some(asks), Some(says)) = (child.stdin.take(), child.stdout.take()) else {
            panic!("{script} has no pipes");
        };
        let mut peer = Self {
            child,
            asks,
            says: BufReader::new(says),
            port: 0,
        };
        let line = peer.line();
        let port = line.trim().parse();
        peer.port = port.unwrap_or_else(|_| panic!("{script} says '{line}' and no port"));
        peer
    }

    /// Asks it for something and waits until it is done.
    pub fn ask(&mut self, line: &str) -> String {
        let asked = writeln!(self.asks, "{line}");
        asked.unwrap_or_else(|error| panic!("the server is gone: {error}"));
        self.line()
    }

    #[expect(clippy::disallowed_methods, reason = "a line of a script of ours")]
    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.says.read_line(&mut line);
        read.unwrap_or_else(|error| panic!("the server says nothing: {error}"));
        line
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/feeds")
}
