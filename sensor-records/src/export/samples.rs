//! Rows for tests.

use std::{net::IpAddr, sync::Arc};

use proptest::{collection::vec, option, prelude::*};
use sensor_common::{Class, Direction, Fields, Fragment, SlotMask, TunnelKind};
use sensor_core::watchlist::{ApprovalId, Handling};

use super::{Admitted, Item, Recipient};
use crate::{Address, End, Matched, Notice, Pseudonym, Record, RecordId, Under};

pub(super) fn handling(names: Option<&[&str]>) -> Arc<Handling> {
    let texts = |names: &[&str]| {
        let texts = names.iter().map(|name| (*name).to_owned().try_into());
        texts.collect::<Result<_, _>>().unwrap()
    };
    Arc::new(Handling {
        retention: None,
        recipients: names.map(texts),
    })
}

/// A flow from a foreign address to a domestic one.
pub(super) fn record(id: u64) -> Record {
    let notice = Notice {
        approvals: vec![Under {
            slot: 0,
            id: ApprovalId("req-7".into()),
            fields: Fields::ALL,
            handling: Arc::default(),
        }],
        class: Class::Relay,
        direction: Direction::Inbound,
        interface: "eth0".into(),
        vlan: Some(vec![100]),
        tunnel: None,
        source: Address::Foreign("192.0.2.1".parse().unwrap()),
        destination: Address::Pseudonym(Pseudonym([0xab; 16])),
        protocol: Some(6),
        ports: Some((443, 50_000)),
        fragment: Some(Fragment::Whole),
        start: 1_764_000_000_123_456_789,
        indicators: vec![Matched {
            end: End::Source,
            prefix: "192.0.2.0/24".parse().ok(),
            feed: "list.txt".into(),
            line: 3,
            named_by: SlotMask::of(0),
        }],
    };
    Record {
        id: RecordId(id),
        notice,
        end: 1_764_000_002_000_000_000,
        packets: 2,
        octets: 80,
        tcp_flags: Some(0x12),
        ttl: Some((63, 64)),
    }
}

pub(super) fn admit(item: Item) -> Admitted {
    Recipient::new("anyone").admit(&Arc::new(item)).unwrap()
}

pub(super) fn flow(record: Record) -> Admitted {
    admit(Item::Flow(record))
}

fn end(v6: bool) -> BoxedStrategy<Address> {
    let clear = if v6 {
        any::<[u8; 16]>().prop_map(IpAddr::from).boxed()
    } else {
        any::<[u8; 4]>().prop_map(IpAddr::from).boxed()
    };
    prop_oneof![
        4 => clear.prop_map(Address::Foreign),
        2 => any::<[u8; 16]>().prop_map(|bytes| Address::Pseudonym(Pseudonym(bytes))),
        1 => Just(Address::Withheld),
    ]
    .boxed()
}

fn matched() -> impl Strategy<Value = Matched> {
    (any::<bool>(), "[ -~é\\n\"]{1,40}", any::<u32>()).prop_map(|(source, feed, line)| Matched {
        end: if source {
            End::Source
        } else {
            End::Destination
        },
        prefix: (line % 2 == 0).then(|| "2001:db8::/32".parse().unwrap()),
        feed,
        line,
        named_by: SlotMask::of(0),
    })
}

/// Any row that the pipeline could make, and some that it could not.
pub(super) fn any_record() -> impl Strategy<Value = Record> {
    let ends = any::<bool>().prop_flat_map(|v6| (end(v6), end(v6)));
    let told = (
        option::of(any::<u8>()),
        option::of(any::<(u16, u16)>()),
        option::of(any::<u16>()),
        option::of(any::<(u8, u8)>()),
        option::of(vec(0..4096u16, 0..=2)),
        option::of(0..TunnelKind::ALL.len()),
    );
    let sums = (any::<u64>(), any::<u64>(), any::<u64>());
    let times = (0..4_000_000_000u64, 0..1u64 << 40);
    (ends, told, sums, times, vec(matched(), 0..60)).prop_map(
        |((source, destination), told, (id, packets, octets), (start, length), indicators)| {
            let (protocol, ports, tcp_flags, ttl, vlan, tunnel) = told;
            let mut record = record(id);
            record.notice.source = source;
            record.notice.destination = destination;
            record.notice.protocol = protocol;
            record.notice.ports = ports;
            record.notice.vlan = vlan;
            record.notice.tunnel = tunnel.map(|kind| (TunnelKind::ALL[kind], 77));
            record.notice.indicators = indicators;
            record.notice.start = start * 1_000_000_000 + 123_456_789;
            record.end = record.notice.start + length;
            Record {
                packets,
                octets,
                tcp_flags,
                ttl,
                ..record
            }
        },
    )
}
