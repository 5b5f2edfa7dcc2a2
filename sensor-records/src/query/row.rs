//! A row as it is given out.

use std::sync::Arc;

use ipnet::IpNet;
use rusqlite::{Connection, Error, types::Type};
use sensor_common::{Class, Direction, Fragment, TunnelKind};

use super::Names;
use crate::{Address, End, RecordId, store};

/// What the store has of a flow under one approval; as in [`crate::Record`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of a record")]
pub struct Row {
    pub record: RecordId,
    pub approval: Arc<str>,
    pub class: Class,
    pub direction: Direction,
    pub interface: Arc<str>,
    pub vlan: Option<Vec<u16>>,
    pub tunnel: Option<(TunnelKind, u32)>,
    pub source: Address,
    pub destination: Address,
    pub protocol: Option<u8>,
    pub ports: Option<(u16, u16)>,
    pub fragment: Option<Fragment>,
    pub start: u64,
    pub end: u64,
    pub packets: u64,
    pub octets: u64,
    pub tcp_flags: Option<u16>,
    pub ttl: Option<(u8, u8)>,
    pub indicators: Vec<Named>,
}

/// An indicator that matched an end of the flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The end.
    pub end: End,
    /// The prefix; none where it would tell a domestic address.
    pub prefix: Option<IpNet>,
    /// The feed it stands in.
    pub feed: Arc<str>,
    /// Its line in the feed.
    pub line: u32,
}

/// The columns that [`read`] reads.
pub(super) const COLUMNS: &str = "f.record, f.approval, f.class, f.direction, f.interface, \
    f.vlan, f.tunnel, f.tunnel_id, f.src, f.dst, f.proto, f.src_port, f.dst_port, f.fragment, \
    f.start_ns, f.end_ns, f.packets, f.octets, f.tcp_flags, f.ttl_min, f.ttl_max, f.indicators";

pub(super) fn read(
    row: &rusqlite::Row<'_>,
    connection: &Connection,
    names: &mut Names,
) -> rusqlite::Result<Row> {
    let optional = |column| row.get::<_, Option<u8>>(column);
    let tunnel = match (optional(6)?, row.get(7)?) {
        (Some(kind), Some(id)) => {
            Some((TunnelKind::from_number(kind).ok_or_else(|| unclear(6))?, id))
        }
        _ => None,
    };
    let fragment = match optional(13)? {
        None => None,
        Some(0) => Some(Fragment::Whole),
        Some(1) => Some(Fragment::First),
        Some(2) => Some(Fragment::Later),
        Some(_) => return Err(unclear(13)),
    };
    Ok(Row {
        record: RecordId(number(row, 0)?),
        approval: name(row, 1, &names.approvals)?,
        class: Class::from_number(row.get(2)?).ok_or_else(|| unclear(2))?,
        direction: direction(row.get(3)?).ok_or_else(|| unclear(3))?,
        interface: name(row, 4, &names.interfaces)?,
        vlan: vlan(row, 5)?,
        tunnel,
        source: address(row, 8)?,
        destination: address(row, 9)?,
        protocol: optional(10)?,
        ports: both(row.get(11)?, row.get(12)?),
        fragment,
        start: number(row, 14)?,
        end: number(row, 15)?,
        packets: number(row, 16)?,
        octets: number(row, 17)?,
        tcp_flags: row.get(18)?,
        ttl: both(row.get(19)?, row.get(20)?),
        indicators: indicators(row.get_ref(21)?.as_blob()?, connection, names)?,
    })
}

pub(super) fn number(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| Error::IntegralValueOutOfRange(column, number))
}

/// An address; NULL is one that is withheld.
pub(super) fn address(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Address> {
    let bytes = row.get_ref(column)?.as_blob_or_null()?;
    store::address(bytes).ok_or_else(|| unclear(column))
}

pub(super) fn direction(number: u8) -> Option<Direction> {
    Direction::ALL.get(usize::from(number)).copied()
}

fn name(
    row: &rusqlite::Row<'_>,
    column: usize,
    names: &std::collections::HashMap<i64, Arc<str>>,
) -> rusqlite::Result<Arc<str>> {
    let id: i64 = row.get(column)?;
    names.get(&id).cloned().ok_or_else(|| unclear(column))
}

fn vlan(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Option<Vec<u16>>> {
    let Some(bytes) = row.get_ref(column)?.as_blob_or_null()? else {
        return Ok(None);
    };
    let (ids, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(unclear(column));
    }
    Ok(Some(ids.iter().map(|id| u16::from_be_bytes(*id)).collect()))
}

fn indicators(
    words: &[u8],
    connection: &Connection,
    names: &mut Names,
) -> rusqlite::Result<Vec<Named>> {
    let words = words.as_chunks::<8>().0.iter();
    let matched = words.map(|word| {
        let word = i64::from_le_bytes(*word);
        let (feed, line, prefix) = names.indicator(connection, word / 2)?;
        Ok(Named {
            end: match word % 2 {
                0 => End::Source,
                _ => End::Destination,
            },
            prefix,
            feed,
            line,
        })
    });
    matched.collect()
}

/// Both or none: neither is stored without the other.
fn both<T>(one: Option<T>, other: Option<T>) -> Option<(T, T)> {
    one.zip(other)
}

fn unclear(column: usize) -> Error {
    Error::InvalidColumnType(column, "flow".into(), Type::Null)
}
