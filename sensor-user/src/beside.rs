//! Files that are there whole or not at all: written beside, then renamed.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Writes a file for its owner alone. When it returns the file is on the disk; on an error the
/// one before stays as it is.
///
/// `beside` is in the same folder. What a crash left there, or something else of that name, is
/// removed and never written through.
pub(crate) fn replace(
    file: &Path,
    beside: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    match fs::remove_file(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600);
    let mut out = BufWriter::new(options.open(beside)?);
    write(&mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    fs::rename(beside, file)?;
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
