//! The folder of feeds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use ipnet::IpNet;
use nix::fcntl::Flock;

use super::{
    Copy, FeedConfig, Status, StoreError, config, copy,
    over::{self, TakenBack},
};
use crate::{
    beside,
    documents::Time,
    feeds::{
        merge::{Decay, Key, Merged},
        over::Over,
    },
    held::{self, Refused},
};

/// A folder of feeds.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
}

/// A feed that is kept.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Its name.
    pub name: String,
    /// What is set of it.
    pub config: FeedConfig,
    /// What is known of it.
    pub status: Status,
}

impl Store {
    /// Opens a folder that is there.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        if folder.is_dir() {
            return Ok(Self {
                folder: folder.into(),
            });
        }
        Err(StoreError::Missing {
            folder: folder.into(),
        })
    }

    /// Opens a folder, which is made where there is none.
    pub fn open_or_make(folder: &Path) -> Result<Self, StoreError> {
        if !folder.is_dir() {
            let made = DirBuilder::new().recursive(true).mode(0o755).create(folder);
            made.map_err(StoreError::system(folder))?;
        }
        Self::open(folder)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps others from changing anything until the value is dropped.
    pub fn lock(&self) -> Result<Flock<File>, StoreError> {
        held::hold(&self.folder).map_err(|refused| match refused {
            Refused::Held => StoreError::Busy {
                folder: self.folder.clone(),
            },
            Refused::System(source) => StoreError::system(&self.folder)(source),
        })
    }

    /// The names of all feeds, in order.
    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        let failed = StoreError::system(&self.folder);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(&failed)? {
            let entry = entry.map_err(&failed)?;
            if let Ok(name) = entry.file_name().into_string()
                && config::is_name(&name)
                && config::is_there(&entry.path())
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// A feed by its name.
    pub fn feed(&self, name: &str) -> Result<Feed, StoreError> {
        let folder = self.of(name);
        if !config::is_name(name) || !config::is_there(&folder) {
            return Err(StoreError::NoFeed {
                name: name.into(),
                known: self.names()?.join(", "),
            });
        }
        Ok(Feed {
            name: name.into(),
            config: FeedConfig::read(&folder)?,
            status: Status::read(&folder)?,
        })
    }

    /// All feeds, in order.
    pub fn feeds(&self) -> Result<Vec<Feed>, StoreError> {
        let names = self.names()?;
        names.iter().map(|name| self.feed(name)).collect()
    }

    /// Adds a feed. Nothing of it is fetched yet.
    pub fn add(&self, name: &str, config: &FeedConfig) -> Result<(), StoreError> {
        if !config::is_name(name) {
            return Err(StoreError::Name { name: name.into() });
        }
        config.check().map_err(|reason| StoreError::Config {
            name: name.into(),
            reason,
        })?;
        let folder = self.of(name);
        match DirBuilder::new().mode(0o755).create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if config::is_there(&folder) {
                    return Err(StoreError::Exists { name: name.into() });
                }
            }
            made => made.map_err(StoreError::system(&folder))?,
        }
        config.write(&folder)
    }

    /// Removes a feed with its copies. What it took back stays taken back.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.feed(name)?;
        let folder = self.of(name);
        let file = folder.join(config::FILE);
        // Without it the folder is no feed's any more, whatever of the rest is left.
        fs::remove_file(&file).map_err(StoreError::system(&file))?;
        fs::remove_dir_all(&folder).map_err(StoreError::system(&folder))
    }

    /// What all feeds say by their last good copies; of one of them another copy, where given.
    pub fn merged(&self, instead: Option<(&str, &Merged)>) -> Result<Merged, StoreError> {
        let mut merged = Merged::default();
        for feed in self.feeds()? {
            match instead {
                Some((name, said)) if name == feed.name => {
                    for (key, source, about) in said.iter() {
                        merged.add(key.clone(), source.clone(), *about);
                    }
                }
                Some(_) | None => self.said(&feed, &mut merged)?,
            }
        }
        Ok(merged)
    }

    /// Adds what a feed says by its last good copy.
    pub(super) fn said(&self, feed: &Feed, merged: &mut Merged) -> Result<(), StoreError> {
        match &feed.status.copy {
            None => Ok(()),
            Some(copy) => self.said_by(&feed.name, copy, merged),
        }
    }

    /// Adds what a feed says by one of its copies. Neither a pull that failed nor a copy that is
    /// held back is a word of its source about an older one.
    pub(super) fn said_by(
        &self,
        name: &str,
        copy: &Copy,
        merged: &mut Merged,
    ) -> Result<(), StoreError> {
        let said = (name, Some(copy.heard));
        copy::read(&self.of(name), copy.number, said, merged)
    }

    /// How the confidence of each feed decays.
    pub fn decay(&self) -> Result<impl Fn(&str) -> Decay + use<>, StoreError> {
        let feeds = self.feeds()?.into_iter();
        let each: BTreeMap<String, Decay> =
            feeds.map(|feed| (feed.name, feed.config.decay())).collect();
        Ok(move |name: &str| each.get(name).copied().unwrap_or(Decay::NEVER))
    }

    /// What feeds took back.
    pub fn over(&self) -> anyhow::Result<Arc<Over>> {
        Ok(TakenBack::open(&self.folder)?.now()?)
    }

    /// Brings what is taken back up to what feeds say: `before` was named until now.
    pub(super) fn take_back(
        &self,
        merged: &Merged,
        mut before: BTreeSet<IpNet>,
        now: Time,
    ) -> anyhow::Result<()> {
        let over = self.over()?;
        let decay = self.decay()?;
        // What is named and holds no more is as if nobody named it; what does not hold yet is not.
        let has_begun = |key: &&Key| {
            let mut sources = merged.sources(key);
            sources.all(|(_, about)| about.from.is_none_or(|from| from <= now))
        };
        before.extend(merged.groups().filter(has_begun).map(|key| key.prefix));
        let mut named: BTreeMap<IpNet, Option<Time>> = BTreeMap::new();
        for (key, known) in merged.at(now, decay) {
            let end = named.entry(key.prefix).or_insert(known.until);
            *end = match (*end, known.until) {
                (Some(one), Some(two)) => Some(one.max(two)),
                _ => None,
            };
        }
        let mut changed = Over::clone(&over);
        changed.update(&named, before, now);
        if changed == *over {
            return Ok(());
        }
        let file = self.folder.join(over::FILE);
        let written = beside::replace(&file, &self.folder.join("over.tsv.new"), |out| {
            changed.write(out)
        });
        Ok(written.map_err(StoreError::system(&file))?)
    }

    /// Brings what is taken back up to the time where confidence decays with it.
    pub(super) fn let_decay(&self, now: Time) -> anyhow::Result<()> {
        let decays = |feed: &Feed| {
            let decay = feed.config.decay();
            decay.half_life > 0 && decay.least > 0
        };
        if self.feeds()?.iter().any(decays) {
            self.take_back(&self.merged(None)?, BTreeSet::new(), now)?;
        }
        Ok(())
    }

    /// The folder of a feed.
    pub(super) fn of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
