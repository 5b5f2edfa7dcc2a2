//! How a run ends: drained, detached and accounted for.

use sensor_tests::{
    require,
    road::{EAST_V4, Road},
    sensor::{Launch, Signal},
    traffic, wait,
};

#[test]
fn interrupt_and_terminate_drain_detach_and_sum_up() {
    require!(privilege);
    let road = Road::v4();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let sensor = Launch::new(&road.barrier, &["r0", "r1"], &["198.51.100.7"])
            .args("--tick 20")
            .ready();
        let (program, _) = road.barrier.attached("r0").unwrap();
        assert_eq!(
            (program.as_str(), road.barrier.attached("r1").is_some()),
            ("sekisho", true)
        );
        let (west, east) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
        traffic::datagrams(&west, &east, EAST_V4, 50, 50);

        let ended = sensor.stop(signal);
        assert_eq!(ended.well().summary()["seen"], 50, "{signal}");
        assert!(ended.stderr.contains("LAB summary\n"), "{}", ended.stderr);
        for interface in ["r0", "r1"] {
            assert_eq!(road.barrier.attached(interface), None, "{signal}");
        }
    }
}

#[test]
fn a_signal_under_traffic_leaves_no_packet_without_a_verdict() {
    require!(privilege);
    let road = Road::v4();
    let (west, east) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
    traffic::meanwhile(&west, &east, EAST_V4, || {
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGTERM] {
            let sensor = Launch::new(&road.barrier, &["r0", "r1"], &["198.51.100.7"])
                .args("--tick 5")
                .ready();
            road.cross(64);
            let ended = sensor.stop(signal);
            let seen = ended.well().summary()["seen"].as_u64().unwrap();
            assert!(seen > 0);
        }
    });
}

#[test]
fn a_duration_ends_by_itself() {
    require!(privilege);
    let road = Road::v4();
    let sensor = Launch::new(&road.barrier, &["r0"], &["198.51.100.7"])
        .args("--duration 1")
        .ready();
    assert!(
        sensor.stderr().contains("ends by itself in "),
        "{}",
        sensor.stderr()
    );
    let ended = sensor.end();
    ended.well();
    assert_eq!(road.barrier.attached("r0"), None);
}

#[test]
fn lab_is_limited_to_an_hour() {
    require!(privilege);
    let road = Road::v4();
    for further in ["--tick 20", "--tick 20 --duration 86400"] {
        let sensor = Launch::new(&road.barrier, &["r0"], &["198.51.100.7"])
            .args(further)
            .ready();
        assert!(
            sensor.stderr().contains("ends by itself in 3600 s"),
            "{}",
            sensor.stderr()
        );
        road.cross(5);
        sensor.stop(Signal::SIGTERM).well();
    }
}

#[test]
fn records_are_written_while_it_runs() {
    require!(privilege);
    let road = Road::v4();
    let sensor = Launch::new(&road.barrier, &["r0"], &["198.51.100.7"])
        .args("--tick 20 --idle-timeout 3600 --active-timeout 1")
        .ready();
    let (west, east) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
    let mut sent = 0;
    wait::until("the flow that goes on is split three times", || {
        traffic::datagrams(&west, &east, EAST_V4, 1, 10);
        sent += 1;
        let records = sensor
            .lines()
            .flows()
            .filter(|flow| flow["dst_port"] == 5000)
            .count();
        (records >= 3).then_some(())
    });
    let ended = sensor.stop(Signal::SIGTERM);
    let port = traffic::port(&west);
    let sums = ended.well().flow_sums();
    assert_eq!(
        sums[&format!("r0 17 192.0.2.1:{port} > 198.51.100.7:5000")],
        (sent, sent * 38)
    );
}

#[test]
fn an_interface_that_goes_away_is_told_and_the_last_one_ends_the_run() {
    require!(privilege);
    let road = Road::v4();
    let sensor = Launch::new(&road.barrier, &["r0", "r1"], &["198.51.100.7"])
        .args("--tick 20")
        .ready();
    road.cross(10);
    road.barrier.ip("link del dev r1");
    wait::until("the sensor tells of r1", || {
        let told = sensor.stderr();
        (told.contains("went away") && told.contains("r1")).then_some(())
    });
    road.barrier.ip("link del dev r0");
    let ended = sensor.end();
    assert_eq!(ended.status, Some(6), "{}", ended.stderr);
    let told = "recording has stopped: r0, r1 went away";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    assert_eq!(
        ended.lines.summary()["seen"],
        10,
        "what was counted is written"
    );
}
