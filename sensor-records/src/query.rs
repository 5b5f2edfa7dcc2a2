//! Queries: what the store has of flows, for whoever may read it, while it is written.
//!
//! Rows are read as they are stored, one for each approval. Sums count a record once, whatever
//! the number of its approvals, unless approvals are what is asked for.

mod biflow;
mod filter;
mod group;
mod row;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use rusqlite::{Connection, OpenFlags, params_from_iter};

pub use self::{
    biflow::{Conversation, Counts},
    filter::{Filter, Sort, SortBy, Whom},
    group::{Group, GroupBy, Groups, Key},
    row::{Named, Row},
};
use crate::store::{self, FILE, StoreError, VERSION};

/// How long a query waits for a writer that begins or ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// From when on the records of an approval are kept whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The approval.
    pub approval: String,
    /// Nanoseconds since 1970: records that ended earlier may have been erased.
    pub whole_from: u64,
}

/// The store, open for reading.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    connection: Connection,
    names: Names,
}

/// Names by their numbers, as far as a query met them.
#[derive(Debug, Default)]
struct Names {
    approvals: HashMap<i64, Arc<str>>,
    interfaces: HashMap<i64, Arc<str>>,
    feeds: HashMap<i64, Arc<str>>,
    indicators: HashMap<i64, (Arc<str>, u32, Option<IpNet>)>,
}

impl Reader {
    /// Opens the store in a folder.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Err(StoreError::Missing {
                path: folder.into(),
            });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&path, flags);
        let connection = opened.map_err(|error| store::failure(&path, error))?;
        let set = connection.busy_timeout(PATIENCE).and_then(|()| {
            connection.pragma_update(None, "temp_store", "MEMORY")?;
            connection.pragma_update(None, "cache_size", -65_536)?;
            connection.pragma_update(None, "mmap_size", 1_i64 << 33)
        });
        set.map_err(|error| store::failure(&path, error))?;
        if store::identity(&connection, &path)? != VERSION {
            return Err(StoreError::Missing {
                path: folder.into(),
            });
        }
        Ok(Self {
            path,
            connection,
            names: Names::default(),
        })
    }

    /// Rows that a filter lets through, in the order asked for, `limit` at most.
    pub fn rows(
        &mut self,
        filter: &Filter,
        sort: Option<Sort>,
        limit: Option<u64>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        self.each(filter, sort, limit, |row| {
            rows.push(row);
            Ok::<_, StoreError>(())
        })?;
        Ok(rows)
    }

    /// Hands on each of them; without an order, as they were stored.
    pub fn each<E: From<StoreError>>(
        &mut self,
        filter: &Filter,
        sort: Option<Sort>,
        limit: Option<u64>,
        mut take: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self {
            path,
            connection,
            names,
        } = self;
        let failed = |error| E::from(store::failure(path, error));
        // Names and rows of one moment.
        let snapshot = connection.unchecked_transaction().map_err(failed)?;
        names.load(connection).map_err(failed)?;
        let wanted = filter::wanted(connection, filter, names).map_err(failed)?;
        let mut select = filter::select(filter, names, &wanted, row::COLUMNS);
        if let Some(sort) = sort {
            select.text.push_str(sort.order());
        }
        if let Some(limit) = limit {
            select.text.push_str(" LIMIT ?");
            select.values.push(store::number(limit).into());
        }
        let mut statement = connection.prepare(&select.text).map_err(failed)?;
        let values = params_from_iter(&select.values);
        let mut rows = statement.query(values).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            take(row::read(row, connection, names).map_err(failed)?)?;
        }
        drop(rows);
        drop(statement);
        snapshot.rollback().map_err(failed)
    }

    /// Sums of what a filter lets through, by what they have in common, in no order.
    pub fn groups(&mut self, filter: &Filter, by: GroupBy) -> Result<Groups, StoreError> {
        let Self {
            path,
            connection,
            names,
        } = self;
        let failed = |error| store::failure(path, error);
        let snapshot = connection.unchecked_transaction().map_err(failed)?;
        names.load(connection).map_err(failed)?;
        let wanted = filter::wanted(connection, filter, names).map_err(failed)?;
        let groups = group::groups(connection, names, (filter, &wanted), by).map_err(failed)?;
        snapshot.rollback().map_err(failed)?;
        Ok(groups)
    }

    /// Conversations: the two directions of a flow as one, in the order in which they began.
    pub fn conversations(&mut self, filter: &Filter) -> Result<Vec<Conversation>, StoreError> {
        let mut pairing = biflow::Pairing::default();
        self.each(filter, None, None, |row| {
            pairing.add(row);
            Ok::<_, StoreError>(())
        })?;
        Ok(pairing.into_conversations())
    }

    /// The approvals of which something in the asked range is no longer kept.
    pub fn not_whole(&self, filter: &Filter) -> Result<Vec<Kept>, StoreError> {
        let whole = store::whole_from(&self.connection);
        let whole = whole.map_err(|error| store::failure(&self.path, error))?;
        let begin = filter.from.unwrap_or(0);
        let is_asked = |name: &String| (filter.approval.as_ref()).is_none_or(|asked| asked == name);
        let whole = whole.into_iter();
        let cut = whole.filter(|(name, whole_from)| is_asked(name) && *whole_from > begin);
        Ok(cut
            .map(|(approval, whole_from)| Kept {
                approval,
                whole_from,
            })
            .collect())
    }
}

impl Names {
    /// Reads those that are few.
    fn load(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for (table, names) in [
            ("approval", &mut self.approvals),
            ("interface", &mut self.interfaces),
            ("feed", &mut self.feeds),
        ] {
            let mut query = connection.prepare(&format!("SELECT id, name FROM {table}"))?;
            let rows = query.query_map([], |row| {
                let name: String = row.get(1)?;
                Ok((row.get(0)?, Arc::from(name)))
            })?;
            *names = rows.collect::<rusqlite::Result<_>>()?;
        }
        Ok(())
    }

    fn number(names: &HashMap<i64, Arc<str>>, name: &str) -> Option<i64> {
        let mut names = names.iter();
        names
            .find(|(_, known)| known.as_ref() == name)
            .map(|(id, _)| *id)
    }

    fn indicator(
        &mut self,
        connection: &Connection,
        id: i64,
    ) -> rusqlite::Result<(Arc<str>, u32, Option<IpNet>)> {
        if let Some(known) = self.indicators.get(&id) {
            return Ok(known.clone());
        }
        let query = "SELECT feed, line, prefix FROM indicator WHERE id = ?";
        let mut query = connection.prepare_cached(query)?;
        let (feed, line, prefix) = query.query_row([id], |row| {
            let feed: i64 = row.get(0)?;
            Ok((feed, row.get(1)?, store::optional_prefix(row, 2)?))
        })?;
        let feed = self.feeds.get(&feed).cloned();
        let feed = feed.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        self.indicators.insert(id, (feed.clone(), line, prefix));
        Ok((feed, line, prefix))
    }
}
