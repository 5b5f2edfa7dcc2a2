//! Building a territory: precedence, provenance, conflicts.

use std::{collections::BTreeSet, fmt::Write as _, net::IpAddr};

use jiff::civil::date;

use super::*;
use crate::places::territory::{Placed, Row};

pub(super) const APNIC: &str = "\
2|apnic|20240102|6|19830613|20240101|+1000
apnic|*|ipv4|*|4|summary
apnic|*|ipv6|*|2|summary
apnic|AU|ipv4|1.0.0.0|256|20110811|assigned
apnic|JP|ipv4|1.0.16.0|4096|20110412|allocated
apnic||ipv4|1.0.1.0|768||available|
apnic|AP|ipv4|1.1.0.0|256|20110412|allocated
apnic|JP|ipv6|2001:200::|32|19990813|allocated
apnic|CN|ipv6|2001:250::|32|20000426|allocated
";

pub(super) fn input<'a>(path: &'a str, kind: InputKind, text: &'a str) -> Input<'a> {
    Input {
        path,
        kind,
        bytes: text.as_bytes(),
    }
}

pub(super) fn japan() -> BTreeSet<Country> {
    BTreeSet::from([Country::new("JP").unwrap()])
}

fn rows(territory: &Territory) -> String {
    let mut text = String::new();
    for Row {
        prefix,
        place,
        source,
        line,
    } in &territory.rows
    {
        let _ = writeln!(text, "{prefix} {} {source}:{line}", place.name());
    }
    text
}

