//! The file of the log of arrivals.
//!
//! `sekisho init` makes it empty, so one that is missing was lost. What is added is on the disk
//! when adding returns; an error leaves the file as it was.

use std::{
    fs::File,
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::PathBuf,
};

use super::{FolderError, StateFolder, folder::is_missing, guard};
use crate::{
    capped,
    documents::{
        Digest, Time,
        journal::{self, Arrival},
    },
};

/// The file in the state folder.
pub(super) const FILE: &str = "arrivals.jsonl";

/// The log of arrivals of a state folder, which is to be kept open as long.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    arrivals: Vec<Arrival>,
    /// Bytes of whole lines; what a crash left behind them has had no effect.
    whole: u64,
    /// None where the folder is only looked at.
    out: Option<File>,
}

impl Journal {
    /// Reads the log. The file is not changed before something is appended.
    pub fn open(folder: &StateFolder) -> Result<Self, FolderError> {
        let path = folder.path().join(FILE);
        let failed = |source| FolderError::System {
            path: path.clone(),
            source,
        };
        if is_missing(&path) {
            return Err(FolderError::NoJournal { file: path });
        }
        guard::file(&path)?;
        let mut options = File::options();
        options
            .read(true)
            .write(folder.is_held())
            .custom_flags(libc::O_NOFOLLOW);
        let file = options.open(&path).map_err(failed)?;
        let bytes = capped::read_from(&file, journal::LARGEST).map_err(failed)?;
        let (arrivals, whole) = journal::read(&bytes).map_err(|source| FolderError::Journal {
            file: path.clone(),
            source,
        })?;
        Ok(Self {
            path,
            arrivals,
            whole: whole as u64,
            out: folder.is_held().then_some(file),
        })
    }

    /// What arrived, in order.
    pub fn arrivals(&self) -> &[Arrival] {
        &self.arrivals
    }

    /// Whether the file is still as it was read and written here.
    ///
    /// # Errors
    ///
    /// When somebody else has written in it, or put another in its place.
    pub fn check(&self) -> io::Result<()> {
        let bytes = capped::read(&self.path, journal::LARGEST)?;
        match journal::read(&bytes) {
            Ok((arrivals, _)) if arrivals == self.arrivals => Ok(()),
            _ => Err(refused(
                "the log of arrivals was changed by somebody else; put it back from the backup",
            )),
        }
    }

    /// Writes lines that follow those before, all of them or, on an error, none. When it returns
    /// they are on the disk.
    pub fn append(&mut self, arrivals: &[Arrival]) -> io::Result<()> {
        let Some(out) = &self.out else {
            return Err(refused("the state folder is only looked at"));
        };
        if arrivals.is_empty() {
            return Ok(());
        }
        self.check_follows(arrivals)?;
        let mut text = String::new();
        for arrival in arrivals {
            text.push_str(&arrival.text());
            text.push('\n');
        }
        let length = self.whole + text.len() as u64;
        if length > journal::LARGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let (there, named) = (out.metadata()?, self.path.symlink_metadata()?);
        let is_same = (there.dev(), there.ino()) == (named.dev(), named.ino());
        if !is_same || there.len() < self.whole {
            return Err(refused("the log of arrivals was changed by somebody else"));
        }
        if there.len() > self.whole {
            out.set_len(self.whole)?;
        }
        let written = out.write_all_at(text.as_bytes(), self.whole);
        if let Err(error) = written.and_then(|()| out.sync_data()) {
            // What cannot be cut off now is cut off before the next line.
            let _ = out.set_len(self.whole).and_then(|()| out.sync_data());
            return Err(error);
        }
        self.whole = length;
        self.arrivals.extend_from_slice(arrivals);
        Ok(())
    }

    /// A line that does not follow would make the log unreadable for ever.
    fn check_follows(&self, arrivals: &[Arrival]) -> io::Result<()> {
        let last = self.arrivals.last();
        let mut line = last.map_or(0, |last| last.line);
        let mut previous = last.map_or_else(|| Digest::of(b""), Arrival::digest);
        let mut earliest = last.map_or(Time::MIN, |last| last.time);
        for arrival in arrivals {
            line += 1;
            if arrival.line != line || arrival.previous != previous || arrival.time < earliest {
                return Err(refused("the line does not follow those of the log"));
            }
            previous = arrival.digest();
            earliest = arrival.time;
        }
        Ok(())
    }
}

fn refused(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests;
