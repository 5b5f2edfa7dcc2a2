//! An approval names interfaces: one that has another name, or stands in the place of
//! another, is not the one it named.

use sensor_tests::{
    netns::v4,
    pins::Pins,
    require,
    road::{EAST_V4, FAR_V4, Road, WEST_V4},
    sensor::{Launch, Sensor, Signal},
    traffic, wait,
};

const WATCHED: [&str; 2] = ["198.51.100.0/24", "192.0.2.0/24"];

/// Waits until the sensor has told of an interface.
fn told(sensor: &Sensor, interface: &str) {
    wait::until("the sensor has noticed", || {
        let told = format!("{interface} has another name now");
        sensor.stderr().contains(&told).then_some(())
    });
}

/// Renames an interface that is up, as kernels since 6.2 let one.
fn rename(road: &Road, from: &str, to: &str) {
    road.barrier.ip(&format!("link set dev {from} name {to}"));
}

#[test]
fn a_renamed_interface_is_not_recorded_and_the_other_one_is() {
    require!(privilege);
    require!(device "rename");
    let road = Road::v4();
    let sensor = Launch::new(&road.barrier, &["r0", "r1"], &WATCHED)
        .args("--tick 20")
        .ready();
    road.cross(20);
    rename(&road, "r0", "x0");
    told(&sensor, "r0");
    road.cross(30);
    // Under its old name again: it may be another by now, so it stays closed.
    rename(&road, "x0", "r0");
    road.cross(40);
    let (east, west) = (road.east_socket(EAST_V4, 0), road.west_socket(WEST_V4));
    traffic::datagrams(&east, &west, WEST_V4, 15, 10);
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    assert_eq!(lines.verdict("recorded"), 20 + 15);
    assert_eq!(lines.verdict("interface"), 30 + 40);
    let alarms: Vec<_> = lines
        .all()
        .iter()
        .filter(|line| line["type"] == "alarm")
        .collect();
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert_eq!(alarms[0]["about"], "interface");
    assert_eq!(lines.summary()["alarms"], 1);
    assert_eq!(lines.summary()["approvals"]["lab"]["interface"], 70);
}

#[test]
fn two_interfaces_that_exchange_their_names_end_the_run_and_nothing_is_recorded() {
    require!(privilege);
    require!(device "rename");
    let (road, pins) = (Road::v4(), Pins::new());
    let sensor = Launch::new(&road.barrier, &["r0"], &WATCHED)
        .pinned(&pins)
        .args("--tick 20")
        .ready();
    road.cross(20);
    for (from, to) in [("r0", "x0"), ("r1", "r0"), ("x0", "r1")] {
        rename(&road, from, to);
    }
    let ended = sensor.end();
    assert_eq!(ended.status, Some(6), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("recording has stopped: r0 went away"),
        "{}",
        ended.stderr
    );
    // Neither of them has the program any more.
    road.cross(30);
    assert_eq!(ended.lines.verdict("recorded"), 20);
    for interface in ["r0", "r1"] {
        assert_eq!(road.barrier.attached(interface), None);
    }
    assert!(pins.all().is_empty(), "{:?}", pins.all());
}

#[test]
fn an_interface_made_anew_under_an_old_name_is_not_recorded() {
    require!(privilege);
    require!(device "rename");
    let road = Road::v4();
    let sensor = Launch::new(
        &road.barrier,
        &["r0", "r1"],
        &[WATCHED[0], WATCHED[1], FAR_V4],
    )
    .args("--tick 20")
    .ready();
    road.cross(20);
    // Another interface comes in under the name, with the traffic of the old one.
    rename(&road, "r0", "old");
    road.barrier.ip("link add r0 type veth peer name p0");
    road.barrier.ip("link set dev r0 up");
    told(&sensor, "r0");
    road.cross(30);
    let from = road.west_socket(EAST_V4);
    let to = road.east_socket(EAST_V4, 0);
    traffic::datagrams(&from, &to, v4([203, 0, 113, 5]), 10, 10);
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    assert_eq!(lines.verdict("recorded"), 20);
    assert_eq!(lines.verdict("interface"), 40);
}
