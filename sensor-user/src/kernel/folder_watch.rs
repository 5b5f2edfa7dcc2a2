//! Notices that something happens in a folder of papers, by inotify.
//!
//! It says that something changed and not what: whoever asks reads the folder. The folder around
//! it is watched as well, so that one that is put in its place is noticed and watched from then
//! on.

use std::{
    ffi::OsString,
    io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor},
};

use super::readable::Readable;

/// How long is waited for the rest of a burst.
const BURST: Duration = Duration::from_millis(20);

/// What happens to files in the folder and to the folder itself. Whoever reads them causes none
/// of it.
const INSIDE: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_MODIFY)
    .union(AddWatchFlags::IN_ATTRIB)
    .union(AddWatchFlags::IN_CLOSE_WRITE)
    .union(AddWatchFlags::IN_MOVE)
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_DELETE_SELF)
    .union(AddWatchFlags::IN_MOVE_SELF)
    .union(AddWatchFlags::IN_ONLYDIR)
    .union(AddWatchFlags::IN_DONT_FOLLOW);

/// What becomes of the folder's name in the one around it.
const AROUND: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_MOVE)
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_DELETE_SELF)
    .union(AddWatchFlags::IN_MOVE_SELF)
    .union(AddWatchFlags::IN_ONLYDIR);

/// A watch over a folder.
#[derive(Debug)]
pub struct FolderWatch {
    folder: PathBuf,
    name: OsString,
    inotify: Inotify,
    readable: Readable,
    around: WatchDescriptor,
    /// None while there is no such folder.
    inside: Option<WatchDescriptor>,
    /// Something was heard and not told yet.
    heard: bool,
}

impl FolderWatch {
    /// Watches a folder, which is there, from now on.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let folder = std::path::absolute(folder)?;
        let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let around = inotify.add_watch(parent, AROUND)?;
        let inside = Some(inotify.add_watch(&folder, INSIDE)?);
        let readable = Readable::new(inotify.as_fd().try_clone_to_owned()?);
        Ok(Self {
            name: name.into(),
            folder,
            inotify,
            readable,
            around,
            inside,
            heard: false,
        })
    }

    /// Completes when something happened since the last time, or since [`Self::new`]; what comes
    /// within 20 ms is told at once. May be dropped and called again without missing anything.
    ///
    /// Needs a tokio runtime with I/O and time.
    pub async fn changed(&mut self) -> io::Result<()> {
        if !self.heard {
            let (inotify, around, name) = (&self.inotify, self.around, &self.name);
            let hear = |_: &_| hear(inotify, around, name);
            self.readable.wait(hear).await?;
            self.heard = true;
        }
        tokio::time::sleep(BURST).await;
        self.watch_again()?;
        match hear(&self.inotify, self.around, &self.name) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        self.heard = false;
        Ok(())
    }

    /// Watches what has the folder's name now. For a folder that is watched this does nothing.
    fn watch_again(&mut self) -> io::Result<()> {
        let inside = match self.inotify.add_watch(&self.folder, INSIDE) {
            Ok(inside) => Some(inside),
            // The next thing of this name is told by the folder around it.
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::EACCES) => None,
            Err(errno) => return Err(errno.into()),
        };
        if let Some(before) = self.inside.filter(|_| self.inside != inside) {
            // The kernel has forgotten a folder that was removed.
            let _ = self.inotify.rm_watch(before);
        }
        self.inside = inside;
        Ok(())
    }
}

/// Reads all that is to be heard. [`io::ErrorKind::WouldBlock`] when nothing of it concerns the
/// folder.
fn hear(inotify: &Inotify, around: WatchDescriptor, name: &OsString) -> io::Result<()> {
    let mut any = false;
    loop {
        match inotify.read_events() {
            Ok(events) => {
                any |= events.iter().any(|event| {
                    let is_other = event.wd == around
                        && event.name.as_ref().is_some_and(|other| other != name);
                    // A watch that ended, and the folder with it, if that was not this watch's doing.
                    !is_other && event.mask != AddWatchFlags::IN_IGNORED
                });
            }
            Err(Errno::EAGAIN) if any => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
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
        for _ in 0..6_000 {
            for name in ["a", "b"] {
                fs::write(papers.join(name), "1").unwrap();
            }
        }
        is_told(&mut watch).await;
        is_quiet(&mut watch).await;
        fs::write(papers.join("after"), "1").unwrap();
        is_told(&mut watch).await;
    }

    #[tokio::test]
    async fn a_wait_that_is_dropped_misses_nothing() {
        let (_state, papers) = folder();
        let mut watch = FolderWatch::new(&papers).unwrap();
        is_quiet(&mut watch).await;
        fs::write(papers.join("new"), "1").unwrap();
        // Dropped at once, while nothing is heard, and while the rest of a burst is waited for.
        for wait in [0, 0, 5, 5] {
            let waited = timeout(Duration::from_millis(wait), watch.changed()).await;
            assert!(waited.is_err(), "{waited:?}");
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
