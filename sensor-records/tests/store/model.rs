//! What should be in a store, kept in the plainest way, and random things to do to one.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, option, prelude::*, sample::subsequence};
use sensor_common::{Class, Direction, Fragment, TunnelKind};
use sensor_records::{
    End, Record, RecordId,
    query::{Filter, Reader, Row},
    store::{Batch, Part, Position, Store},
};

use crate::made::{BEGIN, DAY, SECOND, address, indicator, part, record, row, under};

/// What one commit brings, before records have numbers.
#[derive(Clone, Debug)]
pub(crate) struct Brought {
    /// Flows that end: their rows.
    pub(crate) flows: Vec<Vec<Record>>,
    /// How many flows are under way from here on.
    pub(crate) begun: usize,
    /// Which of those under way go on.
    pub(crate) going_on: Vec<prop::sample::Index>,
    /// Which of those under way end.
    pub(crate) ending: Vec<prop::sample::Index>,
}

/// Periods of the three approvals.
const KEPT: [(&str, Option<&str>); 3] = [("a", None), ("b", Some("P7D")), ("c", Some("P1M"))];

fn one_row() -> impl Strategy<Value = Record> {
    let fields = (
        option::of(vec(0_u16..4096, 0..3)),
        option::of((0_usize..10, any::<u32>())),
        option::of(any::<u8>()),
        option::of(any::<(u16, u16)>()),
        option::of(0_usize..3),
        option::of(0_u16..4096),
        option::of(any::<(u8, u8)>()),
    );
    let ends = (any::<u8>(), any::<u8>(), 0_usize..3, 0_usize..3, 0_u8..2);
    let matched = vec((0_u32..6, any::<bool>()), 0..4);
    (fields, ends, matched).prop_map(|(fields, ends, matched)| {
        let (vlan, tunnel, protocol, ports, fragment, tcp_flags, ttl) = fields;
        let (source, destination, class, direction, interface) = ends;
        let mut made = record(1);
        made.tcp_flags = tcp_flags;
        made.ttl = ttl;
        let notice = &mut made.notice;
        notice.vlan = vlan;
        notice.tunnel = tunnel.map(|(kind, id)| (TunnelKind::ALL[kind], id));
        notice.protocol = protocol;
        notice.ports = ports;
        let fragments = [Fragment::Whole, Fragment::First, Fragment::Later];
        notice.fragment = fragment.map(|number| fragments[number]);
        notice.source = address(source);
        notice.destination = address(destination);
        notice.class = Class::ALL[class];
        notice.direction = Direction::ALL[direction];
        notice.interface = format!("eth{interface}");
        let end = |is_source| {
            if is_source {
                End::Source
            } else {
                End::Destination
            }
        };
        let matched = matched.into_iter();
        notice.indicators = matched
            .map(|(number, is)| indicator(number, end(is)))
            .collect();
        made
    })
}

/// The rows of a flow under one approval or several.
fn flow() -> impl Strategy<Value = Vec<Record>> {
    let approvals = subsequence(vec![0_usize, 1, 2], 1..=3);
    let counts = (0..3 * DAY, 0..SECOND, any::<u32>(), any::<u32>());
    (approvals, vec(one_row(), 3), counts).prop_map(|(approvals, mut rows, counts)| {
        let (end, length, packets, octets) = counts;
        rows.truncate(approvals.len());
        for (row, number) in rows.iter_mut().zip(approvals) {
            let (name, kept) = KEPT[number];
            row.notice.approvals = vec![under(u32::try_from(number).unwrap(), name, kept)];
            row.end = BEGIN + end;
            row.notice.start = row.end - length;
            (row.packets, row.octets) = (packets.into(), octets.into());
        }
        rows
    })
}

pub(crate) fn brought() -> impl Strategy<Value = Brought> {
    let flows = vec(flow(), 0..12);
    let some = || vec(any::<prop::sample::Index>(), 0..6);
    (flows, 0_usize..6, some(), some()).prop_map(|(flows, begun, going_on, ending)| Brought {
        flows,
        begun,
        going_on,
        ending,
    })
}

