//! What a sensor makes of papers: those in order, and every way in which they are not.

#![expect(clippy::unwrap_used, reason = "what a test makes is there")]
#![expect(clippy::too_many_lines, reason = "tables are long")]

mod asked;
mod every;
mod kinds;
mod limits;
mod logged;
mod over_time;
#[path = "../ssh_keygen/rules.rs"]
mod rules;
mod settings;
mod step;
mod table;
#[path = "../world/mod.rs"]
mod world;

use sensor_core::documents::{Digest, Gate, Kind, Rule, Shelf, journal, signers_of};
use settings::Setting;
use table::Of;
use world::World;

#[test]
fn papers_in_order_are_in_force() {
    let seen = World::new().seen();
    assert_eq!(seen.refusals(world::NOW), []);
    assert_eq!(seen.in_force(), ["R-1", "R-2", "R-3"]);
}

/// What it has and did not consent to belongs to an operator that no approval names.
#[test]
fn an_operator_is_watched_where_it_consented_and_nowhere_else() {
    let layers = World::new().seen().decision.layers.unwrap();
    let operators: Vec<String> = (layers.operators.iter())
        .map(|operator| format!("{}: {:?}", operator.id.0, operator.prefixes))
        .collect();
    assert_eq!(
        operators,
        [
            "power: [133.10.0.0/17]",
            "power (without consent): [133.10.0.0/16, 2001:200:10::/48]",
            "water: []",
            "water (without consent): [133.20.0.0/16]",
        ]
    );
    let mut whole = World::new();
    whole.replace("consent-1.toml", "133.10.0.0/17", "133.10.0.0/16");
    let layers = whole.seen().decision.layers.unwrap();
    let rest = &layers.operators[1];
    assert_eq!(rest.prefixes, ["2001:200:10::/48".parse().unwrap()]);
}

#[test]
fn whoever_may_not_sign_is_told_who_does() {
    for of in Of::all() {
        let Setting {
            signers, stranger, ..
        } = Setting::of(of);
        let told = signers_of(of.kind());
        let names = |principal: &str| told.contains(principal.split('/').next().unwrap());
        assert!(signers.iter().all(|signer| names(signer)), "{of}: {told}");
        // Whoever may not find may answer.
        let answers = of == Of::Kind(Kind::Finding);
        assert_eq!(names(stranger), answers, "{of}: {told}");
    }
}

#[test]
fn an_indicator_has_the_line_of_its_request() {
    let world = World::new();
    let decision = world.seen().decision;
    let lines: Vec<&str> = world.texts["request-1.toml"].lines().collect();
    let prefixes = &decision.granted[0].indicators.prefixes;
    for (prefix, line) in prefixes.iter() {
        let at = usize::try_from(line).unwrap();
        assert_eq!(
            lines[at - 1..=at],
            ["[[indicator]]", &format!("prefix = \"{prefix}\"")]
        );
    }
}

/// As on a carrier's own machine, which was given the second.
#[test]
fn whoever_trusts_a_keyring_needs_none_before_it() {
    let mut world = World::new();
    let keyring = |number, last| world::keyring(number, Some(last));
    let overseers = ["overseer/ai", "overseer/bo"];
    world.paper("keyring-2.toml", &overseers, &keyring(2, "keyring-1.toml"));
    world.paper("keyring-3.toml", &[], &keyring(3, "keyring-2.toml"));
    let other = keyring(2, "keyring-1.toml").replace("tokyo-1", "tokyo-2");
    world.paper("keyring-2b.toml", &[], &other);
    let standing = world::standing(2, "keyring-2.toml", &[]);
    world.paper("standing-2.toml", &["overseer/chi"], &standing);
    let mut papers = world.papers();
    papers.identity.root = Digest::of(&papers.folder.files["keyring-2.toml"]);
    let (identity, folder, now) = (&papers.identity, &papers.folder, world::time(world::NOW));
    let gate = Gate::trusting(identity, folder, &mut Shelf::default(), now);
    assert_eq!(gate.keyring().unwrap().paper.number, 2);
    let granted = gate.decide(now).granted;
    assert!(
        granted
            .iter()
            .map(|granted| &*granted.id)
            .eq(["R-1", "R-2", "R-3"])
    );
    let why = |file: &str| {
        let refusals = gate.refusals();
        let refusal = refusals.iter().find(|refusal| refusal.file == file);
        refusal
            .map(|refusal| (refusal.rule, refusal.text.clone()))
            .unwrap()
    };
    let (rule, text) = why("keyring-1.toml");
    assert_eq!(rule, Rule::Chain);
    assert!(
        text.contains("is of before the keyring that is trusted"),
        "{text}"
    );
    assert_eq!(why("keyring-2b.toml").0, Rule::TooFew);
    assert_eq!(why("keyring-3.toml").0, Rule::TooFew);
    // A sensor begins with the first.
    let seen = papers.seen(&[], world::NOW);
    assert!(seen.gate.keyring().is_none());
    assert_eq!(seen.arrivals, []);
}

#[test]
fn the_good_paper_of_every_sort_counts() {
    for of in Of::all() {
        table::the_good_one_counts(of);
    }
}

#[test]
fn a_number_may_leap_as_far_as_a_number_may() {
    for of in Of::all() {
        table::the_longest_leap_counts(of);
    }
}

#[test]
fn no_bad_paper_has_an_effect_and_each_is_refused_for_its_own_reason() {
    let cases = table::all();
    let (sorts, rules) = table::counts(&cases);
    let mut shelf = Shelf::default();
    let failures: Vec<String> = (cases.iter())
        .filter_map(|case| {
            let error = case.run(&mut shelf).err()?;
            Some(format!("{}: {}: {error}", case.of, case.name))
        })
        .collect();
    println!("{} bad papers", cases.len());
    for (of, count) in &sorts {
        println!("{of:>12} {count:4}");
    }
    for (rule, count) in rules {
        println!("{rule:>20} {count:4}");
    }
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
    assert!(cases.len() >= 320);
    for of in Of::all() {
        assert!(sorts[&of] >= 10, "{of}");
    }
}

#[test]
fn bytes_of_a_log_that_were_touched_are_no_log() {
    let papers = World::new().papers();
    let logged = papers.seen(&[], world::NOW).arrivals;
    let lines: Vec<String> = logged.iter().map(|arrival| arrival.text() + "\n").collect();
    let text = lines.concat();
    let (read, whole) = journal::read(text.as_bytes()).unwrap();
    assert_eq!((read.len(), whole), (logged.len(), text.len()));
    for at in 0..lines.len() - 1 {
        let mut cut = lines.clone();
        cut.remove(at);
        let error = journal::read(cut.concat().as_bytes()).unwrap_err();
        assert_eq!(error.line, u64::try_from(at).unwrap() + 1, "{error}");
        let mut swapped = lines.clone();
        swapped.swap(at, at + 1);
        assert!(journal::read(swapped.concat().as_bytes()).is_err());
    }
    for (at, byte) in text.bytes().enumerate().step_by(7) {
        if byte == b'\n' {
            continue;
        }
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if byte == b'0' { b'1' } else { b'0' };
        if let Ok((other, _)) = journal::read(&bytes) {
            // Only the last line has no other that names it.
            assert_eq!(other[..other.len() - 1], logged[..logged.len() - 1]);
        }
    }
    let cut = &text.as_bytes()[..text.len() - 5];
    let (read, whole) = journal::read(cut).unwrap();
    assert_eq!(read.len(), logged.len() - 1);
    assert_eq!(whole, text.len() - lines.last().unwrap().len());
}
