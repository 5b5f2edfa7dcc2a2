//! What the sensor wrote is what was sent, packet by packet and octet by octet.

use sensor_tests::{
    command, require,
    road::{EAST_V4, EAST_V6, Road, WEST_V4},
    sensor::{Launch, Lines, Signal},
    traffic::{self, V4_UDP, V6_UDP},
};

/// Packets and octets by flow, in the order of the flows' names.
fn sums(lines: &Lines) -> Vec<(String, u64, u64)> {
    let sums = lines.flow_sums().into_iter();
    sums.map(|(ends, (packets, octets))| (ends, packets, octets))
        .collect()
}

#[test]
fn udp_both_ways_and_nothing_of_what_is_not_watched() {
    require!(privilege);
    let road = Road::v4();
    let sensor = Launch::new(&road.barrier, &["r0", "r1"], &["198.51.100.7"])
        .args("--tick 20")
        .ready();

    let (west, east) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
    let far = "203.0.113.80".parse().unwrap();
    traffic::datagrams(&west, &east, EAST_V4, 300, 100);
    traffic::datagrams(&east, &west, WEST_V4, 170, 33);
    traffic::datagrams(&west, &east, far, 90, 10);

    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    let port = traffic::port(&west);
    let expected = vec![
        (
            format!("r0 17 192.0.2.1:{port} > 198.51.100.7:5000"),
            300,
            300 * (100 + V4_UDP),
        ),
        (
            format!("r1 17 198.51.100.7:5000 > 192.0.2.1:{port}"),
            170,
            170 * (33 + V4_UDP),
        ),
    ];
    assert_eq!(sums(lines), expected);
    assert_eq!(lines.summary()["seen"], 300 + 170 + 90);
    assert_eq!(lines.verdict("no_match"), 90);
    assert_eq!(lines.verdict("recorded"), 470);
    let written = format!("{:?}", lines.all());
    assert!(
        !written.contains("203.0.113."),
        "an address that is not watched was written"
    );
}

#[test]
fn udp_over_ipv6_and_ipv4_at_once() {
    require!(privilege);
    let road = Road::both();
    let watched = ["198.51.100.0/24", "2001:db8:2::7", "2001:db8:3::/48"];
    let sensor = Launch::new(&road.barrier, &["r0", "r1"], &watched)
        .args("--tick 20")
        .ready();

    let (west_v4, east_v4) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
    let (west_v6, east_v6) = (road.west_socket(EAST_V6), road.east_socket(EAST_V6, 5001));
    let far = "2001:db8:3::99".parse().unwrap();
    traffic::datagrams(&west_v4, &east_v4, EAST_V4, 40, 5);
    traffic::datagrams(&west_v6, &east_v6, EAST_V6, 150, 1200);
    traffic::datagrams(&west_v6, &east_v6, far, 70, 1);
    traffic::datagrams(
        &east_v6,
        &west_v6,
        west_v6.local_addr().unwrap().ip(),
        60,
        9,
    );

    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    let (v4, v6) = (traffic::port(&west_v4), traffic::port(&west_v6));
    let expected = vec![
        (
            format!("r0 17 192.0.2.1:{v4} > 198.51.100.7:5000"),
            40,
            40 * (5 + V4_UDP),
        ),
        (
            format!("r0 17 2001:db8:1::1:{v6} > 2001:db8:2::7:5001"),
            150,
            150 * (1200 + V6_UDP),
        ),
        (
            format!("r0 17 2001:db8:1::1:{v6} > 2001:db8:3::99:5001"),
            70,
            70 * (1 + V6_UDP),
        ),
        (
            format!("r1 17 2001:db8:2::7:5001 > 2001:db8:1::1:{v6}"),
            60,
            60 * (9 + V6_UDP),
        ),
    ];
    assert_eq!(sums(lines), expected);
}

