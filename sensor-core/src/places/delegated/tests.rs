use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// Version 2.3, extended: opaque ids, ranges nobody has, sizes that are no power of two.
const EXTENDED: &str = "\
#\tCONDITIONS OF USE
2.3|apnic|20240102|9||20240101|+1000
apnic|*|asn|*|1|summary
apnic|*|ipv4|*|5|summary
apnic|*|ipv6|*|3|summary
apnic|JP|asn|173|1|20020801|allocated|A1
apnic|JP|ipv4|1.0.0.0|768|20110811|assigned|A2
apnic||ipv4|1.0.3.0|256||available|
apnic|ZZ|ipv4|1.0.4.5|3||reserved
apnic|AP|ipv4|1.1.0.0|1024|20110412|allocated|A3|e-stats
apnic|cn|ipv4|255.255.255.0|256|20110412|allocated|A4

apnic|AU|ipv6|2001:db8::|32|20070619|allocated|A5
apnic||ipv6|2001:db9::|32||available|
apnic|JP|ipv6|2400:100::|29|20070619|assigned|A6\r
";

fn told(delegated: &Delegated) -> String {
    let mut text = format!(
        "{} {} {}, {} of systems\n",
        delegated.registry, delegated.serial, delegated.date, delegated.systems
    );
    for record in &delegated.records {
        let prefixes: Vec<String> = record
            .block
            .prefixes()
            .iter()
            .map(IpNet::to_string)
            .collect();
        let country = record
            .country
            .map_or("--".into(), |country| country.to_string());
        let (line, status) = (record.line, record.status);
        let _ = writeln!(text, "{line} {country} {status:?} {}", prefixes.join(" "));
    }
    text
}

