//! Programs that receive, and what a machine may lack.

use std::{
    env,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How long a peer may take for anything.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The value, or says that the test is skipped and returns from it.
macro_rules! require {
    ($found:expr) => {
        match $found {
            Ok(found) => found,
            Err(missing) => {
                $crate::peer::skip(&missing);
                return;
            }
        }
    };
}
pub(crate) use require;

/// Says that a test is skipped and why; fails where `CI=true`, since nobody reads it there.
pub(crate) fn skip(missing: &str) {
    assert!(
        env::var("CI").as_deref() != Ok("true"),
        "may not be skipped where CI=true: {missing}"
    );
    eprintln!("skipped: {missing}");
}

/// A program on `PATH` or where servers lie.
pub(crate) fn tool(name: &str) -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("no program '{name}' ('cargo xtask setup' installs it)"))
}

/// A program of the Python that has the packages of `pins.rs`.
pub(crate) fn python(name: &str) -> Result<PathBuf, String> {
    let folder = match env::var_os("SEKISHO_VENV") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/venv"),
    };
    let program = folder.join("bin").join(name);
    if program.is_file() {
        Ok(program)
    } else {
        let program = program.display();
        Err(format!("no {program} ('cargo xtask setup' installs it)"))
    }
}

/// A file of the shared data.
pub(crate) fn data(name: &str) -> Result<PathBuf, String> {
    let root = match env::var_os("SEKISHO_DATA") {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    };
    let file = root.join(name);
    if file.is_file() {
        Ok(file)
    } else {
        Err(format!("no {} (set SEKISHO_DATA)", file.display()))
    }
}

/// A program that runs until it is dropped.
pub(crate) struct Peer {
    child: Child,
    name: String,
}

impl Peer {
    /// What it says goes into a file.
    pub(crate) fn spawn(command: &mut Command, log: &Path) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let out = File::create(log).unwrap();
        let child = (command.stdin(Stdio::null()))
            .stderr(out.try_clone().unwrap())
            .stdout(out)
            .spawn();
        Self {
            child: child.unwrap_or_else(|error| panic!("{name}: {error}")),
            name,
        }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn end(mut self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
        let child = &mut self.child;
        let name = &self.name;
        wait(&format!("{name} ends"), || {
            child.try_wait().unwrap().is_some()
        });
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Where a test fails; otherwise it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in {SOON:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// An address on which nobody listens, for a moment.
pub(crate) fn free_udp() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap()
}

pub(crate) fn free_tcp() -> SocketAddr {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap()
}

/// Waits until somebody has bound an address for UDP.
pub(crate) fn wait_for_udp(address: SocketAddr) {
    wait(&format!("somebody receives on {address}"), || {
        UdpSocket::bind(address).is_err()
    });
}

/// What a command that should succeed prints.
pub(crate) fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}{complaint}");
    text
}

#[expect(clippy::disallowed_methods, reason = "written by a peer of this test")]
pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
