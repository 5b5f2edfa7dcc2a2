use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::export::samples::{admit, any_record, flow, record};

fn lines(row: &Admitted) -> Vec<Value> {
    let frames = Eve::default().encode(std::slice::from_ref(row), 0);
    assert_eq!((frames.len(), frames[0].settles()), (1, 1));
    let lines = frames[0].bytes.split_inclusive(|octet| *octet == b'\n');
    lines
        .map(|line| {
            assert_eq!(line.last(), Some(&b'\n'));
            serde_json::from_slice(line).unwrap()
        })
        .collect()
}

fn variable<'a>(event: &'a Value, key: &str) -> Option<&'a str> {
    let all = event["metadata"]["flowvars"].as_array().unwrap();
    let found = all.iter().find(|v| v["key"] == format!("sekisho.{key}"))?;
    found["value"].as_str()
}

#[test]
fn a_record_is_a_flow() {
    let [event] = &lines(&flow(record(7)))[..] else {
        panic!("one line");
    };
    assert_eq!(event["event_type"], "flow");
    assert_eq!(event["timestamp"], "2025-11-24T16:00:02.000000+0000");
    assert_eq!(event["flow"]["start"], "2025-11-24T16:00:00.123456+0000");
    assert_eq!(event["flow_id"], 7);
    assert_eq!(event["src_ip"], "192.0.2.1");
    assert_eq!(event["flow"]["pkts_toserver"], 2);
    assert_eq!(event["flow"]["bytes_toserver"], 80);
    assert_eq!(event["tcp"]["tcp_flags"], "12");
    assert_eq!(event["proto"], "TCP");
    assert_eq!(event["dest_ip"], Value::Null);
    let pseudonym = format!("pseudonym:{}", "ab".repeat(16));
    assert_eq!(variable(event, "dst_pseudonym"), Some(pseudonym.as_str()));
    assert_eq!(variable(event, "dst_kind"), Some("pseudonym"));
    assert_eq!(variable(event, "indicator"), Some("src 3 list.txt"));
}

#[test]
fn a_notice_is_an_alert_for_each_indicator() {
    let mut notice = record(7).notice;
    let mut other = notice.indicators[0].clone();
    other.line = 4;
    notice.indicators.push(other);
    let events = lines(&admit(Item::Notice(notice.clone())));
    let signatures: Vec<_> = (events.iter())
        .map(|event| event["alert"]["signature"].as_str().unwrap())
        .collect();
    let of = |line| format!("Sekisho: src is in list.txt line {line}");
    assert_eq!(signatures, [of(3), of(4)]);
    let ids: Vec<_> = (events.iter())
        .map(|event| event["alert"]["signature_id"].as_u64().unwrap())
        .collect();
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| (1..1 << 31).contains(id)));
    assert_eq!(lines(&admit(Item::Notice(notice.clone()))), events);
    notice.indicators.clear();
    assert!(lines(&admit(Item::Notice(notice))).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_member_of_an_address_has_anything_else(record in any_record()) {
        let events = lines(&flow(record.clone()));
        let event = &events[0];
        for (end, member) in [(record.notice.source, "src_ip"), (record.notice.destination, "dest_ip")] {
            let told = event[member].as_str().map(|text| text.parse().unwrap());
            prop_assert_eq!(told, end.clear());
        }
        prop_assert_eq!(event["flow"]["pkts_toserver"].as_u64(), Some(record.packets));
        prop_assert_eq!(event["flow"]["bytes_toserver"].as_u64(), Some(record.octets));
        prop_assert_eq!(event["src_port"].as_u64(), record.notice.ports.map(|ports| ports.0.into()));
    }
}
