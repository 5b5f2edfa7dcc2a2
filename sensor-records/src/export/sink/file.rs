//! A file that is appended to, and moved aside when it is large or old.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{Failure, Frame, Outlet, Stop};

/// When a file is moved aside; the time it was is added to its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Once it has so many bytes.
    pub size: Option<u64>,
    /// Once it has been written to for so long.
    pub age: Option<Duration>,
}

/// Appends to a file.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    mode: u32,
    rotation: Rotation,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: fs::File,
    length: u64,
    since: Instant,
}

impl File {
    /// A file that only its owner may read, or of this mode where it is made.
    pub fn new(path: impl Into<PathBuf>, mode: Option<u32>, rotation: Rotation) -> Self {
        Self {
            path: path.into(),
            mode: mode.unwrap_or(0o600),
            rotation,
            open: None,
        }
    }

    fn begin(&self) -> io::Result<Open> {
        let mut options = OpenOptions::new();
        let opened = (options.read(true).append(true).create(true).mode(self.mode))
            // A FIFO without a reader would hold the thread.
            .custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC)
            .open(&self.path);
        let mut file = opened.map_err(|error| named(&self.path, &error))?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            let error = io::Error::other("it is no regular file; name one, or none");
            return Err(named(&self.path, &error));
        }
        let mut length = metadata.len();
        // Who was killed while writing left half a line.
        if length > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
                length += 1;
            }
        }
        Ok(Open {
            file,
            length,
            since: Instant::now(),
        })
    }

    /// Moves the file aside if it is time.
    fn rotate(&mut self) -> io::Result<()> {
        let Some(open) = &self.open else {
            return Ok(());
        };
        let Rotation { size, age } = self.rotation;
        let is_large = size.is_some_and(|size| open.length >= size);
        let is_old = age.is_some_and(|age| open.since.elapsed() >= age);
        if open.length == 0 || !(is_large || is_old) {
            return Ok(());
        }
        let aside = aside(&self.path)?;
        fs::rename(&self.path, &aside).map_err(|error| named(&self.path, &error))?;
        self.open = Some(self.begin()?);
        Ok(())
    }
}

impl Outlet for File {
    fn open(&mut self, _: &Stop) -> io::Result<()> {
        self.open = None;
        self.open = Some(self.begin()?);
        Ok(())
    }

    /// All or nothing: after a disk was full the file is cut where it was before.
    fn send(&mut self, frames: &[Frame], _: &Stop) -> Result<(), Failure> {
        let bytes: Vec<u8> = (frames.iter())
            .flat_map(|frame| frame.bytes.iter().copied())
            .collect();
        let path = &self.path;
        let failure = |error: io::Error| Failure {
            sent: 0,
            lost: 0,
            is_closed: true,
            error: named(path, &error),
        };
        let Some(open) = &mut self.open else {
            return Err(failure(io::Error::other("it is not open")));
        };
        match open.file.write_all(&bytes) {
            Ok(()) => {
                let written = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                open.length = open.length.saturating_add(written);
                Ok(())
            }
            Err(error) => {
                // Where even that fails, the next opening ends the torn line.
                let _ = open.file.set_len(open.length);
                Err(failure(error))
            }
        }
    }

    fn check(&mut self) -> io::Result<()> {
        self.rotate()
    }
}

/// A name that nothing has: that of the file, and the time.
fn aside(path: &Path) -> io::Result<PathBuf> {
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%S.%9fZ").to_string();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!("{name}.{now}"));
    if aside.try_exists()? {
        let error = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(named(&aside, &error));
    }
    Ok(aside)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
