//! The tables, and how the database is opened.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{
    StoreError,
    error::{at_open, of},
    told,
};

/// Version of the tables.
pub(crate) const VERSION: i64 = 1;

/// `SEKI`, in the header of the file.
pub(crate) const APPLICATION: i64 = 0x5345_4b49;

/// How long a commit waits for somebody else's.
const PATIENCE: Duration = Duration::from_millis(250);

/// Bytes of pages held in memory: the leaves of `match` that a large batch touches.
const CACHE_KIB: i64 = 64 * 1024;

/// Pages after which a commit moves them into the database itself, where nobody settles: 1 GiB.
const LOG_PAGES: i64 = 262_144;

/// Bytes of the log that are kept for reuse once it was moved into the database.
const LOG_KEPT: i64 = 64 << 20;

const TABLES: &str = "
CREATE TABLE store (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  closed INTEGER NOT NULL,
  commits INTEGER NOT NULL,
  next_record INTEGER NOT NULL,
  next_row INTEGER NOT NULL,
  next_indicator INTEGER NOT NULL
) STRICT;
INSERT INTO store VALUES (1, 1, 0, 1, 1, 1);
CREATE TABLE approval (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  whole_from_ns INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE interface (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE feed (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE indicator (
  id INTEGER PRIMARY KEY,
  feed INTEGER NOT NULL REFERENCES feed,
  line INTEGER NOT NULL,
  prefix BLOB,
  first_matched_ns INTEGER NOT NULL,
  last_matched_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE flow (
  row INTEGER PRIMARY KEY,
  record INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  approval INTEGER NOT NULL REFERENCES approval,
  interface INTEGER NOT NULL,
  class INTEGER NOT NULL,
  direction INTEGER NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  kept_until_ns INTEGER,
  packets INTEGER NOT NULL,
  octets INTEGER NOT NULL,
  src BLOB,
  dst BLOB,
  proto INTEGER,
  src_port INTEGER,
  dst_port INTEGER,
  fragment INTEGER,
  tcp_flags INTEGER,
  ttl_min INTEGER,
  ttl_max INTEGER,
  vlan BLOB,
  tunnel INTEGER,
  tunnel_id INTEGER,
  indicators BLOB NOT NULL
) STRICT;
CREATE TABLE match (
  indicator INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  row INTEGER NOT NULL,
  PRIMARY KEY (indicator, end_ns, row)
) STRICT, WITHOUT ROWID;
CREATE TABLE zone (
  first INTEGER PRIMARY KEY,
  last INTEGER NOT NULL,
  first_start_ns INTEGER NOT NULL,
  last_end_ns INTEGER NOT NULL,
  expires_ns INTEGER
) STRICT;
CREATE TABLE rollup (
  level INTEGER NOT NULL,
  begin_s INTEGER NOT NULL,
  indicator INTEGER NOT NULL,
  approval INTEGER NOT NULL,
  flows INTEGER NOT NULL,
  packets INTEGER NOT NULL,
  octets INTEGER NOT NULL,
  PRIMARY KEY (level, begin_s, indicator, approval)
) STRICT, WITHOUT ROWID;
CREATE TABLE position (
  source BLOB PRIMARY KEY,
  epoch INTEGER NOT NULL,
  ring INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE under_way (
  id INTEGER PRIMARY KEY,
  wire_version INTEGER NOT NULL,
  count INTEGER NOT NULL,
  parts BLOB NOT NULL
) STRICT;
CREATE TABLE ended (
  id INTEGER PRIMARY KEY,
  up_to INTEGER NOT NULL,
  records BLOB NOT NULL
) STRICT;
";

/// Opens the database for writing; at the start of a process also checks it where the last one
/// did not close it.
pub(super) fn open(path: &Path, is_start: bool) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let opened = Connection::open_with_flags(path, flags);
    let mut connection = opened.map_err(|error| of(path, error))?;
    connection.set_prepared_statement_cache_capacity(64);
    careful(&connection).map_err(|error| of(path, error))?;
    let version = identity(&connection, path)?;
    settings(&connection).map_err(|error| at_open(path, error))?;
    if version == 0 {
        begin(&mut connection).map_err(|error| of(path, error))?;
    } else if is_start && !is_closed(&connection).map_err(|error| at_open(path, error))? {
        check(&connection, path)?;
    }
    mark_closed(&connection, false).map_err(|error| at_open(path, error))?;
    Ok(connection)
}

/// The version of the tables; 0 where there are none.
pub(crate) fn identity(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let read = |name| pragma(name).map_err(|error| at_open(path, error));
    let (application, version) = (read("application_id")?, read("user_version")?);
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = (connection.query_row(tables, [], |row| row.get(0)))
        .map_err(|error| at_open(path, error))?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION, 1..=VERSION) => Ok(version),
        (APPLICATION, found) => Err(StoreError::Newer {
            path: path.into(),
            found,
        }),
        _ => Err(StoreError::NotOurs { path: path.into() }),
    }
}

fn careful(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    // Whatever is found damaged is moved aside as it was found.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(())
}

fn settings(connection: &Connection) -> rusqlite::Result<()> {
    // secure_delete first: it holds for every page that is freed from here on.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT)
}

fn begin(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

fn is_closed(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT closed FROM store", [], |row| row.get(0))
}

/// Says that nobody writes, or that somebody does.
pub(super) fn mark_closed(connection: &Connection, closed: bool) -> rusqlite::Result<()> {
    let changed = connection.execute("UPDATE store SET closed = ?", [closed])?;
    match changed {
        0 => Err(rusqlite::Error::QueryReturnedNoRows),
        _ => Ok(()),
    }
}

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let pragma = "PRAGMA quick_check(1)";
    let found: String = (connection.query_row(pragma, [], |row| row.get(0)))
        .map_err(|error| at_open(path, error))?;
    if found == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged {
        path: path.into(),
        what: found.split_whitespace().collect::<Vec<_>>().join(" "),
        aside: None,
    })
}

/// Moves the log into the database, as far as no reader needs it.
pub(super) fn checkpoint(connection: &Connection, how: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |_| Ok(()))
}

/// The next number of a record in a damaged database, if that can still be read.
pub(super) fn next_record(path: &Path) -> Option<u64> {
    // SQLite deletes the log of an empty one.
    path.metadata().ok().filter(|found| found.len() > 0)?;
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let next: i64 =
        (connection.query_row("SELECT next_record FROM store", [], |row| row.get(0))).ok()?;
    Some(told(next))
}
