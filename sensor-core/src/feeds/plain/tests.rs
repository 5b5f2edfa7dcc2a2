//! Whatever is read at once or in pieces is what lines one by one give.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{line::decode_line, *};

/// Line by line, with a set of what was seen.
fn reference(bytes: &[u8], reading: Reading) -> Decoded {
    let mut decoded = Decoded::default();
    let mut seen = HashSet::new();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (line, content) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        match decode_line(content, reading.shortest) {
            Ok(None) => {}
            Ok(Some((_, count))) if count < reading.least => {}
            Ok(Some((prefix, _))) if seen.insert(prefix) => decoded.prefixes.push(prefix, line),
            Ok(Some(_)) => decoded.repeated += 1,
            Err(fault) => {
                if fault == Fault::NotText && decoded.not_text.is_none() {
                    decoded.not_text = Some(line);
                }
                decoded.bad.push(BadLine { line, fault });
                if decoded.bad.len() == reading.most_bad {
                    decoded.gave_up = true;
                    break;
                }
            }
        }
    }
    decoded
}

/// A line, good or nearly so, with its end.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let octet = || prop_oneof![3 => "[0-3]", 1 => "0|1|10|255|256|01|0[0-9]{2}|[0-9]{1,4}"];
    let address = prop_oneof![
        8 => [octet(), octet(), octet(), octet()].prop_map(|octets| octets.join(".")),
        2 => "[12](:[0-3])?::|::ffff:1\\.2\\.3\\.[4-6]|::",
        1 => "[0-9.:/]{0,12}",
    ];
    let length = prop_oneof![
        3 => Just(String::new()),
        2 => "/(16|24|3[0-4]|64|12[0-9])",
        1 => "/0?[0-9]{1,2}|/",
    ];
    let after = prop_oneof![
        4 => Just(String::new()),
        2 => "[ \t]{1,3}[0-9]{1,3}",
        1 => "[ \t]{0,20}[+-]?[0-9]{0,22}[ \t]{0,2}",
        1 => " ?[#;][ -~]{0,9}",
        1 => " (x|1 2|\u{7}|\u{e9})",
    ];
    let end = prop_oneof![6 => Just("\n"), 2 => Just("\r\n"), 1 => Just("\n\n"), 1 => Just("\r")];
    let good = (address, length, after, end)
        .prop_map(|(address, length, after, end)| [&address, &length, &after, end].concat());
    prop_oneof![
        30 => good.prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..6),
        1 => Just(b"1.2.3.4".iter().copied().chain([b' '; 1100]).chain(*b"5\n").collect()),
        1 => Just(b"# ".iter().copied().chain([b'x'; 1100]).chain(*b"\n").collect()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn pieces_give_what_lines_one_by_one_give(
        lines in prop::collection::vec(line(), 0..40),
        marked: bool,
        pieces in 1..6usize,
        (v4, least, most_bad) in (prop_oneof![Just(0), Just(16), 0..=33u8], 0..4u64, 1..20usize),
    ) {
        let mark: &[u8] = if marked { b"\xef\xbb\xbf" } else { b"" };
        let text = [mark, &lines.concat()].concat();
        let reading = Reading { shortest: Shortest { v4, v6: v4 }, least, most_bad };
        let read = Pieces::read_in(&text, reading, pieces).decoded();
        prop_assert_eq!(read, reference(&text, reading));
    }
}

#[test]
fn nearly_every_line_is_read_at_once() {
    let read = |text: &str| canonical::read(text.as_bytes()).map(|line| line.bytes);
    for whole in [
        "1.2.3.4\n",
        "255.0.0.0/8\r\n",
        "1.2.3.4/32\t17\n",
        "0.0.0.0/0",
        "1.2.3.4 0",
    ] {
        assert_eq!(read(whole), Some(whole.len()), "{whole:?}");
    }
    for other in [
        "",
        "\n",
        "1.2.3\n",
        "1.2.3.4/\n",
        "1.2.3.4 \n",
        "01.2.3.4\n",
        "1.2.3.4#\n",
        "::\n",
    ] {
        assert_eq!(read(other), None, "{other:?}");
    }
}
