//! Flows under way: what was read from the kernel of flows that have not ended.
//!
//! Each commit appends its parts as blobs. Which records are open is known in memory, so that a
//! blob goes as soon as all in it have ended, and nothing is looked up.

use std::collections::{BTreeMap, HashSet};

use foldhash::fast::RandomState;
use rusqlite::{Connection, Error, Transaction, params, types::Type};
use sensor_common::WIRE_VERSION;
use zerocopy::{FromBytes as _, IntoBytes as _};

use super::{Batch, Part, number};
use crate::RecordId;

/// Parts of one blob: some 2.4 MiB.
const CHUNK: usize = 16_384;

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Records with parts that have not ended.
    not_ended: Set,
    blobs: BTreeMap<i64, Blob>,
    /// Numbers of the blobs and lists that come next.
    next_blob: i64,
    next_list: i64,
}

type Set = HashSet<RecordId, RandomState>;

/// The records of a blob; those before `at` have ended.
#[derive(Debug)]
struct Blob {
    records: Vec<RecordId>,
    at: usize,
}

impl Blob {
    fn is_done(&self) -> bool {
        self.at >= self.records.len()
    }
}

/// Why parts cannot be read.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(Error),
    OtherWire(u32),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

/// What a commit changes, to be applied once it is on the disk.
#[derive(Debug, Default)]
pub(super) struct Change {
    blobs: Vec<(i64, Vec<RecordId>)>,
    ended: Vec<RecordId>,
    removed: Vec<i64>,
}

impl Open {
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut open = Self::default();
        let mut ended = Set::default();
        let mut lists = connection.prepare("SELECT id, records FROM ended")?;
        let mut lists = lists.query([])?;
        while let Some(row) = lists.next()? {
            open.next_list = open.next_list.max(row.get::<_, i64>(0)? + 1);
            let (records, rest) = row.get_ref(1)?.as_blob()?.as_chunks::<8>();
            if !rest.is_empty() {
                return Err(unclear(1));
            }
            ended.extend(records.iter().map(|id| RecordId(u64::from_le_bytes(*id))));
        }
        let mut blobs = connection.prepare("SELECT id, count, parts FROM under_way ORDER BY id")?;
        let mut blobs = blobs.query([])?;
        while let Some(row) = blobs.next()? {
            let (id, count): (i64, u32) = (row.get(0)?, row.get(1)?);
            let count = usize::try_from(count).map_err(|_| unclear(1))?;
            let mut records = records(row.get_ref(2)?.as_blob()?, count).ok_or(unclear(2))?;
            records.retain(|record| !ended.contains(record));
            open.add(id, records);
        }
        Ok(open)
    }

    /// Those that have not ended.
    pub(super) fn records(&self) -> Vec<RecordId> {
        self.not_ended.iter().copied().collect()
    }

    fn add(&mut self, id: i64, records: Vec<RecordId>) {
        self.not_ended.extend(&records);
        self.blobs.insert(id, Blob { records, at: 0 });
        self.next_blob = self.next_blob.max(id + 1);
    }

    /// Stores what a batch says, and removes blobs that were needed no more before it.
    pub(super) fn store(
        &self,
        transaction: &Transaction<'_>,
        batch: &Batch<'_>,
    ) -> rusqlite::Result<Change> {
        let mut change = Change::default();
        self.store_parts(transaction, batch, &mut change)?;
        // Only what has parts need be known to have ended.
        let is_open = |record: &&RecordId| self.not_ended.contains(record);
        change.ended = batch.ended.iter().filter(is_open).copied().collect();
        if !change.ended.is_empty() {
            let bytes: Vec<u8> = change
                .ended
                .iter()
                .flat_map(|id| id.0.to_le_bytes())
                .collect();
            let mut insert = transaction.prepare_cached("INSERT INTO ended VALUES (?, ?, ?)")?;
            insert.execute(params![self.next_list, self.next_blob - 1, bytes])?;
        }
        self.remove(transaction, &mut change)?;
        Ok(change)
    }

    fn store_parts(
        &self,
        transaction: &Transaction<'_>,
        batch: &Batch<'_>,
        change: &mut Change,
    ) -> rusqlite::Result<()> {
        if batch.parts.is_empty() {
            return Ok(());
        }
        let ended: Set = batch.ended.iter().copied().collect();
        let remaining: Vec<Part>;
        let parts = if batch.parts.iter().any(|part| ended.contains(&part.record)) {
            let is_open = |part: &&Part| !ended.contains(&part.record);
            remaining = batch.parts.iter().filter(is_open).copied().collect();
            &remaining[..]
        } else {
            batch.parts
        };
        let insert = "INSERT INTO under_way VALUES (?, ?, ?, ?)";
        let mut insert = transaction.prepare_cached(insert)?;
        for (id, chunk) in (self.next_blob..).zip(parts.chunks(CHUNK)) {
            let count = number(chunk.len() as u64);
            insert.execute(params![id, WIRE_VERSION, count, chunk.as_bytes()])?;
            let records = chunk.iter().map(|part| part.record).collect();
            change.blobs.push((id, records));
        }
        Ok(())
    }

    fn remove(&self, transaction: &Transaction<'_>, change: &mut Change) -> rusqlite::Result<()> {
        let done = self.blobs.iter().filter(|(_, blob)| blob.is_done());
        change.removed = done.map(|(id, _)| *id).collect();
        if change.removed.is_empty() {
            return Ok(());
        }
        let mut delete = transaction.prepare_cached("DELETE FROM under_way WHERE id = ?")?;
        for id in &change.removed {
            delete.execute([id])?;
        }
        // A list is about blobs up to one: needed as long as any of them is there.
        let mut kept = self.blobs.iter().filter(|(_, blob)| !blob.is_done());
        let oldest = kept.next().map_or(self.next_blob, |(id, _)| *id);
        let mut lists = transaction.prepare_cached("DELETE FROM ended WHERE up_to < ?")?;
        lists.execute([oldest])?;
        Ok(())
    }

    /// What was stored is on the disk.
    pub(super) fn apply(&mut self, change: Change) {
        let Change {
            blobs,
            ended,
            removed,
        } = change;
        for id in removed {
            self.blobs.remove(&id);
        }
        if !ended.is_empty() {
            self.next_list += 1;
        }
        for record in ended {
            self.not_ended.remove(&record);
        }
        for (id, records) in blobs {
            self.add(id, records);
        }
        let Self {
            not_ended, blobs, ..
        } = self;
        for blob in blobs.values_mut() {
            let rest = blob.records.iter().skip(blob.at);
            blob.at += rest
                .take_while(|record| !not_ended.contains(record))
                .count();
        }
    }
}

