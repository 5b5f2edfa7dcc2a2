//! `replay --state` obeys the papers that were in force when the packets came.

use std::{fs, process::Command};

use sekisho::documents::{Time, journal::Arrival};
use sensor_tests::{command, packet::Packet, require, requires, sensor::Lines};

use crate::{
    town::files,
    world::{self, NOW, World, time},
};

const MINUTE: u64 = 60_000_000_000;

/// A capture of one packet at each of some minutes before or after the moment of the world.
fn capture(minutes: &[i64]) -> Vec<u8> {
    let mut file = Vec::new();
    // pcap with nanoseconds, Ethernet.
    file.extend(0xa1b2_3c4d_u32.to_le_bytes());
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(65_535_u32.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    for minute in minutes {
        let frame = Packet::v4([9, 9, 9, 9], [8, 8, 8, 8]).udp(1000, 53).build();
        let at = time(NOW).0.saturating_add_signed(minute * 60_000_000_000);
        let length = u32::try_from(frame.len()).unwrap();
        for word in [at / 1_000_000_000, at % 1_000_000_000] {
            file.extend(u32::try_from(word).unwrap().to_le_bytes());
        }
        file.extend(length.to_le_bytes());
        file.extend(length.to_le_bytes());
        file.extend(frame);
    }
    file
}

/// The log of a sensor into whose folder a stop came after ten minutes, and its lift after
/// twenty.
fn logged(worlds: &[(&World, u64)]) -> Vec<Arrival> {
    let mut logged = Vec::new();
    for (world, minute) in worlds {
        let now = Time(time(NOW).0 + minute * MINUTE).to_string();
        let arrivals = world.papers().seen(&logged, &now).arrivals;
        logged.extend(arrivals);
    }
    logged
}

#[test]
fn packets_are_recorded_by_the_papers_of_their_time() {
    require!(privilege);
    let first = World::new();
    let mut stopped = first.clone();
    let stop = "kind = \"stop\"\nnumber = 1\nreason = \"maintenance\"\n";
    stopped.paper("stop-1.toml", &["carrier/isp"], stop);
    let mut lifted = stopped.clone();
    let lift = "kind = \"lift\"\nnumber = 1\nlifts = \"{{stop-1.toml}}\"\nreason = \"done\"\n";
    lifted.paper("lift-1.toml", &["overseer/ai", "overseer/bo"], lift);

    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let key = folder.path().join("log.pub");
    fs::write(&key, world::key("log").line() + "\n").unwrap();
    let papers = lifted.papers();
    let root = papers.identity.root.to_string();
    let mut init = Command::new(requires::binary());
    init.args(["init", "--root", &root, "--log-key"]).arg(&key);
    command::expect(init.arg("--state").arg(&state));
    let own = sekisho::capped::read_to_string(state.join("state.toml"), 1 << 16).unwrap();
    let fingerprint = own
        .split('"')
        .find(|word| word.starts_with("SHA256:"))
        .unwrap();
    fs::write(
        state.join("state.toml"),
        own.replace(fingerprint, world::LOG_KEY),
    )
    .unwrap();
    for (name, bytes) in files(&lifted) {
        fs::write(state.join("papers").join(name), bytes).unwrap();
    }
    let mut log = String::new();
    for arrival in logged(&[(&first, 0), (&stopped, 10), (&lifted, 20)]) {
        log.push_str(&arrival.text());
        log.push('\n');
    }
    fs::write(state.join("arrivals.jsonl"), &log).unwrap();

    let file = folder.path().join("some.pcap");
    // Before anything arrived; in force; stopped; lifted; a little out of order; a week later,
    // when the standing has run out.
    let minutes = [-5, 1, 2, 11, 12, 13, 21, 19, 22, 23, 24, 10_000];
    fs::write(&file, capture(&minutes)).unwrap();
    let before = files_of(&state);
    let mut replay = Command::new(requires::binary());
    replay.arg("replay").arg(&file).arg("--state").arg(&state);
    replay.args(["--interface", "r0", "--json"]);
    let lines = Lines::parse(&command::expect(&mut replay));
    assert_eq!(lines.summary()["seen"], minutes.len());
    assert_eq!(lines.verdict("recorded"), 6, "{:?}", lines.summary());
    assert_eq!(lines.verdict("unattended"), 5, "{:?}", lines.summary());
    assert_eq!(
        lines.verdict("no_match"),
        1,
        "nothing is watched without papers"
    );
    for flow in lines.flows() {
        assert_eq!(flow["approvals"][0], "R-1", "{flow}");
    }
    assert_eq!(files_of(&state), before, "the state folder is as it was");

    // The name of the interface decides where there is nothing else of it.
    let mut replay = Command::new(requires::binary());
    replay.arg("replay").arg(&file).arg("--state").arg(&state);
    replay.args(["--interface", "r1", "--json"]);
    let lines = Lines::parse(&command::expect(&mut replay));
    assert_eq!(lines.verdict("recorded"), 0, "{:?}", lines.summary());
}

/// Every file below a folder, with its bytes.
fn files_of(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_of(&path));
        } else {
            let bytes = sekisho::capped::read(&path, 1 << 30).unwrap();
            found.push((path.display().to_string(), bytes));
        }
    }
    found.sort();
    found
}
