//! A copy of a feed: its files as they came, and what they say.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, BufReader, Read as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::StoreError;
use crate::{
    beside,
    documents::Time,
    feeds::{gather::FirstSeen, merge::Merged, table},
};

/// The files as they came.
const FILES: &str = "files";

/// What they say.
const TABLE: &str = "indicators.jsonl";

/// The folder of a copy.
pub(super) fn folder(feed: &Path, number: u64) -> PathBuf {
    feed.join(number.to_string())
}

/// Where the files of a copy are.
pub(super) fn files_of(copy: &Path) -> PathBuf {
    copy.join(FILES)
}

/// Makes an empty copy; what an earlier try left is removed.
pub(super) fn make(feed: &Path, number: u64) -> Result<PathBuf, StoreError> {
    let folder = folder(feed, number);
    remove(&folder)?;
    let files = files_of(&folder);
    let made = DirBuilder::new().recursive(true).mode(0o755).create(&files);
    made.map_err(StoreError::system(&files))?;
    Ok(folder)
}

/// Removes a copy, if there is one.
pub(super) fn remove(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(StoreError::system(folder)),
    }
}

/// Removes all copies of a feed but these.
pub(super) fn remove_others(feed: &Path, kept: &[u64]) -> Result<(), StoreError> {
    for entry in fs::read_dir(feed).map_err(StoreError::system(feed))? {
        let entry = entry.map_err(StoreError::system(feed))?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.parse::<u64>().ok());
        if number.is_some_and(|number| !kept.contains(&number)) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// The files of a copy, in order of their names.
pub(super) fn files(copy: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let folder = files_of(copy);
    let failed = StoreError::system(&folder);
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).map_err(&failed)? {
        files.push(entry.map_err(&failed)?.path());
    }
    files.sort();
    Ok(files)
}

/// Bytes of a file, and its SHA-256.
pub(super) fn measured(file: &Path) -> Result<(u64, String), StoreError> {
    let failed = StoreError::system(file);
    let mut from = File::open(file).map_err(&failed)?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut buffer).map_err(&failed)?;
        let Some(read) = buffer.get(..read).filter(|read| !read.is_empty()) else {
            break;
        };
        hash.update(read);
        bytes += read.len() as u64;
    }
    let digest: [u8; 32] = hash.finalize().into();
    let hex = digest.iter().map(|byte| format!("{byte:02x}"));
    Ok((bytes, hex.collect()))
}

/// Writes what a copy says.
pub(super) fn write(copy: &Path, said: &Merged) -> Result<(), StoreError> {
    let file = copy.join(TABLE);
    beside::replace(&file, &copy.join("indicators.jsonl.new"), |out| {
        table::write(said, out)
    })
    .map_err(StoreError::system(&file))
}

/// Reads what a copy says, and adds it.
pub(super) fn read(
    feed: &Path,
    number: u64,
    (name, heard): (&str, Option<Time>),
    merged: &mut Merged,
) -> Result<(), StoreError> {
    let (file, from) = open(feed, number)?;
    table::read(name, heard, from, merged).map_err(|source| StoreError::Table { file, source })
}

/// When each indicator of a copy was first named.
pub(super) fn first_seen(feed: &Path, number: u64) -> Result<FirstSeen, StoreError> {
    let (file, from) = open(feed, number)?;
    table::first_seen(from).map_err(|source| StoreError::Table { file, source })
}

fn open(feed: &Path, number: u64) -> Result<(PathBuf, BufReader<File>), StoreError> {
    let file = folder(feed, number).join(TABLE);
    let opened = File::open(&file).map_err(StoreError::system(&file))?;
    Ok((file, BufReader::new(opened)))
}
