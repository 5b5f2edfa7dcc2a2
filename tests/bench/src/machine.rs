//! What figures belong to.

use std::process::Command;

use sekisho::capped;
use serde::Serialize;

/// The machine a run was made on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cpus: usize,
    pub(crate) kernel: String,
    /// Second and third cache, as the kernel says it.
    pub(crate) caches: Vec<String>,
    /// What is done against Spectre and against returns that speculate: it decides what
    /// calls and returns cost.
    pub(crate) mitigations: Vec<String>,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let read = |path: &str| {
            let text = capped::read_to_string(path, 1 << 20);
            text.map(|text| text.trim().to_owned()).unwrap_or_default()
        };
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == "model name").then(|| value.trim().to_owned())
        });
        let cache = |index: u32| {
            read(&format!(
                "/sys/devices/system/cpu/cpu0/cache/index{index}/size"
            ))
        };
        Self {
            cpu: model.unwrap_or_else(|| std::env::consts::ARCH.into()),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: read("/proc/sys/kernel/osrelease"),
            caches: vec![cache(2), cache(3)],
            mitigations: ["spectre_v2", "spec_rstack_overflow", "retbleed"]
                .map(|name| {
                    let path = format!("/sys/devices/system/cpu/vulnerabilities/{name}");
                    format!("{name}: {}", read(&path))
                })
                .into(),
        }
    }

    /// The machine in a name of a file.
    pub(crate) fn slug(&self) -> String {
        slug(&self.cpu)
    }
}

fn slug(text: &str) -> String {
    let words = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

/// The commit that is measured, with a mark where the tree differs from it.
pub(crate) fn commit() -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let git = Command::new("git")
        .args(["-c", "safe.directory=*", "-C", root])
        .args(["describe", "--always", "--dirty", "--abbrev=12"])
        .output();
    match git {
        Ok(git) if git.status.success() => String::from_utf8_lossy(&git.stdout).trim().to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_has_words_and_dashes() {
        assert_eq!(slug("AMD EPYC (TM) 9B14"), "amd-epyc-tm-9b14");
    }
}
