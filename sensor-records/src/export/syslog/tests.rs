use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::export::samples::{admit, any_record, flow, record};

/// The parameters of a message; by the grammar of RFC 5424, section 6.
fn parse(message: &str) -> (String, BTreeMap<String, Vec<String>>) {
    let mut words = message.splitn(7, ' ');
    let mut header = String::new();
    for _ in 0..6 {
        let word = words.next().unwrap();
        assert!(
            !word.is_empty() && word.bytes().all(|c| c.is_ascii_graphic()),
            "{word}"
        );
        header += word;
        header.push(' ');
    }
    let data = words.next().unwrap();
    let data = data.strip_prefix("[sekisho@32473").unwrap();
    let mut parameters = BTreeMap::<String, Vec<String>>::new();
    let mut characters = data.chars();
    loop {
        match characters.next().unwrap() {
            ']' => break,
            ' ' => {
                let name: String = characters.by_ref().take_while(|c| *c != '=').collect();
                assert_eq!(characters.next(), Some('"'));
                let mut value = String::new();
                loop {
                    match characters.next().unwrap() {
                        '"' => break,
                        ']' => panic!("a bracket ends no value"),
                        '\\' => value.push(characters.next().unwrap()),
                        other => value.push(other),
                    }
                }
                parameters.entry(name).or_default().push(value);
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(characters.next(), Some(' '));
    (header, parameters)
}

fn message(row: &Admitted, framing: Framing) -> Vec<u8> {
    let mut frames = Syslog::new(framing).encode(std::slice::from_ref(row), 0);
    assert_eq!((frames.len(), frames[0].rows), (1, 1));
    frames.remove(0).bytes
}

#[test]
fn a_record_is_a_message() {
    let text = String::from_utf8(message(&flow(record(7)), Framing::Datagram)).unwrap();
    let (header, parameters) = parse(&text);
    assert_eq!(
        header,
        "<134>1 2025-11-24T16:00:02.000000Z - sekisho - flow "
    );
    assert_eq!(parameters["src"], ["192.0.2.1"]);
    assert_eq!(
        parameters["dst"],
        [format!("pseudonym:{}", "ab".repeat(16))]
    );
    assert_eq!(parameters["dst_kind"], ["pseudonym"]);
    assert_eq!(parameters["packets"], ["2"]);
    assert_eq!(parameters["indicator"], ["src 3 list.txt"]);
    assert!(text.ends_with("] flow relay inbound"), "{text}");
    let text = String::from_utf8(message(
        &admit(Item::Notice(record(7).notice)),
        Framing::Lines,
    ));
    assert!(
        text.unwrap()
            .starts_with("<133>1 2025-11-24T16:00:00.123456Z - sekisho - event ")
    );
}

#[test]
fn the_length_stands_before_a_message_in_a_stream() {
    let framed = message(&flow(record(7)), Framing::OctetCounting);
    let plain = message(&flow(record(7)), Framing::Datagram);
    let length = format!("{} ", plain.len()).into_bytes();
    assert_eq!(framed, [length, plain].concat());
}

#[test]
fn what_is_too_long_is_refused() {
    let mut long = record(7);
    long.notice.approvals[0].id.0 = "]".repeat(LIMIT / 2);
    let frames = Syslog::new(Framing::Datagram).encode(&[flow(long)], 0);
    assert_eq!((frames[0].rows, frames[0].refused), (0, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_receiver_reads_what_was_recorded(record in any_record()) {
        let bytes = message(&flow(record.clone()), Framing::Datagram);
        prop_assert!(bytes.len() <= LIMIT);
        let (_, parameters) = parse(std::str::from_utf8(&bytes).unwrap());
        let notice = &record.notice;
        let one = |value: String| Some(vec![value]);
        let found = |name: &str| parameters.get(name).cloned();
        prop_assert_eq!(found("packets"), one(record.packets.to_string()));
        prop_assert_eq!(found("octets"), one(record.octets.to_string()));
        prop_assert_eq!(found("record"), one(record.id.0.to_string()));
        prop_assert_eq!(found("src"), one(notice.source.to_string()));
        prop_assert_eq!(found("dst"), one(notice.destination.to_string()));
        prop_assert_eq!(found("src_port"), notice.ports.map(|ports| vec![ports.0.to_string()]));
        prop_assert_eq!(found("proto"), notice.protocol.map(|number| vec![number.to_string()]));
        prop_assert_eq!(found("indicators"), one(notice.indicators.len().to_string()));
        for (told, matched) in found("indicator").iter().flatten().zip(&notice.indicators) {
            let feed = matched.feed.replace(char::is_control, " ");
            let entry = format!("{} {} {feed}", names::end(matched.end), matched.line);
            prop_assert_eq!(told, &entry);
        }
    }
}
