//! What a sensor makes of papers: those in order, and every way in which they are not.

#![expect(clippy::unwrap_used, reason = "what a test makes is there")]
#![expect(clippy::too_many_lines, reason = "tables are long")]

mod every;
mod kinds;
mod logged;
mod over_time;
#[path = "../ssh_keygen/rules.rs"]
mod rules;
mod settings;
mod step;
mod table;
#[path = "../world/mod.rs"]
mod world;

use sensor_core::documents::Shelf;
use table::Of;
use world::World;

#[test]
fn papers_in_order_are_in_force() {
    let seen = World::new().seen();
    assert_eq!(seen.refusals(world::NOW), []);
    assert_eq!(seen.in_force(), ["R-1", "R-2", "R-3"]);
}

#[test]
fn the_good_paper_of_every_sort_counts() {
    for of in Of::all() {
        table::the_good_one_counts(of);
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
