//! What docs/papers.md shows is as the product reads it.

use std::collections::BTreeSet;

use sensor_core::documents::{Kind, Paper, Rule, journal::Arrival};

const DOCS: &str = include_str!("../../docs/papers.md");

/// The texts between fences of a language.
fn fenced(language: &str) -> impl Iterator<Item = &str> {
    let parts = DOCS.split("```").skip(1).step_by(2);
    parts.filter_map(move |part| part.strip_prefix(language)?.strip_prefix('\n'))
}

#[test]
fn every_kind_has_an_example_that_can_be_read() {
    let kinds: BTreeSet<Kind> = fenced("toml")
        .map(|text| {
            let paper = Paper::read("papers.md", &text.as_bytes().into());
            paper
                .unwrap_or_else(|error| panic!("{error}\n{text}"))
                .kind()
        })
        .collect();
    assert!(kinds.iter().eq(&Kind::ALL), "{kinds:?}");
    for kind in Kind::ALL {
        assert!(DOCS.contains(kind.namespace()), "{}", kind.name());
    }
}

#[test]
fn every_rule_is_explained() {
    for rule in Rule::ALL {
        assert!(DOCS.contains(&format!("| `{}` |", rule.name())), "{rule:?}");
    }
}

#[test]
fn the_line_of_the_log_is_one() {
    let line = fenced("json").next().unwrap().trim();
    let arrival: Arrival = serde_json::from_str(line).unwrap();
    assert_eq!(arrival.text(), line);
}