#[test]
fn the_extended_form_is_read() {
    let delegated = decode("apnic.txt", EXTENDED.as_bytes()).unwrap();
    insta::assert_snapshot!(told(&delegated), @r"
    apnic 20240102 2024-01-01, 1 of systems
    7 JP Assigned 1.0.0.0/23 1.0.2.0/24
    8 -- Available 1.0.3.0/24
    9 -- Reserved 1.0.4.5/32 1.0.4.6/31
    10 -- Allocated 1.1.0.0/22
    11 CN Allocated 255.255.255.0/24
    13 AU Allocated 2001:db8::/32
    14 -- Available 2001:db9::/32
    15 JP Assigned 2400:100::/29
    ");
}

#[test]
fn version_2_is_read_and_a_missing_start_date_is_no_matter() {
    let text = "2|afrinic|20240102|1|00000000|20240101|00000\nafrinic|*|ipv4|*|1|summary|\nafrinic|ZA|ipv4|41.0.0.0|2097152|00000000|allocated";
    let delegated = decode("afrinic.txt", text.as_bytes()).unwrap();
    insta::assert_snapshot!(told(&delegated), @r"
    afrinic 20240102 2024-01-01, 0 of systems
    3 ZA Allocated 41.0.0.0/11
    ");
}

#[test]
fn each_bad_line_is_named_with_the_way_out() {
    let mut errors = String::new();
    for record in [
        "apnic|JP|ipv4|1.0.0.0|0|20110811|assigned",
        "apnic|JP|ipv4|1.0.0.0|-256|20110811|assigned",
        "apnic|JP|ipv4|1.0.0|256|20110811|assigned",
        "apnic|JP|ipv4|255.255.255.0|257|20110811|assigned",
        "apnic|JP|ipv6|2001:db8::1|32|20110811|assigned",
        "apnic|JP|ipv6|2001:db8::|129|20110811|assigned",
        "apnic|JP|ipv5|1.0.0.0|256|20110811|assigned",
        "apnic|JP|ipv4|1.0.0.0|256|20110811|assign",
        "apnic|JP|ipv4|1.0.0.0|256|2011-08-11|assigned",
        "apnic|JPN|ipv4|1.0.0.0|256|20110811|assigned",
        "apnic|JP|ipv4|1.0.0.0|256|20110811",
        "|JP|ipv4|1.0.0.0|256|20110811|assigned",
        "apnic|*|ipv4|*|2|summary",
        "apnic|*|ipv4|*|many|summary",
        "and so on",
    ] {
        let text = format!(
            "2|apnic|20240102|1|19830613|20240101|+1000\napnic|*|ipv4|*|1|summary\n{record}\n"
        );
        let error = decode("a.txt", text.as_bytes()).unwrap_err();
        let _ = writeln!(errors, "{error}");
    }
    let errors = errors.replace("; the file is refused whole: get it again", " [..]");
    insta::assert_snapshot!(errors, @r"
    a.txt: line 3: '0' is no count of addresses [..]
    a.txt: line 3: '-256' is no count of addresses [..]
    a.txt: line 3: '1.0.0' is no IPv4 address [..]
    a.txt: line 3: 257 addresses from 255.255.255.0 on go past the last address [..]
    a.txt: line 3: 2001:db8::1/32 has bits beyond its length [..]
    a.txt: line 3: '129' is no prefix length [..]
    a.txt: line 3: 'ipv5' is no type (asn, ipv4 or ipv6) [..]
    a.txt: line 3: 'assign' is no status (allocated, assigned, available or reserved) [..]
    a.txt: line 3: '2011-08-11' is no date (YYYYMMDD) [..]
    a.txt: line 3: 'JPN' is no code of a country [..]
    a.txt: line 3: 6 fields where a record has at least 7 [..]
    a.txt: line 3: '' is no registry [..]
    a.txt: line 3: a second summary line for ipv4 [..]
    a.txt: line 3: 'many' is no count of records [..]
    a.txt: line 3: 1 fields where a record has at least 7 [..]
    ");
}

#[test]
fn a_file_that_is_none_says_so() {
    let mut errors = String::new();
    for text in [
        &b""[..],
        b"# only comments\n",
        b"1|apnic|20240102|1|19830613|20240101|+1000\n",
        b"2.4|apnic|20240102|1|19830613|20240101|+1000\n",
        b"2|apnic|20240102|one|19830613|20240101|+1000\n",
        b"2|apnic|20240102|1|19830613||+1000\n",
        b"2|apnic|20240102|1|19830613|20240199|+1000\n",
        b"2|a nic|20240102|1|19830613|20240101|+1000\n",
        b"apnic|*|ipv4|*|1|summary\n",
        b"192.0.2.0/24\n",
        b"\x1f\x8b\x08",
    ] {
        let error = decode("a.txt", text).unwrap_err();
        let _ = writeln!(errors, "{error}");
    }
    insta::assert_snapshot!(errors, @r"
    a.txt: the file has no header and no records; part of a file is not taken for the whole: get it again
    a.txt: the file has no header and no records; part of a file is not taken for the whole: get it again
    a.txt: line 1: version '1' is not read, only 2 and 2.3; the file is refused whole: get it again
    a.txt: line 1: version '2.4' is not read, only 2 and 2.3; the file is refused whole: get it again
    a.txt: line 1: 'one' is no count of records; the file is refused whole: get it again
    a.txt: line 1: '' is no date (YYYYMMDD); the file is refused whole: get it again
    a.txt: line 1: '20240199' is no date (YYYYMMDD); the file is refused whole: get it again
    a.txt: line 1: 'a nic' is no registry; the file is refused whole: get it again
    a.txt: line 1: no header; the first line that is no comment has to be 'version|registry|serial|records|startdate|enddate|UTCoffset'; the file is refused whole: get it again
    a.txt: line 1: no header; the first line that is no comment has to be 'version|registry|serial|records|startdate|enddate|UTCoffset'; the file is refused whole: get it again
    a.txt: line 1: not text; decompress the file; the file is refused whole: get it again
    ");
}

#[test]
fn counts_that_do_not_agree_refuse_the_file() {
    let mut errors = String::new();
    for (from, to) in [
        ("|20240102|9|", "|20240102|10|"),
        ("apnic|*|ipv6|*|3|summary", "apnic|*|ipv6|*|4|summary"),
        ("apnic|*|asn|*|1|summary\n", ""),
    ] {
        let text = EXTENDED.replacen(from, to, 1);
        let error = decode("a.txt", text.as_bytes()).unwrap_err();
        let _ = writeln!(errors, "{error}");
    }
    insta::assert_snapshot!(errors, @r"
    a.txt: the header says 10 records, the file has 9; part of a file is not taken for the whole: get it again
    a.txt: the summary says 4 ipv6 records, the file has 3; part of a file is not taken for the whole: get it again
    a.txt: it has no summary line for asn; part of a file is not taken for the whole: get it again
    ");
}

#[test]
fn a_file_cut_anywhere_is_refused_or_lacks_nothing_that_counts() {
    let whole = decode("a.txt", EXTENDED.as_bytes()).unwrap();
    for end in 0..EXTENDED.len() {
        if let Ok(decoded) = decode("a.txt", &EXTENDED.as_bytes()[..end]) {
            assert_eq!(decoded, whole, "cut after {end} bytes");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), lines in prop::collection::vec("[a-z0-9|*:.]{0,30}", 0..6)) {
        let _ = decode("a.txt", &bytes);
        let text = format!("2|apnic|1|1|1|20240101|1\n{}", lines.join("\n"));
        let _ = decode("a.txt", text.as_bytes());
    }

    #[test]
    fn any_range_of_addresses_is_split_exactly(first in any::<u32>(), count in 1..=100_000u64) {
        let count = count.min(u64::from(u32::MAX - first) + 1);
        let text = format!(
            "2|a|1|1||20240101|1\na|*|ipv4|*|1|summary\na|JP|ipv4|{}|{count}||assigned\n",
            std::net::Ipv4Addr::from(first)
        );
        let decoded = decode("a.txt", text.as_bytes()).unwrap();
        let mut next = u64::from(first);
        for prefix in decoded.records[0].block.prefixes() {
            let IpNet::V4(prefix) = prefix else { panic!("{prefix}") };
            prop_assert_eq!(u64::from(u32::from(prefix.network())), next);
            next = u64::from(u32::from(prefix.broadcast())) + 1;
        }
        prop_assert_eq!(next, u64::from(first) + count);
    }
}
