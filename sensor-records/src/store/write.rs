//! The transaction.

use rusqlite::{Error, Transaction, TransactionBehavior, params};
use sensor_common::{Class, Direction, Fragment};

use super::{
    Batch, Link, Position,
    address::{in_prefix, stored},
    memory::{Memory, Named, Zone},
    number,
    plan::{Plan, Row},
};
use crate::RecordId;

/// Why a batch was not committed.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(Error),
    NotSplit(RecordId),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Link {
    pub(super) fn commit(&mut self, batch: &Batch<'_>) -> Result<(), Fault> {
        let done = self.try_commit(batch);
        match done {
            Ok(()) => self.memory.keep(),
            Err(_) => self.memory.take_back(),
        }
        done
    }

    fn try_commit(&mut self, batch: &Batch<'_>) -> Result<(), Fault> {
        let Self { connection, memory } = self;
        let mut plan = Plan::of(batch, memory)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        names(&transaction, memory)?;
        indicators(&transaction, memory, &plan)?;
        flows(&transaction, &plan)?;
        matches(&transaction, &plan)?;
        for zone in &plan.zones {
            self::zone(&transaction, zone)?;
        }
        std::mem::take(&mut plan.rollups).store(&transaction)?;
        let change = memory.open.store(&transaction, batch)?;
        if let Some(position) = &batch.position {
            self::position(&transaction, position)?;
        }
        let next_row = memory.next_row + number(plan.rows.len() as u64);
        let commits = memory.commits + 1;
        transaction
            .prepare_cached(
                "UPDATE store SET commits = ?, next_record = ?, next_row = ?, next_indicator = ?",
            )?
            .execute(params![
                number(commits),
                number(plan.next_record),
                next_row,
                memory.indicators.next()
            ])?;
        transaction.commit()?;
        memory.commits = commits;
        memory.next_record = plan.next_record;
        memory.next_row = next_row;
        memory.zone = plan.zones.last().copied().or(memory.zone);
        memory.open.apply(change);
        if let Some(position) = batch.position {
            memory.positions.insert(position.source, position);
        }
        Ok(())
    }
}

fn names(transaction: &Transaction<'_>, memory: &Memory) -> rusqlite::Result<()> {
    for (table, names) in [
        ("approval", &memory.approvals),
        ("interface", &memory.interfaces),
        ("feed", &memory.feeds),
    ] {
        let insert = format!("INSERT INTO {table} (id, name) VALUES (?, ?)");
        for (name, id) in names.fresh() {
            transaction
                .prepare_cached(&insert)?
                .execute(params![id, name])?;
        }
    }
    Ok(())
}

fn indicators(
    transaction: &Transaction<'_>,
    memory: &Memory,
    plan: &Plan<'_>,
) -> rusqlite::Result<()> {
    let insert = "INSERT INTO indicator VALUES (?, ?, ?, ?, ?, ?)";
    let mut insert = transaction.prepare_cached(insert)?;
    for (key, id) in memory.indicators.fresh() {
        let (feed, line, prefix): &Named = key;
        let prefix = prefix.as_ref().map(in_prefix);
        let (first, last) = plan.matched.get(id).copied().unwrap_or_default();
        insert.execute(params![id, feed, line, prefix, first, last])?;
    }
    let mut seen: Vec<_> = plan.matched.iter().collect();
    seen.sort_unstable();
    let first_fresh = memory.indicators.fresh().first().map(|(_, id)| *id);
    let mut update = transaction.prepare_cached(
        "UPDATE indicator SET first_matched_ns = min(first_matched_ns, ?2), \
         last_matched_ns = max(last_matched_ns, ?3) WHERE id = ?1",
    )?;
    for (id, (first, last)) in seen {
        if first_fresh.is_none_or(|fresh| *id < fresh) {
            update.execute(params![id, first, last])?;
        }
    }
    Ok(())
}

fn flows(transaction: &Transaction<'_>, plan: &Plan<'_>) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO flow VALUES \
         (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let mut begin = 0;
    for row in &plan.rows {
        let &Row { record, .. } = row;
        let notice = &record.notice;
        let (source, destination) = (stored(&notice.source), stored(&notice.destination));
        let vlan = notice.vlan.as_ref().map(|ids| {
            let bytes = ids.iter().flat_map(|id| id.to_be_bytes());
            bytes.collect::<Vec<u8>>()
        });
        insert.execute(params![
            row.number,
            number(record.id.0),
            row.rows,
            row.approval,
            row.interface,
            class(notice.class),
            direction(notice.direction),
            number(notice.start),
            number(record.end),
            row.kept_until,
            number(record.packets),
            number(record.octets),
            source.bytes(),
            destination.bytes(),
            notice.protocol,
            notice.ports.map(|(source, _)| source),
            notice.ports.map(|(_, destination)| destination),
            notice.fragment.map(fragment),
            record.tcp_flags,
            record.ttl.map(|(lowest, _)| lowest),
            record.ttl.map(|(_, highest)| highest),
            vlan,
            notice.tunnel.map(|(kind, _)| kind as u8),
            notice.tunnel.map(|(_, id)| id),
            plan.words.get(begin..row.words),
        ])?;
        begin = row.words;
    }
    Ok(())
}

const fn class(class: Class) -> u8 {
    class as u8
}

const fn direction(direction: Direction) -> u8 {
    direction as u8
}

const fn fragment(fragment: Fragment) -> u8 {
    fragment as u8
}

fn matches(transaction: &Transaction<'_>, plan: &Plan<'_>) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached("INSERT INTO match VALUES (?, ?, ?)")?;
    for (indicator, end, row) in &plan.matches {
        insert.execute([indicator, end, row])?;
    }
    Ok(())
}

/// Stores a zone in the place of what it was.
pub(super) fn zone(transaction: &Transaction<'_>, zone: &Zone) -> rusqlite::Result<()> {
    let mut replace = transaction.prepare_cached("REPLACE INTO zone VALUES (?, ?, ?, ?, ?)")?;
    replace.execute(params![
        zone.first,
        zone.last,
        zone.first_start,
        zone.last_end,
        zone.expires
    ])?;
    Ok(())
}

fn position(transaction: &Transaction<'_>, position: &Position) -> rusqlite::Result<()> {
    let mut replace = transaction.prepare_cached("REPLACE INTO position VALUES (?, ?, ?)")?;
    replace.execute(params![
        position.source,
        position.epoch.cast_signed(),
        position.ring.cast_signed()
    ])?;
    Ok(())
}
