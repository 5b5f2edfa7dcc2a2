//! The store: records in one SQLite database, written by one process.
//!
//! What is read from the kernel, the rows it became, their sums and the position up to which the
//! kernel was read are one transaction: they are all on the disk, or none of them is. After an
//! error the same [`Batch`] is offered again, and the store goes on when the cause is gone.
//! `docs/store.md` describes the tables.

mod address;
mod error;
mod files;
mod interner;
mod memory;
mod plan;
mod retention;
mod rollup;
mod schema;
mod under_way;
mod write;

use std::{
    mem,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use sensor_common::{FlowKey, FlowValue};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub(crate) use self::{
    address::{address, stored},
    error::of as failure,
    memory::optional_prefix,
    retention::whole_from,
    schema::{VERSION, identity},
};
use self::{error::Kind, memory::Memory, plan::Print};
pub use self::{
    error::StoreError,
    files::{FILE, SetAside},
    rollup::{AGAIN, ALL, Level},
};
use crate::{Record, RecordId};

/// What the kernel was read up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which set of pinned maps it is about.
    pub source: [u8; 16],
    /// Epoch of the flow bank that was read last.
    pub epoch: u64,
    /// Consumer position of the ring buffer, in bytes.
    pub ring: u64,
}

/// What one reading of the kernel adds to a flow that has not ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Part {
    /// The record it will be part of.
    pub record: RecordId,
    /// The flow.
    pub key: FlowKey,
    /// What was counted.
    pub value: FlowValue,
}

/// What is committed together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batch<'a> {
    /// Rows, one approval each; those of one record are in one batch.
    pub rows: &'a [Record],
    /// Parts of flows that are under way.
    pub parts: &'a [Part],
    /// Records that are no longer under way: their rows are here, or were before.
    pub ended: &'a [RecordId],
    /// What the kernel was read up to with all of this.
    pub position: Option<Position>,
}

/// The store, open for writing.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// None after a failure that may have left the connection in a state of its own.
    link: Option<Link>,
    aside: Vec<SetAside>,
    /// Not lost with a damaged database.
    next_record: u64,
    /// A batch that failed, after so many commits: it may be on the disk all the same.
    failed: Option<(Print, u64)>,
}

#[derive(Debug)]
struct Link {
    connection: Connection,
    memory: Memory,
}

