//! Flattening against a look-up layer by layer.

use std::net::IpAddr;

use sensor_common::Place;

use super::*;
use crate::places::territory::{Placed, Row, Source, SourceKind};

fn naive(layers: &Layers, address: IpAddr) -> Place {
    let row = (layers.territory.rows.iter()).find(|row| row.prefix.contains(&address));
    let excluded = row.is_some_and(|row| row.place == Placed::Excluded)
        || (layers.exclusions.iter()).any(|exclusion| exclusion.prefix.contains(&address));
    if excluded {
        return Place::Excluded;
    }
    let own = (1..)
        .zip(&layers.operators)
        .flat_map(|(number, operator)| operator.prefixes.iter().map(move |p| (p, number)))
        .filter(|(prefix, _)| prefix.contains(&address))
        .max_by_key(|(prefix, _)| prefix.prefix_len());
    if let Some((_, number)) = own {
        return Place::Operator(number);
    }
    if layers.territory.number == 0 {
        return Place::Foreign;
    }
    if special::entries_of(address).next().is_some() {
        return Place::Unknown;
    }
    row.map_or(Place::Unknown, |row| row.place.into())
}

fn territory(rows: Vec<(IpNet, Placed)>) -> Territory {
    let mut territory = Territory {
        number: 1,
        domestic: vec![Country::new("JP").unwrap()],
        special_purpose: special::UPDATED.into(),
        date: special::UPDATED.into(),
        sources: vec![Source {
            file: "corrections.txt".into(),
            kind: SourceKind::Corrections,
            sha256: String::new(),
        }],
        rows: Vec::new(),
    };
    for (prefix, place) in rows {
        let is_apart = |row: &Row| !row.prefix.contains(&prefix) && !prefix.contains(&row.prefix);
        if territory.rows.iter().all(is_apart) {
            territory.rows.push(Row {
                prefix,
                place,
                source: 1,
                line: 1,
            });
        }
    }
    territory.rows.sort_by_key(|row| row.prefix);
    territory
}

fn layers() -> impl Strategy<Value = Layers> {
    let placed = prop_oneof![
        Just(Placed::Excluded),
        Just(Placed::Unknown),
        Just(Placed::Domestic),
        Just(Placed::Foreign)
    ];
    let rows = prop::collection::vec((prefix(), placed), 0..20);
    let exclusions = prop::collection::vec(prefix(), 0..6);
    let operators = prop::collection::vec(prop::collection::vec(prefix(), 0..4), 0..4);
    (rows, exclusions, operators, any::<bool>()).prop_map(|(rows, exclusions, operators, lab)| {
        let exclusion = |prefix| Exclusion {
            prefix,
            source: "never.txt".into(),
            line: 1,
        };
        let operator = |(number, prefixes): (u8, _)| Operator {
            id: OperatorId(format!("operator {number}")),
            prefixes,
        };
        Layers {
            territory: if lab {
                Territory::everything_foreign()
            } else {
                territory(rows)
            },
            exclusions: exclusions.into_iter().map(exclusion).collect(),
            operators: (1..).zip(operators).map(operator).collect(),
        }
    })
}

fn assert_well_formed<N: Copy + Ord + Default + std::fmt::Debug>(ranges: &[(N, Place)]) {
    assert_eq!(ranges[0].0, N::default());
    for pair in ranges.windows(2) {
        assert!(pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1, "{pair:?}");
    }
}

