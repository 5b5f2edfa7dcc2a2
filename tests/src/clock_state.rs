//! A process with a clock of its own: one that a time service holds, or that is ahead or behind.
//!
//! The machine of a test may have no time service, and real mode does not start on such a clock.
//! Setting the clock of the machine would change it for everybody, so one process is told
//! another: `clock_state.c`, loaded before the C library. It has no effect on a binary with file
//! capabilities, and none on timers.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::LazyLock,
};

use crate::{command, requires};

/// A library made before, for a machine without a compiler.
const MADE: &str = "SEKISHO_CLOCK_STATE";

const SOURCE: &str = include_str!("clock_state.c");

/// Whether [`synchronised`] and [`shifted`] can be used, for
/// [`require!`](crate::require)`(clock)`; else what is missing.
pub fn available() -> Result<(), String> {
    match env::var_os(MADE) {
        Some(made) if Path::new(&made).is_file() => Ok(()),
        Some(made) => Err(format!("no file {} ({MADE})", made.display())),
        None => requires::tool("cc").map(drop),
    }
}

/// The command runs with a clock that a time service holds to a millisecond.
///
/// # Panics
///
/// Where [`available`] is an error.
pub fn synchronised(command: &mut Command) -> &mut Command {
    let command = command.env("LD_PRELOAD", LIBRARY.as_path());
    command.env("SEKISHO_TEST_SYNCHRONISED", "1")
}

/// The command runs with a wall clock that is so many nanoseconds ahead of the machine's.
///
/// # Panics
///
/// Where [`available`] is an error.
pub fn shifted(command: &mut Command, nanoseconds: i64) -> &mut Command {
    let command = command.env("LD_PRELOAD", LIBRARY.as_path());
    command.env("SEKISHO_TEST_WALL_SHIFT", nanoseconds.to_string())
}

/// Compiled once for each process of tests, which may be many at a time.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| match env::var_os(MADE) {
    Some(made) => made.into(),
    None => compile("clock_state", SOURCE),
});

/// A library that is loaded before the C library.
pub(crate) fn compile(what: &str, source: &str) -> PathBuf {
    let folder = folder();
    let name = |end: &str| folder.join(format!("{what}.{}.{end}", process::id()));
    let made = fs::create_dir_all(&folder).and_then(|()| fs::write(name("c"), source));
    assert!(made.is_ok(), "{}: {made:?}", folder.display());
    let library = folder.join(format!("{what}.so"));
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]);
    command::expect(cc.arg(name("so")).arg(name("c")));
    let renamed = fs::rename(name("so"), &library).and_then(|()| fs::remove_file(name("c")));
    assert!(renamed.is_ok(), "{}: {renamed:?}", library.display());
    library
}

/// `target/tmp`; tests lie in `target/PROFILE/deps`.
fn folder() -> PathBuf {
    let test = env::current_exe().unwrap_or_default();
    let target = test.ancestors().nth(3).unwrap_or(Path::new("."));
    target.join("tmp")
}
