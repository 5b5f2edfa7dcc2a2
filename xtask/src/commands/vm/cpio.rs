//! Archives as the kernel unpacks them into its first file system
//! (Documentation/driver-api/early-userspace/buffer-format.rst: `newc`).
//!
//! Not compressed: an emulated processor takes longer to unpack than to copy. Archives may
//! follow one another, so what all kernels share is written once.

use std::{
    collections::BTreeSet,
    fs::Permissions,
    io::{self, Write},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_777;

/// An archive that is written; everything belongs to root.
#[derive(Debug)]
pub(super) struct Archive<W> {
    out: W,
    written: usize,
    number: u32,
    /// What is in it, so that nothing is there twice.
    names: BTreeSet<String>,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            written: 0,
            number: 0,
            names: BTreeSet::new(),
        }
    }

    /// Whether something has this path already.
    pub(super) fn has(&self, path: &str) -> bool {
        self.names.contains(path.trim_start_matches('/'))
    }

    /// Adds a folder, and those above it.
    pub(super) fn folder(&mut self, path: &str) -> io::Result<()> {
        if path.trim_matches('/').is_empty() || self.has(path) {
            return Ok(());
        }
        self.above(path)?;
        self.entry(path, FOLDER, &[])
    }

    /// Adds a file with these permissions, and the folders above it.
    pub(super) fn file(&mut self, path: &str, mode: &Permissions, data: &[u8]) -> io::Result<()> {
        self.above(path)?;
        self.entry(path, FILE | mode.mode() & 0o777, data)
    }

    /// Adds a symbolic link, and the folders above it.
    pub(super) fn link(&mut self, path: &str, target: &str) -> io::Result<()> {
        self.above(path)?;
        self.entry(path, LINK, target.as_bytes())
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.entry("TRAILER!!!", 0, &[])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn above(&mut self, path: &str) -> io::Result<()> {
        match Path::new(path).parent().and_then(Path::to_str) {
            Some(parent) => self.folder(parent),
            None => Ok(()),
        }
    }

    fn entry(&mut self, path: &str, mode: u32, data: &[u8]) -> io::Result<()> {
        let name = path.trim_start_matches('/');
        if !self.names.insert(name.to_owned()) {
            return Ok(());
        }
        self.number += 1;
        let size = |length: usize| {
            u32::try_from(length).map_err(|_| {
                let why = format!("{path}: {length} bytes are too many for a cpio archive");
                io::Error::new(io::ErrorKind::FileTooLarge, why)
            })
        };
        // Number, mode, user, group, links, time, size, two devices of two halves, length of
        // the name with its end, sum.
        let (length, name_length) = (size(data.len())?, size(name.len() + 1)?);
        let fields = [
            self.number,
            mode,
            0,
            0,
            1,
            0,
            length,
            0,
            0,
            0,
            0,
            name_length,
            0,
        ];
        self.put(b"070701")?;
        for field in fields {
            self.put(format!("{field:08x}").as_bytes())?;
        }
        self.put(name.as_bytes())?;
        self.put(&[0])?;
        self.align()?;
        self.put(data)?;
        self.align()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len();
        self.out.write_all(bytes)
    }

    fn align(&mut self) -> io::Result<()> {
        let more = self.written.next_multiple_of(4) - self.written;
        self.put(&[0; 3][..more])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Vec<u8> {
        let mut archive = Archive::new(Vec::new());
        archive.link("/bin", "usr/bin").unwrap();
        let runs = Permissions::from_mode(0o100_755);
        archive.file("/usr/bin/one", &runs, b"12345").unwrap();
        archive.file("/usr/bin/one", &runs, b"again").unwrap();
        archive.folder("/usr/bin").unwrap();
        assert!(archive.has("/usr/bin/one") && !archive.has("/usr/bin/two"));
        archive.finish().unwrap()
    }

    #[test]
    fn an_entry_is_its_head_its_name_and_its_bytes_each_padded() {
        let mut archive = Archive::new(Vec::new());
        let mode = Permissions::from_mode(0o640);
        archive.file("/a", &mode, b"12345").unwrap();
        let bytes = archive.out;
        let head = "07070100000001000081a0000000000000000000000001000000000000000500000000\
                    0000000000000000000000000000000200000000";
        assert_eq!(&bytes[..110], head.as_bytes());
        assert_eq!(&bytes[110..], b"a\x0012345\0\0\0");
    }

    #[test]
    fn folders_stand_before_what_is_in_them_and_nothing_twice() {
        let text = String::from_utf8_lossy(&archive()).into_owned();
        let at = |name: &str| text.find(&format!("{name}\0")).unwrap();
        assert!(at("usr") < at("usr/bin/one") && at("usr/bin/one") < at("TRAILER!!!"));
        assert_eq!(text.matches("usr/bin/one\0").count(), 1);
        assert!(!text.contains("again"));
    }

    #[test]
    fn cpio_reads_it() {
        use std::process::{Command, Stdio};
        let list = Command::new("cpio")
            .args(["--quiet", "-tv"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut list) = list else {
            eprintln!("skipped: no cpio");
            return;
        };
        list.stdin.take().unwrap().write_all(&archive()).unwrap();
        let output = list.wait_with_output().unwrap();
        assert!(output.status.success());
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        let names: Vec<_> = listed
            .lines()
            .map(|line| line.split_whitespace().nth(8).unwrap())
            .collect();
        assert_eq!(names, ["bin", "usr", "usr/bin", "usr/bin/one"]);
        assert!(listed.contains("-> usr/bin"), "{listed}");
    }
}
