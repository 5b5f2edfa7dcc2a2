//! What feeds took back, as a sensor reads it.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use thiserror::Error;

use crate::{
    capped,
    documents::{Decision, IndicatorSet},
    feeds::over::{NotOver, Over},
    stat::Stat,
};

/// The file, in the folder of the feeds.
pub(super) const FILE: &str = "over.tsv";

/// Largest file that is read: sixteen million prefixes and more, in bytes.
const LARGEST: u64 = 1 << 30;

/// How long the system says the same of a file before what was read of it is kept.
const SETTLES: Duration = Duration::from_secs(1);

/// Why what feeds took back is not known.
#[derive(Debug, Error)]
pub enum OverError {
    /// There are no feeds.
    #[error(
        "there is no folder of feeds {0}: make one with 'sekisho feed add --feeds {0} ...', or \
         leave out --feeds",
        folder.display()
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// It cannot be read.
    #[error("{}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not as it was written.
    #[error(
        "{}: {source}; 'sekisho feed pull' writes it again", file.display()
    )]
    Unclear {
        /// The file.
        file: PathBuf,
        /// Which line.
        source: NotOver,
    },
}

/// Reads what feeds took back, again when it changes.
#[derive(Debug)]
pub struct TakenBack {
    folder: PathBuf,
    kept: Option<Kept>,
    limits: Limits,
}

/// Sets that were held against what is over.
#[derive(Debug, Default)]
pub struct Limits(Vec<Limited>);

#[derive(Debug)]
struct Kept {
    /// None where there is no such file.
    stat: Option<Stat>,
    since: Instant,
    is_settled: bool,
    over: Arc<Over>,
}

/// A set that was held against what is over.
#[derive(Clone, Debug)]
struct Limited {
    set: Arc<IndicatorSet>,
    over: Arc<Over>,
    /// None where nothing of it is over.
    is: Option<Arc<IndicatorSet>>,
}

impl TakenBack {
    /// Of the feeds in a folder.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, OverError> {
        let mut opened = Self {
            folder: folder.into(),
            kept: None,
            limits: Limits::default(),
        };
        opened.over(Instant::now())?;
        Ok(opened)
    }

    /// The folder of the feeds.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts the ends of what is over into a decision.
    ///
    /// # Errors
    ///
    /// When it is not known what is over. Nothing is recorded then, for too much might be.
    pub fn apply(&mut self, decision: &mut Decision) -> Result<(), OverError> {
        let over = self.over(Instant::now())?;
        self.limits.apply(&over, decision);
        Ok(())
    }

    /// What is over at this moment.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn now(&mut self) -> Result<Arc<Over>, OverError> {
        self.over(Instant::now())
    }

    /// What is over now; the same allocation as before where that is the same.
    fn over(&mut self, now: Instant) -> Result<Arc<Over>, OverError> {
        let file = self.folder.join(FILE);
        let unreadable = |source| OverError::Unreadable {
            file: file.clone(),
            source,
        };
        let stat = match file.metadata() {
            Ok(there) => Some(Stat::of(&there)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(error)),
        };
        if stat.is_none() && !self.folder.is_dir() {
            return Err(OverError::Missing {
                folder: self.folder.clone(),
            });
        }
        let before = self.kept.as_ref().filter(|kept| kept.stat == stat);
        if let Some(kept) = before.filter(|kept| kept.is_settled) {
            return Ok(kept.over.clone());
        }
        let since = before.map_or(now, |kept| kept.since);
        let over = if stat.is_none() {
            Over::default()
        } else {
            let text = File::open(&file)
                .and_then(|file| capped::read_from(file, LARGEST))
                .and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other))
                .map_err(unreadable)?;
            Over::read(&text).map_err(|source| OverError::Unclear {
                file: file.clone(),
                source,
            })?
        };
        // A file that is written again without a change is none.
        let over = match &self.kept {
            Some(kept) if *kept.over == over => kept.over.clone(),
            Some(_) | None => Arc::new(over),
        };
        self.kept = Some(Kept {
            stat,
            since,
            is_settled: now.saturating_duration_since(since) >= SETTLES,
            over: over.clone(),
        });
        Ok(over)
    }
}

