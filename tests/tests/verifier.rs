//! What the verifier has to do for each program, against the most it may.
//!
//! It is the kernel's own count (`verified_insns` of `bpf_prog_info`), which a program that is too
//! dear for an older kernel shows on a newer one already.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own assumptions do"
)]

use std::collections::BTreeMap;

use aya::{
    Ebpf, EbpfLoader,
    programs::{ProgramInfo, Xdp},
};
use sekisho::kernel::OBJECT;
use sensor_tests::require;

const CEILINGS: &str = include_str!("../expected/verifier.tsv");

/// A program as it is loaded: by its name in the object, for replay and for lab.
const LOADED: [(&str, &str, u8, u8); 4] = [
    ("sekisho", "sekisho", 0, 0),
    ("sekisho, lab", "sekisho", 0, 1),
    ("sekisho, replay", "sekisho", 1, 1),
    ("tune", "tune", 0, 0),
];

fn ceilings() -> BTreeMap<&'static str, u32> {
    let lines = CEILINGS.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.split_once('\t').unwrap());
    pairs
        .map(|(name, count)| (name, count.parse().unwrap()))
        .collect()
}

fn load(replay: u8, lab: u8) -> Ebpf {
    let mut loader = EbpfLoader::new();
    loader
        .override_global("REPLAY", &replay, true)
        .override_global("LAB", &lab, true);
    loader.load(OBJECT).unwrap()
}

#[expect(clippy::print_stderr, reason = "`cargo xtask vm` reads it")]
fn note(name: &str, count: u32) {
    eprintln!("noted: verified {name}: {count}");
}

#[test]
fn no_program_costs_the_verifier_more_than_its_ceiling() {
    require!(privilege);
    let ceilings = ceilings();
    let mut over = Vec::new();
    for (name, program, replay, lab) in LOADED {
        let mut ebpf = load(replay, lab);
        let program: &mut Xdp = ebpf.program_mut(program).unwrap().try_into().unwrap();
        program.load().unwrap();
        let info: ProgramInfo = program.info().unwrap();
        let count = info.verified_instruction_count().unwrap();
        assert!(count > 0, "{name}");
        note(name, count);
        let ceiling = ceilings[name];
        if count > ceiling {
            over.push(format!("{name}: {count} of {ceiling}"));
        }
    }
    assert!(over.is_empty(), "over the ceiling: {}", over.join("; "));
}

#[test]
fn every_program_of_the_object_has_a_ceiling() {
    require!(privilege);
    let ebpf = load(0, 0);
    let names: Vec<&str> = ebpf.programs().map(|(name, _)| name).collect();
    for name in &names {
        let is_loaded = |loaded: &(&str, &str, u8, u8)| loaded.1 == *name;
        assert!(LOADED.iter().any(is_loaded), "{name} is not measured");
    }
    let ceilings: Vec<&str> = ceilings().into_keys().collect();
    assert_eq!(ceilings, LOADED.map(|(name, ..)| name));
}
