//! The search can fail: it finds what was planted, and nothing else.

use super::*;

const V4: &str = "20.173.91.202";
const V6: &str = "2a0c:5b1e:71d3:a94:c65f:3ee8:9b7:d142";

fn search() -> Search {
    let mut search = Search::addresses([V4, V6].map(|text| text.parse().unwrap()));
    search.port(47_011);
    search.text("never to be read");
    search
}

/// Names of the forms found where these bytes stand amid others.
fn forms(planted: impl AsRef<[u8]>) -> Vec<(String, &'static str)> {
    let mut bytes = vec![0; 1000];
    bytes.extend((0..=255).rev());
    // At an odd place, and up to the end.
    bytes.push(0);
    bytes.extend(planted.as_ref());
    let found = search().find(&bytes);
    found.into_iter().map(|f| (f.trace, f.form)).collect()
}

fn of(address: &str, form: &'static str) -> Vec<(String, &'static str)> {
    vec![(address.to_owned(), form)]
}

#[test]
fn an_address_is_found_as_text() {
    assert_eq!(forms(format!("\"src\":\"{V4}\"")), of(V4, "text"));
    assert_eq!(forms(format!("::ffff:{V4}")), of(V4, "text"));
    assert_eq!(forms("::ffff:14ad:5bca"), of(V4, "IPv4-mapped"));
    assert_eq!(forms("0x14ad5bca"), of(V4, "hexadecimal"));
    assert_eq!(forms("0xCA5BAD14"), of(V4, "hexadecimal"));
    assert_eq!(forms("346905546"), of(V4, "number"));
    assert_eq!(forms("[20, 173, 91, 202, 0]"), of(V4, "list"));
    assert_eq!(forms("[20,173,91,202,0]"), of(V4, "list"));
    assert_eq!(forms(format!("{V6}/128")), of(V6, "text"));
    let long = "2a0c:5b1e:71d3:0a94:c65f:3ee8:09b7:d142";
    assert_eq!(forms(long), of(V6, "expanded"));
    assert_eq!(forms(long.to_uppercase()), of(V6, "capitals"));
    assert_eq!(forms(long.replace(':', "")), of(V6, "hexadecimal"));
}

#[test]
fn an_address_is_found_in_both_byte_orders() {
    let v4 = [20, 173, 91, 202];
    assert_eq!(forms(v4), of(V4, "network order"));
    assert_eq!(forms([202, 91, 173, 20]), of(V4, "reversed"));
    let v6: Ipv6Addr = V6.parse().unwrap();
    let mut bytes = v6.octets();
    assert_eq!(forms(bytes), of(V6, "network order"));
    assert_eq!(forms(&bytes[8..]), of(V6, "network order"));
    bytes.reverse();
    assert_eq!(forms(bytes), of(V6, "reversed"));
    assert_eq!(forms(&bytes[..8]), of(V6, "reversed"));
    let words = v6.segments().map(u16::to_le_bytes);
    assert_eq!(forms(words.as_flattened()), of(V6, "words reversed"));
}

#[test]
fn a_port_and_a_text_are_found() {
    assert_eq!(forms("\"src_port\":47011,"), of("port 47011", "number"));
    assert_eq!(
        forms("it is never to be read"),
        of("never to be read", "text")
    );
}

#[test]
fn what_differs_is_not_found() {
    for other in [
        "20.173.91.20",
        "20.173.91.0/24",
        "2a0c:5b1e::/32",
        "2a0c:5b1e:71d3:a94:c65f:3ee8:9b7:d143",
        "3469055460",
        "147011",
        "2026-11-22T09:05:10.470112Z",
        "never to be rea",
    ] {
        assert_eq!(forms(other), [], "{other}");
    }
    for other in [[20, 173, 91, 203], [20, 173, 0, 0], [173, 20, 202, 90]] {
        assert_eq!(forms(other), [], "{other:?}");
    }
    assert_eq!(forms([]), []);
}
