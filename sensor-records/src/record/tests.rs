use super::*;

fn approval(slot: u32, name: &str, fields: Fields) -> Under {
    Under {
        slot,
        id: ApprovalId(name.into()),
        fields,
        handling: Arc::default(),
    }
}

fn key() -> FlowKey {
    let mut key = FlowKey {
        ip_version: 4,
        protocol: 6,
        has_ports: 1,
        source_port: 443u16.to_be_bytes(),
        destination_port: 50_000u16.to_be_bytes(),
        vlan_tags: 1,
        ..FlowKey::default()
    };
    key.source[..4].copy_from_slice(&[192, 0, 2, 1]);
    key.destination[..4].copy_from_slice(&[198, 51, 100, 7]);
    key.vlan.ids[0] = 100u16.to_be_bytes();
    key
}

fn record(direction: Direction) -> Record<Endpoint> {
    let approvals = vec![
        approval(0, "a", Fields::ALL),
        approval(1, "b", Fields::PROTOCOL),
    ];
    let matched = Matched {
        end: End::Source,
        prefix: "192.0.2.0/24".parse().ok(),
        feed: "list.txt".into(),
        line: 3,
        named_by: SlotMask::of(0),
    };
    let notice = Notice::of_key(
        &key(),
        approvals,
        (Class::Transit, direction),
        ("veth0".into(), 1_000),
        vec![matched],
    );
    let value = FlowValue {
        packets: 2,
        octets: 80,
        tcp_flags: 18,
        ttl_min: 63,
        ttl_max: 64,
        ..FlowValue::default()
    };
    Record::new(RecordId(7), notice, &value, 2_000)
}

#[test]
fn a_row_says_what_its_own_approval_lets_it_say_and_no_more() {
    let rows: Vec<Record> = (record(Direction::Through).split(&Pseudonyms::none())).collect();
    let [all, other] = &rows[..] else {
        panic!("{} rows", rows.len());
    };
    assert_eq!(all.notice.approvals[0].id.0, "a");
    assert_eq!(all.notice.vlan, Some(vec![100]));
    assert_eq!(all.notice.ports, Some((443, 50_000)));
    assert_eq!((all.tcp_flags, all.ttl), (Some(18), Some((63, 64))));
    assert_eq!(all.notice.indicators.len(), 1);
    assert_eq!(other.notice.approvals[0].id.0, "b");
    assert_eq!(other.notice.protocol, Some(6));
    let told = (
        &other.notice.vlan,
        other.notice.ports,
        other.notice.fragment,
    );
    assert_eq!(told, (&None, None, None));
    assert_eq!((other.tcp_flags, other.ttl), (None, None));
    assert!(other.notice.indicators.is_empty(), "it names none of them");
    assert_eq!((other.id, other.packets), (RecordId(7), 2));
    assert_eq!((other.notice.start, other.end), (1_000, 2_000));
}

#[test]
fn the_domestic_end_has_a_pseudonym_of_its_own_under_each_approval() {
    let mut pseudonyms = Pseudonyms::of_this_run();
    for approval in ["a", "b"] {
        pseudonyms.prepare(&ApprovalId(approval.into())).unwrap();
    }
    let foreign = |text: &str| Address::Foreign(text.parse().unwrap());
    for direction in [Direction::Inbound, Direction::Outbound, Direction::Through] {
        let rows: Vec<Record> = record(direction).split(&pseudonyms).collect();
        let ends = |row: &Record| (row.notice.source, row.notice.destination);
        let (a, b) = (ends(&rows[0]), ends(&rows[1]));
        match direction {
            Direction::Inbound => {
                assert_eq!((a.0, b.0), (foreign("192.0.2.1"), foreign("192.0.2.1")));
                assert!(matches!(a.1, Address::Pseudonym(_)));
                assert_ne!(a.1, b.1);
            }
            Direction::Outbound => {
                assert!(matches!(a.0, Address::Pseudonym(_)));
                assert_ne!(a.0, b.0);
                assert_eq!(
                    (a.1, b.1),
                    (foreign("198.51.100.7"), foreign("198.51.100.7"))
                );
            }
            Direction::Through => {
                assert_eq!(a, (foreign("192.0.2.1"), foreign("198.51.100.7")));
                assert_eq!(a, b);
            }
        }
        let again: Vec<Record> = record(direction).split(&pseudonyms).collect();
        assert_eq!(ends(&again[0]), a, "it is the same each time");
    }
}
