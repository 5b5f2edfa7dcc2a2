//! Erasing what is kept no longer.
//!
//! Rows of a zone lie together, and a zone knows when the first of them expires; so what is kept
//! costs nothing. Sums stay: they name nobody.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rusqlite::{Transaction, TransactionBehavior, params};

use super::{
    Link,
    memory::{Zone, last_zone, zone},
    number, schema, told, write,
};

/// Erases up to `limit` rows; says how many.
pub(super) fn erase(link: &mut Link, now: u64, limit: u64) -> rusqlite::Result<u64> {
    let Link { connection, memory } = link;
    let now = number(now);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut done = Done::default();
    for zone in expiring(&transaction, now)? {
        if done.rows >= limit {
            break;
        }
        erase_in(&transaction, &zone, now, limit, &mut done)?;
        renew(&transaction, &zone)?;
    }
    if done.rows == 0 {
        return Ok(0);
    }
    for (approval, end) in &done.ends {
        let whole = "UPDATE approval SET whole_from_ns = max(whole_from_ns, ?2) WHERE id = ?1";
        let mut whole = transaction.prepare_cached(whole)?;
        whole.execute([*approval, end.saturating_add(1)])?;
    }
    let forgotten = forget(&transaction, &done.indicators)?;
    let last = last_zone(&transaction)?;
    transaction.commit()?;
    memory.zone = last;
    memory.indicators.retain(|id| !forgotten.contains(&id));
    if done.rows < limit {
        // Until the log is overwritten, what was erased stands in it.
        schema::checkpoint(connection, "TRUNCATE")?;
    }
    Ok(done.rows)
}

#[derive(Default)]
struct Done {
    rows: u64,
    /// The last end of a row that was erased, for each approval.
    ends: BTreeMap<i64, i64>,
    indicators: BTreeSet<i64>,
}

fn expiring(transaction: &Transaction<'_>, now: i64) -> rusqlite::Result<Vec<Zone>> {
    let query = "SELECT first, last, first_start_ns, last_end_ns, expires_ns FROM zone \
                 WHERE expires_ns <= ? ORDER BY first";
    let mut query = transaction.prepare_cached(query)?;
    let zones = query.query_map([now], zone)?;
    zones.collect()
}

fn erase_in(
    transaction: &Transaction<'_>,
    zone: &Zone,
    now: i64,
    limit: u64,
    done: &mut Done,
) -> rusqlite::Result<()> {
    let query = "SELECT row, approval, end_ns, indicators FROM flow \
                 WHERE row BETWEEN ? AND ? AND kept_until_ns <= ? LIMIT ?";
    let rest = number(limit.saturating_sub(done.rows));
    let mut query = transaction.prepare_cached(query)?;
    let rows: Vec<(i64, i64, i64, Vec<u8>)> = query
        .query_map([zone.first, zone.last, now, rest], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut flow = transaction.prepare_cached("DELETE FROM flow WHERE row = ?")?;
    let delete = "DELETE FROM match WHERE indicator = ? AND end_ns = ? AND row = ?";
    let mut matched = transaction.prepare_cached(delete)?;
    for (row, approval, end, words) in rows {
        for word in words.as_chunks::<8>().0 {
            let indicator = i64::from_le_bytes(*word) / 2;
            matched.execute([indicator, end, row])?;
            done.indicators.insert(indicator);
        }
        flow.execute([row])?;
        let last = done.ends.entry(approval).or_insert(end);
        *last = end.max(*last);
        done.rows += 1;
    }
    Ok(())
}

/// What a zone is after some of its rows are gone.
fn renew(transaction: &Transaction<'_>, zone: &Zone) -> rusqlite::Result<()> {
    let query = "SELECT min(row), max(row), min(start_ns), max(end_ns), min(kept_until_ns) \
                 FROM flow WHERE row BETWEEN ? AND ?";
    let mut query = transaction.prepare_cached(query)?;
    let left = query.query_row(params![zone.first, zone.last], |row| {
        let Some(_) = row.get::<_, Option<i64>>(0)? else {
            return Ok(None);
        };
        // It keeps its first row's number, so that it stays the same zone.
        Ok(Some(Zone {
            first: zone.first,
            last: row.get(1)?,
            first_start: row.get(2)?,
            last_end: row.get(3)?,
            expires: row.get(4)?,
        }))
    })?;
    if let Some(zone) = left {
        return write::zone(transaction, &zone);
    }
    let delete = "DELETE FROM zone WHERE first = ?";
    transaction.prepare_cached(delete)?.execute([zone.first])?;
    Ok(())
}

/// Erases where indicators come from that no row names any more; says which.
fn forget(
    transaction: &Transaction<'_>,
    indicators: &BTreeSet<i64>,
) -> rusqlite::Result<HashSet<i64>> {
    let delete = "DELETE FROM indicator WHERE id = ?1 \
                  AND NOT EXISTS (SELECT 1 FROM match WHERE indicator = ?1)";
    let mut delete = transaction.prepare_cached(delete)?;
    let mut forgotten = HashSet::new();
    for indicator in indicators {
        if delete.execute([indicator])? > 0 {
            forgotten.insert(*indicator);
        }
    }
    Ok(forgotten)
}

/// From when on all records of each approval are kept, by name.
pub(crate) fn whole_from(
    connection: &rusqlite::Connection,
) -> rusqlite::Result<Vec<(String, u64)>> {
    let query = "SELECT name, whole_from_ns FROM approval ORDER BY name";
    let mut query = connection.prepare(query)?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, told(row.get(1)?))))?;
    rows.collect()
}
