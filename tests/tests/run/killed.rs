//! A sensor that is killed leaves what its pins hold, and without lasting pins nothing.

use std::{fs, thread, time::Duration};

use sensor_tests::{
    pins::Pins,
    require,
    road::{EAST_V4, Road},
    sensor::{Launch, Signal},
    traffic, wait,
};

#[test]
fn killed_twenty_times_under_traffic_it_starts_again_and_leaves_nothing() {
    require!(privilege);
    let road = Road::v4();
    let (west, east) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
    let launch =
        || Launch::new(&road.barrier, &["r0", "r1"], &["198.51.100.0/24"]).args("--tick 5");
    let mut programs = Vec::new();
    traffic::meanwhile(&west, &east, EAST_V4, || {
        for round in 0..20 {
            let sensor = if round % 5 == 4 {
                launch().ready()
            } else {
                launch().start()
            };
            if round % 2 == 1 {
                wait::until("the sensor is attached", || road.barrier.attached("r0"));
            }
            // Not a proof of anything: the moment of the kill is to vary.
            thread::sleep(Duration::from_millis(round * 20));
            programs.extend(road.barrier.attached("r0"));
            let ended = sensor.stop(Signal::SIGKILL);
            assert_eq!(ended.status, None, "{}", ended.stderr);
            for interface in ["r0", "r1"] {
                assert_eq!(road.barrier.attached(interface), None, "round {round}");
            }
        }
        let sensor = launch().ready();
        road.cross(64);
        sensor.stop(Signal::SIGTERM).well();
    });
    assert!(
        programs.len() >= 10,
        "half of the kills come while the sensor is attached"
    );
    wait::until("the kernel has freed the programs", || {
        let loaded = aya::programs::loaded_programs().flatten();
        let loaded: Vec<u64> = loaded.map(|program| program.id().into()).collect();
        programs
            .iter()
            .all(|(_, id)| !loaded.contains(id))
            .then_some(())
    });
}

/// With pins that outlive it, what it holds goes on without it, and the next one takes it over.
#[test]
fn killed_with_pins_that_outlive_it_the_next_one_takes_over_and_the_last_leaves_nothing() {
    require!(privilege);
    let (road, pins) = (Road::v4(), Pins::new());
    let (west, east) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
    let launch = || {
        Launch::new(&road.barrier, &["r0", "r1"], &["198.51.100.0/24"])
            .pinned(&pins)
            .args("--tick 5")
    };
    let mut programs = Vec::new();
    traffic::meanwhile(&west, &east, EAST_V4, || {
        for round in 0..12 {
            let sensor = if round % 3 == 2 {
                launch().ready()
            } else {
                launch().start()
            };
            // Not a proof of anything: the moment of the kill is to vary.
            thread::sleep(Duration::from_millis(round * 40));
            programs.extend(road.barrier.attached("r0"));
            let ended = sensor.stop(Signal::SIGKILL);
            assert_eq!(ended.status, None, "{}", ended.stderr);
            if round % 3 == 2 {
                for interface in ["r0", "r1"] {
                    assert!(road.barrier.attached(interface).is_some(), "round {round}");
                }
            }
        }
        let sensor = launch().ready();
        road.cross(64);
        sensor.stop(Signal::SIGTERM).well();
    });
    for interface in ["r0", "r1"] {
        assert_eq!(road.barrier.attached(interface), None);
    }
    assert!(pins.all().is_empty(), "{:?}", pins.all());
    let left: Vec<_> = (fs::read_dir(pins.runtime()).unwrap().flatten())
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["anchors"], "no snapshot stays behind");
    wait::until("the kernel has freed the programs", || {
        let loaded = aya::programs::loaded_programs().flatten();
        let loaded: Vec<u64> = loaded.map(|program| program.id().into()).collect();
        programs
            .iter()
            .all(|(_, id)| !loaded.contains(id))
            .then_some(())
    });
}
