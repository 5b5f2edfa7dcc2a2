use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn document() -> String {
    format!(
        "\
kind = \"territory\"
number = 7
domestic = [\"DE\", \"JP\"]
special_purpose = \"2025-10-09\"
date = \"2023-12-31\"

[[source]]
id = 1
file = \"delegated-apnic.txt\"
kind = \"delegated\"
registry = \"apnic\"
serial = \"20240102\"
date = \"2024-01-01\"
sha256 = \"{SHA256}\"

[[source]]
id = 2
file = \"a \\\"list\\\" \\\\ of 関所.cidr\"
kind = \"cidr\"
place = \"foreign\"
sha256 = \"{SHA256}\"

[[source]]
id = 3
file = \"corrections.txt\"
kind = \"corrections\"
sha256 = \"{SHA256}\"

[table]
rows = '''
1.0.0.0/23 domestic 1:6
1.0.2.0/24 foreign 2:1
10.0.0.0/8 excluded 3:1
2001:200::/32 unknown 1:9
'''
"
    )
}

#[test]
fn a_document_survives_reading_and_writing() {
    let text = document();
    let territory = Territory::read("t.toml", text.as_bytes()).unwrap();
    assert_eq!(territory.sources[1].file, "a \"list\" \\ of 関所.cidr");
    assert_eq!(territory.write(), text);
}

/// What is replaced in the document, and by what.
const CHANGES: [(&str, &str); 42] = [
    ("\"territory\"", "\"keyring\""),
    ("kind = \"territory\"\nnumber", "kind = \"keyring\"\nepoch"),
    ("number = 7", "number = 0"),
    ("number = 7", "number = 99999999999999999999"),
    ("number = 7", "number = 7\nremark = \"no\""),
    ("[\"DE\", \"JP\"]", "[\"JP\", \"DE\"]"),
    ("[\"DE\", \"JP\"]", "[]"),
    ("\"DE\"", "\"DX\""),
    ("2025-10-09", "20251009"),
    ("2023-12-31", "2023-11-31"),
    ("2023-12-31", "20231231"),
    ("date = \"2023-12-31\"\n", ""),
    ("id = 2", "id = 3"),
    ("of 関所", "of \\u001B"),
    ("kind = \"cidr\"", "kind = \"list\""),
    ("kind = \"cidr\"", "kind = \"corrections\""),
    ("place = \"foreign\"", "place = \"excluded\""),
    ("registry = \"apnic\"", "registry = \"ap\\nnic\""),
    ("2024-01-01", "2024-02-30"),
    (SHA256, "abc"),
    ("'''\n1.0.0.0", "'''1.0.0.0"),
    ("'''\n1.0.0.0/23 domestic 1:6", "\"\"\""),
    ("1.0.0.0/23", "1.0.0.1/23"),
    ("1.0.0.0/23", "001.0.0.0/23"),
    ("1.0.0.0/23", "1.0.0.0"),
    ("2001:200::/32", "2001:0200::/32"),
    ("domestic 1:6", "domestic  1:6"),
    ("domestic 1:6", "domestic 1:06"),
    ("domestic 1:6", "domestic 1:0"),
    ("domestic 1:6", "domestic 1"),
    ("domestic 1:6", "domestic 1:6 # remark"),
    ("domestic 1:6", "operator 1:6"),
    ("domestic 1:6", "domestic 4:6"),
    ("foreign 2:1", "domestic 2:1"),
    ("domestic 1:6", "excluded 1:6"),
    ("excluded 3:1", "foreign 3:1"),
    ("1.0.2.0/24", "1.0.0.0/24"),
    ("1.0.2.0/24", "1.0.0.0/23"),
    ("1.0.2.0/24", "0.0.0.0/8"),
    ("1.0.0.0/23", "2001::/32"),
    ("10.0.0.0/8 excluded 3:1\n", "\n"),
    ("9\n'''", "9"),
];

#[test]
fn what_would_not_be_written_that_way_is_refused_with_its_line() {
    let mut errors = String::new();
    for (from, to) in CHANGES {
        let text = document();
        assert!(text.contains(from), "{from}");
        let text = text.replacen(from, to, 1).replace("9\"\"\"", "9\n\"\"\"");
        let error = Territory::read("t.toml", text.as_bytes()).unwrap_err();
        let _ = writeln!(errors, "{error}");
    }
    let mut bytes = document().into_bytes();
    bytes.truncate(300);
    bytes.push(0xff);
    let _ = writeln!(errors, "{}", Territory::read("t.toml", &bytes).unwrap_err());
    let crlf = document().replace('\n', "\r\n");
    let _ = writeln!(
        errors,
        "{}",
        Territory::read("t.toml", crlf.as_bytes()).unwrap_err()
    );
    let errors = errors.replace(
        "; a territory is read whole or not at all: build it again",
        " [..]",
    );
    insta::assert_snapshot!(errors, @r#"
    t.toml: line 1: this is a document of the kind 'keyring', not 'territory' [..]
    t.toml: line 1: this is a document of the kind 'keyring', not 'territory' [..]
    t.toml: line 2: number 0 is none; territories count from 1 [..]
    t.toml: line 2: invalid type: integer `99999999999999999999` as i128, expected i64 [..]
    t.toml: line 3: unknown field `remark`, expected one of `kind`, `number`, `domestic`, `special_purpose`, `date`, `source`, `table` [..]
    t.toml: line 3: domestic countries have to ascend without repetition, and there has to be one [..]
    t.toml: line 3: domestic countries have to ascend without repetition, and there has to be one [..]
    t.toml: line 3: 'DX' is no country's code in ISO 3166-1 [..]
    t.toml: line 4: '20251009' is no date (YYYY-MM-DD) [..]
    t.toml: line 5: '2023-11-31' is no date (YYYY-MM-DD) [..]
    t.toml: line 5: '20231231' is no date (YYYY-MM-DD) [..]
    t.toml: line 1: missing field `date` [..]
    t.toml: line 16: source 2: it has the id 3; sources count from 1 [..]
    t.toml: line 16: source 2: file has to be a name without control characters [..]
    t.toml: line 16: source 2: 'list' is no kind of source [..]
    t.toml: line 16: source 2: corrections have file and sha256 only [..]
    t.toml: line 16: source 2: cidr needs a place, domestic or foreign [..]
    t.toml: line 7: source 1: 'ap
    nic' is no word of letters and digits [..]
    t.toml: line 7: source 1: '2024-02-30' is no date (YYYY-MM-DD) [..]
    t.toml: line 7: source 1: sha256 has to be 64 lower-case hexadecimal digits [..]
    t.toml: line 30: rows have to begin with "'''" and a new line, without escapes and carriage returns [..]
    t.toml: line 35: invalid multi-line basic string, expected `"` [..]
    t.toml: line 31: '1.0.0.1/23 domestic 1:6' is no row; a row is PREFIX PLACE SOURCE:LINE [..]
    t.toml: line 31: '001.0.0.0/23 domestic 1:6' is no row; a row is PREFIX PLACE SOURCE:LINE [..]
    t.toml: line 31: '1.0.0.0 domestic 1:6' is no row; a row is PREFIX PLACE SOURCE:LINE [..]
    t.toml: line 34: '2001:0200::/32 unknown 1:9' is no row; a row is PREFIX PLACE SOURCE:LINE [..]
    t.toml: line 31: '1.0.0.0/23 domestic  1:6' is no row; a row is PREFIX PLACE SOURCE:LINE [..]
    t.toml: line 31: '1.0.0.0/23 domestic 1:06' is no row; a row is PREFIX PLACE SOURCE:LINE [..]
    t.toml: line 31: '1.0.0.0/23 domestic 1:0' is no row; a row is PREFIX PLACE SOURCE:LINE [..]
    t.toml: line 31: '1.0.0.0/23 domestic 1' is no row; a row is PREFIX PLACE SOURCE:LINE [..]
    t.toml: line 31: '1.0.0.0/23 domestic 1:6 # remark' is no row; a row is PREFIX PLACE SOURCE:LINE [..]
    t.toml: line 31: '1.0.0.0/23 operator 1:6' is no row; a row is PREFIX PLACE SOURCE:LINE [..]
    t.toml: line 31: there is no source 4 [..]
    t.toml: line 32: a row of cidr cannot be domestic [..]
    t.toml: line 31: a row of delegated cannot be excluded [..]
    t.toml: line 33: a row of corrections cannot be foreign [..]
    t.toml: line 32: 1.0.0.0/24 stands out of order or repeats addresses of a row before it [..]
    t.toml: line 32: 1.0.0.0/23 stands out of order or repeats addresses of a row before it [..]
    t.toml: line 32: 0.0.0.0/8 stands out of order or repeats addresses of a row before it [..]
    t.toml: line 32: 1.0.2.0/24 stands out of order or repeats addresses of a row before it [..]
    t.toml: line 33: '' is no row; a row is PREFIX PLACE SOURCE:LINE [..]
    t.toml: line 35: invalid multi-line literal string, expected `'` [..]
    t.toml: line 14: not text [..]
    t.toml: line 30: rows have to begin with "'''" and a new line, without escapes and carriage returns [..]
    "#);
}

#[test]
fn a_document_cut_anywhere_is_refused() {
    let text = document();
    for end in 0..text.len() - 1 {
        let Some(cut) = text.get(..end) else { continue };
        assert!(Territory::read("t.toml", cut.as_bytes()).is_err(), "{end}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), rows in "[0-9a-z/:. \n]{0,60}") {
        let _ = Territory::read("t.toml", &bytes);
        let text = document().replace("1.0.0.0/23 domestic 1:6", &rows);
        if let Ok(territory) = Territory::read("t.toml", text.as_bytes()) {
            prop_assert_eq!(territory.write(), text);
        }
    }
}
