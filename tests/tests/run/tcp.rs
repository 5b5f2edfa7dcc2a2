//! TCP, whose packets the kernels of the two hosts make, counted against what was forwarded.

use sensor_tests::{
    require,
    road::{EAST_V4, Road},
    sensor::{Launch, Signal},
    traffic,
};

const FIN_SYN_ACK: u64 = 0x13;

#[test]
fn tcp_is_counted_as_the_barrier_forwarded_it() {
    require!(privilege);
    let road = Road::v4();
    let sensor = Launch::new(&road.barrier, &["r0", "r1"], &["198.51.100.7"])
        .args("--tick 20")
        .ready();
    let listener = road.east_listener((EAST_V4, 443).into());
    let port = traffic::echo(&road.west, &road.east, &listener, 300_000);
    // What came in by one interface left by the other, where no sensor looks.
    let forwarded = ["r1", "r0"].map(|interface| traffic::sent(&road.barrier, interface));

    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    let sums = lines.flow_sums();
    let there = sums[&format!("r0 6 192.0.2.1:{port} > 198.51.100.7:443")];
    let back = sums[&format!("r1 6 198.51.100.7:443 > 192.0.2.1:{port}")];
    assert_eq!([there, back], forwarded);
    assert!(there.1 > 300_000 && back.1 > 300_000);
    for flow in lines.flows().filter(|flow| flow["proto"] == 6) {
        let flags = flow["tcp_flags"].as_u64().unwrap();
        assert_eq!(flags & FIN_SYN_ACK, FIN_SYN_ACK, "{flow}");
    }
}

#[test]
fn many_connections_are_a_flow_each_way() {
    require!(privilege);
    let road = Road::v4();
    let sensor = Launch::new(&road.barrier, &["r0", "r1"], &["198.51.100.0/24"])
        .args("--tick 20")
        .ready();
    let listener = road.east_listener((EAST_V4, 443).into());
    let ports: Vec<u16> = (0..30)
        .map(|_| traffic::echo(&road.west, &road.east, &listener, 700))
        .collect();
    let ended = sensor.stop(Signal::SIGINT);
    let sums = ended.well().flow_sums();
    for port in ports {
        // Opened, sent, acknowledged and closed; the octets without headers are known.
        for ends in [
            format!("r0 6 192.0.2.1:{port} > 198.51.100.7:443"),
            format!("r1 6 198.51.100.7:443 > 192.0.2.1:{port}"),
        ] {
            let (packets, octets) = sums[&ends];
            assert!(
                packets >= 3 && octets > 700 + packets * 40,
                "{ends}: {packets} {octets}"
            );
        }
    }
}
