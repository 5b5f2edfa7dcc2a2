//! `sekisho territory`: what is built, what is refused, what is explained.

use std::{fs, path::Path};

use sekisho::{
    capped,
    places::{Flat, Layers, Territory, flatten, territory},
};
use sensor_common::Place;
use sensor_tests::{command::Printed, require};
use tempfile::TempDir;

use crate::{failed_plainly, in_folder, sekisho};

const DELEGATED: &str = "\
2.3|apnic|20240102|6||20240101|+1000
apnic|*|asn|*|1|summary
apnic|*|ipv4|*|4|summary
apnic|*|ipv6|*|1|summary
apnic|JP|asn|173|1|20020801|allocated|A1
apnic|AU|ipv4|1.0.0.0|256|20110811|assigned|A2
apnic|JP|ipv4|1.0.16.0|768|20110412|allocated|A3
apnic||ipv4|1.0.1.0|768||available|
apnic|AP|ipv4|1.1.0.0|256|20110412|allocated|A4
apnic|JP|ipv6|2001:200::|32|19990813|allocated|A1
";

/// A folder with everything to build from.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("delegated.txt", DELEGATED),
        ("all.cidr", "0.0.0.0/3 # all there is\n2001:200::/48\n"),
        ("home.cidr", "1.0.2.0/24\n10.0.0.0/8\n"),
        (
            "corrections.txt",
            "1.0.0.0/24 domestic # moved\n1.0.18.0/24 excluded # a hospital\n",
        ),
        ("never.txt", "1.0.16.0/30\n"),
        ("cut.txt", &DELEGATED[..300]),
        ("foreign.txt", "1.0.16.0/24 foreign\n"),
        ("special.txt", "\n10.0.0.0/8 domestic\n"),
        ("bad.txt", "1.0.16.0/30\nhospital.example\n"),
        ("empty.txt", ""),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn read(folder: &TempDir, name: &str) -> String {
    capped::read_to_string(folder.path().join(name), territory::LARGEST).unwrap()
}

/// Runs the command with `@` standing for the folder.
fn territory(folder: &Path, words: &str) -> Printed {
    let path = format!("{}/", folder.display());
    let words: Vec<String> = (words.split_whitespace())
        .map(|word| word.replace('@', &path))
        .collect();
    let mut all = vec!["territory"];
    all.extend(words.iter().map(String::as_str));
    sekisho(&all)
}

const BUILD: &str = "build --number 7 --domestic JP --delegated @delegated.txt \
    --cidr foreign=@all.cidr --cidr domestic=@home.cidr --corrections @corrections.txt \
    --output @territory.toml";

