//! A virtual machine, from its start to its end.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use crate::files;

/// Two processors, as the tests want two at a time; memory for the image twice and the tests.
const SHAPE: [&str; 4] = ["-smp", "2", "-m", "3072"];

/// No disk, no network, no screen: what comes out goes through two serial lines.
const DEVICES: [&str; 8] = [
    "-nodefaults",
    "-no-reboot",
    "-display",
    "none",
    "-monitor",
    "none",
    "-nic",
    "none",
];

/// The kernel's messages go to the first line; a panic ends the machine.
const COMMAND_LINE: &str =
    "console=ttyS0,115200 loglevel=4 panic=-1 oops=panic rdinit=/init -- vm-guest";

/// Time between two looks at it.
const LOOK: Duration = Duration::from_millis(200);

/// What to boot.
pub(super) struct Machine<'a> {
    pub(super) kernel: &'a Path,
    pub(super) image: &'a Path,
    /// Where its output goes.
    pub(super) folder: &'a Path,
    pub(super) kvm: bool,
    pub(super) limit: Duration,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// What was said on the line of results.
    pub(super) results: String,
    /// Where the kernel's messages are.
    pub(super) console: PathBuf,
    /// Why it had to be ended or ended badly, if so.
    pub(super) amiss: Option<String>,
}

impl Machine<'_> {
    /// Boots it and waits for its end.
    pub(super) fn run(&self) -> Result<Ended> {
        let [console, results] = ["console.log", "results.jsonl"].map(|it| self.folder.join(it));
        let accelerator = if self.kvm {
            ["-accel", "kvm", "-cpu", "host"]
        } else {
            ["-accel", "tcg,thread=multi", "-cpu", "max"]
        };
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(accelerator).args(SHAPE).args(DEVICES);
        for line in [&console, &results] {
            // Qemu would leave what is there from an earlier run until something is written.
            fs::write(line, "").with_context(|| format!("cannot write {}", line.display()))?;
            qemu.arg("-serial").arg(format!("file:{}", line.display()));
        }
        qemu.arg("-kernel").arg(self.kernel);
        qemu.arg("-initrd").arg(self.image);
        qemu.args(["-append", COMMAND_LINE]).stdin(Stdio::null());
        let mut qemu = qemu.spawn().context("cannot run qemu-system-x86_64")?;
        let amiss = self.wait(&mut qemu)?;
        Ok(Ended {
            results: files::text(&results)?,
            console,
            amiss,
        })
    }

    fn wait(&self, qemu: &mut Child) -> Result<Option<String>> {
        let begin = Instant::now();
        while begin.elapsed() < self.limit {
            if let Some(status) = qemu.try_wait()? {
                let amiss = format!("qemu ended with {status}");
                return Ok((!status.success()).then_some(amiss));
            }
            thread::sleep(LOOK);
        }
        qemu.kill()?;
        qemu.wait()?;
        let limit = self.limit.as_secs();
        Ok(Some(format!(
            "it had not ended after {limit} s and was ended"
        )))
    }
}
