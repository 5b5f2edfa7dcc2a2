//! One pull of a feed: from its source to what holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::Path,
};

use ipnet::IpNet;

use super::{
    Copy, Feed, Held, Mark, Obtain, Obtained, Protocol, Store, StoreError, copy,
    obtain::{Counted, Progress},
};
use crate::{
    documents::Time,
    feeds::{
        self, FeedError,
        decode::decode,
        format::Format,
        gather::{FirstSeen, Gather},
        guard::Guard,
        merge::{Key, Merged},
        plain::Shortest,
        tally::Counts,
    },
    words,
};

/// Pulls feeds into a store.
pub struct Puller<'a> {
    /// Where they are kept.
    pub store: &'a Store,
    /// How they are had.
    pub obtain: &'a dyn Obtain,
    /// The moment of the pull.
    pub now: Time,
}

/// How a feed is pulled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pull {
    /// Only where its time has come.
    pub only_due: bool,
    /// What is held back is right; without a copy that is, whatever comes is.
    pub confirm: bool,
}

/// What came of a pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// Its time comes at this moment.
    NotDue(Time),
    /// It is as it was.
    Unchanged,
    /// It has a new copy.
    Taken {
        /// Indicators that were not there before.
        added: u64,
        /// Indicators that are no longer there.
        gone: u64,
    },
    /// The new copy is not believed; this is why.
    Held(String),
}

impl Puller<'_> {
    /// Pulls a feed.
    ///
    /// # Errors
    ///
    /// When it cannot be had, or says nothing that can be read; its last good copy stays, and
    /// that it failed is kept.
    pub fn pull(&self, name: &str, how: Pull, progress: Progress<'_>) -> anyhow::Result<Pulled> {
        let mut feed = self.store.feed(name)?;
        if how.confirm && feed.status.held.is_some() {
            return self.confirm(feed);
        }
        if let Some(checked) = feed.status.checked {
            let pause = Time(checked.0.saturating_add(feed.config.least_pause()));
            let due = if how.only_due {
                feed.config.due(checked)
            } else {
                pause
            };
            if self.now < due {
                return Ok(Pulled::NotDue(due));
            }
        }
        let tried = self.try_to(&mut feed, how, progress);
        if let Err(error) = &tried {
            feed.status.fail(words::told(error), self.now);
            if feed.config.is_remote() {
                // A server that is asked again at once is not helped.
                feed.status.checked = Some(self.now);
            }
            feed.status.write(&self.store.of(name))?;
        }
        tried
    }

    fn try_to(&self, feed: &mut Feed, how: Pull, progress: Progress<'_>) -> anyhow::Result<Pulled> {
        let folder = self.store.of(&feed.name);
        let status = &feed.status;
        let numbers = [
            status.copy.as_ref().map_or(0, |copy| copy.number),
            status.held.as_ref().map_or(0, |held| held.copy.number),
        ];
        let number = numbers.into_iter().fold(0, u64::max).saturating_add(1);
        let last = (status.copy.as_ref()).map(|copy| {
            (
                copy::files_of(&copy::folder(&folder, copy.number)),
                &copy.mark,
            )
        });
        let before = last.as_ref().map(|(files, mark)| (files.as_path(), *mark));
        let new = copy::make(&folder, number)?;
        let obtained =
            self.obtain
                .obtain(&feed.config, before, &copy::files_of(&new), &mut *progress);
        let read = match obtained {
            Err(error) => Err(error.into()),
            Ok(Obtained::Unchanged) => Ok(None),
            Ok(Obtained::New(mark)) => self.read(feed, (number, mark), &new, progress),
        };
        match read {
            Ok(Some((copy, said))) => self.weigh(feed, how, copy, &said),
            other => {
                copy::remove(&new)?;
                other?;
                feed.status.checked = Some(self.now);
                feed.status.failing = None;
                if let Some(copy) = &mut feed.status.copy {
                    copy.heard = self.now;
                }
                feed.status.write(&folder)?;
                self.store.let_decay(self.now)?;
                Ok(Pulled::Unchanged)
            }
        }
    }

    /// Reads the files of a new copy; `None` where they are those of the last one.
    fn read(
        &self,
        feed: &mut Feed,
        (number, mark): (u64, Mark),
        new: &Path,
        progress: Progress<'_>,
    ) -> anyhow::Result<Option<(Copy, Merged)>> {
        let files = copy::files(new)?;
        let (mut bytes, mut sha256) = (0, None);
        for file in &files {
            let (length, digest) = copy::measured(file)?;
            bytes += length;
            sha256 = Some(digest);
        }
        if files.len() != 1 {
            sha256 = None;
        }
        if let Some(last) = &mut feed.status.copy
            && sha256.is_some()
            && last.sha256 == sha256
        {
            last.mark = mark;
            return Ok(None);
        }
        let (said, counts, format) = gathered(feed, &files, (self.now, bytes), progress)?;
        let first = match &feed.status.copy {
            None => FirstSeen::new(),
            Some(copy) => copy::first_seen(&self.store.of(&feed.name), copy.number)?,
        };
        let said = said.seen(&first, self.now);
        copy::write(new, &said)?;
        let owned = |counts: BTreeMap<&'static str, u64>| {
            let counts = counts.into_iter();
            counts
                .map(|(name, count)| (name.to_owned(), count))
                .collect()
        };
        let copy = Copy {
            number,
            fetched: self.now,
            heard: self.now,
            bytes,
            files: files.len() as u64,
            sha256,
            format: format.into(),
            prefixes: prefixes(&said).count() as u64,
            refused: owned(counts.refused),
            not_expressible: owned(counts.not_expressible),
            mark,
        };
        Ok(Some((copy, said)))
    }

    /// Believes a new copy, or not.
    fn weigh(
        &self,
        feed: &mut Feed,
        how: Pull,
        copy: Copy,
        said: &Merged,
    ) -> anyhow::Result<Pulled> {
        let before = feed.status.copy.as_ref().map_or(0, |copy| copy.prefixes);
        let doubt = match copy.prefixes {
            0 => Some("it has nothing that could be watched".to_owned()),
            now if now < before.div_ceil(2) => Some(format!(
                "it has shrunk by more than half, from {before} prefixes to {now}"
            )),
            _ => None,
        };
        let Some(why) = doubt.filter(|_| !how.confirm) else {
            return self.take(feed, copy, said);
        };
        let folder = self.store.of(&feed.name);
        let last = feed.status.copy.as_ref().map(|copy| copy.number);
        let kept: Vec<u64> = last.into_iter().chain([copy.number]).collect();
        feed.status.held = Some(Held {
            copy,
            why: why.clone(),
        });
        feed.status.checked = Some(self.now);
        feed.status.failing = None;
        feed.status.write(&folder)?;
        copy::remove_others(&folder, &kept)?;
        Ok(Pulled::Held(why))
    }

    /// Takes the copy that was held back.
    fn confirm(&self, mut feed: Feed) -> anyhow::Result<Pulled> {
        let Some(Held { copy, .. }) = feed.status.held.take() else {
            return Ok(Pulled::Unchanged);
        };
        let mut said = Merged::default();
        self.store.said_by(&feed.name, &copy, &mut said)?;
        self.take(&mut feed, copy, &said)
    }

    /// A new copy holds. What it no longer names is taken back first: where all ends between the
    /// two, the next pull finds it the same.
    fn take(&self, feed: &mut Feed, copy: Copy, said: &Merged) -> anyhow::Result<Pulled> {
        let folder = self.store.of(&feed.name);
        let mut had = Merged::default();
        self.store.said(feed, &mut had)?;
        let all = self.store.merged(Some((&feed.name, said)))?;
        let before: BTreeSet<IpNet> = prefixes(&had).collect();
        self.store.take_back(&all, before, self.now)?;
        let number = copy.number;
        feed.status.copy = Some(copy);
        feed.status.checked = Some(self.now);
        feed.status.held = None;
        feed.status.failing = None;
        feed.status.write(&folder)?;
        copy::remove_others(&folder, &[number])?;
        let (old, new): (BTreeSet<&Key>, BTreeSet<&Key>) =
            (had.groups().collect(), said.groups().collect());
        Ok(Pulled::Taken {
            added: new.difference(&old).count() as u64,
            gone: old.difference(&new).count() as u64,
        })
    }
}

