//! Records made for tests.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use sensor_common::{Class, Direction, Fields, FlowKey, FlowValue, Fragment, SlotMask, TunnelKind};
use sensor_core::watchlist::{ApprovalId, Handling};
use sensor_records::{
    Address, End, Matched, Notice, Pseudonym, Record, RecordId, Under,
    query::{Named, Row},
    store::Part,
};

pub(crate) const SECOND: u64 = 1_000_000_000;
pub(crate) const DAY: u64 = 86_400 * SECOND;

/// 2026-11-22T00:00:00Z.
pub(crate) const BEGIN: u64 = 1_795_305_600 * SECOND;

/// An approval; `kept` is a period.
pub(crate) fn under(slot: u32, name: &str, kept: Option<&str>) -> Under {
    Under {
        slot,
        id: ApprovalId(name.into()),
        fields: Fields::ALL,
        handling: Arc::new(Handling {
            retention: kept.map(|text| text.to_owned().try_into().unwrap()),
            recipients: None,
        }),
    }
}

pub(crate) fn indicator(number: u32, end: End) -> Matched {
    let prefix: Option<IpNet> = match number % 3 {
        0 => Some(format!("192.0.{number}.0/24").parse().unwrap()),
        1 => Some(format!("2001:db8:{number:x}::/48").parse().unwrap()),
        _ => None,
    };
    Matched {
        end,
        prefix,
        feed: format!("feed-{}.txt", number % 2),
        line: number + 1,
        named_by: SlotMask::of(0),
    }
}

/// A plain row.
pub(crate) fn record(number: u64) -> Record {
    let end = BEGIN + number * SECOND;
    Record {
        id: RecordId(number),
        notice: Notice {
            approvals: vec![under(0, "a", None)],
            class: Class::Relay,
            direction: Direction::Inbound,
            interface: "eth0".into(),
            vlan: Some(vec![7]),
            tunnel: Some((TunnelKind::Vxlan, 5)),
            source: address(u8::try_from(number % 200).unwrap()),
            destination: Address::Pseudonym(Pseudonym([9; 16])),
            protocol: Some(17),
            ports: Some((53, 5353)),
            fragment: Some(Fragment::Whole),
            start: end - 500,
            indicators: vec![indicator(0, End::Source)],
        },
        end,
        packets: number + 1,
        octets: 100,
        tcp_flags: Some(0),
        ttl: Some((60, 64)),
    }
}

pub(crate) fn address(number: u8) -> Address {
    let bytes = [number; 16];
    match number % 4 {
        0 => Address::Foreign(IpAddr::from([192, 0, 2, number])),
        1 => Address::Foreign(IpAddr::from(bytes)),
        2 => Address::Pseudonym(Pseudonym(bytes)),
        _ => Address::Withheld,
    }
}

pub(crate) fn part(record: u64, mark: u64) -> Part {
    let key = FlowKey {
        generation: mark,
        protocol: 6,
        ..FlowKey::default()
    };
    let value = FlowValue {
        packets: mark,
        octets: mark * 40,
        ..FlowValue::default()
    };
    Part {
        record: RecordId(record),
        key,
        value,
    }
}

/// What a reader says of a row that was committed.
pub(crate) fn row(record: &Record) -> Row {
    let notice = &record.notice;
    let [under] = &notice.approvals[..] else {
        panic!("{} approvals", notice.approvals.len());
    };
    let named = notice.indicators.iter().map(|matched| Named {
        end: matched.end,
        prefix: matched.prefix,
        feed: matched.feed.as_str().into(),
        line: matched.line,
    });
    Row {
        record: record.id,
        approval: under.id.0.as_str().into(),
        class: notice.class,
        direction: notice.direction,
        interface: notice.interface.as_str().into(),
        vlan: notice.vlan.clone(),
        tunnel: notice.tunnel,
        source: notice.source,
        destination: notice.destination,
        protocol: notice.protocol,
        ports: notice.ports,
        fragment: notice.fragment,
        start: notice.start,
        end: record.end,
        packets: record.packets,
        octets: record.octets,
        tcp_flags: record.tcp_flags,
        ttl: record.ttl,
        indicators: named.collect(),
    }
}
