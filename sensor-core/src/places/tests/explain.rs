//! Explanations name the rule and what it beat.

use std::fmt::Write as _;

use super::{build::*, *};

fn layers() -> Layers {
    let inputs = [
        input("apnic.txt", InputKind::Delegated, APNIC),
        input("all.cidr", InputKind::Foreign, "0.0.0.0/0\n"),
        input(
            "corrections.txt",
            InputKind::Corrections,
            "1.0.20.0/24 excluded # a hospital\n",
        ),
    ];
    let operator = |name: &str, prefixes: &[&str]| Operator {
        id: OperatorId(name.into()),
        prefixes: prefixes
            .iter()
            .map(|prefix| prefix.parse().unwrap())
            .collect(),
    };
    Layers {
        territory: build(7, None, &japan(), &inputs).unwrap().territory,
        exclusions: list::exclusions("never.txt", b"1.0.16.0/30\n1.0.16.0/21\n").unwrap(),
        operators: vec![
            operator("power", &["1.0.16.0/20", "10.0.0.0/8"]),
            operator("water", &["1.0.16.0/24"]),
        ],
    }
}

#[test]
fn every_kind_of_rule_is_named_with_what_it_beat() {
    let layers = layers();
    let mut told = String::new();
    for address in [
        "1.0.16.1",
        "1.0.31.1",
        "1.0.20.1",
        "1.0.0.1",
        "1.0.1.1",
        "9.9.9.9",
        "10.0.0.1",
        "192.0.0.9",
        "2001:200::1",
        "2001:300::1",
        "::ffff:1.0.16.1",
    ] {
        let explanation = explain(&layers, address.parse().unwrap());
        let _ = writeln!(
            told,
            "{address} {}: {}",
            explanation.place.name(),
            explanation.rule
        );
        for beaten in explanation.beat {
            let _ = writeln!(told, "    {beaten}");
        }
    }
    insta::assert_snapshot!(told, @r"
    1.0.16.1 excluded: exclusion 1.0.16.0/30: never.txt line 1
        exclusion 1.0.16.0/21: never.txt line 2
        operator water: 1.0.16.0/24
        operator power: 1.0.16.0/20
        territory 7: 1.0.16.0/22 domestic, apnic.txt line 5 (apnic, 2024-01-01)
    1.0.31.1 operator: operator power: 1.0.16.0/20
        territory 7: 1.0.24.0/21 domestic, apnic.txt line 5 (apnic, 2024-01-01)
    1.0.20.1 excluded: territory 7: 1.0.20.0/24 excluded, corrections.txt line 1 (correction)
        exclusion 1.0.16.0/21: never.txt line 2
        operator power: 1.0.16.0/20
    1.0.0.1 foreign: territory 7: 1.0.0.0/24 foreign, apnic.txt line 4 (apnic, 2024-01-01)
    1.0.1.1 unknown: territory 7: 1.0.1.0/24 unknown, apnic.txt line 6 (apnic, 2024-01-01)
    9.9.9.9 foreign: territory 7: 8.0.0.0/7 foreign, all.cidr line 1
    10.0.0.1 operator: operator power: 10.0.0.0/8
        special purpose 10.0.0.0/8: private use, RFC 1918
    192.0.0.9 unknown: special purpose 192.0.0.9/32: Port Control Protocol anycast, RFC 7723
        special purpose 192.0.0.0/24: IETF protocol assignments, RFC 6890
    2001:200::1 domestic: territory 7: 2001:200::/32 domestic, apnic.txt line 8 (apnic, 2024-01-01)
    2001:300::1 unknown: territory 7: no row names it
    ::ffff:1.0.16.1 unknown: special purpose ::ffff:0.0.0.0/96: IPv4-mapped address, RFC 4291
    ");
}

#[test]
fn lab_says_that_it_has_no_territory() {
    let explanation = explain(&Layers::lab(), "10.0.0.1".parse().unwrap());
    assert_eq!(
        explanation.rule.to_string(),
        "lab without a territory: every address is foreign"
    );
    assert_eq!(explanation.beat, []);
}

#[test]
fn an_explanation_has_a_form_for_programs() {
    let explanation = explain(&layers(), "1.0.16.9".parse().unwrap());
    insta::assert_snapshot!(serde_json::to_string_pretty(&explanation).unwrap(), @r#"
    {
      "address": "1.0.16.9",
      "place": "excluded",
      "rule": {
        "by": "exclusion",
        "prefix": "1.0.16.0/21",
        "file": "never.txt",
        "line": 2
      },
      "beat": [
        {
          "by": "operator",
          "prefix": "1.0.16.0/24",
          "operator": "water",
          "number": 2
        },
        {
          "by": "operator",
          "prefix": "1.0.16.0/20",
          "operator": "power",
          "number": 1
        },
        {
          "by": "territory",
          "number": 7,
          "prefix": "1.0.16.0/22",
          "place": "domestic",
          "file": "apnic.txt",
          "line": 5,
          "source": {
            "kind": "delegated",
            "registry": "apnic",
            "serial": "20240102",
            "date": "2024-01-01"
          }
        }
      ]
    }
    "#);
    let explanation = explain(&layers(), "192.0.2.1".parse().unwrap());
    insta::assert_snapshot!(serde_json::to_string(&explanation).unwrap(), @r#"{"address":"192.0.2.1","place":"unknown","rule":{"by":"special-purpose","prefix":"192.0.2.0/24","name":"documentation (TEST-NET-1)","rfc":5737},"beat":[]}"#);
}
