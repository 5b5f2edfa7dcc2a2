//! What finds no room is counted.

use std::net::IpAddr;

use sensor_tests::{
    netns::v4,
    require,
    road::{EAST_V4, Road},
    sensor::{Launch, Signal},
    traffic,
};

/// Addresses of `203.0.113.0/24`, all of which are east.
fn far(hosts: std::ops::Range<u8>) -> impl Iterator<Item = IpAddr> {
    hosts.map(|host| v4([203, 0, 113, host]))
}

#[test]
fn many_flows_each_have_their_packets() {
    require!(privilege);
    let road = Road::v4();
    let watched = ["198.51.100.7", "203.0.113.0/24"];
    let sensor = Launch::new(&road.barrier, &["r0"], &watched)
        .args("--tick 20")
        .ready();
    let east = road.east_socket(EAST_V4, 5000);
    let sockets: Vec<_> = (0..10).map(|_| road.west_socket(EAST_V4)).collect();
    for west in &sockets {
        for address in far(0..200) {
            traffic::datagrams(west, &east, address, 2, 20);
        }
    }
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    let sums = lines.flow_sums();
    for west in &sockets {
        for address in far(0..200) {
            let port = traffic::port(west);
            assert_eq!(
                sums[&format!("r0 17 192.0.2.1:{port} > {address}:5000")],
                (2, 96)
            );
        }
    }
    assert_eq!(sums.len(), 2000);
    assert_eq!(lines.summary()["records"], 2000);
}

#[test]
fn flows_that_give_way_to_others_are_whole() {
    require!(privilege);
    let (flows, lost) = crowded("--tick 1000 --flow-capacity 16");
    assert_eq!((flows, lost), (1000, 0));
}

#[test]
fn flows_that_find_no_room_are_counted_as_lost() {
    require!(privilege);
    let (flows, lost) = crowded("--tick 1000 --flow-capacity 16 --ring-size 64");
    assert!(lost > 0, "{flows} in flows, {lost} lost");
    assert_eq!(flows + lost, 1000);
}

/// A thousand packets of 250 flows, in turns: those that are in flows, and those that are not.
fn crowded(arguments: &str) -> (u64, u64) {
    let road = Road::v4();
    let watched = ["198.51.100.7", "203.0.113.0/24"];
    let sensor = Launch::new(&road.barrier, &["r0"], &watched)
        .args(arguments)
        .ready();
    let (west, east) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
    for round in 0..4 {
        for address in far(0..250) {
            traffic::datagrams(&west, &east, address, 1, round);
        }
    }
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    let lost = lines.summary()["lost"]["flow_table"].as_u64().unwrap();
    let counted: u64 = lines.flow_sums().values().map(|(packets, _)| packets).sum();
    (counted, lost)
}
