//! What is said of a request before anybody signs: what would be said of it afterwards.

use sensor_core::documents::{Gate, Kind, Refusal, Rule, Shelf};

use crate::{
    kinds,
    settings::{Setting, request},
    table::{After, Of, Table},
    world::{self, Papers, World, time},
};

const FILE: &str = "request-4.toml";
const ANSWER: &str = "approval-4.toml";

/// What is wrong with a request of a folder, by the papers of another.
fn objections(folder: &Papers, papers: &Papers, cache: &mut Shelf) -> Vec<Refusal> {
    match Gate::asked(&folder.folder, cache, FILE) {
        Ok(asked) => {
            let seen = papers.seen_with(cache, &[], world::NOW);
            seen.gate.objections(&asked, cache, time(world::NOW))
        }
        Err(refusal) => vec![refusal],
    }
}

#[test]
fn what_a_good_request_is_refused_for_is_nothing() {
    for of in [Of::Kind(Kind::Request), Of::Extension] {
        let Setting { world, files, .. } = Setting::of(of);
        let mut cache = Shelf::default();
        let [with, without] = [world.papers(), world.without(files).papers()];
        assert_eq!(objections(&with, &without, &mut cache), [], "{of}");
        assert_eq!(objections(&with, &with, &mut cache), [], "{of}");
    }
}

/// Whether a case is about the answer, or about who signed.
fn is_of_the_answer(of: Of, rule: Rule) -> bool {
    match of {
        Of::Kind(Kind::Approval) if matches!(rule, Rule::Form | Rule::Waits) => true,
        _ => matches!(
            rule,
            Rule::Condition
                | Rule::NotYet
                | Rule::Revoked
                | Rule::Role
                | Rule::TooFew
                | Rule::Twice
                | Rule::UnknownKey
        ),
    }
}

#[test]
fn a_request_that_would_be_refused_is_told_so_with_the_same_reason() {
    let mut cache = Shelf::default();
    let (mut told, mut failures) = (0, Vec::new());
    let sorts = [Kind::Request, Kind::Approval].map(Of::Kind);
    for of in sorts.into_iter().chain([Of::Extension]) {
        let mut table = Table::of(of);
        kinds::add(&mut table);
        let good = table.setting.world.without(&[FILE, ANSWER]).papers();
        for case in table.cases {
            if is_of_the_answer(of, case.rule) {
                continue;
            }
            told += 1;
            let rest = match &case.after {
                After::Same(rest) => rest,
                After::InForce(_) | After::Nothing => &good,
            };
            let (rule, says) = match case.rule {
                // The folder has what it names.
                Rule::Waits if of == Of::Extension => (Rule::Form, "not 'request'"),
                rule => (rule, &*case.says),
            };
            let found = objections(&case.papers, rest, &mut cache);
            let is_it = |found: &Refusal| found.rule == rule && found.text.contains(says);
            if !found.iter().any(is_it) {
                let name = &case.name;
                failures.push(format!("{of}: {name}: {rule:?} {says}: {found:?}"));
            }
        }
    }
    println!("{told} bad requests are told of before anybody signs");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(told >= 100);
}

#[test]
fn what_was_admitted_before_stands_against_a_request() {
    let setting = Setting::of(Of::Kind(Kind::Request));
    let found = |asked: &World, papers: &World| {
        let found = objections(&asked.papers(), &papers.papers(), &mut Shelf::default());
        let [Refusal { rule, text, .. }] = &found[..] else {
            panic!("{found:?}");
        };
        (*rule, text.clone())
    };
    let others = setting.world.without(setting.files);
    for number in [2, 3] {
        let mut asked = others.clone();
        asked.paper(FILE, &[], &request(number, "R-4"));
        let (rule, text) = found(&asked, &others);
        assert_eq!(rule, Rule::Number);
        assert!(text.ends_with("admitted before; take 4 or more"), "{text}");
    }
    let mut refused = setting.world.clone();
    refused.replace(ANSWER, "\"granted\"", "\"refused\"");
    let (rule, text) = found(&setting.world, &refused);
    assert_eq!(rule, Rule::Refused);
    assert!(text.contains("was refused by approval 4"), "{text}");
    let extension = Setting::of(Of::Extension).world;
    let none = extension.without(&["request-1.toml", "approval-1.toml", FILE, ANSWER]);
    let (rule, text) = found(&extension, &none);
    assert_eq!(rule, Rule::Waits);
    assert!(text.starts_with("the request it extends, "), "{text}");
}
