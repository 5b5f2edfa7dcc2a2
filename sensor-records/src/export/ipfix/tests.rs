//! Decoded by what follows RFC 7011 and knows nothing of the encoder.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    Address,
    export::samples::{any_record, flow, record},
};

type Key = (u32, u16);
type Row = BTreeMap<Key, Vec<u8>>;

/// A collector of one session.
#[derive(Default)]
struct Collector {
    templates: BTreeMap<u16, Vec<(Key, u16)>>,
    rows: Vec<Row>,
    next: Option<u32>,
    /// Template records that came.
    told: usize,
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (head, tail) = bytes.split_at_checked(count).expect("it is cut short");
    *bytes = tail;
    head
}

fn u16_of(bytes: &mut &[u8]) -> u16 {
    u16::from_be_bytes(take(bytes, 2).try_into().unwrap())
}

fn u32_of(bytes: &mut &[u8]) -> u32 {
    u32::from_be_bytes(take(bytes, 4).try_into().unwrap())
}

impl Collector {
    fn message(&mut self, mut bytes: &[u8]) {
        let length = bytes.len();
        assert_eq!(u16_of(&mut bytes), 10);
        assert_eq!(usize::from(u16_of(&mut bytes)), length);
        assert_eq!(u32_of(&mut bytes), 1_764_000_100);
        let sequence = u32_of(&mut bytes);
        assert_eq!(
            sequence,
            self.next.unwrap_or(0),
            "no data record is missing"
        );
        assert_eq!(u32_of(&mut bytes), 1);
        let before = self.rows.len();
        while !bytes.is_empty() {
            let id = u16_of(&mut bytes);
            let length = usize::from(u16_of(&mut bytes));
            let set = take(&mut bytes, length - 4);
            if id == 2 {
                self.templates(set);
            } else {
                self.data(id, set);
            }
        }
        let came = u32::try_from(self.rows.len() - before).unwrap();
        self.next = Some(sequence.wrapping_add(came));
    }

    fn templates(&mut self, mut set: &[u8]) {
        while !set.is_empty() {
            let id = u16_of(&mut set);
            let count = u16_of(&mut set);
            let elements = (0..count).map(|_| {
                let number = u16_of(&mut set);
                let length = u16_of(&mut set);
                let is_ours = number & 0x8000 != 0;
                let enterprise = if is_ours { u32_of(&mut set) } else { 0 };
                ((enterprise, number & 0x7fff), length)
            });
            let elements: Vec<_> = elements.collect();
            let distinct: BTreeMap<_, _> = elements.iter().copied().collect();
            assert_eq!(distinct.len(), elements.len(), "no element stands twice");
            if let Some(old) = self.templates.insert(id, elements.clone()) {
                assert_eq!(old, elements, "a number means one template");
            }
            self.told += 1;
        }
    }

    fn data(&mut self, id: u16, mut set: &[u8]) {
        let template = self.templates.get(&id).expect("its template came before");
        while !set.is_empty() {
            let mut row = Row::new();
            for &(key, length) in template {
                let length = match length {
                    65_535 => match take(&mut set, 1)[0] {
                        255 => u16_of(&mut set),
                        short => u16::from(short),
                    },
                    fixed => fixed,
                };
                row.insert(key, take(&mut set, usize::from(length)).to_vec());
            }
            self.rows.push(row);
        }
    }
}

fn number(row: &Row, element: u16) -> u64 {
    let bytes = &row[&(0, element)];
    (bytes.iter()).fold(0, |sum, octet| sum << 8 | u64::from(*octet))
}

fn own(row: &Row, element: u16) -> Option<&[u8]> {
    row.get(&(EXAMPLE_ENTERPRISE, element)).map(Vec::as_slice)
}

const NOW: u64 = 1_764_000_100_000_000_000;

fn told(row: &Row, record: &Record) {
    assert_eq!(number(row, 148), record.id.0);
    assert_eq!(number(row, 2), record.packets);
    assert_eq!(number(row, 1), record.octets);
    assert_eq!(number(row, 152), record.notice.start / 1_000_000);
    assert_eq!(number(row, 153), record.end / 1_000_000);
    let notice = &record.notice;
    for (end, [v4, v6], element) in [
        (notice.source, [8, 27], 6),
        (notice.destination, [12, 28], 7),
    ] {
        let clear = [v4, v6].map(|number| row.get(&(0, number)).cloned());
        let hidden = own(row, element).map(<[u8]>::to_vec);
        let expected = match end {
            Address::Foreign(std::net::IpAddr::V4(it)) => ([Some(it.octets().into()), None], None),
            Address::Foreign(std::net::IpAddr::V6(it)) => ([None, Some(it.octets().into())], None),
            Address::Pseudonym(it) => ([None, None], Some(it.0.to_vec())),
            Address::Withheld => ([None, None], Some(vec![])),
        };
        assert_eq!((clear, hidden), expected);
    }
    let optional = |element| {
        row.contains_key(&(0, element))
            .then(|| number(row, element))
    };
    assert_eq!(optional(4), notice.protocol.map(u64::from));
    assert_eq!(optional(7), notice.ports.map(|ports| ports.0.into()));
    assert_eq!(optional(11), notice.ports.map(|ports| ports.1.into()));
    assert_eq!(optional(6), record.tcp_flags.map(u64::from));
    assert_eq!(optional(52), record.ttl.map(|ttl| ttl.0.into()));
    assert_eq!(optional(53), record.ttl.map(|ttl| ttl.1.into()));
    let tags = notice.vlan.as_ref();
    let outer = tags.map(|tags| tags.first().copied().unwrap_or(0));
    assert_eq!(optional(243), outer.map(u64::from));
    let inner = tags.and_then(|tags| tags.get(1));
    assert_eq!(optional(245), inner.map(|tag| u64::from(*tag)));
    assert_eq!(row[&(0, 82)], notice.interface.as_bytes());
    assert_eq!(own(row, 1), Some(notice.approvals[0].id.0.as_bytes()));
    assert_eq!(own(row, 2), Some(notice.class.name().as_bytes()));
    assert_eq!(own(row, 3), Some(notice.direction.name().as_bytes()));
    let kind = notice.tunnel.map(|(kind, _)| kind.name().as_bytes());
    assert_eq!(own(row, 9), kind);
    let count = u16::try_from(notice.indicators.len()).unwrap();
    assert_eq!(own(row, 5), Some(&count.to_be_bytes()[..]));
    let list = std::str::from_utf8(own(row, 4).unwrap()).unwrap();
    for (entry, matched) in list.lines().zip(&notice.indicators) {
        let columns: Vec<&str> = entry.split('\t').collect();
        assert_eq!(columns.len(), 4, "{entry}");
        assert_eq!(columns[1], matched.line.to_string());
        assert_eq!(columns[2].len(), matched.feed.len());
        let prefix = matched.prefix.map(|prefix| prefix.to_string());
        assert_eq!(columns[3], prefix.unwrap_or_default());
    }
}

