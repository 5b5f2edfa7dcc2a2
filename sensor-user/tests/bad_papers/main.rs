//! Bad papers before an agent: none changes what stands in the kernel.
//!
//! The table is that of `sensor-core/tests/gate`, which is about decisions. Here every case goes
//! through an agent onto a datapath in memory, twice: it comes to an agent that runs, and it lies
//! there when one starts.

#![expect(clippy::unwrap_used, reason = "what a test makes is there")]
#![expect(clippy::too_many_lines, reason = "tables are long")]

#[path = "../../../sensor-core/tests/gate/every.rs"]
mod every;
#[path = "../../../sensor-core/tests/gate/kinds/mod.rs"]
mod kinds;
#[path = "../../../sensor-core/tests/gate/logged.rs"]
mod logged;
mod sensor;
#[path = "../../../sensor-core/tests/gate/settings.rs"]
mod settings;
#[path = "../../../sensor-core/tests/gate/table.rs"]
#[expect(dead_code, reason = "the gate's own test asks for decisions")]
mod table;
#[path = "../../../sensor-core/tests/world/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod world;

use std::{collections::BTreeMap, time::Instant};

use sensor::{Read, Sensor};
use sensor_core::documents::Kind;
use settings::Setting;
use table::{After, Case, Of};
use world::Papers;

#[tokio::test]
async fn no_bad_paper_changes_what_stands_in_the_kernel() {
    let (begin, read) = (Instant::now(), Read::default());
    let cases = table::all();
    let mut counts = BTreeMap::<_, usize>::new();
    let mut failures = Vec::new();
    for case in &cases {
        let (what, judged) = match &case.after {
            After::Same(rest) => ("as without it", as_without(&read, case, rest).await),
            After::Nothing => ("nothing is recorded", nothing(&read, case).await),
            After::InForce(names) => ("these are in force", in_force(&read, case, names).await),
        };
        *counts.entry(what).or_default() += 1;
        if let Err(error) = judged {
            failures.push(format!("{}: {}: {error}", case.of, case.name));
        }
    }
    println!("{} bad papers in {:.1?}", cases.len(), begin.elapsed());
    for (what, count) in counts {
        println!("{what:>20} {count:4}");
    }
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
    assert!(cases.len() >= 320);
}

/// The kernel has what it has without the bad paper, and nothing was put there anew.
async fn as_without(read: &Read, case: &Case, rest: &Papers) -> Result<(), String> {
    let mut sensor = Sensor::new(read, rest, &case.logged).await;
    let without = sensor.stands();
    sensor.finds(&case.papers, None).await;
    let at_once = sensor.stands().is(&without);
    sensor.end().await;
    let sensor = Sensor::new(read, &case.papers, &case.logged).await;
    let was_there = sensor.stands().is(&without);
    sensor.end().await;
    at_once.map_err(|error| format!("when it came, {error}"))?;
    was_there.map_err(|error| format!("after a start, {error}"))
}

/// Nothing is recorded any more, and nothing begins.
async fn nothing(read: &Read, case: &Case) -> Result<(), String> {
    let mut sensor = Sensor::new(read, &good(case.of), &[]).await;
    let before = sensor.recorded();
    assert!(before > 0, "{}", case.of);
    sensor.finds(&case.papers, Some(&case.logged)).await;
    let (after, lease) = (sensor.recorded(), sensor.stands().lease);
    sensor.end().await;
    if (after, lease) != (before, 0) {
        return Err(format!("{} packets were recorded", after - before));
    }
    let sensor = Sensor::new(read, &case.papers, &case.logged).await;
    let (after, lease) = (sensor.recorded(), sensor.stands().lease);
    sensor.end().await;
    if (after, lease) != (0, 0) {
        return Err(format!("after a start {after} packets were recorded"));
    }
    Ok(())
}

/// Slots in force are those of the approvals that are named.
async fn in_force(read: &Read, case: &Case, names: &[&str]) -> Result<(), String> {
    let mut sensor = Sensor::with_snapshots(read, &good(case.of), &[]).await;
    sensor.finds(&case.papers, Some(&case.logged)).await;
    let at_once = sensor.in_force();
    sensor.end().await;
    let sensor = Sensor::with_snapshots(read, &case.papers, &case.logged).await;
    let was_there = sensor.in_force();
    sensor.end().await;
    for (when, found) in [("when it came", at_once), ("after a start", was_there)] {
        if !found.iter().eq(names) {
            return Err(format!("{when}, slots in force are of {found:?}"));
        }
    }
    Ok(())
}

/// Good papers, under which there is recording.
fn good(of: Of) -> Papers {
    let Setting { world, files, .. } = Setting::of(of);
    match of {
        // After these nothing is, or not before a standing names them.
        Of::Kind(Kind::Keyring | Kind::Policy | Kind::Territory | Kind::Exclusion | Kind::Stop) => {
            world.without(files).papers()
        }
        _ => world.papers(),
    }
}

/// So that a bad one that counts would be seen.
#[tokio::test]
async fn the_good_paper_of_every_sort_but_a_finding_changes_what_stands_in_the_kernel() {
    let read = Read::default();
    let mut silent = Vec::new();
    for of in Of::all() {
        let Setting { world, files, .. } = Setting::of(of);
        let [with, without] = [world.papers(), world.without(files).papers()];
        let (one, other) = (
            Sensor::new(&read, &with, &[]).await,
            Sensor::new(&read, &without, &[]).await,
        );
        if one.stands().is(&other.stands()).is_ok() {
            silent.push(of);
        }
        one.end().await;
        other.end().await;
    }
    assert_eq!(silent, [Of::Kind(Kind::Finding)]);
}