proptest! {
    #[test]
    fn flattened_is_layer_by_layer(layers in layers(), more in prop::collection::vec(prefix(), 4)) {
        let flat = match flatten(&layers) {
            Ok(flat) => flat,
            Err(error) => {
                let is_claim = matches!(error, PlacesError::ClaimedTwice { .. });
                prop_assert!(is_claim, "{}", error);
                return Ok(());
            }
        };
        assert_well_formed(&flat.v4);
        assert_well_formed(&flat.v6);
        let mut prefixes = more;
        prefixes.extend(layers.territory.rows.iter().map(|row| row.prefix));
        prefixes.extend(layers.exclusions.iter().map(|exclusion| exclusion.prefix));
        prefixes.extend(layers.operators.iter().flat_map(|operator| &operator.prefixes));
        prefixes.extend(special::REGISTRY.iter().map(|special| special.prefix));
        for address in edges(&prefixes) {
            let place = flat.place(address);
            prop_assert_eq!(place, naive(&layers, address), "{}", address);
            let explanation = explain(&layers, address);
            prop_assert_eq!(explanation.place, place, "{}", address);
            prop_assert_eq!(explanation.rule.place(), place, "{}", address);
        }
        let total = |c: Counts| c.domestic + c.foreign + c.unknown + c.operator + c.excluded;
        prop_assert_eq!(total(flat.v4_addresses()), 1 << 32);
        prop_assert_eq!(total(flat.v6_networks()), 1 << 64);

        let json = serde_json::to_string(&(&layers, &flat)).unwrap();
        let read: (Layers, Flat) = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read, (layers, flat));
    }
}

fn operator(name: &str, prefixes: &[&str]) -> Operator {
    Operator {
        id: OperatorId(name.into()),
        prefixes: prefixes
            .iter()
            .map(|prefix| prefix.parse().unwrap())
            .collect(),
    }
}

#[test]
fn exclusion_beats_inclusion_at_every_prefix_length() {
    let mut layers = Layers::lab();
    layers.operators = vec![operator("power", &["10.0.0.0/8", "10.1.0.0/16"])];
    for excluded in ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32"] {
        let prefix = excluded.parse().unwrap();
        layers.exclusions = vec![Exclusion {
            prefix,
            source: "never.txt".into(),
            line: 1,
        }];
        let flat = flatten(&layers).unwrap();
        assert_eq!(
            flat.place("10.1.2.3".parse().unwrap()),
            Place::Excluded,
            "{excluded}"
        );
    }
}

#[test]
fn the_operator_with_the_longest_prefix_has_the_address() {
    let mut layers = Layers::lab();
    layers.operators = vec![
        operator("wide", &["10.0.0.0/8", "10.1.1.0/24"]),
        operator("narrow", &["10.1.0.0/16"]),
    ];
    let flat = flatten(&layers).unwrap();
    let place = |address: &str| flat.place(address.parse().unwrap());
    assert_eq!(place("10.0.0.1"), Place::Operator(1));
    assert_eq!(place("10.1.0.1"), Place::Operator(2));
    assert_eq!(place("10.1.1.1"), Place::Operator(1));
    assert_eq!(place("11.0.0.0"), Place::Foreign);
    assert_eq!(layers.operator(2).unwrap().id.0, "narrow");
    assert_eq!((layers.operator(0), layers.operator(3)), (None, None));
}

#[test]
fn lab_takes_every_address_for_foreign() {
    let flat = flatten(&Layers::lab()).unwrap();
    assert_eq!(
        (flat.v4, flat.v6),
        (vec![(0, Place::Foreign)], vec![(0, Place::Foreign)])
    );
}

#[test]
fn what_no_table_can_say_is_refused() {
    let mut layers = Layers::lab();
    layers.operators = vec![
        operator("power", &["10.0.0.0/8", "10.0.0.0/8"]),
        operator("water", &["10.0.0.0/8"]),
    ];
    let error = flatten(&layers).unwrap_err();
    insta::assert_snapshot!(error, @"10.0.0.0/8 is claimed by two operators, power and water; take it from one");
    layers.operators = vec![operator("one", &[]); 65_536];
    let error = flatten(&layers).unwrap_err();
    insta::assert_snapshot!(error, @"65536 operators; a table has room for 65534");
    layers.operators.truncate(65_534);
    assert!(flatten(&layers).is_ok());
}