#[test]
fn the_most_protective_rule_wins_whatever_the_lengths() {
    let inputs = [
        input("apnic.txt", InputKind::Delegated, APNIC),
        input("all.cidr", InputKind::Foreign, "0.0.0.0/0\n2001:200::/48\n"),
        input(
            "home.cidr",
            InputKind::Domestic,
            "1.0.0.128/25\n1.0.2.0/24\n10.0.0.0/8\n",
        ),
        input(
            "corrections.txt",
            InputKind::Corrections,
            "1.0.1.0/24 domestic # moved\n10.9.0.0/16 excluded\n0.0.0.0/6 domestic\n1.0.20.0/24 unknown\n1.0.20.0/25 domestic\n",
        ),
    ];
    let built = build(7, None, &japan(), &inputs).unwrap();
    let rows = rows(&built.territory);
    // What is not here is 0.0.0.0/0 around the special-purpose addresses.
    let shown: Vec<&str> = (rows.lines())
        .filter(|row| !row.ends_with(" 2:1"))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    1.0.0.0/24 domestic 4:3
    1.0.1.0/24 domestic 4:1
    1.0.2.0/23 domestic 4:3
    1.0.4.0/22 domestic 4:3
    1.0.8.0/21 domestic 4:3
    1.0.16.0/22 domestic 4:3
    1.0.20.0/24 unknown 4:4
    1.0.21.0/24 domestic 4:3
    1.0.22.0/23 domestic 4:3
    1.0.24.0/21 domestic 4:3
    1.0.32.0/19 domestic 4:3
    1.0.64.0/18 domestic 4:3
    1.0.128.0/17 domestic 4:3
    1.1.0.0/16 domestic 4:3
    1.2.0.0/15 domestic 4:3
    1.4.0.0/14 domestic 4:3
    1.8.0.0/13 domestic 4:3
    1.16.0.0/12 domestic 4:3
    1.32.0.0/11 domestic 4:3
    1.64.0.0/10 domestic 4:3
    1.128.0.0/9 domestic 4:3
    2.0.0.0/7 domestic 4:3
    10.9.0.0/16 excluded 4:2
    2001:200::/32 domestic 1:8
    2001:250::/32 foreign 1:9
    ");
    let conflicts: Vec<String> = built
        .conflicts
        .first
        .iter()
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(conflicts.join("\n"), @r"
    foreign by apnic.txt line 4 gives way to domestic by home.cidr line 1, first at 1.0.0.128
    foreign by all.cidr line 1 gives way to domestic by home.cidr line 1, first at 1.0.0.128
    domestic by home.cidr line 2 gives way to unknown by apnic.txt line 6, first at 1.0.2.0
    foreign by all.cidr line 2 gives way to domestic by apnic.txt line 8, first at 2001:200::
    ");
    assert_eq!((built.conflicts.count, built.without_country), (4, 1));
}

#[test]
fn sources_have_their_digests() {
    let inputs = [
        input("apnic.txt", InputKind::Delegated, APNIC),
        input("none.txt", InputKind::Corrections, ""),
    ];
    let text = build(1, None, &japan(), &inputs).unwrap().territory.write();
    insta::assert_snapshot!(text, @r#"
    kind = "territory"
    number = 1
    domestic = ["JP"]
    special_purpose = "2025-10-09"
    date = "2024-01-01"

    [[source]]
    id = 1
    file = "apnic.txt"
    kind = "delegated"
    registry = "apnic"
    serial = "20240102"
    date = "2024-01-01"
    sha256 = "f64a2461969825f3db4b953070b3ad47dc725648ffdb4b96c9b11491838e8d6e"

    [[source]]
    id = 2
    file = "none.txt"
    kind = "corrections"
    sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    [table]
    rows = '''
    1.0.0.0/24 foreign 1:4
    1.0.1.0/24 unknown 1:6
    1.0.2.0/23 unknown 1:6
    1.0.16.0/20 domestic 1:5
    1.1.0.0/24 unknown 1:7
    2001:200::/32 domestic 1:8
    2001:250::/32 foreign 1:9
    '''
    "#);
}

#[test]
fn its_facts_are_of_the_earliest_day_or_of_the_day_given() {
    let earlier = APNIC.replace("|20240101|", "|20231231|");
    let inputs = [
        input("apnic.txt", InputKind::Delegated, APNIC),
        input("earlier.txt", InputKind::Delegated, &earlier),
        input("all.cidr", InputKind::Foreign, "1.0.0.0/8\n"),
    ];
    let of = |day, inputs: &[Input<'_>]| build(1, day, &japan(), inputs).unwrap().territory.date;
    assert_eq!(of(None, &inputs), "2023-12-31");
    assert_eq!(of(None, &inputs[..1]), "2024-01-01");
    let day = Some(date(2022, 3, 4));
    assert_eq!(of(day, &inputs), "2022-03-04");
    assert_eq!(of(day, &inputs[2..]), "2022-03-04");
}

#[test]
fn nothing_is_built_from_nothing() {
    let inputs = [input("apnic.txt", InputKind::Delegated, APNIC)];
    let lists = [input("all.cidr", InputKind::Foreign, "1.0.0.0/8\n")];
    let mut errors = String::new();
    for (number, domestic, inputs) in [
        (0, japan(), &inputs[..]),
        (u64::MAX, japan(), &inputs),
        (1, BTreeSet::new(), &inputs),
        (1, japan(), &[]),
        (1, japan(), &lists),
    ] {
        let error = build(number, None, &domestic, inputs).unwrap_err();
        let _ = writeln!(errors, "{error}");
    }
    insta::assert_snapshot!(errors, @r"
    0 is no number of a territory; count from 1 to 9223372036854775807
    18446744073709551615 is no number of a territory; count from 1 to 9223372036854775807
    no country is domestic; name at least one, as JP
    nothing to build a territory from; give statistics, a list or corrections
    lists and corrections do not say of which day they are: name it with --date YYYY-MM-DD; the age of a territory counts from there
    ");
}

/// What the lines of a list say of an address, by a layer at a time.
fn naive(lists: &[(InputKind, Vec<(IpNet, Placed)>)], address: IpAddr) -> Option<Placed> {
    let said = |kinds: &[InputKind], placed: Placed| {
        lists.iter().any(|(kind, lines)| {
            kinds.contains(kind)
                && lines
                    .iter()
                    .any(|(prefix, place)| *place == placed && prefix.contains(&address))
        })
    };
    let corrections = &[InputKind::Corrections];
    let allocations = &[InputKind::Domestic, InputKind::Foreign];
    if said(corrections, Placed::Excluded) {
        return Some(Placed::Excluded);
    }
    if special::entries_of(address).next().is_some() {
        return None;
    }
    if said(corrections, Placed::Unknown) {
        return Some(Placed::Unknown);
    }
    if said(corrections, Placed::Domestic) || said(allocations, Placed::Domestic) {
        return Some(Placed::Domestic);
    }
    said(allocations, Placed::Foreign).then_some(Placed::Foreign)
}

fn lists() -> impl Strategy<Value = Vec<(InputKind, Vec<(IpNet, Placed)>)>> {
    let list = (0..3u8).prop_flat_map(|kind| {
        let line = (prefix(), 0..3u8).prop_map(move |(prefix, place)| match (kind, place) {
            (0, _) => (prefix, Placed::Domestic),
            (1, _) => (prefix, Placed::Foreign),
            (_, 0) => (prefix, Placed::Excluded),
            (_, 1) if special::entry_around(prefix).is_none() => (prefix, Placed::Domestic),
            _ => (prefix, Placed::Unknown),
        });
        let kind = [
            InputKind::Domestic,
            InputKind::Foreign,
            InputKind::Corrections,
        ][usize::from(kind)];
        (Just(kind), prop::collection::vec(line, 1..12))
    });
    prop::collection::vec(list, 1..5)
}

proptest! {
    #[test]
    fn a_table_says_what_its_sources_say_layer_by_layer(lists in lists(), more in prefix()) {
        let texts: Vec<String> = lists
            .iter()
            .map(|(kind, lines)| {
                let with_place = *kind == InputKind::Corrections;
                let line = |(prefix, place): &(IpNet, Placed)| {
                    let place = if with_place { place.name() } else { "" };
                    format!("{prefix} {place}")
                };
                lines.iter().map(line).collect::<Vec<_>>().join("\n")
            })
            .collect();
        let inputs: Vec<Input<'_>> = lists
            .iter()
            .zip(&texts)
            .map(|((kind, _), text)| input("list", *kind, text))
            .collect();
        let day = Some(date(2024, 2, 29));
        let built = build(1, day, &japan(), &inputs).unwrap();
        let territory = &built.territory;
        prop_assert_eq!(&build(1, day, &japan(), &inputs).unwrap(), &built);

        let text = territory.write();
        let read = Territory::read("t.toml", text.as_bytes()).unwrap();
        prop_assert_eq!(&read, territory);
        prop_assert_eq!(read.write(), text);

        let mut prefixes: Vec<IpNet> = lists.iter().flat_map(|(_, lines)| lines).map(|(p, _)| *p).collect();
        prefixes.push(more);
        prefixes.extend(territory.rows.iter().map(|row| row.prefix));
        for address in edges(&prefixes) {
            let row = territory.rows.iter().find(|row| row.prefix.contains(&address));
            prop_assert_eq!(row.map(|row| row.place), naive(&lists, address), "{}", address);
            if let Some(row) = row {
                let (_, lines) = &lists[row.source as usize - 1];
                let position = row.line as usize - 1;
                let (prefix, place) = lines[position];
                prop_assert!(prefix.contains(&address) && place == row.place, "{}", address);
            }
        }
    }
}
