//! `sekisho check` on interfaces whose state is known.

use std::{collections::BTreeMap, process::Command};

use sensor_tests::{
    clock_state, command, require, requires,
    road::{EAST_V4, Road},
    sensor::{Launch, Signal},
};
use serde_json::Value;

use crate::failed_plainly;

/// A day in nanoseconds.
const DAY: i64 = 86_400 * 1_000_000_000;

/// Findings of an interface by check, of the host where the interface is none.
fn findings(document: &Value, interface: Option<&str>) -> BTreeMap<String, (String, Value)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = document["findings"].as_array().unwrap();
    all.iter()
        .filter(|finding| finding["interface"].as_str() == interface)
        .map(|finding| {
            assert!(!text(&finding["advice"]).is_empty(), "{finding}");
            (
                text(&finding["check"]),
                (text(&finding["status"]), finding["observed"].clone()),
            )
        })
        .collect()
}

fn check(road: &Road, interfaces: &[&str]) -> (Option<i32>, Value) {
    let mut command = road.barrier.command(requires::binary());
    command.args(["check", "--json", "--seconds", "1"]);
    for interface in interfaces {
        command.args(["--interface", interface]);
    }
    let printed = command::run(&mut command);
    assert_eq!(printed.stderr, "", "{}", printed.whole());
    (
        printed.status,
        serde_json::from_str(&printed.stdout).unwrap(),
    )
}

/// The clock that one process is told has no effect on what else it says.
#[test]
fn a_process_can_be_told_another_clock() {
    require!(clock);
    let finding = |tell: fn(&mut Command) -> &mut Command| {
        let mut command = Command::new(requires::binary());
        command.args(["check", "--json", "--seconds", "1", "--interface", "lo"]);
        let printed = command::run(tell(&mut command));
        let document = serde_json::from_str(&printed.stdout).unwrap();
        findings(&document, None).remove("clock").unwrap()
    };
    let (status, observed) = finding(clock_state::synchronised);
    assert_eq!(status, "ok", "{observed}");
    // Which it is there, but the same with and without a library that does nothing.
    let machine = finding(|command| command);
    assert_eq!(
        finding(|command| clock_state::shifted(command, 0)).0,
        machine.0
    );
}

#[test]
fn a_process_can_be_told_another_day() {
    require!(clock);
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    std::fs::write(&list, "1.0.0.0/8\n").unwrap();
    let built = |day: &str, shift: i64| {
        let mut command = Command::new(requires::binary());
        command.args(["territory", "build", "--number", "1", "--domestic", "JP"]);
        command.args(["--date", day, "--cidr"]);
        command.arg(format!("foreign={}", list.display()));
        command
            .arg("--output")
            .arg(folder.path().join(format!("{day}.{shift}")));
        command::run(clock_state::shifted(&mut command, shift)).status
    };
    assert_eq!(built("2024-01-01", 0), Some(0));
    assert_eq!(built("2024-01-01", -40 * 365 * DAY), Some(2));
    assert_eq!(built("2100-01-01", 0), Some(2));
    assert_eq!(built("2100-01-01", 80 * 365 * DAY - 1), Some(0));
}

#[test]
fn a_veth_is_ready() {
    require!(privilege);
    let road = Road::v4();
    let (status, document) = check(&road, &["r0", "r1"]);
    assert_eq!(
        (status, &document["ready"]),
        (Some(0), &true.into()),
        "{document:#}"
    );
    let host = findings(&document, None);
    let checks: Vec<&str> = host.keys().map(String::as_str).collect();
    assert_eq!(checks, ["btf", "capabilities", "clock", "jit", "kernel"]);
    for interface in ["r0", "r1"] {
        let found = findings(&document, Some(interface));
        let statuses: Vec<(&str, &str)> = found
            .iter()
            .map(|(check, (status, _))| (check.as_str(), status.as_str()))
            .collect();
        let expected = [
            // Nothing is sent, so the traffic of one direction cannot be compared with the other.
            ("directions", "warn"),
            ("lro", "ok"),
            ("mtu", "ok"),
            ("native_xdp", "ok"),
            ("promiscuous", "ok"),
            ("vlan_offload", "unknown"),
            ("xdp_slot", "ok"),
        ];
        assert_eq!(statuses, expected, "{document:#}");
        assert_eq!(found["mtu"].1, "1500");
    }
}

#[test]
fn the_loopback_is_not() {
    require!(privilege);
    let road = Road::v4();
    let (status, document) = check(&road, &["lo"]);
    assert_eq!(
        (status, &document["ready"]),
        (Some(11), &false.into()),
        "{document:#}"
    );
    let found = findings(&document, Some("lo"));
    assert_eq!(
        (found["native_xdp"].0.as_str(), found["mtu"].0.as_str()),
        ("fail", "fail")
    );
}

#[test]
fn a_sensor_that_runs_holds_the_interface_and_goes_on() {
    require!(privilege);
    let road = Road::v4();
    let sensor = Launch::new(&road.barrier, &["r0"], &[&EAST_V4.to_string()]).args("--tick 20");
    let sensor = sensor.ready();
    let (_, document) = check(&road, &["r0"]);
    let (status, observed) = findings(&document, Some("r0")).remove("xdp_slot").unwrap();
    assert_ne!(status, "ok", "{document:#}");
    assert!(observed.as_str().unwrap().contains("sekisho"), "{observed}");
    assert!(road.barrier.attached("r0").is_some());
    road.cross(5);
    assert_eq!(sensor.stop(Signal::SIGTERM).well().summary()["seen"], 5);
}

#[test]
fn a_table_says_the_same() {
    require!(privilege);
    let road = Road::v4();
    let mut command = road.barrier.command(requires::binary());
    command.args(["check", "--seconds", "1", "--interface", "r0"]);
    let printed = command::run(&mut command);
    assert_eq!(
        (printed.status, printed.stderr.as_str()),
        (Some(0), ""),
        "{}",
        printed.whole()
    );
    let (_, document) = check(&road, &["r0"]);
    for check in findings(&document, Some("r0"))
        .keys()
        .chain(findings(&document, None).keys())
    {
        assert!(
            printed.stdout.contains(check.as_str()),
            "{check}: {}",
            printed.stdout
        );
    }
}

#[test]
fn a_missing_interface_names_those_there_are() {
    require!(privilege);
    let road = Road::v4();
    let mut command = road.barrier.command(requires::binary());
    let printed = command::run(command.args(["check", "--interface", "eth7"]));
    failed_plainly(&printed, 5);
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 5
    ----- stdout -----
    ----- stderr -----
    sekisho: no interface 'eth7'; there are: lo, r0, r1
    ");
}
