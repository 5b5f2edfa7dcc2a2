//! The sensor in the carrier's namespace.

use std::path::Path;

use anyhow::Result;
use nix::sys::signal::Signal;

use super::{
    interrupt::Interrupt,
    namespace::Namespace,
    network::{TO_DOMESTIC, TO_FOREIGN},
    process::Process,
};

/// What the sensor says when it is attached and attends: what arrives before is not recorded.
const RECORDING: &str = "LAB: recording";

/// A sensor that is killed when this value goes, unless it was stopped before.
#[derive(Debug)]
pub(super) struct Sensor(Process);

impl Sensor {
    /// Starts it and waits until it records.
    pub(super) fn start(
        binary: &Path,
        feed: &Path,
        output: &Path,
        carrier: &Namespace,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let mut command = carrier.command(binary);
        command.args([
            "run",
            "--lab",
            "--interface",
            TO_FOREIGN,
            "--interface",
            TO_DOMESTIC,
        ]);
        command.arg("--feed").arg(feed).arg("--output").arg(output);
        // A folder of the demo's own, so that it runs beside a sensor of this machine.
        command
            .arg("--runtime-dir")
            .arg(output.with_extension("run"));
        let mut process = Process::start("the sensor", &mut command)?;
        process.wait_for(RECORDING, interrupt)?;
        Ok(Self(process))
    }

    /// Stops it as a service manager would, after which its output is complete.
    pub(super) fn stop(self, interrupt: &Interrupt) -> Result<()> {
        self.0.end(Signal::SIGTERM, interrupt)?;
        Ok(())
    }
}
