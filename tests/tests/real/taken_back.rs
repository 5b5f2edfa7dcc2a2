//! What a feed no longer names is no longer recorded, though it is approved: a refresh takes
//! away by itself, and what it adds waits.

use std::{fs, path::Path, process::Command};

use sensor_tests::{papers::State, require, requires};
use serde_json::Value;

use crate::town::{FOREIGN, Records, Town, pass};

/// Runs a command about feeds on the sensor's day; what it printed.
fn feed(state: &State, feeds: &Path, args: &[&str]) -> String {
    let mut command = Command::new(requires::binary());
    command.arg("feed").args(args).arg("--feeds").arg(feeds);
    state.on_its_day(&mut command);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{args:?}: {text}{output:?}");
    text
}

fn diff(state: &State, feeds: &Path) -> Value {
    let path = state.path().display().to_string();
    let text = feed(state, feeds, &["diff", "--state", &path, "--json"]);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn what_a_feed_takes_back_ends_under_traffic_and_what_it_adds_waits() {
    require!(privilege);
    require!(clock);
    let mut town = Town::new(|_| {});
    let folder = tempfile::tempdir().unwrap();
    let (feeds, list) = (folder.path().join("feeds"), folder.path().join("list.txt"));
    let write = |text: &str| fs::write(&list, text).unwrap();
    // Both prefixes that the approval names.
    write("8.8.8.0/24\n9.9.9.0/24\n");
    feed(
        &town.state,
        &feeds,
        &["add", "ours", list.to_str().unwrap()],
    );
    feed(&town.state, &feeds, &["pull"]);
    let sensor = town
        .launch()
        .args(&format!("--feeds {}", feeds.display()))
        .ready();
    let (sent, (begin, end, again)) = town.stream(FOREIGN, |town| {
        let begin = town.state.now();
        pass(1_200);
        // Others, which are not approved, in the place of those that are.
        write("8.8.9.0/24\n9.9.8.0/24\n");
        let told = feed(&town.state, &feeds, &["pull"]);
        let end = town.state.now();
        assert!(told.contains("2 new, 2 gone"), "{told}");
        let found = diff(&town.state, &feeds);
        assert_eq!(found["additions"][0]["prefix"], "8.8.9.0/24");
        assert_eq!(found["taken_back"][0]["prefix"], "8.8.8.0/24");
        pass(2_500);
        write("8.8.8.0/24\n8.8.9.0/24\n");
        feed(&town.state, &feeds, &["pull"]);
        let again = town.state.now();
        pass(2_500);
        (begin, end, again)
    });
    let until = town.state.now();
    let (_, records) = Records::of(sensor);
    let again_recorded = records.first_after(again);
    let second = 1_000_000_000;
    assert!(
        again_recorded.0 < again.0 + 3 * second,
        "{again} {again_recorded}"
    );
    records.are_within(&[(begin, end), (again_recorded, until)], &sent, second);
}
