//! Every input of every corpus, through the body of its target: what was found once stays found.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own assumptions do"
)]

use std::{collections::BTreeSet, fs, panic};

use sensor_tests::fuzz::{TARGETS, corpus};

/// Corpora are small: they are replayed with every run of the tests.
const LONGEST: usize = 4096;
const LARGEST_CORPUS: usize = 1 << 20;

#[test]
fn every_input_of_every_corpus_is_read_without_a_finding() {
    let mut found = Vec::new();
    for target in TARGETS {
        let inputs = corpus::of(target.name).unwrap();
        assert!(!inputs.is_empty(), "{} has no corpus", target.name);
        for input in &inputs {
            let longest = input.bytes.len();
            assert!(longest <= LONGEST, "{}", input.file.display());
            if panic::catch_unwind(|| (target.body)(&input.bytes)).is_err() {
                found.push(input.file.display().to_string());
            }
        }
        println!("{}: {} inputs", target.name, inputs.len());
    }
    assert!(found.is_empty(), "findings: {found:#?}");
}

#[test]
fn a_corpus_belongs_to_a_target_and_all_of_them_are_small() {
    let names: BTreeSet<String> = TARGETS.iter().map(|one| one.name.to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len());
    let folders: BTreeSet<String> = fs::read_dir(corpus::folder(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, names);
    let sizes = names.iter().flat_map(|name| corpus::of(name).unwrap());
    let all: usize = sizes.map(|input| input.bytes.len()).sum();
    assert!(all <= LARGEST_CORPUS, "{all} bytes");
}

/// A body that finds nothing in anything would pass all of the above.
#[test]
fn a_target_reads_what_it_is_for() {
    for (name, input) in [("parse", "0"), ("nothing", "")] {
        let target = sensor_tests::fuzz::target_of(name);
        assert_eq!(target.is_some(), !input.is_empty(), "{name}");
    }
}
