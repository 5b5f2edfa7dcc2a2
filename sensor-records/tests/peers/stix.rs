//! STIX: the validator of OASIS, without a network.

use std::process::Command;

use sensor_records::export::{
    sink::{File, Rotation},
    stix::Stix,
};

use crate::{
    peer::{python, require},
    rows::{export, flows, records},
};

#[test]
fn the_validator_finds_nothing_wrong() {
    let validator = require!(python("stix2_validator"));
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("stix.jsonl");
    let outlet = File::new(&path, None, Rotation::default());
    let losses = export(flows(&records(100)), Stix::new("sensor-1"), outlet);
    assert_eq!((losses.sent, losses.lost()), (100, 0));
    let text = crate::peer::read(&path);
    let mut files = Vec::new();
    for (number, bundle) in text.lines().enumerate() {
        let file = scratch.path().join(format!("{number}.json"));
        std::fs::write(&file, bundle).unwrap();
        files.push(file);
    }
    assert!(!files.is_empty());
    let mut command = Command::new(validator);
    // Recommended are random identifiers (103), and ports, which not every protocol has (301).
    command.args(["--version", "2.1", "--disable", "103,301"]);
    let output = command.args(&files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaint}");
    let count = |word: &str| said.matches(word).count();
    assert_eq!(count("STIX JSON: Valid"), files.len(), "{said}");
    assert_eq!(count("[!]"), 0, "warnings: {said}");
}
