use std::io::Write as _;

use proptest::prelude::*;

use super::{plain::*, *};

fn decoded(text: &str) -> Decoded {
    decode(text.as_bytes(), Shortest::POLICY)
}

#[test]
fn plain_cidr_and_ipsum_lines_are_read() {
    let list =
        "# comment\n\n192.0.2.1\n198.51.100.0/24 ; remark\n2001:db8::/32\r\n203.0.113.9\t10\n";
    let found: Vec<String> = decoded(list)
        .prefixes
        .iter()
        .map(|(prefix, line)| format!("{line} {prefix}"))
        .collect();
    assert_eq!(
        found,
        [
            "3 192.0.2.1/32",
            "4 198.51.100.0/24",
            "5 2001:db8::/32",
            "6 203.0.113.9/32"
        ]
    );
}

#[test]
fn every_bad_line_is_reported_with_its_number_and_the_others_count() {
    let list = "192.0.2.1\nexample.org\n10.0.0.1/8\n10.0.0.0/8\n::ffff:192.0.2.1\n\
                192.0.2.2 high\n192.0.2.3 1 2\n192.0.2.4\u{0}\n192.0.2.300\n2001:db8::/31\n192.0.2.5\n\
                192.0.2.06/32\n";
    let decoded = decoded(list);
    let bad: Vec<String> = decoded.bad.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(bad.join("\n"), @r"
    line 2: 'example.org' is neither an address nor a prefix
    line 3: '10.0.0.1/8' has bits beyond its length; write 10.0.0.0/8, or the address alone
    line 4: 10.0.0.0/8 is broader than the shortest prefix allowed (/16)
    line 5: '::ffff:192.0.2.1' is an IPv4 address in IPv6 form, which no packet carries; write 192.0.2.1/32
    line 6: 'high' after the address is no number; put remarks after a #
    line 7: '2' after the address is no number; put remarks after a #
    line 8: not text
    line 9: '192.0.2.300' is neither an address nor a prefix
    line 10: 2001:db8::/31 is broader than the shortest prefix allowed (/32)
    line 12: '192.0.2.06/32' is neither an address nor a prefix
    ");
    assert_eq!(decoded.prefixes.len(), 2);
}

#[test]
fn repeated_prefixes_count_once() {
    let decoded = decoded("192.0.2.1\n192.0.2.1/32\n192.0.2.1 3\n");
    assert_eq!((decoded.prefixes.len(), decoded.repeated), (1, 2));
}

#[test]
fn a_capture_may_be_tried_with_any_length() {
    let decoded = decode(b"0.0.0.0/0\n::/0\n", Shortest::ANY);
    assert_eq!((decoded.prefixes.len(), decoded.bad.len()), (2, 0));
}

fn load_bytes(bytes: &[u8]) -> Result<Decoded, FeedError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    load(file.path(), Shortest::POLICY)
}

#[test]
fn a_feed_without_indicators_is_an_error_of_its_kind() {
    assert!(matches!(load_bytes(b""), Err(FeedError::Empty { .. })));
    assert!(matches!(
        load_bytes(b"# nothing\n\n"),
        Err(FeedError::Empty { .. })
    ));
    assert!(matches!(
        load_bytes(b"a\nb\n"),
        Err(FeedError::NothingValid { bad: 2, .. })
    ));
    let many = format!("192.0.2.1\n{}", "x\n".repeat(MOST_BAD + 5));
    assert!(matches!(
        load_bytes(many.as_bytes()),
        Err(FeedError::TooManyBad { bad: MOST_BAD, .. })
    ));
    let mut noise = vec![b'\n'];
    noise.extend((0..4096u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2]));
    assert!(matches!(load_bytes(&noise), Err(FeedError::NotText { .. })));
    assert!(matches!(
        load_bytes(b"\x1f\x8b\x08\x00"),
        Err(FeedError::NotText { line: 1, .. })
    ));
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        load(folder.path(), Shortest::POLICY),
        Err(FeedError::Directory { .. })
    ));
    let missing = folder.path().join("none");
    assert!(matches!(
        load(&missing, Shortest::POLICY),
        Err(FeedError::Unreadable { .. })
    ));
}

proptest! {
    #[test]
    fn no_bytes_panic_and_every_content_line_is_accounted_for(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let decoded = decode(&bytes, Shortest::ANY);
        let lines = bytes.split(|&byte| byte == b'\n').count();
        prop_assert!(decoded.prefixes.len() + decoded.bad.len() + decoded.repeated <= lines);
    }

    #[test]
    fn every_prefix_survives_printing_and_reading(address in any::<u128>(), length in 0..=128u8) {
        let prefix = ipnet::Ipv6Net::new(address.into(), length).unwrap().trunc();
        prop_assume!(prefix.addr().to_ipv4_mapped().is_none());
        let decoded = decode(format!("{prefix}\n").as_bytes(), Shortest::ANY);
        prop_assert_eq!(decoded.prefixes.iter().collect::<Vec<_>>(), [(prefix.into(), 1)]);
    }
}
