//! What is asked for, as SQL.

use std::net::IpAddr;

use ipnet::IpNet;
use rusqlite::{Connection, types::Value};
use sensor_common::{Class, Direction};

use super::Names;
use crate::{Address, Pseudonym, store};

/// What a row has to be like. Without anything said, any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not over before: nanoseconds since 1970.
    pub from: Option<u64>,
    /// Begun before.
    pub until: Option<u64>,
    /// Either end.
    pub address: Option<Whom>,
    /// The source.
    pub source: Option<Whom>,
    /// The destination.
    pub destination: Option<Whom>,
    /// An indicator that is this prefix, or in it.
    pub indicator: Option<IpNet>,
    /// An indicator of this feed.
    pub feed: Option<String>,
    /// The approval.
    pub approval: Option<String>,
    /// The class.
    pub class: Option<Class>,
    /// The direction.
    pub direction: Option<Direction>,
    /// Either port is one of these; all, where there are none.
    pub ports: Vec<u16>,
    /// IP protocol number.
    pub protocol: Option<u8>,
    /// Name of the interface.
    pub interface: Option<String>,
}

/// An end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// A foreign address in a prefix.
    In(IpNet),
    /// A domestic address under one approval.
    Pseudonym(Pseudonym),
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// Time of the first packet.
    Start,
    /// Time of the last packet.
    End,
    /// Packets.
    Packets,
    /// Octets.
    Octets,
}

/// An order of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// The largest, or last, first.
    pub descending: bool,
}

impl Sort {
    pub(super) const fn order(self) -> &'static str {
        match (self.by, self.descending) {
            (SortBy::Start, false) => " ORDER BY f.start_ns, f.row",
            (SortBy::Start, true) => " ORDER BY f.start_ns DESC, f.row",
            (SortBy::End, false) => " ORDER BY f.end_ns, f.row",
            (SortBy::End, true) => " ORDER BY f.end_ns DESC, f.row",
            (SortBy::Packets, false) => " ORDER BY f.packets, f.row",
            (SortBy::Packets, true) => " ORDER BY f.packets DESC, f.row",
            (SortBy::Octets, false) => " ORDER BY f.octets, f.row",
            (SortBy::Octets, true) => " ORDER BY f.octets DESC, f.row",
        }
    }
}

/// The indicators that are asked for; none where any is.
pub(super) type Wanted = Option<Vec<i64>>;

/// Finds them, and puts them where [`select`] looks for them.
pub(super) fn wanted(
    connection: &Connection,
    filter: &Filter,
    names: &Names,
) -> rusqlite::Result<Wanted> {
    if filter.indicator.is_none() && filter.feed.is_none() {
        return Ok(None);
    }
    // No feed has the number -1.
    let feed = (filter.feed.as_ref()).map(|name| Names::number(&names.feeds, name).unwrap_or(-1));
    let mut query = connection.prepare("SELECT id, prefix, feed FROM indicator ORDER BY id")?;
    let mut rows = query.query([])?;
    let mut wanted: Vec<i64> = Vec::new();
    while let Some(row) = rows.next()? {
        if let Some(feed) = feed
            && row.get::<_, i64>(2)? != feed
        {
            continue;
        }
        let prefix = store::optional_prefix(row, 1)?;
        let is_in = |asked: &IpNet| prefix.is_some_and(|prefix| asked.contains(&prefix));
        if filter.indicator.as_ref().is_none_or(is_in) {
            wanted.push(row.get(0)?);
        }
    }
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS wanted (id INTEGER PRIMARY KEY); DELETE FROM temp.wanted",
    )?;
    let mut insert = connection.prepare("INSERT INTO temp.wanted VALUES (?)")?;
    for id in &wanted {
        insert.execute([id])?;
    }
    Ok(Some(wanted))
}

/// A query.
#[derive(Debug, Default)]
pub(super) struct Select {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

impl Select {
    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
        self.values.extend(values);
    }
}

