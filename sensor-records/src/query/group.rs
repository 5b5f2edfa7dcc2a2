//! Sums by what rows have in common.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use foldhash::fast::RandomState;
use ipnet::IpNet;
use rusqlite::{Connection, params_from_iter};
use sensor_common::Class;

use super::{
    Filter, Names,
    filter::{Wanted, select},
    row::{address, number},
};
use crate::{
    Address,
    store::{self, AGAIN, ALL, Level},
};

/// What rows have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// Source address.
    Source,
    /// Destination address.
    Destination,
    /// Both, in the direction of the packets.
    Pair,
    /// Indicator: a flow counts under each that matched.
    Indicator,
    /// Approval: a flow counts under each.
    Approval,
    /// Class.
    Class,
    /// Protocol.
    Protocol,
    /// Destination port.
    Port,
    /// The time of the last packet: minute, hour or day.
    Time(Level),
}

/// What the rows of a group have in common. None: nothing, or it may not be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "as in the grouping")]
pub enum Key {
    Address(Address),
    Pair(Address, Address),
    Indicator {
        prefix: Option<IpNet>,
        feed: Arc<str>,
        line: u32,
    },
    Approval(Arc<str>),
    Class(Class),
    Protocol(Option<u8>),
    Port(Option<u16>),
    /// Begin: nanoseconds since 1970.
    Time(u64),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Pair(source, destination) => write!(f, "{source} > {destination}"),
            Self::Indicator { prefix, feed, line } => match prefix {
                Some(prefix) => write!(f, "{prefix} ({feed}:{line})"),
                None => write!(f, "{feed}:{line}"),
            },
            Self::Approval(approval) => f.write_str(approval),
            Self::Class(class) => f.write_str(class.name()),
            Self::Protocol(Some(number)) => number.fmt(f),
            Self::Port(Some(number)) => number.fmt(f),
            Self::Protocol(None) | Self::Port(None) => f.write_str("-"),
            Self::Time(begin) => begin.fmt(f),
        }
    }
}

/// Sums of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What its rows have in common.
    pub key: Key,
    /// Records.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Layer-3 octets.
    pub octets: u64,
}

/// Groups, and what they are together, each record counted once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// The groups.
    pub groups: Vec<Group>,
    /// Records.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Octets.
    pub octets: u64,
    /// From the sums that are kept for good: whole minutes, hours or days, also of records that
    /// are kept no longer.
    pub from_sums: bool,
}

pub(super) fn groups(
    connection: &Connection,
    names: &mut Names,
    (filter, wanted): (&Filter, &Wanted),
    by: GroupBy,
) -> rusqlite::Result<Groups> {
    if let GroupBy::Time(level) = by
        && let Some(indicator) = has_sums(filter, wanted)
    {
        return from_sums(connection, names, filter, level, indicator);
    }
    from_rows(connection, names, (filter, wanted), by)
}

/// Whether the sums that are kept answer it: the indicator they are of.
fn has_sums(filter: &Filter, wanted: &Wanted) -> Option<i64> {
    let Filter {
        from: _,
        until: _,
        approval: _,
        indicator: _,
        feed: _,
        address: None,
        source: None,
        destination: None,
        class: None,
        direction: None,
        ports,
        protocol: None,
        interface: None,
    } = filter
    else {
        return None;
    };
    match wanted.as_deref() {
        _ if !ports.is_empty() => None,
        None => Some(ALL),
        Some([one]) => Some(*one),
        Some(_) => None,
    }
}

fn from_sums(
    connection: &Connection,
    names: &Names,
    filter: &Filter,
    level: Level,
    indicator: i64,
) -> rusqlite::Result<Groups> {
    let second = 1_000_000_000;
    let from = filter.from.unwrap_or(0) / second / level.seconds() * level.seconds();
    let until = filter
        .until
        .map_or(u64::MAX, |until| until.div_ceil(second));
    let approval = match &filter.approval {
        Some(name) => Names::number(&names.approvals, name).unwrap_or(-1),
        None => AGAIN,
    };
    // Each begin is looked up by itself: between two lie the sums of all other indicators.
    let query = "WITH RECURSIVE begin(at) AS (\
        SELECT min(begin_s) FROM rollup WHERE level = ?1 AND begin_s >= ?2 \
        UNION ALL SELECT (SELECT min(begin_s) FROM rollup WHERE level = ?1 AND begin_s > at) \
        FROM begin WHERE at IS NOT NULL AND at < ?3) \
        SELECT r.begin_s, r.approval, r.flows, r.packets, r.octets FROM begin CROSS JOIN rollup r \
        ON r.level = ?1 AND r.begin_s = at AND r.indicator = ?4 WHERE at < ?3";
    let mut query = connection.prepare(query)?;
    let bounds = [
        level.number(),
        store::number(from),
        store::number(until),
        indicator,
    ];
    let mut rows = query.query(bounds)?;
    let mut sums: std::collections::BTreeMap<u64, Sum> = std::collections::BTreeMap::new();
    while let Some(row) = rows.next()? {
        let of: i64 = row.get(1)?;
        if approval != AGAIN && of != approval {
            continue;
        }
        let begin = number(row, 0)?.saturating_mul(second);
        let sum = sums.entry(begin).or_default();
        let counted = [number(row, 2)?, number(row, 3)?, number(row, 4)?];
        for (sum, counted) in sum.0.iter_mut().zip(counted) {
            let counted = i128::from(counted);
            *sum += if of == AGAIN { -counted } else { counted };
        }
    }
    let mut total = Sum::default();
    let groups = sums.into_iter().map(|(begin, sum)| {
        total.absorb(&sum);
        sum.group(Key::Time(begin))
    });
    let groups = groups.collect();
    Ok(total.groups(groups, true))
}

