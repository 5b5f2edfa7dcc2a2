//! Sensors do not know of each other.

use std::thread;

use sensor_tests::{
    require,
    road::{EAST_V4, Road},
    sensor::{Launch, Signal},
    traffic::{self, V4_UDP},
};

#[test]
fn sensors_in_namespaces_of_their_own_count_their_own() {
    require!(privilege);
    thread::scope(|scope| {
        for number in 1..=4u32 {
            scope.spawn(move || {
                let road = Road::v4();
                let sensor = Launch::new(&road.barrier, &["r0", "r1"], &["198.51.100.7"])
                    .args("--tick 20")
                    .ready();
                let (west, east) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
                traffic::datagrams(&west, &east, EAST_V4, 100 * number, 100);
                let ended = sensor.stop(Signal::SIGTERM);
                let port = traffic::port(&west);
                let packets = u64::from(100 * number);
                let lines = ended.well();
                assert_eq!(
                    lines.flow_sums()[&format!("r0 17 192.0.2.1:{port} > 198.51.100.7:5000")],
                    (packets, packets * (100 + V4_UDP))
                );
                assert_eq!(lines.summary()["seen"], packets);
            });
        }
    });
}

#[test]
fn two_sensors_in_one_namespace_hold_an_interface_each() {
    require!(privilege);
    let road = Road::v4();
    let launch =
        |interface| Launch::new(&road.barrier, &[interface], &["198.51.100.7"]).args("--tick 20");
    let (first, second) = (launch("r0").ready(), launch("r1").ready());
    let (west, east) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
    traffic::datagrams(&west, &east, EAST_V4, 25, 1);
    traffic::datagrams(&east, &west, west.local_addr().unwrap().ip(), 35, 1);
    let first = first.stop(Signal::SIGTERM);
    let second = second.stop(Signal::SIGTERM);
    assert_eq!(first.well().summary()["seen"], 25);
    assert_eq!(second.well().summary()["seen"], 35);
}