#[test]
fn a_record_says_what_matched_where_and_when() {
    require!(privilege);
    let road = Road::v4();
    let watched = ["# a list", "198.51.100.0/24", "", "198.51.100.7"];
    let before = unix_now();
    let sensor = Launch::new(&road.barrier, &["r0"], &watched)
        .args("--tick 20")
        .ready();
    road.cross(5);
    let ended = sensor.stop(Signal::SIGTERM);
    let after = unix_now();

    let flow = ended.well().flows().next().unwrap();
    let matched: Vec<_> = flow["indicators"].as_array().unwrap().iter().collect();
    let told = |at: usize| {
        (
            &matched[at]["prefix"],
            &matched[at]["end"],
            &matched[at]["line"],
        )
    };
    assert_eq!(matched.len(), 2, "{flow}");
    let mut both = [told(0), told(1)];
    both.sort_by_key(|(_, _, line)| line.as_u64());
    assert_eq!(
        both[0],
        (&"198.51.100.0/24".into(), &"dst".into(), &2.into())
    );
    assert_eq!(
        both[1],
        (&"198.51.100.7/32".into(), &"dst".into(), &4.into())
    );
    assert_eq!(
        (&flow["ttl_min"], &flow["ttl_max"]),
        (&64.into(), &64.into())
    );
    assert_eq!(
        (&flow["approvals"][0], &flow["tcp_flags"]),
        (&"lab".into(), &0.into())
    );
    let (start, end) = (seconds(&flow["start"]), seconds(&flow["end"]));
    // The sensor reads two clocks one after the other, so it may be off by that much.
    assert!(
        before - 1.0 <= start && start <= end && end <= after + 1.0,
        "{flow}"
    );
}

#[test]
fn ping_over_both_versions() {
    require!(privilege);
    let ping = require!(tool "ping");
    let road = Road::both();
    let watched = ["198.51.100.7", "2001:db8:2::7"];
    let sensor = Launch::new(&road.barrier, &["r0", "r1"], &watched)
        .args("--tick 20")
        .ready();
    for (address, count, size) in [(EAST_V4, "7", "56"), (EAST_V6, "5", "100")] {
        let address = address.to_string();
        let options = ["-q", "-i", "0.01", "-c", count, "-s", size, &address];
        command::expect(road.west.command(&ping).args(options));
    }
    let ended = sensor.stop(Signal::SIGTERM);
    let expected = vec![
        ("r0 1 192.0.2.1 > 198.51.100.7".into(), 7, 7 * (28 + 56)),
        (
            "r0 58 2001:db8:1::1 > 2001:db8:2::7".into(),
            5,
            5 * (48 + 100),
        ),
        ("r1 1 198.51.100.7 > 192.0.2.1".into(), 7, 7 * (28 + 56)),
        (
            "r1 58 2001:db8:2::7 > 2001:db8:1::1".into(),
            5,
            5 * (48 + 100),
        ),
    ];
    assert_eq!(sums(ended.well()), expected);
}

#[test]
fn fragments_are_counted_as_first_and_later() {
    require!(privilege);
    let road = Road::v4();
    let sensor = Launch::new(&road.barrier, &["r0"], &["198.51.100.7"])
        .args("--tick 20")
        .ready();
    let (west, east) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
    // 3008 octets with the UDP header: 1480, 1480 and 48, each behind an IPv4 header.
    traffic::datagrams(&west, &east, EAST_V4, 20, 3000);
    let ended = sensor.stop(Signal::SIGTERM);
    let port = traffic::port(&west);
    let expected = vec![
        (
            "r0 17 192.0.2.1 > 198.51.100.7 later".into(),
            40,
            20 * (1500 + 68),
        ),
        (
            format!("r0 17 192.0.2.1:{port} > 198.51.100.7:5000 first"),
            20,
            20 * 1500,
        ),
    ];
    assert_eq!(sums(ended.well()), expected);
}

fn unix_now() -> f64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

fn seconds(time: &serde_json::Value) -> f64 {
    let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
    time.as_duration().as_secs_f64()
}
