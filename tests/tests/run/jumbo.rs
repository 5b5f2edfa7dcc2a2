//! Frames that are longer than a page: they come in several buffers.

use sensor_tests::{
    require,
    road::{EAST_V4, EAST_V6, Road},
    sensor::{Launch, Signal},
    traffic::{self, V4_UDP, V6_UDP},
};

#[test]
fn frames_in_several_buffers_are_counted_whole() {
    require!(privilege);
    let road = Road::jumbo();
    let watched = ["198.51.100.7", "2001:db8:2::7"];
    let sensor = Launch::new(&road.barrier, &["r0", "r1"], &watched)
        .args("--tick 20")
        .ready();

    let (west_v4, east_v4) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
    let (west_v6, east_v6) = (road.west_socket(EAST_V6), road.east_socket(EAST_V6, 5001));
    // A few at a time: more of that length do not fit into the receiver's buffer.
    for _ in 0..10 {
        traffic::datagrams(&west_v4, &east_v4, EAST_V4, 4, 8_900);
        traffic::datagrams(&west_v4, &east_v4, EAST_V4, 3, 5_000);
        traffic::datagrams(&west_v6, &east_v6, EAST_V6, 5, 8_900);
    }

    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    let sums = lines.flow_sums();
    let (v4, v6) = (traffic::port(&west_v4), traffic::port(&west_v6));
    let of_v4 = 40 * (8_900 + V4_UDP) + 30 * (5_000 + V4_UDP);
    assert_eq!(
        sums[&format!("r0 17 192.0.2.1:{v4} > 198.51.100.7:5000")],
        (70, of_v4)
    );
    assert_eq!(
        sums[&format!("r0 17 2001:db8:1::1:{v6} > 2001:db8:2::7:5001")],
        (50, 50 * (8_900 + V6_UDP))
    );
    assert_eq!(lines.verdict("malformed"), 0);
}