/// The distinct prefixes of what is said.
fn prefixes(said: &Merged) -> impl Iterator<Item = IpNet> {
    let mut last = None;
    said.groups().filter_map(move |key| {
        let prefix = key.prefix;
        (last.replace(prefix) != Some(prefix)).then_some(prefix)
    })
}

/// What the files of a feed say, the counts, and the format.
fn gathered(
    feed: &Feed,
    files: &[impl AsRef<Path>],
    (now, all): (Time, u64),
    progress: Progress<'_>,
) -> anyhow::Result<(Merged, Counts, &'static str)> {
    let Feed { name, config, .. } = feed;
    let guard = Guard::lab(Shortest::POLICY);
    let mut gather = Gather::new(name, &guard, config.wanted(now), 0);
    let mut formats = BTreeSet::new();
    let mut so_far = 0;
    for file in files {
        let file = file.as_ref();
        let called = file.file_name().unwrap_or_default().to_string_lossy();
        let shown = if files.len() > 1 {
            gather.file(&called);
            format!("{name}, file {called}")
        } else {
            name.clone()
        };
        let options = config
            .decoding(&shown)
            .map_err(|reason| StoreError::Config {
                name: name.clone(),
                reason,
            })?;
        let opened = File::open(file).map_err(StoreError::system(file))?;
        let counted = Counted {
            from: opened,
            so_far: &mut so_far,
            all,
            progress: &mut *progress,
        };
        let decoded = decode(counted, feeds::LARGEST, &options, &mut gather);
        let decoded = decoded.map_err(|source| FeedError::Undecodable {
            name: shown,
            source,
        })?;
        // The manifest lists what is there and says nothing itself.
        let is_list = config.protocol == Protocol::Misp && decoded.format == Format::MispManifest;
        if !is_list {
            formats.insert(decoded.format.name());
        }
    }
    let (said, counts) = gather.finish();
    let format = match formats.first() {
        Some(one) if formats.len() == 1 => one,
        Some(_) => "several",
        None => "none",
    };
    Ok((said, counts, format))
}

#[cfg(test)]
mod tests;
