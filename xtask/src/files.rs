//! Whole files, read through a cap: what was taken for a file may be something else.

use std::{fs::File, io::Read as _, path::Path};

use anyhow::{Context as _, Result, ensure};

/// Larger than anything that is read whole: kernels, modules, programs, logs.
const LARGEST: u64 = 1 << 30;

/// The bytes of a file.
#[expect(clippy::disallowed_methods, reason = "this is the cap")]
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    let read = read.with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        u64::try_from(read)? <= LARGEST,
        "{} is larger than a GiB",
        path.display()
    );
    Ok(bytes)
}

/// A file as text; what is no UTF-8 in it is replaced.
pub(crate) fn text(path: &Path) -> Result<String> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}