impl Limits {
    /// Puts the ends of what is over into a decision. Sets that were there before are the same
    /// allocations again.
    pub fn apply(&mut self, over: &Arc<Over>, decision: &mut Decision) {
        let before = std::mem::take(&mut self.0);
        for granted in &mut decision.granted {
            let set = &granted.indicators;
            let is_of = |limited: &&Limited| {
                Arc::ptr_eq(&limited.set, set) && Arc::ptr_eq(&limited.over, over)
            };
            let known = self.0.iter().find(is_of);
            if let Some(known) = known {
                granted.limited.clone_from(&known.is);
                continue;
            }
            let limited = before.iter().find(is_of).cloned();
            let limited = limited.unwrap_or_else(|| limit(set, over));
            granted.limited.clone_from(&limited.is);
            self.0.push(limited);
        }
    }
}

fn limit(set: &Arc<IndicatorSet>, over: &Arc<Over>) -> Limited {
    let prefixes = over.limit(&set.prefixes);
    let is = prefixes.map(|prefixes| {
        Arc::new(IndicatorSet {
            file: set.file.clone(),
            prefixes: prefixes.into(),
        })
    });
    Limited {
        set: set.clone(),
        over: over.clone(),
        is,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sensor_common::{Class, Fields};

    use super::*;
    use crate::documents::{Attended, Digest, Granted, Time, field::Period};

    fn set(prefixes: &[&str]) -> Arc<IndicatorSet> {
        let prefixes = prefixes.iter().map(|prefix| (prefix.parse().unwrap(), 1));
        Arc::new(IndicatorSet {
            file: "feed.txt".into(),
            prefixes: Arc::new(prefixes.collect()),
        })
    }

    fn decision(sets: &[&Arc<IndicatorSet>]) -> Decision {
        let granted = sets.iter().map(|set| Granted {
            id: "R-1".into(),
            document: Digest::of(b""),
            is_consent: false,
            class: Class::Transit,
            directions: Vec::new(),
            operator: None,
            fields: Fields::NONE,
            interfaces: Vec::new(),
            tunnels: Vec::new(),
            from: Time(0),
            until: Time(9),
            retention: Period::try_from("P1D".to_owned()).unwrap(),
            recipients: Vec::new(),
            indicators: Arc::clone(set),
            limited: None,
        });
        Decision {
            attended: Attended::Until(Time(9)),
            granted: granted.collect(),
            layers: None,
            next: None,
        }
    }

    fn write(folder: &Path, text: &str) {
        let file = folder.join(FILE);
        crate::beside::replace(&file, &folder.join("over.new"), |out| {
            io::Write::write_all(out, text.as_bytes())
        })
        .unwrap();
    }

    #[test]
    fn what_is_taken_back_ends_and_what_is_not_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (set(&["192.0.2.0/24", "8.8.8.8/32"]), set(&["9.9.9.9/32"]));
        let mut taken_back = TakenBack::open(folder.path()).unwrap();
        let mut applied = || {
            let mut decision = decision(&[&one, &other, &one]);
            taken_back.apply(&mut decision)?;
            let limited = decision.granted.into_iter().map(|granted| granted.limited);
            Ok::<_, OverError>(limited.collect::<Vec<_>>())
        };
        assert_eq!(applied().unwrap(), [None, None, None]);
        write(folder.path(), "8.8.8.8/32\t1970-01-01T00:00:05Z\n");
        let limited = applied().unwrap();
        let first = limited[0].as_ref().unwrap();
        assert_eq!(first.prefixes.limits(0).validity, None);
        assert_eq!(
            first.prefixes.limits(1).validity.unwrap().end,
            5_000_000_000
        );
        assert_eq!(limited[1], None);
        assert!(Arc::ptr_eq(first, limited[2].as_ref().unwrap()));
        // Written again without a change, and read again: the same allocation.
        write(folder.path(), "8.8.8.8/32\t1970-01-01T00:00:05Z\n");
        assert!(Arc::ptr_eq(first, applied().unwrap()[0].as_ref().unwrap()));
        write(folder.path(), "");
        assert_eq!(applied().unwrap(), [None, None, None]);
        write(folder.path(), "8.8.8.8/32 5\n");
        let error = applied().unwrap_err().to_string();
        assert!(
            error.contains("over.tsv: line 1: '8.8.8.8/32 5'"),
            "{error}"
        );
        fs::remove_file(folder.path().join(FILE)).unwrap();
        assert_eq!(applied().unwrap(), [None, None, None]);
        drop(folder);
        let error = applied().unwrap_err().to_string();
        assert!(error.starts_with("there is no folder of feeds"), "{error}");
    }
}
