//! The files that people put into `papers/`, read as often as need be.
//!
//! Nothing here judges a paper. What cannot be read is left out and said: a paper that was there
//! and is not counts as missing, which ends recording, so leaving out is the safe side. A file
//! is read when what the system says of it changes, and all of them are read again from time to
//! time, for a file can be changed without that.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{FolderError, guard};
use crate::{
    capped,
    documents::{Folder, Refusal, Rule},
    places::territory::LARGEST,
    stat::Stat,
};

/// After how long all files are read again, unless told otherwise.
pub const AGAIN: Duration = Duration::from_mins(1);

/// All files together, in bytes.
const LARGEST_TOGETHER: u64 = 4 << 30;

/// More files than anybody puts here.
const MOST: usize = 100_000;

/// How long the system says the same of a file before what was read of it is kept: two writes
/// within a tick of the kernel's clock, 10 ms at most, leave the same times.
const SETTLES: Duration = Duration::from_secs(1);

/// How often a file or the folder is read that changes meanwhile.
const TRIES: u32 = 5;

/// Endings of files that somebody is still writing, or has put aside.
const UNFINISHED: [&str; 5] = ["~", ".tmp", ".new", ".part", ".swp"];

/// What is in the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The files, as they were read.
    pub folder: Folder,
    /// What is left out of them, and why; the file is empty where that is the whole folder.
    pub left_out: Vec<Refusal>,
}

/// Reads the folder, and keeps what does not change.
#[derive(Debug)]
pub struct Papers {
    folder: PathBuf,
    again: Duration,
    kept: BTreeMap<String, Kept>,
    /// When all files were read.
    whole: Option<Instant>,
    caps: Caps,
}

#[derive(Clone, Copy, Debug)]
struct Caps {
    file: u64,
    together: u64,
}

/// A file as it was read.
#[derive(Clone, Debug)]
struct Kept {
    stat: Stat,
    /// Since when the system says this of it.
    since: Instant,
    is_settled: bool,
    bytes: Arc<[u8]>,
}

/// What became of a file that was listed.
enum Read {
    Whole(Kept),
    Gone,
    LeftOut(String),
}

impl Papers {
    pub(super) const fn new(folder: PathBuf, again: Duration) -> Self {
        Self {
            folder,
            again,
            kept: BTreeMap::new(),
            whole: None,
            caps: Caps {
                file: LARGEST,
                together: LARGEST_TOGETHER,
            },
        }
    }

    /// Reads what is there, at a time that does not go back. Files that did not change are the
    /// same allocation as before.
    pub fn scan(&mut self, now: Instant) -> Scan {
        let is_whole =
            (self.whole).is_none_or(|whole| now.saturating_duration_since(whole) >= self.again);
        if is_whole {
            self.whole = Some(now);
        }
        let names = match guard::papers(&self.folder).and_then(|()| names(&self.folder)) {
            Ok(names) => names,
            Err(error) => {
                self.kept.clear();
                return nothing(&error);
            }
        };
        let mut before = std::mem::take(&mut self.kept);
        let mut scan = Scan::default();
        let mut caps = self.caps;
        for name in names {
            let name = match name.into_string() {
                Ok(name) if is_ignored(&name) => continue,
                Ok(name) => name,
                Err(name) => {
                    let text = "its name is no UTF-8; give it another";
                    scan.leave_out(name.to_string_lossy().into(), text.into());
                    continue;
                }
            };
            let kept = before.remove(&name);
            match read(&self.folder.join(&name), kept.as_ref(), caps, now, is_whole) {
                Read::Whole(kept) => {
                    caps.together -= kept.stat.size;
                    scan.folder.files.insert(name.clone(), kept.bytes.clone());
                    self.kept.insert(name, kept);
                }
                Read::Gone => {}
                Read::LeftOut(text) => scan.leave_out(name, text),
            }
        }
        scan
    }
}

impl Scan {
    fn leave_out(&mut self, file: String, text: String) {
        self.left_out.push(Refusal {
            file,
            rule: Rule::Form,
            text,
        });
    }
}