/// Flows, packets, octets.
#[derive(Clone, Copy, Debug, Default)]
struct Sum([i128; 3]);

impl Sum {
    fn absorb(&mut self, other: &Self) {
        for (sum, other) in self.0.iter_mut().zip(other.0) {
            *sum += other;
        }
    }

    fn told(&self) -> [u64; 3] {
        self.0
            .map(|sum| u64::try_from(sum.max(0)).unwrap_or(u64::MAX))
    }

    fn group(&self, key: Key) -> Group {
        let [flows, packets, octets] = self.told();
        Group {
            key,
            flows,
            packets,
            octets,
        }
    }

    fn groups(&self, groups: Vec<Group>, from_sums: bool) -> Groups {
        let [flows, packets, octets] = self.told();
        Groups {
            groups,
            flows,
            packets,
            octets,
            from_sums,
        }
    }
}

/// A key as it is read, cheap to compare.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Raw {
    Address(Address),
    Pair(Address, Address),
    Number(Option<i64>),
}

fn from_rows(
    connection: &Connection,
    names: &mut Names,
    (filter, wanted): (&Filter, &Wanted),
    by: GroupBy,
) -> rusqlite::Result<Groups> {
    let columns = match by {
        GroupBy::Source => "f.src",
        GroupBy::Destination => "f.dst",
        GroupBy::Pair => "f.src, f.dst",
        GroupBy::Indicator => "f.indicators",
        GroupBy::Approval => "f.approval",
        GroupBy::Class => "f.class",
        GroupBy::Protocol => "f.proto",
        GroupBy::Port => "f.dst_port",
        GroupBy::Time(_) => "f.end_ns",
    };
    let columns = format!("f.record, f.rows, f.packets, f.octets, {columns}");
    let select = select(filter, names, wanted, &columns);
    let mut query = connection.prepare(&select.text)?;
    let mut rows = query.query(params_from_iter(&select.values))?;
    let mut sums: HashMap<Raw, Sum, RandomState> = HashMap::default();
    // Records of several rows: under which keys they were counted.
    let mut counted: HashSet<(u64, Option<Raw>), RandomState> = HashSet::default();
    let wanted: Option<HashSet<i64>> = wanted.as_ref().map(|ids| ids.iter().copied().collect());
    let mut total = Sum::default();
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        let record = number(row, 0)?;
        let has_others = row.get::<_, i64>(1)? > 1;
        let sum = Sum([1, number(row, 2)?.into(), number(row, 3)?.into()]);
        if !has_others || counted.insert((record, None)) {
            total.absorb(&sum);
        }
        keys.clear();
        raw(row, by, wanted.as_ref(), &mut keys)?;
        for key in &keys {
            if !has_others || counted.insert((record, Some(*key))) {
                sums.entry(*key).or_default().absorb(&sum);
            }
        }
    }
    let groups = sums.into_iter().map(|(key, sum)| {
        let key = told(key, by, connection, names)?;
        Ok(sum.group(key))
    });
    let groups = groups.collect::<rusqlite::Result<_>>()?;
    Ok(total.groups(groups, false))
}

fn raw(
    row: &rusqlite::Row<'_>,
    by: GroupBy,
    wanted: Option<&HashSet<i64>>,
    keys: &mut Vec<Raw>,
) -> rusqlite::Result<()> {
    match by {
        GroupBy::Source | GroupBy::Destination => keys.push(Raw::Address(address(row, 4)?)),
        GroupBy::Pair => keys.push(Raw::Pair(address(row, 4)?, address(row, 5)?)),
        GroupBy::Indicator => {
            for word in row.get_ref(4)?.as_blob()?.as_chunks::<8>().0 {
                let id = i64::from_le_bytes(*word) / 2;
                let key = Raw::Number(Some(id));
                if wanted.is_none_or(|wanted| wanted.contains(&id)) && !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        GroupBy::Approval | GroupBy::Class | GroupBy::Protocol | GroupBy::Port => {
            keys.push(Raw::Number(row.get(4)?));
        }
        GroupBy::Time(level) => {
            let length = store::number(level.seconds().saturating_mul(1_000_000_000));
            let end: i64 = row.get(4)?;
            keys.push(Raw::Number(Some(end / length * length)));
        }
    }
    Ok(())
}

fn told(
    key: Raw,
    by: GroupBy,
    connection: &Connection,
    names: &mut Names,
) -> rusqlite::Result<Key> {
    let lost = || rusqlite::Error::QueryReturnedNoRows;
    Ok(match (key, by) {
        (Raw::Address(address), _) => Key::Address(address),
        (Raw::Pair(source, destination), _) => Key::Pair(source, destination),
        (Raw::Number(Some(id)), GroupBy::Indicator) => {
            let (feed, line, prefix) = names.indicator(connection, id)?;
            Key::Indicator { prefix, feed, line }
        }
        (Raw::Number(Some(id)), GroupBy::Approval) => {
            Key::Approval(names.approvals.get(&id).cloned().ok_or_else(lost)?)
        }
        (Raw::Number(Some(number)), GroupBy::Class) => {
            let class = u8::try_from(number).ok().and_then(Class::from_number);
            Key::Class(class.ok_or_else(lost)?)
        }
        (Raw::Number(number), GroupBy::Protocol) => {
            Key::Protocol(number.and_then(|number| u8::try_from(number).ok()))
        }
        (Raw::Number(number), GroupBy::Port) => {
            Key::Port(number.and_then(|number| u16::try_from(number).ok()))
        }
        (Raw::Number(Some(begin)), GroupBy::Time(_)) => Key::Time(store::told(begin)),
        (Raw::Number(_), _) => return Err(lost()),
    })
}
