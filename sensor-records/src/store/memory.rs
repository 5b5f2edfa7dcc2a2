//! What the writer knows without asking the database: numbers of names, the last zone, which
//! flows are under way. It is read at the start, and follows each commit.

use std::collections::{BTreeMap, HashMap};

use ipnet::IpNet;
use rusqlite::{Connection, Row};

use super::{Position, address::prefix_of, interner::Interner, told, under_way::Open};

/// What makes an indicator: feed, line, prefix.
pub(super) type Named = (i64, u32, Option<IpNet>);

/// Rows that follow each other, and what bounds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) first_start: i64,
    pub(super) last_end: i64,
    /// When the first of its rows is to be erased.
    pub(super) expires: Option<i64>,
}

/// Rows of a zone.
pub(super) const ZONE: i64 = 4096;

#[derive(Debug)]
pub(super) struct Memory {
    pub(super) commits: u64,
    pub(super) next_record: u64,
    pub(super) next_row: i64,
    pub(super) approvals: Interner<String>,
    pub(super) interfaces: Interner<String>,
    pub(super) feeds: Interner<String>,
    pub(super) indicators: Interner<Named>,
    pub(super) zone: Option<Zone>,
    pub(super) positions: HashMap<[u8; 16], Position>,
    pub(super) open: Open,
    /// For each approval and day, how long after its end a record is erased.
    pub(super) kept: BTreeMap<i64, (u64, Option<u64>)>,
}

impl Memory {
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let counters = "SELECT commits, next_record, next_row, next_indicator FROM store";
        let (commits, next_record, next_row, next_indicator) =
            connection.query_row(counters, [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
        Ok(Self {
            commits: told(commits),
            next_record: told(next_record),
            next_row,
            approvals: Interner::new(names(connection, "approval")?),
            interfaces: Interner::new(names(connection, "interface")?),
            feeds: Interner::new(names(connection, "feed")?),
            indicators: Interner::new(indicators(connection)?).not_below(next_indicator),
            zone: last_zone(connection)?,
            positions: positions(connection)?,
            open: Open::load(connection)?,
            kept: BTreeMap::new(),
        })
    }

    /// Nothing of the transaction is there.
    pub(super) fn take_back(&mut self) {
        self.approvals.take_back();
        self.interfaces.take_back();
        self.feeds.take_back();
        self.indicators.take_back();
    }

    /// It is on the disk.
    pub(super) fn keep(&mut self) {
        self.approvals.keep();
        self.interfaces.keep();
        self.feeds.keep();
        self.indicators.keep();
    }
}

fn names(connection: &Connection, table: &str) -> rusqlite::Result<Vec<(String, i64)>> {
    let mut statement = connection.prepare(&format!("SELECT name, id FROM {table}"))?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn indicators(connection: &Connection) -> rusqlite::Result<Vec<(Named, i64)>> {
    let mut statement = connection.prepare("SELECT feed, line, prefix, id FROM indicator")?;
    let rows = statement.query_map([], |row| {
        let prefix = optional_prefix(row, 2)?;
        Ok(((row.get(0)?, row.get(1)?, prefix), row.get(3)?))
    })?;
    rows.collect()
}

/// A prefix in a column.
pub(crate) fn optional_prefix(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<IpNet>> {
    let Some(bytes) = row.get_ref(column)?.as_blob_or_null()? else {
        return Ok(None);
    };
    let prefix = prefix_of(bytes);
    prefix.map(Some).ok_or_else(|| {
        rusqlite::Error::InvalidColumnType(column, "prefix".into(), rusqlite::types::Type::Blob)
    })
}

pub(super) fn last_zone(connection: &Connection) -> rusqlite::Result<Option<Zone>> {
    let last = "SELECT first, last, first_start_ns, last_end_ns, expires_ns FROM zone \
                ORDER BY first DESC LIMIT 1";
    let mut statement = connection.prepare(last)?;
    let mut zones = statement.query_map([], zone)?;
    zones.next().transpose()
}

pub(super) fn zone(row: &Row<'_>) -> rusqlite::Result<Zone> {
    Ok(Zone {
        first: row.get(0)?,
        last: row.get(1)?,
        first_start: row.get(2)?,
        last_end: row.get(3)?,
        expires: row.get(4)?,
    })
}

fn positions(connection: &Connection) -> rusqlite::Result<HashMap<[u8; 16], Position>> {
    let mut statement = connection.prepare("SELECT source, epoch, ring FROM position")?;
    let rows = statement.query_map([], |row| {
        let source: [u8; 16] = row.get(0)?;
        let (epoch, ring): (i64, i64) = (row.get(1)?, row.get(2)?);
        let position = Position {
            source,
            epoch: epoch.cast_unsigned(),
            ring: ring.cast_unsigned(),
        };
        Ok((source, position))
    })?;
    rows.collect()
}
