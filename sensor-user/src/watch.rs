//! Notices that something happens in a folder of papers.
//!
//! It says that something changed and not what: whoever asks reads the folder. The folder around
//! it is watched as well, so that one that is put in its place is noticed and watched from then
//! on.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use tokio::sync::Notify;

/// How long is waited for the rest of a burst.
const BURST: Duration = Duration::from_millis(20);

/// A watch over a folder.
#[derive(Debug)]
pub(crate) struct FolderWatch {
    folder: PathBuf,
    watcher: RecommendedWatcher,
    happened: Arc<Happened>,
    /// Something happened and was not told yet.
    heard: bool,
}

/// What the thread that hears tells.
#[derive(Debug, Default)]
struct Happened {
    something: AtomicBool,
    wake: Notify,
}

impl FolderWatch {
    /// Watches a folder, which is there, from now on.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let folder = std::path::absolute(folder)?;
        let parent = folder.parent().ok_or(io::ErrorKind::InvalidInput)?;
        if !folder.symlink_metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let happened = Arc::new(Happened::default());
        let (tell, own) = (happened.clone(), folder.clone());
        let mut watcher = notify::recommended_watcher(move |event| {
            if concerns(&event, &own) {
                tell.something.store(true, Ordering::Release);
                tell.wake.notify_one();
            }
        })
        .map_err(io::Error::other)?;
        for path in [parent, &folder] {
            let added = watcher.watch(path, RecursiveMode::NonRecursive);
            added.map_err(io::Error::other)?;
        }
        Ok(Self {
            folder,
            watcher,
            happened,
            heard: false,
        })
    }

    /// Completes when something happened since the last time, or since [`Self::new`]; what comes
    /// within 20 ms is told at once. May be dropped and called again without missing anything.
    ///
    /// Needs a tokio runtime with time.
    pub(crate) async fn changed(&mut self) -> io::Result<()> {
        let Happened { something, wake } = &*self.happened;
        while !self.heard {
            self.heard = something.swap(false, Ordering::Acquire);
            if !self.heard {
                wake.notified().await;
            }
        }
        tokio::time::sleep(BURST).await;
        something.store(false, Ordering::Release);
        // What has the folder's name now may be another one; where there is none, the folder
        // around it tells of the next. What happens in between is read by whoever is told.
        let _ = self.watcher.unwatch(&self.folder);
        let _ = (self.watcher).watch(&self.folder, RecursiveMode::NonRecursive);
        self.heard = false;
        Ok(())
    }
}