/// Nothing of the folder may be used.
fn nothing(error: &FolderError) -> Scan {
    let (rule, text) = match error {
        FolderError::System { path, source } => {
            let text = format!("{}: {}", path.display(), plainly(source));
            (Rule::Form, text)
        }
        FolderError::NoPapers { .. } => (Rule::Missing, error.to_string()),
        _ => (Rule::Form, error.to_string()),
    };
    Scan {
        folder: Folder::default(),
        left_out: vec![Refusal {
            file: String::new(),
            rule,
            text,
        }],
    }
}

/// The names in the folder, in their order, of one moment: a file that is renamed while the
/// folder is read could be seen twice or not at all.
fn names(folder: &Path) -> Result<Vec<OsString>, FolderError> {
    let failed = FolderError::system(folder);
    let stat = || folder.symlink_metadata().map(|there| Stat::of(&there));
    let mut names = Vec::new();
    for _ in 0..TRIES {
        let before = stat().map_err(&failed)?;
        names.clear();
        for entry in fs::read_dir(folder).map_err(&failed)? {
            names.push(entry.map_err(&failed)?.file_name());
            if names.len() > MOST {
                let many = io::Error::other(format!("holds more than {MOST} files"));
                return Err(failed(many));
            }
        }
        if stat().map_err(&failed)? == before {
            break;
        }
    }
    names.sort();
    Ok(names)
}

pub(crate) fn is_ignored(name: &str) -> bool {
    name.starts_with('.') || UNFINISHED.iter().any(|ending| name.ends_with(ending))
}

/// Reads a file unless it is as it was, so that no moment's half of it is taken for the whole.
fn read(path: &Path, before: Option<&Kept>, caps: Caps, now: Instant, is_whole: bool) -> Read {
    for _ in 0..TRIES {
        let there = match path.symlink_metadata() {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Read::Gone,
            Err(error) => return Read::LeftOut(plainly(&error)),
        };
        if let Some(text) = no_paper(&there) {
            return Read::LeftOut(text.into());
        }
        let stat = Stat::of(&there);
        if stat.size > caps.file {
            return Read::LeftOut(format!("it is larger than {} bytes", caps.file));
        }
        if stat.size > caps.together {
            let text = "the papers before it are so large that it has no room: remove what is old";
            return Read::LeftOut(text.into());
        }
        if let Some(kept) = before
            && kept.stat == stat
            && kept.is_settled
            && !is_whole
        {
            return Read::Whole(kept.clone());
        }
        match read_whole(path, stat) {
            Ok(Some(bytes)) if guard::is_private_key(&bytes) => {
                return Read::LeftOut(format!("it {}", guard::PRIVATE));
            }
            Ok(Some(bytes)) => return Read::Whole(Kept::new(stat, bytes, before, now)),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Read::LeftOut(plainly(&error)),
        }
    }
    Read::LeftOut(
        "it changes while it is read; write it under a name that ends with .new, and rename it \
         when it is whole"
            .into(),
    )
}

/// The bytes of a file, if it is the one that was listed and stays so to its end.
fn read_whole(path: &Path, stat: Stat) -> io::Result<Option<Vec<u8>>> {
    let file = guard::open(path)?;
    if Stat::of(&file.metadata()?) != stat {
        return Ok(None);
    }
    let bytes = match capped::read_from(&file, stat.size) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(None),
        read => read?,
    };
    let is_whole = Stat::of(&file.metadata()?) == stat && bytes.len() as u64 == stat.size;
    Ok(is_whole.then_some(bytes))
}

fn no_paper(there: &Metadata) -> Option<&'static str> {
    let kind = there.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("it is a folder, which is not looked into: put what it holds beside the other papers")
    } else if kind.is_symlink() {
        Some("it is a link, which is not followed: put the file itself here")
    } else {
        Some("it is no file of bytes: remove it")
    }
}

/// What the system said, in plain words.
fn plainly(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "it may not be opened by this user".into(),
        _ => format!("it cannot be read: {error}"),
    }
}

impl Kept {
    fn new(stat: Stat, bytes: Vec<u8>, before: Option<&Self>, now: Instant) -> Self {
        let since = before
            .filter(|before| before.stat == stat)
            .map_or(now, |before| before.since);
        let same = before.filter(|before| *before.bytes == *bytes);
        Self {
            stat,
            since,
            is_settled: now.saturating_duration_since(since) >= SETTLES,
            bytes: same.map_or_else(|| bytes.into(), |before| before.bytes.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
