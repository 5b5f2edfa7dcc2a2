//! The corpora in the repository: a folder a target, a file an input.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sekisho::capped;

/// Larger than any input.
const LARGEST: u64 = 1 << 20;

/// An input with the file it is in.
#[derive(Clone, Debug)]
pub struct Input {
    /// The file.
    pub file: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Where the corpus of a target is.
pub fn folder(target: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.join("fuzz/corpus").join(target)
}

/// All inputs of a target, in the order of their names.
pub fn of(target: &str) -> io::Result<Vec<Input>> {
    let folder = folder(target);
    let said = |error: io::Error| {
        let text = format!("the corpus {}: {error}", folder.display());
        io::Error::new(error.kind(), text)
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).map_err(said)? {
        files.push(entry?.path());
    }
    files.sort();
    files.into_iter().map(read).collect()
}

fn read(file: PathBuf) -> io::Result<Input> {
    let bytes = capped::read(&file, LARGEST)?;
    Ok(Input { file, bytes })
}