/// The rows that a filter lets through, in the order in which they were stored.
///
/// Where indicators are asked for, their matches say which rows to look at, and otherwise the
/// zones that lie in the range of time.
pub(super) fn select(filter: &Filter, names: &Names, wanted: &Wanted, columns: &str) -> Select {
    let mut select = Select::default();
    let from = filter.from.map(|time| Value::from(store::number(time)));
    let until = filter.until.map(|time| Value::from(store::number(time)));
    select.text = format!("SELECT {columns} FROM ");
    if wanted.is_some() {
        select.text.push_str(
            "flow f WHERE f.row IN (SELECT m.row FROM temp.wanted w CROSS JOIN match m \
             ON m.indicator = w.id",
        );
        if let Some(from) = from.clone() {
            select.and("m.end_ns >= ?", [from]);
        }
        select.text.push(')');
    } else {
        let join = "zone z CROSS JOIN flow f ON f.row BETWEEN z.first AND z.last WHERE 1";
        select.text.push_str(join);
        if let Some(from) = from.clone() {
            select.and("z.last_end_ns >= ?", [from]);
        }
        if let Some(until) = until.clone() {
            select.and("z.first_start_ns < ?", [until]);
        }
    }
    if let Some(from) = from {
        select.and("f.end_ns >= ?", [from]);
    }
    if let Some(until) = until {
        select.and("f.start_ns < ?", [until]);
    }
    if let Some(whom) = &filter.address {
        let ((source, low), (destination, high)) = (is(whom, "f.src"), is(whom, "f.dst"));
        let values = low.into_iter().chain(high);
        select.and(&format!("({source} OR {destination})"), values);
    }
    for (whom, column) in [(&filter.source, "f.src"), (&filter.destination, "f.dst")] {
        if let Some(whom) = whom {
            let (condition, values) = is(whom, column);
            select.and(&condition, values);
        }
    }
    numbers(filter, names, &mut select);
    select
}

fn numbers(filter: &Filter, names: &Names, select: &mut Select) {
    // Nothing has the number -1: a name that no row has.
    let number = |id: Option<i64>| Value::from(id.unwrap_or(-1));
    if let Some(name) = &filter.approval {
        let id = Names::number(&names.approvals, name);
        select.and("f.approval = ?", [number(id)]);
    }
    if let Some(name) = &filter.interface {
        let id = Names::number(&names.interfaces, name);
        select.and("f.interface = ?", [number(id)]);
    }
    if let Some(class) = filter.class {
        select.and("f.class = ?", [Value::from(i64::from(class as u8))]);
    }
    if let Some(direction) = filter.direction {
        select.and("f.direction = ?", [Value::from(i64::from(direction as u8))]);
    }
    if let Some(protocol) = filter.protocol {
        select.and("f.proto = ?", [Value::from(i64::from(protocol))]);
    }
    if !filter.ports.is_empty() {
        let marks = vec!["?"; filter.ports.len()].join(", ");
        let condition = format!("(f.src_port IN ({marks}) OR f.dst_port IN ({marks}))");
        let ports = filter.ports.iter().chain(&filter.ports);
        select.and(&condition, ports.map(|port| Value::from(i64::from(*port))));
    }
}

fn is(whom: &Whom, column: &str) -> (String, Vec<Value>) {
    match whom {
        Whom::In(prefix) => {
            let blob = |address: IpAddr| {
                let stored = store::stored(&Address::Foreign(address));
                Value::Blob(stored.bytes().unwrap_or_default().to_vec())
            };
            let (first, last) = (prefix.network(), prefix.broadcast());
            let length = i64::from(prefix.max_prefix_len() / 8);
            let condition = format!("(length({column}) = ? AND {column} BETWEEN ? AND ?)");
            (condition, vec![length.into(), blob(first), blob(last)])
        }
        Whom::Pseudonym(pseudonym) => {
            let stored = store::stored(&Address::Pseudonym(*pseudonym));
            let bytes = stored.bytes().unwrap_or_default().to_vec();
            (format!("{column} = ?"), vec![Value::Blob(bytes)])
        }
    }
}
