//! `cargo xtask test`: every test there is.
//!
//! Three stages: the units as the current user, the examples in the documentation,
//! and the tests of `sensor-tests` against the kernel as root. Each stage runs even
//! if an earlier one failed, so that one run shows everything.

mod outcome;

use std::{env, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use self::outcome::{Outcome, conclude, outcome};
use crate::{
    exec, privilege,
    say::say,
    tools::{self, CARGO_NEXTEST, Need},
    workspace::{self, HOST_PACKAGES},
};

/// The package whose tests load programs into the kernel.
const KERNEL_TESTS: &str = "package(sensor-tests)";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run only tests whose name contains one of these; leaves out documentation
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
}

/// Runs all tests, or those that match, and fails if any does or none is found.
pub(crate) fn run(args: &Args) -> Result<()> {
    tools::ensure(&[Need::Test])?;
    say("test", "building the sensor and its tests");
    // What the stages share.
    let sensor = workspace::build_sensor(&["--tests"])?;

    let mut outcomes = vec![("unit tests", units(&args.filters)?)];
    if args.filters.is_empty() {
        outcomes.push(("documentation tests", documentation()?));
    }
    outcomes.push(("kernel tests", kernel(&args.filters, &sensor)?));
    conclude(&outcomes, !args.filters.is_empty())
}

fn units(filters: &[String]) -> Result<Outcome> {
    say("test", "unit tests, as the current user");
    let mut nextest = nextest(filters)?;
    nextest.args(["--filterset", &format!("not {KERNEL_TESTS}")]);
    outcome(&mut nextest)
}

/// The examples in the documentation, which nextest does not run.
fn documentation() -> Result<Outcome> {
    say("test", "documentation tests");
    let mut test = workspace::cargo("test");
    test.args(HOST_PACKAGES).args(["--doc", "--quiet"]);
    let passed = exec::status(&mut test)?.success();
    Ok(if passed {
        Outcome::Passed
    } else {
        Outcome::Failed
    })
}

/// The tests of `sensor-tests`, as root: only the finished binaries run under sudo.
fn kernel(filters: &[String], sensor: &PathBuf) -> Result<Outcome> {
    say("test", "kernel tests, as root");
    let mut nextest = nextest(filters)?;
    nextest
        .args(["--filterset", KERNEL_TESTS])
        .env("SEKISHO_BIN", sensor);
    if let Some(runner) = privilege::runner()? {
        nextest.env(runner_variable()?, runner);
        // Or root would leave files in the repository.
        nextest
            .env("INSTA_UPDATE", "no")
            .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1");
    }
    outcome(&mut nextest)
}

/// Nextest over the whole selection; a stage picks its part by a filterset.
fn nextest(filters: &[String]) -> Result<Command> {
    let profile = if env::var_os("CI").is_some_and(|ci| ci == "true") {
        "ci"
    } else {
        "default"
    };
    let mut nextest = CARGO_NEXTEST.command()?;
    nextest
        .args(["nextest", "run", "--profile", profile])
        .args(HOST_PACKAGES)
        .args(filters);
    // All is built, and its warnings were shown then.
    nextest.env("CARGO_TERM_QUIET", "true");
    // Else insta asks Cargo, which sudo does not find.
    nextest.env("INSTA_WORKSPACE_ROOT", workspace::root());
    if env::var_os("SEKISHO_DATA").is_none()
        && let Ok(data) = workspace::root().join("../shared/data").canonicalize()
    {
        nextest.env("SEKISHO_DATA", data);
    }
    Ok(nextest)
}

/// `CARGO_TARGET_<TRIPLE>_RUNNER` for the machine we are on.
fn runner_variable() -> Result<String> {
    let version = exec::stdout(
        Command::new("rustc")
            .arg("-vV")
            .current_dir(workspace::root()),
    )?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let triple = host
        .context("`rustc -vV` names no host")?
        .to_uppercase()
        .replace('-', "_");
    Ok(format!("CARGO_TARGET_{triple}_RUNNER"))
}