#[test]
fn a_territory_is_built_and_says_what_it_came_to() {
    let folder = folder();
    // An empty file is no territory that could be lost.
    fs::write(folder.path().join("territory.toml"), "").unwrap();
    let printed = territory(folder.path(), BUILD);
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    territory 7 of 2024-01-01: 36 rows from 4 files
                               domestic              foreign              unknown             excluded
    IPv4 addresses                  768            503314432           3791651840                  256
    IPv6 /64                 4294967296                    0 18446744069414584320                    0
    1 record under no country's code: unknown
    3 lines giving way to a more protective one:
      foreign by all.cidr line 1 gives way to unknown by delegated.txt line 8, first at 1.0.1.0
      domestic by home.cidr line 1 gives way to unknown by delegated.txt line 8, first at 1.0.2.0
      foreign by all.cidr line 2 gives way to domestic by delegated.txt line 10, first at 2001:200::
    ----- stderr -----
    ");
    let document = read(&folder, "territory.toml");
    let head: Vec<&str> = document.lines().take(19).collect();
    insta::assert_snapshot!(head.join("\n"), @r#"
    kind = "territory"
    number = 7
    domestic = ["JP"]
    special_purpose = "2025-10-09"
    date = "2024-01-01"

    [[source]]
    id = 1
    file = "delegated.txt"
    kind = "delegated"
    registry = "apnic"
    serial = "20240102"
    date = "2024-01-01"
    sha256 = "88d3de01b449ada3950ee93f23865d46641196ff95dc9fad29a8475496a64627"

    [[source]]
    id = 2
    file = "all.cidr"
    kind = "cidr"
    "#);
    let rows: Vec<&str> = (document.lines())
        .filter(|line| line.contains('/') && !line.ends_with(" 2:1"))
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    1.0.0.0/24 domestic 4:1
    1.0.1.0/24 unknown 1:8
    1.0.2.0/23 unknown 1:8
    1.0.16.0/23 domestic 1:7
    1.0.18.0/24 excluded 4:2
    1.1.0.0/24 unknown 1:9
    2001:200::/32 domestic 1:10
    ");
    let names = fs::read_dir(folder.path()).unwrap();
    assert_eq!(names.count(), 11, "nothing is left over");
}

#[test]
fn a_territory_that_is_there_is_left_alone() {
    let folder = folder();
    assert_eq!(territory(folder.path(), BUILD).status, Some(0));
    let before = read(&folder, "territory.toml");
    let mut told = String::new();
    for output in ["territory.toml", ".", "none/territory.toml"] {
        let words = BUILD.replace("@territory.toml", &format!("@{output}"));
        let printed = territory(folder.path(), &words);
        failed_plainly(&printed, 12);
        told.push_str(&printed.stderr);
    }
    insta::assert_snapshot!(in_folder(&told, folder.path()), @r"
    sekisho: output [FOLDER]/territory.toml: exists already; name a new file
    sekisho: output [FOLDER]/.: is a directory; name a file in it
    sekisho: output [FOLDER]/none/territory.toml: no such file
    ");
    let after = read(&folder, "territory.toml");
    assert_eq!(before, after);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = folder();
    for output in ["one.toml", "two.toml"] {
        let words = BUILD.replace("territory.toml", output);
        assert_eq!(territory(folder.path(), &words).status, Some(0));
    }
    assert_eq!(read(&folder, "one.toml"), read(&folder, "two.toml"));
}

#[test]
fn what_a_territory_is_not_built_from() {
    let folder = folder();
    let mut told = String::new();
    for files in [
        "--delegated @missing.txt",
        "--delegated @.",
        "--delegated @cut.txt",
        "--delegated @home.cidr",
        "--delegated @empty.txt",
        "--cidr foreign=@bad.txt",
        "--cidr domestic=@empty.txt",
        "--corrections @foreign.txt",
        "--corrections @special.txt",
        "--corrections @bad.txt",
    ] {
        let words = format!("build --number 7 --domestic JP {files} --output @new.toml");
        let printed = territory(folder.path(), &words);
        failed_plainly(&printed, 13);
        told.push_str(&printed.stderr);
        assert!(!folder.path().join("new.toml").exists(), "{files}");
    }
    insta::assert_snapshot!(in_folder(&told, folder.path()), @r"
    sekisho: [FOLDER]/missing.txt: no such file
    sekisho: [FOLDER]/.: is a directory; name a file in it
    sekisho: [FOLDER]/cut.txt: line 9: 4 fields where a record has at least 7; the file is refused whole: get it again
    sekisho: [FOLDER]/home.cidr: line 1: no header; the first line that is no comment has to be 'version|registry|serial|records|startdate|enddate|UTCoffset'; the file is refused whole: get it again
    sekisho: [FOLDER]/empty.txt: the file has no header and no records; part of a file is not taken for the whole: get it again
    sekisho: [FOLDER]/bad.txt: line 2: 'hospital.example' is neither an address nor a prefix; a list that places addresses is refused for one bad line: mend it
    sekisho: [FOLDER]/empty.txt: has no prefixes; if that is meant, leave the file out
    sekisho: [FOLDER]/foreign.txt: line 1: 1.0.16.0/24 may not be made foreign by a correction, which is not signed; it may be domestic, unknown or excluded
    sekisho: [FOLDER]/special.txt: line 2: 10.0.0.0/8 lies in 10.0.0.0/8 (private use, RFC 1918) and may not be made domestic; where an operator uses it, declare it as that operator's own
    sekisho: [FOLDER]/bad.txt: line 1: '1.0.16.0/30' is no correction; write: PREFIX PLACE # reason
    ");
}

#[test]
fn a_territory_has_the_day_of_its_facts() {
    let folder = folder();
    let lists = "build --number 7 --domestic JP --cidr foreign=@all.cidr --output @new.toml";
    let printed = territory(folder.path(), &format!("{lists} --date 2024-02-29"));
    assert_eq!(printed.status, Some(0), "{}", printed.whole());
    assert!(read(&folder, "new.toml").contains("\ndate = \"2024-02-29\"\n"));
    fs::remove_file(folder.path().join("new.toml")).unwrap();
    let mut told = String::new();
    for words in ["", "--date 2999-01-01"] {
        let printed = territory(folder.path(), &format!("{lists} {words}"));
        failed_plainly(&printed, 2);
        told.push_str(&printed.stderr);
        assert!(!folder.path().join("new.toml").exists(), "{words}");
    }
    insta::assert_snapshot!(told, @r"
    sekisho: lists and corrections do not say of which day they are: name it with --date YYYY-MM-DD; the age of a territory counts from there
    sekisho: the facts are of 2999-01-01, which has not come; name the day that they are of with --date
    ");
}

#[test]
fn arguments_of_build_not_understood() {
    let folder = folder();
    let printed = territory(
        folder.path(),
        "build --number 7 --domestic JP --output @new.toml",
    );
    failed_plainly(&printed, 2);
    insta::assert_snapshot!(printed.stderr, @"sekisho: nothing to build a territory from; give statistics, a list or corrections");
    let mut told = String::new();
    for words in [
        "build --number 0 --domestic JP --output x",
        "build --number 1 --domestic JA --output x",
        "build --number 1 --domestic JP --date 20240101 --output x",
        "build --number 1 --domestic JP,ZZ --output x",
        "build --number 1 --domestic JP --output x --cidr excluded=list",
        "build --number 1 --domestic JP --output x --cidr list",
    ] {
        let printed = territory(folder.path(), words);
        assert_eq!(printed.status, Some(2), "{words}");
        told.push_str(printed.stderr.lines().next().unwrap());
        told.push('\n');
    }
    insta::assert_snapshot!(told, @r"
    error: invalid value '0' for '--number <N>': 0 is not in 1..=9223372036854775807
    error: invalid value 'JA' for '--domestic <CC>': 'JA' is no country's code in ISO 3166-1
    error: invalid value '20240101' for '--date <YYYY-MM-DD>': write a day as 2026-12-31
    error: invalid value 'ZZ' for '--domestic <CC>': 'ZZ' is no country's code in ISO 3166-1
    error: invalid value 'excluded=list' for '--cidr <PLACE=FILE>': write domestic=FILE or foreign=FILE
    error: invalid value 'list' for '--cidr <PLACE=FILE>': write domestic=FILE or foreign=FILE
    ");
}

#[test]
fn addresses_are_explained() {
    let folder = folder();
    assert_eq!(territory(folder.path(), BUILD).status, Some(0));
    let printed = territory(
        folder.path(),
        "explain 1.0.16.1 1.0.17.1 1.0.18.1 1.0.0.1 1.0.1.1 8.8.8.8 99.0.0.1 10.1.2.3 10.2.0.1 \
         ::ffff:1.0.16.1 2001:200::1 --territory @territory.toml --exclude @never.txt \
         --operator power=10.1.0.0/16 --operator water=1.0.16.0/20",
    );
    insta::assert_snapshot!(in_folder(&printed.whole(), folder.path()), @r"
    exit status: 0
    ----- stdout -----
    1.0.16.1: excluded
      by    exclusion 1.0.16.0/30: [FOLDER]/never.txt line 1
      over  operator water: 1.0.16.0/20
      over  territory 7: 1.0.16.0/23 domestic, delegated.txt line 7 (apnic, 2024-01-01)
    1.0.17.1: operator
      by    operator water: 1.0.16.0/20
      over  territory 7: 1.0.16.0/23 domestic, delegated.txt line 7 (apnic, 2024-01-01)
    1.0.18.1: excluded
      by    territory 7: 1.0.18.0/24 excluded, corrections.txt line 2 (correction)
      over  operator water: 1.0.16.0/20
    1.0.0.1: domestic
      by    territory 7: 1.0.0.0/24 domestic, corrections.txt line 1 (correction)
    1.0.1.1: unknown
      by    territory 7: 1.0.1.0/24 unknown, delegated.txt line 8 (apnic, 2024-01-01)
    8.8.8.8: foreign
      by    territory 7: 8.0.0.0/7 foreign, all.cidr line 1
    99.0.0.1: unknown
      by    territory 7: no row names it
    10.1.2.3: operator
      by    operator power: 10.1.0.0/16
      over  special purpose 10.0.0.0/8: private use, RFC 1918
    10.2.0.1: unknown
      by    special purpose 10.0.0.0/8: private use, RFC 1918
    ::ffff:1.0.16.1: unknown
      by    special purpose ::ffff:0.0.0.0/96: IPv4-mapped address, RFC 4291
    2001:200::1: domestic
      by    territory 7: 2001:200::/32 domestic, delegated.txt line 10 (apnic, 2024-01-01)
    ----- stderr -----
    ");
    let printed = territory(
        folder.path(),
        "explain 1.0.17.1 2001:200::1 --territory @territory.toml --operator water=1.0.16.0/20 --json",
    );
    insta::assert_snapshot!(printed.whole(), @r#"
    exit status: 0
    ----- stdout -----
    {"address":"1.0.17.1","place":"operator","rule":{"by":"operator","prefix":"1.0.16.0/20","operator":"water","number":1},"beat":[{"by":"territory","number":7,"prefix":"1.0.16.0/23","place":"domestic","file":"delegated.txt","line":7,"source":{"kind":"delegated","registry":"apnic","serial":"20240102","date":"2024-01-01"}}]}
    {"address":"2001:200::1","place":"domestic","rule":{"by":"territory","number":7,"prefix":"2001:200::/32","place":"domestic","file":"delegated.txt","line":10,"source":{"kind":"delegated","registry":"apnic","serial":"20240102","date":"2024-01-01"}},"beat":[]}
    ----- stderr -----
    "#);
}

#[test]
fn what_is_not_explained() {
    let folder = folder();
    assert_eq!(territory(folder.path(), BUILD).status, Some(0));
    let document = read(&folder, "territory.toml");
    let repeated = document.replacen("\n1.0.0.0/24", "\n1.0.0.0/24 domestic 4:1\n1.0.0.0/24", 1);
    fs::write(folder.path().join("repeated.toml"), repeated).unwrap();
    fs::write(folder.path().join("other.toml"), "kind = \"keyring\"\n").unwrap();
    let mut told = String::new();
    for words in [
        "--territory @missing.toml",
        "--territory @repeated.toml",
        "--territory @other.toml",
        "--territory @delegated.txt",
        "--territory @territory.toml --exclude @bad.txt",
        "--territory @territory.toml --exclude @empty.txt",
        "--territory @territory.toml --exclude @missing.txt",
        "--territory @territory.toml --operator a=10.0.0.0/8 --operator b=10.0.0.0/8",
    ] {
        let printed = territory(folder.path(), &format!("explain 1.0.0.1 {words}"));
        failed_plainly(&printed, 13);
        told.push_str(&printed.stderr);
    }
    let printed = territory(
        folder.path(),
        "explain 1.0.0.1 --territory @territory.toml --operator power",
    );
    failed_plainly(&printed, 2);
    told.push_str(&printed.stderr);
    insta::assert_snapshot!(in_folder(&told, folder.path()), @r"
    sekisho: [FOLDER]/missing.toml: no such file
    sekisho: [FOLDER]/repeated.toml: line 39: 1.0.0.0/24 stands out of order or repeats addresses of a row before it; a territory is read whole or not at all: build it again
    sekisho: [FOLDER]/other.toml: line 1: this is a document of the kind 'keyring', not 'territory'; a territory is read whole or not at all: build it again
    sekisho: [FOLDER]/delegated.txt: line 1: key with no value, expected `=`; a territory is read whole or not at all: build it again
    sekisho: [FOLDER]/bad.txt: line 2: 'hospital.example' is neither an address nor a prefix; a list that places addresses is refused for one bad line: mend it
    sekisho: [FOLDER]/empty.txt: has no prefixes; if that is meant, leave the file out
    sekisho: [FOLDER]/missing.txt: no such file
    sekisho: 10.0.0.0/8 is claimed by two operators, a and b; take it from one
    sekisho: --operator: 'power' is not NAME=CIDR
    ");
}

fn flat(path: &Path) -> (Territory, Flat) {
    let bytes = capped::read(path, territory::LARGEST).unwrap();
    let read = Territory::read("territory.toml", &bytes).unwrap();
    assert_eq!(read.write().as_bytes(), bytes);
    let flat = flatten(&Layers::of(read.clone())).unwrap();
    (read, flat)
}

/// APNIC's statistics of 2010-12-17: their own sums, and every record of every country.
#[test]
fn a_real_registry_is_placed_to_the_address() {
    let data = require!(data "territory");
    let delegated = data.join("delegated-apnic-20101217.txt");
    let folder = tempfile::tempdir().unwrap();
    let words = format!(
        "build --number 1 --domestic JP --delegated {} --output @t.toml",
        delegated.display()
    );
    let printed = territory(folder.path(), &words);
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    territory 1 of 2010-12-16: 19743 rows from 1 file
                               domestic              foreign              unknown             excluded
    IPv4 addresses            186465792            556100352           3552401152                    0
    IPv6 /64             45445590810625       72215610195970 18446626412508545021                    0
    171 records under no country's code: unknown
    ----- stderr -----
    ");
    let (read, flat) = flat(&folder.path().join("t.toml"));
    // Every size is a power of two that year, so each record of addresses is one row.
    assert_eq!(read.rows.len(), 18_242 + 1_501);

    let text = capped::read_to_string(&delegated, territory::LARGEST).unwrap();
    let (mut records, mut domestic) = (0, 0);
    for line in text.lines().filter(|line| line.starts_with("apnic|")) {
        let fields: Vec<&str> = line.split('|').collect();
        if fields[1] == "*" || fields[2] == "asn" {
            continue;
        }
        let expected = match fields[1] {
            "JP" => Place::Domestic,
            "AP" => Place::Unknown,
            _ => Place::Foreign,
        };
        assert_eq!(flat.place(fields[3].parse().unwrap()), expected, "{line}");
        records += 1;
        if fields[1..3] == ["JP", "ipv4"] {
            domestic += fields[4].parse::<u128>().unwrap();
        }
    }
    assert_eq!(records, 18_242 + 1_501);
    assert_eq!(flat.v4_addresses().domestic, domestic);
}

/// Lists made elsewhere, of a later year. What they name and the registry gave to a region
/// (`AP`) stays unknown: the more protective of the two.
#[test]
fn real_lists_of_japan_are_domestic_or_unknown_whatever_a_registry_says() {
    let data = require!(data "territory");
    let folder = tempfile::tempdir().unwrap();
    let data = data.display();
    let words = format!(
        "build --number 1 --domestic JP --delegated {data}/delegated-apnic-20101217.txt \
         --cidr domestic={data}/jp-ipv4.cidr --cidr domestic={data}/jp-ipv6.cidr --output @t.toml"
    );
    let printed = territory(folder.path(), &words);
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    territory 1 of 2010-12-16: 22526 rows from 3 files
                               domestic              foreign              unknown             excluded
    IPv4 addresses            207959360            555440128           3531567808                    0
    IPv6 /64             52000542228481       72202725294082 18446619870442029053                    0
    171 records under no country's code: unknown
    160 lines giving way to a more protective one:
      foreign by delegated-apnic-20101217.txt line 4075 gives way to domestic by jp-ipv4.cidr line 19, first at 14.102.164.0
      foreign by delegated-apnic-20101217.txt line 4234 gives way to domestic by jp-ipv4.cidr line 66, first at 27.110.64.0
      foreign by delegated-apnic-20101217.txt line 4341 gives way to domestic by jp-ipv4.cidr line 93, first at 27.123.236.0
      foreign by delegated-apnic-20101217.txt line 4413 gives way to domestic by jp-ipv4.cidr line 129, first at 36.255.36.0
      foreign by delegated-apnic-20101217.txt line 4443 gives way to domestic by jp-ipv4.cidr line 208, first at 49.50.6.0
      and 155 more
    ----- stderr -----
    ");
    let (_, flat) = flat(&folder.path().join("t.toml"));
    let (mut domestic, mut unknown) = (0, 0);
    for list in ["jp-ipv4.cidr", "jp-ipv6.cidr"] {
        let text = capped::read_to_string(format!("{data}/{list}"), territory::LARGEST).unwrap();
        for (address, _) in text.lines().filter_map(|line| line.split_once('/')) {
            match flat.place(address.parse().unwrap()) {
                Place::Domestic => domestic += 1,
                Place::Unknown => unknown += 1,
                place => panic!("{address} is {place:?}"),
            }
        }
    }
    assert_eq!((domestic, unknown), (3_799 - 21, 21));
}