/// The records of a blob: the first eight bytes of each part, in any wire version.
fn records(blob: &[u8], count: usize) -> Option<Vec<RecordId>> {
    let length = blob.len().checked_div(count)?;
    if length < 8 || length.checked_mul(count) != Some(blob.len()) {
        return None;
    }
    let parts = blob.chunks_exact(length);
    let ids = parts.filter_map(|part| part.first_chunk::<8>());
    Some(ids.map(|id| RecordId(u64::from_ne_bytes(*id))).collect())
}

/// Parts of what has not ended.
pub(super) fn parts(connection: &Connection, open: &Open) -> Result<Vec<Part>, Fault> {
    let mut under_way = Vec::new();
    let query = "SELECT id, wire_version, parts FROM under_way ORDER BY id";
    let mut blobs = connection.prepare(query)?;
    let mut blobs = blobs.query([])?;
    while let Some(row) = blobs.next()? {
        let (id, wire_version): (i64, u32) = (row.get(0)?, row.get(1)?);
        if open.blobs.get(&id).is_none_or(Blob::is_done) {
            continue;
        }
        if wire_version != WIRE_VERSION {
            return Err(Fault::OtherWire(wire_version));
        }
        let blob = row.get_ref(2).and_then(|blob| Ok(blob.as_blob()?))?;
        for bytes in blob.chunks(size_of::<Part>()) {
            let part = Part::read_from_bytes(bytes).map_err(|_| unclear(2))?;
            if open.not_ended.contains(&part.record) {
                under_way.push(part);
            }
        }
    }
    Ok(under_way)
}

fn unclear(column: usize) -> Error {
    Error::InvalidColumnType(column, "parts".into(), Type::Blob)
}
