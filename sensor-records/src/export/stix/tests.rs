use proptest::{collection::vec, prelude::*};

use super::*;
use crate::export::samples::{any_record, flow, record};

fn bundle(rows: &[Admitted]) -> (Frame, Vec<Value>) {
    let mut frames = Stix::new("sensor-1").encode(rows, 0);
    assert_eq!(frames.len(), 1);
    let frame = frames.remove(0);
    let mut objects = Vec::new();
    if !frame.bytes.is_empty() {
        let bundle: Value = serde_json::from_slice(&frame.bytes).unwrap();
        objects.clone_from(bundle["objects"].as_array().unwrap());
    }
    (frame, objects)
}

fn of<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    (objects.iter())
        .filter(|object| object["type"] == kind)
        .collect()
}

#[test]
fn a_record_is_observed_and_its_indicator_sighted() {
    let (frame, objects) = bundle(&[flow(record(7))]);
    assert_eq!((frame.rows, frame.refused), (1, 0));
    let address = of(&objects, "ipv4-addr");
    assert_eq!(address.len(), 1);
    assert_eq!(address[0]["value"], "192.0.2.1");
    let traffic = of(&objects, "network-traffic")[0];
    assert_eq!(traffic["src_ref"], address[0]["id"]);
    assert_eq!(traffic["dst_ref"], Value::Null);
    assert_eq!(traffic["src_packets"], 2);
    let told = traffic["extensions"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap();
    assert_eq!(
        told["dst_pseudonym"],
        format!("pseudonym:{}", "ab".repeat(16))
    );
    let sighting = of(&objects, "sighting")[0];
    assert_eq!(
        sighting["observed_data_refs"][0],
        of(&objects, "observed-data")[0]["id"]
    );
    assert_eq!(bundle(&[flow(record(7))]).1, objects, "the same each time");
    let other = bundle(&[flow(record(8))]).1;
    assert_ne!(
        of(&other, "observed-data")[0]["id"],
        of(&objects, "observed-data")[0]["id"]
    );
}

#[test]
fn the_identifier_of_an_address_is_that_of_the_standard() {
    // What the package `stix2` gives for IPv4Address(value="198.51.100.3"), and every other that
    // follows section 2.9.
    let mut object = Map::new();
    object.insert("value".into(), json!("198.51.100.3"));
    let id = observable("ipv4-addr", &["value"], &mut object);
    assert_eq!(id, "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4");
}

#[test]
fn what_has_no_clear_end_is_refused() {
    let mut hidden = record(7);
    hidden.notice.source = Address::Withheld;
    let (frame, _) = bundle(&[flow(hidden)]);
    assert_eq!((frame.rows, frame.refused), (0, 1));
    assert!(frame.bytes.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn sums_are_those_of_the_records_and_addresses_are_the_clear_ones(
        records in vec(any_record(), 1..10)
    ) {
        let mut records = records;
        for (id, record) in (0..).zip(&mut records) {
            record.id = crate::RecordId(id);
            (record.packets, record.octets) = (record.packets >> 12, record.octets >> 12);
        }
        let rows: Vec<_> = records.iter().cloned().map(flow).collect();
        let (frame, objects) = bundle(&rows);
        let told: Vec<&Record> = (records.iter())
            .filter(|record| {
                let notice = &record.notice;
                notice.source.clear().or(notice.destination.clear()).is_some()
            })
            .collect();
        prop_assert_eq!((frame.rows, frame.refused), (told.len(), records.len() - told.len()));
        let traffic = of(&objects, "network-traffic");
        prop_assert_eq!(traffic.len(), told.len());
        let sum = |key: &str| traffic.iter().map(|object| object[key].as_u64().unwrap()).sum::<u64>();
        prop_assert_eq!(sum("src_packets"), told.iter().map(|record| record.packets).sum::<u64>());
        prop_assert_eq!(sum("src_byte_count"), told.iter().map(|record| record.octets).sum::<u64>());
        let mut clear: Vec<String> = (told.iter())
            .flat_map(|record| [record.notice.source, record.notice.destination])
            .filter_map(|end| Some(end.clear()?.to_string()))
            .collect();
        clear.sort();
        clear.dedup();
        let mut values: Vec<&str> = (of(&objects, "ipv4-addr").iter())
            .chain(&of(&objects, "ipv6-addr"))
            .map(|object| object["value"].as_str().unwrap())
            .collect();
        values.sort_unstable();
        prop_assert_eq!(values, clear);
    }
}
