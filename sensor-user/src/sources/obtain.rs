//! How a copy of a feed is had from its source.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{FeedConfig, Mark};
use crate::feeds::LARGEST;

/// More files than a folder of a feed has.
const MOST: usize = 100_000;

/// Why a copy cannot be had. Each says what to do.
#[derive(Debug, Error)]
pub enum ObtainError {
    /// A file of this machine cannot be read.
    #[error("{}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is needed to ask a host is not there.
    #[error("{0}")]
    Remote(String),
    /// What a host did.
    #[error(transparent)]
    Fetch(#[from] sensor_fetch::Error),
    /// The list of hosts cannot be read.
    #[error("{}: {source}", file.display())]
    Hosts {
        /// The list.
        file: PathBuf,
        /// Which line.
        source: sensor_fetch::HostsError,
    },
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obtained {
    /// It is as it was.
    Unchanged,
    /// The files are there; the next time it is asked with this.
    New(Mark),
}

/// How far it is: bytes that came, and all of them where that is known.
pub type Progress<'a> = &'a mut dyn FnMut(u64, Option<u64>);

/// Tells how much of files was read.
pub(super) struct Counted<'a, R> {
    pub(super) from: R,
    pub(super) so_far: &'a mut u64,
    pub(super) all: u64,
    pub(super) progress: Progress<'a>,
}

impl<R: io::Read> io::Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        *self.so_far += read as u64;
        (self.progress)(*self.so_far, Some(self.all));
        Ok(read)
    }
}

/// Has copies of feeds from their sources.
pub trait Obtain {
    /// Puts the files of a feed into a folder. `before` is that of the last good copy, with what
    /// was to be asked with.
    ///
    /// # Errors
    ///
    /// When it cannot be had whole.
    fn obtain(
        &self,
        config: &FeedConfig,
        before: Option<(&Path, &Mark)>,
        into: &Path,
        progress: Progress<'_>,
    ) -> Result<Obtained, ObtainError>;
}

/// Has what lies on this machine, and nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

impl Obtain for Local {
    fn obtain(
        &self,
        config: &FeedConfig,
        _: Option<(&Path, &Mark)>,
        into: &Path,
        progress: Progress<'_>,
    ) -> Result<Obtained, ObtainError> {
        let Some(path) = config.path() else {
            let text = format!("{} is not on this machine", config.source);
            return Err(ObtainError::Remote(text));
        };
        let failed = ObtainError::file(path);
        let there = path.metadata().map_err(&failed)?;
        if !there.is_dir() {
            copy(path, &into.join("feed"), &mut |bytes| {
                progress(bytes, Some(there.len()));
            })?;
            return Ok(Obtained::New(Mark::default()));
        }
        let mut all = 0;
        for (at, entry) in fs::read_dir(path).map_err(&failed)?.enumerate() {
            let entry = entry.map_err(&failed)?;
            if at >= MOST {
                let error = io::Error::other(format!("has more than {MOST} files"));
                return Err(failed(error));
            }
            let name = entry.file_name();
            let is_hidden = name.as_encoded_bytes().starts_with(b".");
            if !is_hidden && entry.path().is_file() {
                let begin = all;
                copy(&entry.path(), &into.join(name), &mut |bytes| {
                    all = begin + bytes;
                    progress(all, None);
                })?;
            }
        }
        Ok(Obtained::New(Mark::default()))
    }
}

impl ObtainError {
    pub(super) fn file(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::File {
            path: path.into(),
            source,
        }
    }
}

/// Copies a file of at most the size of a feed.
fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), ObtainError> {
    let (of_from, of_to) = (ObtainError::file(from), ObtainError::file(to));
    let mut source = File::open(from).map_err(&of_from)?;
    let mut copy = File::create_new(to).map_err(&of_to)?;
    let mut buffer = vec![0; 1 << 16];
    let mut all = 0;
    loop {
        let read = source.read(&mut buffer).map_err(&of_from)?;
        let Some(read) = buffer.get(..read).filter(|read| !read.is_empty()) else {
            break;
        };
        copy.write_all(read).map_err(&of_to)?;
        all += read.len() as u64;
        if all > LARGEST {
            let error = format!("larger than {LARGEST} bytes");
            return Err(of_from(io::Error::new(io::ErrorKind::FileTooLarge, error)));
        }
        progress(all);
    }
    copy.sync_all().map_err(&of_to)
}
