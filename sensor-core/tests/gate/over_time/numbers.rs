//! Numbers, and what waits for another document to be admitted.

use sensor_core::documents::{Kind, Rule};

use super::driver::{Sensor, names};
use crate::world::{World, approval, keyring};

const T1: &str = "2026-11-22T12:00:00Z";
const T2: &str = "2026-11-22T13:00:00Z";
const TWO: &[&str] = &["overseer/ai", "overseer/bo"];

fn numbers(sensor: &mut Sensor, kind: Kind) -> Vec<u64> {
    let admitted = sensor.gate().admitted(kind).into_iter();
    admitted.map(|(_, paper)| paper.number).collect()
}

#[test]
fn of_two_approvals_with_one_number_that_waited_for_their_request_one_is_admitted() {
    let mut world = World::new();
    let request = crate::settings::request(4, "R-4");
    world.paper("request-4.toml", &["requester/npa"], &request);
    world.paper("approval-4.toml", TWO, &approval(4, "request-4.toml"));
    let other = approval(4, "request-4.toml").replace("necessary", "suitable");
    world.paper("approval-4-again.toml", TWO, &other);
    let mut before = world.clone();
    before.after(|files| files.retain(|file, _| !file.starts_with("request-4")));
    let mut sensor = Sensor::new(&before, T1);
    assert_eq!(numbers(&mut sensor, Kind::Approval), [1, 2, 3]);
    let decision = sensor.finds(&world, T2);
    assert_eq!(names(&decision), ["R-1", "R-2", "R-3", "R-4"]);
    assert_eq!(numbers(&mut sensor, Kind::Approval), [1, 2, 3, 4]);
    let why = ["approval-4.toml", "approval-4-again.toml"].map(|file| sensor.why(file));
    assert!(
        why.contains(&vec![Rule::Number]) && why.contains(&Vec::new()),
        "{why:?}"
    );
}

#[test]
fn an_answer_with_a_lower_number_is_admitted_together_with_its_finding() {
    let mut world = World::new();
    let found = format!(
        "kind = \"finding\"\nnumber = 5\nstep = \"found\"\nat = \"{T1}\"\n\
         finding = \"notice\"\nconcerns = \"R-1\"\npublic = \"kept too long\"\n"
    );
    world.paper("finding-5.toml", &["inspector/ken"], &found);
    let answered = format!(
        "kind = \"finding\"\nnumber = 1\nstep = \"answered\"\nat = \"{T1}\"\n\
         of = \"{{{{finding-5.toml}}}}\"\nanswer = \"deleted\"\n"
    );
    world.paper("finding-1.toml", &["carrier/isp"], &answered);
    // By the first look alone.
    let gate = world.papers().seen(&[], T1).gate;
    let admitted = gate.admitted(Kind::Finding).into_iter();
    let numbers: Vec<u64> = admitted.map(|(_, paper)| paper.number).collect();
    assert_eq!(numbers, [1, 5]);
}

#[test]
fn a_keyring_in_force_takes_another_signature() {
    let mut world = World::new();
    let text = keyring(2, Some("keyring-1.toml"));
    world.paper("keyring-2.toml", TWO, &text);
    let mut sensor = Sensor::new(&world, T1);
    assert_eq!(numbers(&mut sensor, Kind::Keyring), [1, 2]);
    let before = sensor.logged.len();
    world.sign(
        "keyring-2.toml",
        &["overseer/ai", "overseer/bo", "overseer/chi"],
    );
    sensor.finds(&world, T2);
    assert_eq!(sensor.why("keyring-2.toml"), []);
    assert_eq!(sensor.why("keyring-2.toml.sig.overseer_chi"), []);
    assert_eq!(sensor.logged.len(), before + 1);
}

#[test]
fn of_two_next_keyrings_that_waited_for_a_signature_one_is_admitted() {
    let mut world = World::new();
    let text = keyring(2, Some("keyring-1.toml"));
    let files = ["keyring-2.toml", "keyring-2-again.toml"];
    world.paper(files[0], &["overseer/ai"], &text);
    world.paper(files[1], &["overseer/ai"], &(text.clone() + "# again\n"));
    let mut sensor = Sensor::new(&world, T1);
    assert_eq!(numbers(&mut sensor, Kind::Keyring), [1]);
    for file in files {
        world.sign(file, TWO);
    }
    sensor.finds(&world, T2);
    assert_eq!(numbers(&mut sensor, Kind::Keyring), [1, 2]);
    let mut why = files.map(|file| sensor.why(file));
    why.sort();
    assert_eq!(why, [vec![], vec![Rule::Number]]);
    // Nor one that comes later.
    world.paper("keyring-2-late.toml", TWO, &(text + "# late\n"));
    sensor.finds(&world, T2);
    let late = "keyring-2-late.toml.sig.overseer_ai";
    assert_eq!(sensor.why(late), [Rule::Number]);
}

#[test]
fn what_ends_something_is_taken_whatever_its_number() {
    let mut world = World::new();
    let revocation = |number: u64, of: &str| {
        format!(
            "kind = \"revocation\"\nnumber = {number}\nrevokes = \"{{{{{of}}}}}\"\n\
             reason = \"not needed\"\n"
        )
    };
    let text = revocation(900_000, "approval-3.toml");
    world.paper("revocation-a.toml", &["overseer/ai"], &text);
    let mut sensor = Sensor::new(&world, T1);
    assert_eq!(numbers(&mut sensor, Kind::Revocation), [900_000]);
    let text = revocation(2, "approval-2.toml");
    world.paper("revocation-b.toml", &["overseer/bo"], &text);
    let text = revocation(2, "approval-1.toml");
    world.paper("revocation-c.toml", &["overseer/chi"], &text);
    assert_eq!(names(&sensor.finds(&world, T2)), [""; 0]);
    assert_eq!(numbers(&mut sensor, Kind::Revocation), [2, 2, 900_000]);
}
