//! Folders that one agent at a time holds, by a lock that ends with its process.

use std::{fs::File, io, path::Path, thread, time::Duration};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

/// How often a lock is asked for. Whoever looks whether an agent lives holds the lock for a
/// moment, and must not be taken for one.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// Why a folder cannot be held.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Another agent holds it.
    Held,
    /// The system refuses.
    System(io::Error),
}

/// Holds a folder until the value is dropped.
pub(crate) fn hold(path: &Path) -> Result<Flock<File>, Refused> {
    let mut folder = File::open(path).map_err(Refused::System)?;
    for _ in 0..TRIES {
        match Flock::lock(folder, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((again, Errno::EWOULDBLOCK)) => folder = again,
            Err((_, errno)) => return Err(Refused::System(errno.into())),
        }
        thread::sleep(PAUSE);
    }
    Err(Refused::Held)
}

/// Whether an agent holds a folder; not where there is none.
pub(crate) fn is_held(path: &Path) -> bool {
    let Ok(folder) = File::open(path) else {
        return false;
    };
    matches!(
        Flock::lock(folder, FlockArg::LockSharedNonblock),
        Err((_, Errno::EWOULDBLOCK))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_holds_a_folder_and_looking_disturbs_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert!(!is_held(path));
        let held = hold(path).unwrap();
        assert!(is_held(path));
        assert!(matches!(hold(path), Err(Refused::Held)));
        drop(held);
        let look = Flock::lock(File::open(path).unwrap(), FlockArg::LockSharedNonblock).unwrap();
        let starts = thread::spawn({
            let path = path.to_owned();
            move || hold(&path).is_ok()
        });
        thread::sleep(PAUSE * 2);
        drop(look);
        assert!(starts.join().unwrap());
        assert!(!is_held(&path.join("none")));
    }
}