fn collect(frames: &[Frame], limit: usize) -> Collector {
    let mut collector = Collector::default();
    for frame in frames.iter().filter(|frame| !frame.bytes.is_empty()) {
        assert!(frame.bytes.len() <= limit, "{}", frame.bytes.len());
        let before = collector.rows.len();
        collector.message(&frame.bytes);
        assert_eq!(collector.rows.len() - before, frame.rows);
    }
    collector
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_collector_reads_what_was_recorded(
        records in vec(any_record(), 1..40),
        limit in prop_oneof![Just(SMALLEST_LIMIT), Just(UDP_LIMIT), Just(LARGEST_LIMIT)],
        batch in 1usize..20,
    ) {
        let mut encoder = Ipfix::new(Settings { limit, ..Settings::udp() });
        let rows: Vec<_> = records.iter().cloned().map(flow).collect();
        let frames: Vec<Frame> =
            rows.chunks(batch).flat_map(|rows| encoder.encode(rows, NOW)).collect();
        let collector = collect(&frames, limit);
        prop_assert_eq!(frames.iter().map(|frame| frame.refused).sum::<usize>(), 0);
        prop_assert_eq!(collector.rows.len(), records.len());
        for (row, record) in collector.rows.iter().zip(&records) {
            told(row, record);
        }
    }
}

#[test]
fn every_indicator_is_told_where_there_is_room() {
    let mut encoder = Ipfix::new(Settings::udp());
    let collector = collect(&encoder.encode(&[flow(record(1))], NOW), UDP_LIMIT);
    let list = own(&collector.rows[0], 4).unwrap();
    assert_eq!(list, b"src\t3\tlist.txt\t192.0.2.0/24\n");

    let mut long = record(2);
    let one = long.notice.indicators[0].clone();
    long.notice.indicators = vec![one; 500];
    encoder.begin();
    let collector = collect(&encoder.encode(&[flow(long)], NOW), UDP_LIMIT);
    assert_eq!(own(&collector.rows[0], 5).unwrap(), 500u16.to_be_bytes());
    let entries = own(&collector.rows[0], 4)
        .unwrap()
        .split(|c| *c == b'\n')
        .count()
        - 1;
    assert!(
        (20..500).contains(&entries),
        "{entries} fit into a datagram"
    );
}

#[test]
fn what_is_too_long_or_of_two_versions_is_refused_and_what_follows_is_told() {
    let mut long = record(1);
    long.notice.approvals[0].id.0 = "x".repeat(UDP_LIMIT);
    let mut mixed = record(2);
    mixed.notice.destination = Address::Foreign("2001:db8::1".parse().unwrap());
    let rows = [long.clone(), mixed, record(3)].map(flow);
    let frames = Ipfix::new(Settings::udp()).encode(&rows, NOW);
    assert_eq!((frames.len(), frames[0].rows, frames[0].refused), (1, 1, 2));
    assert_eq!(number(&collect(&frames, UDP_LIMIT).rows[0], 148), 3);

    let frames = Ipfix::new(Settings::udp()).encode(&[flow(long)], NOW);
    assert_eq!((frames.len(), frames[0].settles()), (1, 1));
    assert!(frames[0].bytes.is_empty());
}

#[test]
fn templates_are_told_again_by_messages_and_by_time_and_for_each_connection() {
    let told = |encoder: &mut Ipfix, now| {
        let frames = encoder.encode(&[flow(record(1))], now);
        let set = u16::from_be_bytes([frames[0].bytes[16], frames[0].bytes[17]]);
        set == message::TEMPLATES
    };
    let mut udp = Ipfix::new(Settings::udp());
    let with: Vec<usize> = (0..250).filter(|_| told(&mut udp, NOW)).collect();
    assert_eq!(with, [0, 100, 200]);
    assert!(!told(&mut udp, NOW + 59_000_000_000));
    assert!(told(&mut udp, NOW + 60_000_000_000));

    let mut tcp = Ipfix::new(Settings::tcp());
    let with: Vec<usize> = (0..250).filter(|_| told(&mut tcp, NOW)).collect();
    assert_eq!(with, [0]);
    assert!(!told(&mut tcp, NOW + 3_600_000_000_000));
    tcp.begin();
    assert!(told(&mut tcp, NOW));
    assert_eq!(tcp.sequence, 1, "a session counts from 0");
}