/// Whether an event is one of the folder or of a file in it, and more than reading; one that was
/// lost may be.
fn concerns(event: &notify::Result<Event>, folder: &Path) -> bool {
    let Ok(event) = event else {
        return true;
    };
    let is_reading = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => true,
        _ => false,
    };
    let is_own = event.paths.iter().any(|path| path.starts_with(folder));
    event.need_rescan() || (is_own && !is_reading)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use tokio::time::timeout;

    use super::*;
    use crate::capped;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let state = tempfile::tempdir().unwrap();
        let papers = state.path().join("papers");
        fs::create_dir(&papers).unwrap();
        fs::write(papers.join("there"), "1").unwrap();
        (state, papers)
    }

    async fn is_told(watch: &mut FolderWatch) {
        timeout(PATIENCE, watch.changed()).await.unwrap().unwrap();
    }

    async fn is_quiet(watch: &mut FolderWatch) {
        let waited = timeout(Duration::from_millis(60), watch.changed()).await;
        assert!(waited.is_err(), "{waited:?}");
    }

    #[tokio::test]
    async fn whatever_happens_to_a_file_is_told_and_reading_is_not() {
        let (state, papers) = folder();
        let mut watch = FolderWatch::new(&papers).unwrap();
        is_quiet(&mut watch).await;
        let there = papers.join("there");
        let acts: [&dyn Fn(); 6] = [
            &|| fs::write(papers.join("new"), "2").unwrap(),
            &|| fs::write(&there, "3").unwrap(),
            &|| fs::set_permissions(&there, fs::Permissions::from_mode(0o600)).unwrap(),
            &|| fs::rename(&there, state.path().join("aside")).unwrap(),
            &|| fs::rename(state.path().join("aside"), &there).unwrap(),
            &|| fs::remove_file(&there).unwrap(),
        ];
        for act in acts {
            act();
            is_told(&mut watch).await;
            is_quiet(&mut watch).await;
        }
        capped::read(papers.join("new"), 9).unwrap();
        fs::read_dir(&papers).unwrap().for_each(drop);
        fs::write(state.path().join("arrivals.jsonl"), "line").unwrap();
        is_quiet(&mut watch).await;
    }

    #[tokio::test]
    async fn a_burst_is_told_once_and_more_than_the_queue_holds_is_told() {
        let (_state, papers) = folder();
        let mut watch = FolderWatch::new(&papers).unwrap();
        for n in 0..100 {
            fs::write(papers.join(n.to_string()), "1").unwrap();
        }
        is_told(&mut watch).await;
        is_quiet(&mut watch).await;
        // The kernel queues 16,384 events unless it is told otherwise; equal neighbours are one.
        for _ in 0..3_000 {
            for name in ["a", "b"] {
                fs::write(papers.join(name), "1").unwrap();
            }
        }
        is_told(&mut watch).await;
        while timeout(Duration::from_millis(200), watch.changed())
            .await
            .is_ok()
        {}
        fs::write(papers.join("after"), "1").unwrap();
        is_told(&mut watch).await;
    }

    #[tokio::test]
    async fn a_wait_that_is_dropped_misses_nothing() {
        let (_state, papers) = folder();
        let mut watch = FolderWatch::new(&papers).unwrap();
        is_quiet(&mut watch).await;
        // On a machine that is busy a wait may be over before it is dropped: then once more.
        for attempt in 0.. {
            fs::write(papers.join(attempt.to_string()), "1").unwrap();
            // Dropped at once, while nothing is heard, and while the rest of a burst is waited for.
            let mut dropped = 0;
            for wait in [0, 0, 5, 5] {
                let waited = timeout(Duration::from_millis(wait), watch.changed()).await;
                dropped += usize::from(waited.is_err());
            }
            if dropped == 4 {
                break;
            }
            is_quiet(&mut watch).await;
            assert!(attempt < 50, "no wait is ever dropped");
        }
        is_told(&mut watch).await;
        is_quiet(&mut watch).await;
    }

    #[tokio::test]
    async fn a_folder_that_goes_and_comes_is_told_and_watched_again() {
        let (state, papers) = folder();
        let mut watch = FolderWatch::new(&papers).unwrap();
        let aside = state.path().join("aside");
        fs::rename(&papers, &aside).unwrap();
        is_told(&mut watch).await;
        is_quiet(&mut watch).await;
        fs::write(aside.join("there"), "not a paper any more").unwrap();
        is_quiet(&mut watch).await;
        fs::create_dir(&papers).unwrap();
        is_told(&mut watch).await;
        fs::write(papers.join("new"), "1").unwrap();
        is_told(&mut watch).await;
        fs::remove_dir_all(&papers).unwrap();
        is_told(&mut watch).await;
        is_quiet(&mut watch).await;
        fs::rename(&aside, &papers).unwrap();
        is_told(&mut watch).await;
        is_quiet(&mut watch).await;
        fs::write(papers.join("there"), "1").unwrap();
        is_told(&mut watch).await;
    }

    #[tokio::test]
    async fn what_is_no_folder_is_not_watched() {
        let (_state, papers) = folder();
        for path in [papers.join("none"), papers.join("there")] {
            assert!(FolderWatch::new(&path).is_err(), "{}", path.display());
        }
    }
}
