//! Corpora: the small one in the repository, and the large one that a fuzzer works on.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result};

use super::target::{Target, folder};
use crate::{exec, files as whole};

/// The most that the fuzzer adds to a corpus in the repository, in bytes and in inputs.
const MOST_BYTES: u64 = 48 << 10;
const MOST_INPUTS: usize = 200;

/// The folders of a target.
pub(super) struct Corpus {
    /// In the repository: inputs that people named, findings, and what the fuzzer added.
    pub(super) folder: PathBuf,
    /// What the fuzzer adds to.
    pub(super) working: PathBuf,
    /// What it found.
    pub(super) artifacts: PathBuf,
}

impl Corpus {
    pub(super) fn of(target: &Target) -> Result<Self> {
        let corpus = Self {
            folder: folder().join("corpus").join(&target.name),
            working: target.scratch("working"),
            artifacts: target.scratch("artifacts"),
        };
        for folder in [&corpus.working, &corpus.artifacts] {
            fs::create_dir_all(folder).with_context(|| failed("make", folder))?;
        }
        Ok(corpus)
    }

    /// What is in the repository.
    pub(super) fn stored(&self) -> Result<Vec<PathBuf>> {
        files(&self.folder)
    }

    /// Takes away what the last run found, and what it worked on unless this one goes on.
    pub(super) fn prepare(&self, resumes: bool) -> Result<()> {
        for file in files(&self.artifacts)? {
            remove(&file)?;
        }
        if !resumes {
            for file in files(&self.working)? {
                remove(&file)?;
            }
        }
        Ok(())
    }

    /// What the fuzzer found. An input that was merely slow is no finding.
    pub(super) fn found(&self) -> Result<Vec<PathBuf>> {
        let mut found = files(&self.artifacts)?;
        found.retain(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            !name.starts_with("slow-unit")
        });
        Ok(found)
    }

    /// Puts findings into the repository; where they are there.
    pub(super) fn keep(&self, artifacts: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let mut kept = Vec::new();
        for artifact in artifacts {
            let name = artifact.file_name().context("a finding has a name")?;
            let name = name.to_string_lossy();
            let (_, hash) = name.rsplit_once('-').unwrap_or(("", &name));
            let file = self.folder.join(format!("crash-{hash}"));
            copy(artifact, &file)?;
            kept.push(file);
        }
        Ok(kept)
    }

    /// Adds to the repository what of the working corpus goes another way through the code than
    /// what people named and what was found; what there is then.
    pub(super) fn minimise(&self, target: &Target) -> Result<(usize, u64)> {
        let merged = target.scratch("merged");
        match fs::remove_dir_all(&merged) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| failed("remove", &merged));
            }
            _ => {}
        }
        fs::create_dir_all(&merged).with_context(|| failed("make", &merged))?;
        for file in self.stored()? {
            if !is_added(&file) {
                copy(&file, &merged.join(file.file_name().unwrap_or_default()))?;
            }
        }
        let mut merge = exec::apart("nice");
        merge
            .args(["-n", "19"])
            .arg(target.program())
            // By edges alone: how often each is taken would be thousands of inputs.
            .args(["-merge=1", "-use_counters=0"])
            .arg(format!("-max_len={}", target.longest))
            .args([&merged, &self.folder, &self.working])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        exec::check(&mut merge)?;
        for file in self.stored()? {
            if is_added(&file) {
                remove(&file)?;
            }
        }
        let mut added = Vec::new();
        for file in files(&merged)? {
            if is_added(&file) {
                added.push((size(&file)?, file));
            }
        }
        added.sort();
        let mut bytes = 0;
        // Of every size, for the long ones go deeper.
        let step = added.len().div_ceil(MOST_INPUTS).max(1);
        for (size, file) in added.into_iter().step_by(step) {
            bytes += size;
            if bytes > MOST_BYTES {
                break;
            }
            copy(
                &file,
                &self.folder.join(file.file_name().unwrap_or_default()),
            )?;
        }
        let stored = self.stored()?;
        let sizes = stored.iter().map(|file| size(file));
        Ok((stored.len(), sizes.sum::<Result<u64>>()?))
    }
}

/// Whether the fuzzer named it: by its SHA-1.
fn is_added(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The files in a folder, in the order of their names; none where there is no folder.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        entries => entries.with_context(|| failed("read", folder))?,
    };
    for entry in entries {
        files.push(entry.with_context(|| failed("read", folder))?.path());
    }
    files.sort();
    Ok(files)
}

/// How many files there are.
pub(super) fn count(folder: &Path) -> Result<usize> {
    files(folder).map(|files| files.len())
}

fn size(file: &Path) -> Result<u64> {
    let there = file.metadata().with_context(|| failed("read", file))?;
    Ok(there.len())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let bytes = whole::read(from)?;
    fs::write(to, bytes).with_context(|| failed("write", to))
}

fn remove(file: &Path) -> Result<()> {
    fs::remove_file(file).with_context(|| failed("remove", file))
}

fn failed(what: &str, path: &Path) -> String {
    format!("cannot {what} {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::scratch::Scratch;

    #[test]
    fn what_was_found_is_kept_and_the_next_run_begins_without_it() {
        let scratch = Scratch::create().unwrap();
        let corpus = Corpus {
            folder: scratch.file("corpus"),
            working: scratch.file("working"),
            artifacts: scratch.file("artifacts"),
        };
        for folder in [&corpus.folder, &corpus.working, &corpus.artifacts] {
            fs::create_dir(folder).unwrap();
        }
        for name in ["crash-00ff", "timeout-11ee", "slow-unit-22dd"] {
            fs::write(corpus.artifacts.join(name), name).unwrap();
        }
        fs::write(corpus.working.join("33cc"), "").unwrap();
        let kept = corpus.keep(&corpus.found().unwrap()).unwrap();
        let expected = ["crash-00ff", "crash-11ee"].map(|name| corpus.folder.join(name));
        assert_eq!(kept, expected);
        assert_eq!(corpus.stored().unwrap(), expected);
        assert_eq!(whole::text(&expected[1]).unwrap(), "timeout-11ee");
        corpus.prepare(true).unwrap();
        let left = |folder| count(folder).unwrap();
        assert_eq!((left(&corpus.artifacts), left(&corpus.working)), (0, 1));
        corpus.prepare(false).unwrap();
        assert_eq!((left(&corpus.working), left(&corpus.folder)), (0, 2));
    }

    #[test]
    fn what_people_named_is_told_from_what_the_fuzzer_added() {
        for (name, added) in [
            ("da39a3ee5e6b4b0d3255bfef95601890afd80709", true),
            ("crash-da39a3ee5e6b4b0d3255bfef95601890afd80709", false),
            ("ipsum", false),
            ("", false),
        ] {
            assert_eq!(is_added(&Path::new("corpus").join(name)), added, "{name}");
        }
    }
}
