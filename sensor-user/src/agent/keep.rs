//! Keep: commits to the store, in a thread of its own because disks may block.
//!
//! What cannot be committed is tried again until it is: meanwhile the kernel keeps what it has
//! and counts on, and nobody else waits.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::mpsc as channel;

use crate::{
    pipeline::{Record, RecordId},
    records::store::{Batch, Part, Position, Store, StoreError},
};

/// Between two looks for rows that are kept no longer.
const HOUSEKEEPING: Duration = Duration::from_secs(30);
/// Rows erased at once: a commit waits for no more.
const ERASED: u64 = 10_000;
/// Between two tries of a commit, at first and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// What is committed together.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// Rows, one approval each; those of one record follow each other.
    pub(super) rows: Vec<Record>,
    /// What flows under way counted.
    pub(super) parts: Vec<Part>,
    /// Records that are no longer under way.
    pub(super) ended: Vec<RecordId>,
    /// Up to where the kernel was read.
    pub(super) position: Option<Position>,
}

impl Entry {
    /// Whether nothing of it has to be kept.
    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.parts.is_empty() && self.ended.is_empty()
    }

    fn batch(&self) -> Batch<'_> {
        Batch {
            rows: &self.rows,
            parts: &self.parts,
            ended: &self.ended,
            position: self.position,
        }
    }
}

/// What the thread tells.
#[derive(Debug)]
pub(super) enum Told {
    /// The entry is on the disk. The text says of databases that were found damaged meanwhile and
    /// set aside: what was under way in them is not in the new one.
    Kept(Box<Entry>, Option<String>),
    /// It is not, and why; it is tried again.
    Fails(String),
    /// Rows were erased, because they are kept no longer.
    Erased(u64),
}

/// The thread that has the store.
#[derive(Debug)]
pub(super) struct Keeper {
    entries: Option<Sender<Box<Entry>>>,
    told: channel::UnboundedReceiver<Told>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Keeper {
    /// Hands the store over to a thread.
    pub(super) fn new(store: Store) -> std::io::Result<Self> {
        let (entries, waiting) = mpsc::channel();
        let (tell, told) = channel::unbounded_channel();
        let thread = thread::Builder::new()
            .name("keep".into())
            .spawn(move || keep(store, &waiting, &tell))?;
        Ok(Self {
            entries: Some(entries),
            told,
            thread: Some(thread),
        })
    }

    /// Asks for an entry to be committed. One at a time: the next when this one is kept.
    pub(super) fn commit(&self, entry: Entry) {
        if let Some(entries) = &self.entries {
            // A thread that is gone tells nothing any more, which `told` says.
            let _ = entries.send(Box::new(entry));
        }
    }

    /// What the thread tells next; `None` when it is gone.
    pub(super) async fn told(&mut self) -> Option<Told> {
        self.told.recv().await
    }
}

impl Drop for Keeper {
    /// Closes the store. A commit that fails still is given up.
    fn drop(&mut self) {
        self.entries = None;
        self.told.close();
        if let Some(thread) = self.thread.take() {
            // That it panicked was said by itself.
            let _ = thread.join();
        }
    }
}

fn keep(mut store: Store, waiting: &Receiver<Box<Entry>>, tell: &channel::UnboundedSender<Told>) {
    let mut housekept = Instant::now();
    loop {
        match waiting.recv_timeout(HOUSEKEEPING) {
            Ok(entry) => {
                let Committed::Is(aside) = commit(&mut store, &entry, tell) else {
                    return;
                };
                let _ = tell.send(Told::Kept(entry, aside));
                // The next commit tells what is wrong.
                let _ = store.settle();
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if housekept.elapsed() >= HOUSEKEEPING {
            housekept = Instant::now();
            let now = u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(0);
            match store.erase_expired(now, ERASED) {
                Ok(0) => {}
                Ok(erased) => drop(tell.send(Told::Erased(erased))),
                Err(error) => drop(tell.send(Told::Fails(said(&error)))),
            }
        }
    }
    if let Err(error) = store.close() {
        tracing::warn!(error = said(&error), "the store was not closed in order");
    }
}

/// What became of an entry.
enum Committed {
    /// It is on the disk; with what was set aside meanwhile.
    Is(Option<String>),
    /// It failed until nobody waited for it any more.
    GivenUp,
}

/// Commits an entry, however often it has to be tried.
fn commit(store: &mut Store, entry: &Entry, tell: &channel::UnboundedSender<Told>) -> Committed {
    let [mut pause, longest] = PAUSES;
    let mut aside = Vec::new();
    loop {
        let committed = store.commit(&entry.batch());
        for set_aside in store.set_aside() {
            aside.push(format!(
                "the store was damaged ({}); it is {} now, and a new one begins",
                set_aside.what,
                set_aside.path.display()
            ));
        }
        let Err(error) = committed else {
            return Committed::Is((!aside.is_empty()).then(|| aside.join("; ")));
        };
        if tell.send(Told::Fails(said(&error))).is_err() {
            return Committed::GivenUp;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(longest);
    }
}

/// An error with what it came from.
fn said(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
