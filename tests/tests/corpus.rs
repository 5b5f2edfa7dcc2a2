//! Every input of every corpus, through the body of its target: what was found once stays found.

use std::{collections::BTreeSet, fs, panic};

use sekisho::capped;
use sensor_tests::fuzz::{TARGETS, corpus, target_of};

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

/// Every target has a fuzzer, and no fuzzer is without one.
#[test]
fn the_fuzzers_are_those_of_the_targets() {
    let folder = corpus::folder("").join("../targets");
    let mut programs = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = capped::read_to_string(&file, 4096).unwrap();
        assert!(text.contains(&format!("fuzz!(\"{name}\")")), "{name}");
        assert!(target_of(&name).is_some(), "{name}");
        programs.insert(name);
    }
    let names: BTreeSet<String> = TARGETS.iter().map(|one| one.name.to_owned()).collect();
    assert_eq!(programs, names);
}