/// A batch that owns what it brings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owned {
    pub(crate) rows: Vec<Record>,
    pub(crate) parts: Vec<Part>,
    pub(crate) ended: Vec<RecordId>,
    pub(crate) position: Option<Position>,
}

impl Owned {
    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch {
            rows: &self.rows,
            parts: &self.parts,
            ended: &self.ended,
            position: self.position,
        }
    }
}

pub(crate) const SOURCE: [u8; 16] = [3; 16];

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) rows: Vec<Record>,
    pub(crate) under_way: Vec<Part>,
    pub(crate) next: u64,
    pub(crate) epoch: u64,
}

impl Model {
    /// The batch that a random bringing is, for a store as this one is.
    pub(crate) fn batch(&self, brought: &Brought) -> Owned {
        let mut owned = Owned::default();
        let mut next = self.next.max(1);
        for rows in &brought.flows {
            for row in rows {
                let mut row = row.clone();
                row.id = RecordId(next);
                owned.rows.push(row);
            }
            next += 1;
        }
        let epoch = self.epoch + 1;
        for _ in 0..brought.begun {
            owned.parts.push(part(next, epoch));
            next += 1;
        }
        let open: BTreeSet<RecordId> = self.under_way.iter().map(|part| part.record).collect();
        let open: Vec<RecordId> = open.into_iter().collect();
        if !open.is_empty() {
            let some = |indices: &[prop::sample::Index]| {
                let chosen = indices.iter().map(|index| *index.get(&open));
                chosen.collect::<BTreeSet<RecordId>>()
            };
            let going_on = some(&brought.going_on);
            owned
                .parts
                .extend(going_on.iter().map(|id| part(id.0, epoch)));
            owned.ended = some(&brought.ending).into_iter().collect();
        }
        owned.position = Some(Position {
            source: SOURCE,
            epoch,
            ring: u64::MAX - epoch,
        });
        owned
    }

    pub(crate) fn apply(&mut self, owned: &Owned) {
        self.rows.extend(owned.rows.iter().cloned());
        self.under_way.extend(&owned.parts);
        self.under_way
            .retain(|part| !owned.ended.contains(&part.record));
        let rows = owned.rows.iter().map(|row| row.id.0);
        let parts = owned.parts.iter().map(|part| part.record.0);
        let last = rows.chain(parts).max().unwrap_or(0);
        self.next = self.next.max(last + 1);
        self.epoch = owned.position.map_or(self.epoch, |position| position.epoch);
    }

    /// Asserts that a store is as this one.
    pub(crate) fn assert_is(&self, store: &mut Store, reader: &mut Reader) {
        let found = reader.rows(&Filter::default(), None, None).unwrap();
        let rows: Vec<Row> = self.rows.iter().map(row).collect();
        assert_eq!(found, rows);
        assert_eq!(store.under_way().unwrap(), self.under_way);
        assert_eq!(store.next_record().0, self.next.max(1));
        let epoch = store.position(SOURCE).map(|position| position.epoch);
        assert_eq!(epoch.unwrap_or(0), self.epoch);
    }

    /// Flows, packets and octets of rows, each record once, by what `key` says of them.
    pub(crate) fn sums<K: Ord>(
        &self,
        is_asked: impl Fn(&Record) -> bool,
        key: impl Fn(&Record) -> Vec<K>,
    ) -> BTreeMap<K, [u64; 3]> {
        let mut seen: BTreeMap<K, BTreeMap<RecordId, (u64, u64)>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| is_asked(row)) {
            for key in key(row) {
                let records = seen.entry(key).or_default();
                records.insert(row.id, (row.packets, row.octets));
            }
        }
        let sum = |records: BTreeMap<RecordId, (u64, u64)>| {
            let flows = u64::try_from(records.len()).unwrap();
            let packets = records.values().map(|(packets, _)| packets).sum();
            [
                flows,
                packets,
                records.values().map(|(_, octets)| octets).sum(),
            ]
        };
        seen.into_iter()
            .map(|(key, records)| (key, sum(records)))
            .collect()
    }
}
