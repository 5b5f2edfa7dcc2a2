//! Rows of many kinds, and sending them.

use std::{sync::Arc, thread, time::Duration};

use sensor_common::{Class, Direction, Fields, Fragment, SlotMask, TunnelKind};
use sensor_core::watchlist::ApprovalId;
use sensor_records::{
    Address, End, Matched, Notice, Pseudonym, Record, RecordId, Under,
    export::{Encode, Item, Recipient, sink},
};

use crate::peer::SOON;

/// A record; what it says depends on its number, and so do its ends.
fn record(id: u64) -> Record {
    let low = u8::try_from(id % 200).unwrap();
    let clear = |last: u8| {
        let text = if id.is_multiple_of(3) {
            format!("2001:db8::{last:x}")
        } else {
            format!("192.0.2.{last}")
        };
        Address::Foreign(text.parse().unwrap())
    };
    let hidden = if id % 8 < 4 {
        Address::Pseudonym(Pseudonym([low; 16]))
    } else {
        Address::Withheld
    };
    let (class, direction, source, destination) = match id % 4 {
        0 | 1 => (Class::Transit, Direction::Through, clear(low), clear(201)),
        2 => (Class::Relay, Direction::Inbound, clear(low), hidden),
        _ => (Class::Relay, Direction::Outbound, hidden, clear(low)),
    };
    let matched = |line| Matched {
        end: if source.clear().is_some() {
            End::Source
        } else {
            End::Destination
        },
        prefix: (line % 2 == 0).then(|| "192.0.2.0/24".parse().unwrap()),
        feed: "a \"list\" [of] ours\\.txt".into(),
        line,
        named_by: SlotMask::of(0),
    };
    let says = |bit: u64| id & bit == 0;
    let start = 1_764_000_000_123_456_789 + id * 1_000_000;
    let notice = Notice {
        approvals: vec![Under {
            slot: 0,
            id: ApprovalId("req-7".into()),
            fields: Fields::ALL,
            handling: Arc::default(),
        }],
        class,
        direction,
        interface: "eth0".into(),
        vlan: says(16).then(|| vec![100; usize::try_from(id % 3).unwrap()]),
        tunnel: id.is_multiple_of(7).then_some((TunnelKind::Vxlan, 4242)),
        source,
        destination,
        protocol: says(8).then_some(6),
        ports: says(8).then_some((443, 50_000)),
        fragment: Some(Fragment::Whole),
        start,
        indicators: (1..=u32::try_from(id % 3).unwrap() + 1)
            .map(matched)
            .collect(),
    };
    Record {
        id: RecordId(id),
        notice,
        end: start + 2_500_000_000,
        packets: id + 1,
        octets: 100 * (id + 1),
        tcp_flags: says(32).then_some(0x1b),
        ttl: says(64).then_some((63, 64)),
    }
}

pub(crate) fn records(count: u64) -> Vec<Record> {
    (1..=count).map(record).collect()
}

/// Packets and octets of all.
pub(crate) fn sums<'a>(records: impl IntoIterator<Item = &'a Record>) -> (u64, u64) {
    let records = records.into_iter();
    records.fold((0, 0), |(packets, octets), record| {
        (packets + record.packets, octets + record.octets)
    })
}

/// Runs an exporter over items and says what became of them. Slowly enough for the buffers of
/// receivers of datagrams.
pub(crate) fn export(
    items: impl IntoIterator<Item = Item>,
    encoder: impl Encode + 'static,
    outlet: impl sink::Outlet + 'static,
) -> sink::Losses {
    let plan = sink::Plan {
        batch: 32,
        ..sink::Plan::new("peer", Recipient::new("anyone"))
    };
    let exporter = sink::Exporter::spawn(plan, Box::new(encoder), Box::new(outlet)).unwrap();
    for (number, item) in items.into_iter().enumerate() {
        exporter.offer(&Arc::new(item));
        if number % 16 == 15 {
            thread::sleep(Duration::from_millis(2));
        }
    }
    exporter.finish(SOON)
}

pub(crate) fn flows(records: &[Record]) -> impl Iterator<Item = Item> {
    records.iter().cloned().map(Item::Flow)
}