impl Store {
    /// Opens the store in a folder, which has to exist, and begins one where there is none.
    ///
    /// A damaged database is moved aside and a new one begun; [`Store::set_aside`] tells it.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let mut store = Self {
            folder: folder.into(),
            link: None,
            aside: Vec::new(),
            next_record: 1,
            failed: None,
        };
        store.connect(true)?;
        Ok(store)
    }

    /// Databases that were found damaged since this was asked last, and where they are now.
    ///
    /// What was under way in them is not in the new one: give its parts again.
    pub fn set_aside(&mut self) -> Vec<SetAside> {
        mem::take(&mut self.aside)
    }

    /// Commits a batch, whole or not at all.
    ///
    /// After an error offer the same batch again. If the disk has it in spite of the error, it is
    /// recognised and not stored twice.
    pub fn commit(&mut self, batch: &Batch<'_>) -> Result<(), StoreError> {
        let was_open = self.link.is_some();
        self.connect(false)?;
        let print = Print::of(batch);
        let Some(link) = &mut self.link else {
            return Err(error::gone(&self.folder));
        };
        if let Some((failed, commits)) = self.failed.take()
            && !was_open
            && failed == print
            && link.memory.commits > commits
        {
            self.next_record = self.next_record.max(link.memory.next_record);
            return Ok(());
        }
        let commits = link.memory.commits;
        match link.commit(batch) {
            Ok(()) => {
                self.next_record = self.next_record.max(link.memory.next_record);
                Ok(())
            }
            Err(write::Fault::NotSplit(record)) => Err(StoreError::NotSplit { record }),
            Err(write::Fault::Sqlite(error)) => {
                self.failed = Some((print, commits));
                Err(self.failure(error))
            }
        }
    }

    /// What the kernel was read up to, if any of it was committed.
    pub fn position(&self, source: [u8; 16]) -> Option<Position> {
        let link = self.link.as_ref()?;
        link.memory.positions.get(&source).copied()
    }

    /// A number that no record, and no part of one, has.
    pub const fn next_record(&self) -> RecordId {
        RecordId(self.next_record)
    }

    /// The parts of records that have not ended, in the order in which they came.
    pub fn under_way(&mut self) -> Result<Vec<Part>, StoreError> {
        self.connect(false)?;
        let parts = match &self.link {
            Some(link) => under_way::parts(&link.connection, &link.memory.open),
            None => return Err(error::gone(&self.folder)),
        };
        match parts {
            Ok(parts) => Ok(parts),
            Err(under_way::Fault::OtherWire(found)) => Err(StoreError::OtherWire {
                path: self.folder.join(FILE),
                found,
            }),
            Err(under_way::Fault::Sqlite(error)) => Err(self.failure(error)),
        }
    }

    /// Gives up what is under way and cannot be read: how many records.
    pub fn abandon_under_way(&mut self) -> Result<u64, StoreError> {
        let open = match &self.link {
            Some(link) => link.memory.open.records(),
            None => Vec::new(),
        };
        self.commit(&Batch {
            ended: &open,
            ..Batch::default()
        })?;
        Ok(open.len() as u64)
    }

    /// Erases up to `limit` rows that are kept no longer at `now`, nanoseconds since 1970; says
    /// how many. Fewer than `limit`: there are no more.
    pub fn erase_expired(&mut self, now: u64, limit: u64) -> Result<u64, StoreError> {
        self.connect(false)?;
        let Some(link) = &mut self.link else {
            return Err(error::gone(&self.folder));
        };
        let erased = retention::erase(link, now, limit);
        erased.map_err(|error| self.failure(error))
    }

    /// Moves what was committed from the write-ahead log into the database. Costs nothing that a
    /// commit waits for: call it when what was committed is acknowledged to the kernel.
    pub fn settle(&mut self) -> Result<(), StoreError> {
        self.connect(false)?;
        let Some(link) = &self.link else {
            return Ok(());
        };
        let settled = schema::checkpoint(&link.connection, "PASSIVE");
        settled.map_err(|error| self.failure(error))
    }

    /// Closes it, so that the next start need not check it.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.end().map_err(|error| self.failure(error))
    }

    fn end(&mut self) -> rusqlite::Result<()> {
        let Some(Link { connection, .. }) = self.link.take() else {
            return Ok(());
        };
        schema::mark_closed(&connection, true)?;
        schema::checkpoint(&connection, "TRUNCATE")?;
        connection.close().map_err(|(_, error)| error)
    }

    /// Opens the database where it is not open.
    fn connect(&mut self, is_start: bool) -> Result<(), StoreError> {
        if self.link.is_some() {
            return Ok(());
        }
        let path = self.folder.join(FILE);
        let made = files::make(&self.folder, &path);
        let stray = made.map_err(|source| error::system(&path, source))?;
        if let Some(what) = stray {
            self.put_aside(what, None)?;
        }
        match self.try_connect(&path, is_start) {
            Err(StoreError::Damaged { what, .. }) => {
                self.put_aside(what, None)?;
                self.try_connect(&path, is_start)
            }
            done => done,
        }
    }

    fn try_connect(&mut self, path: &Path, is_start: bool) -> Result<(), StoreError> {
        let connection = schema::open(path, is_start)?;
        let memory = Memory::load(&connection).map_err(|error| error::at_open(path, error))?;
        self.next_record = self.next_record.max(memory.next_record);
        self.link = Some(Link { connection, memory });
        Ok(())
    }

    /// What a failure means, and what has to be done before the next try.
    fn failure(&mut self, error: rusqlite::Error) -> StoreError {
        let path = self.folder.join(FILE);
        match Kind::of(&error) {
            Kind::Damaged => {
                let what = error.to_string();
                self.link = None;
                self.failed = None;
                match self.put_aside(what.clone(), Some(path.clone())) {
                    Ok(aside) => StoreError::Damaged {
                        path,
                        what,
                        aside: Some(aside),
                    },
                    Err(error) => error,
                }
            }
            Kind::Full | Kind::Locked => error::of(&path, error),
            Kind::ReadOnly | Kind::System | Kind::Other => {
                self.link = None;
                error::of(&path, error)
            }
        }
    }

    /// Moves the database aside; nothing of it is deleted.
    fn put_aside(&mut self, what: String, damaged: Option<PathBuf>) -> Result<PathBuf, StoreError> {
        let path = damaged.unwrap_or_else(|| self.folder.join(FILE));
        if let Some(next) = schema::next_record(&path) {
            self.next_record = self.next_record.max(next);
        }
        let moved = files::set_aside(&self.folder);
        let to = moved.map_err(|source| error::system(&path, source))?;
        self.aside.push(SetAside {
            path: to.clone(),
            what,
        });
        Ok(to)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The next start checks the database where this did not come to its end.
        let _ = self.end();
    }
}

/// As SQLite has numbers. What is larger is the largest there is.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number of the database.
pub(crate) fn told(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
