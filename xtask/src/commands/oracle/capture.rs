//! Captures of a folder, and reading what others wrote about them.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};

use crate::{commands::scratch::Scratch, exec};

/// How the names of captures end, before what says that they are compressed.
const ENDS: [&str; 3] = [".pcap", ".pcapng", ".cap"];

/// Every capture below a folder, in the order of their names.
pub(super) fn find(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut captures = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let what = || format!("cannot read the folder {}", folder.display());
        for entry in fs::read_dir(&folder).with_context(what)? {
            let entry = entry.with_context(what)?;
            let kind = entry.file_type().with_context(what)?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if is_capture(&entry.file_name().to_string_lossy()) {
                captures.push(entry.path());
            }
        }
    }
    ensure!(
        !captures.is_empty(),
        "there is no capture below {}: no name ends in .pcap, .pcapng or .cap, with or without \
         .gz or .zst",
        folder.display()
    );
    captures.sort();
    Ok(captures)
}

fn is_capture(name: &str) -> bool {
    let compressed = name.strip_suffix(".gz").or(name.strip_suffix(".zst"));
    let name = compressed.unwrap_or(name);
    ENDS.iter().any(|end| name.ends_with(end))
}

/// The SHA-256 of a file as it is, in hexadecimal digits.
pub(super) fn sha256(path: &Path) -> Result<String> {
    let mut command = exec::apart("sha256sum");
    let line = exec::captured(command.arg("--").arg(path))?;
    // A backslash leads the line where the name has bytes that are written otherwise.
    let digest = line.trim_start_matches('\\').split(' ').next();
    Ok(digest.unwrap_or_default().to_owned())
}

/// The capture as tshark can read it: Debian's is built without zstd.
pub(super) fn readable(capture: &Path, scratch: &Scratch) -> Result<PathBuf> {
    if capture
        .extension()
        .is_none_or(|extension| extension != "zst")
    {
        return Ok(capture.to_owned());
    }
    let path = scratch.file("decompressed");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    let mut zstd = exec::apart("zstd");
    zstd.args(["--decompress", "--stdout", "--quiet", "--"]);
    zstd.arg(capture).stdout(Stdio::from(file));
    // What is cut or corrupt is read up to there, as the sensor does.
    zstd.stderr(Stdio::null());
    exec::status(&mut zstd)?;
    Ok(path)
}

/// Hands on each line of a file.
pub(super) fn each_line(path: &Path, mut take: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    for line in BufReader::new(file).split(b'\n') {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        take(&String::from_utf8_lossy(&line))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_is_known_by_its_name() {
        for name in ["a.pcap", "b.pcapng", "c.cap", "a.pcap.gz", "b.cap.zst"] {
            assert!(is_capture(name), "{name}");
        }
        for name in ["a.txt", "pcap", "a.pcap.xz", "a.gz", "a.pcap.txt"] {
            assert!(!is_capture(name), "{name}");
        }
    }
}
