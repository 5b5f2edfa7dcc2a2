//! The limits of lab mode on an interface that may lead to other people's traffic.

use sensor_tests::{
    netns::{End, Namespace, v4, veth},
    require,
    sensor::{Launch, Signal},
    traffic, wait,
};

/// A host on a port of a bridge; the bridge's own namespace forwards to a second host.
#[test]
fn on_a_bridge_only_packets_to_or_from_this_host_are_recorded() {
    require!(privilege);
    let (barrier, west) = (Namespace::new(), Namespace::new());
    for namespace in [&barrier, &west] {
        namespace.set("ipv6/conf/all/disable_ipv6", "1");
        namespace.set("ipv6/conf/default/disable_ipv6", "1");
    }
    let w0 = End {
        namespace: &west,
        name: "w0",
        mac: 0x10,
    };
    let port = End {
        namespace: &barrier,
        name: "p0",
        mac: 0x20,
    };
    let bridge = End {
        namespace: &barrier,
        name: "br0",
        mac: 0x40,
    };
    barrier.ip(&format!(
        "link add br0 address {} type bridge",
        bridge.mac()
    ));
    veth(&w0, &port);
    barrier.ip("link set dev p0 master br0");
    barrier.ip("link set dev br0 up");
    let (own, guest, foreign) = (
        v4([192, 0, 2, 254]),
        v4([192, 0, 2, 1]),
        v4([203, 0, 113, 9]),
    );
    bridge.address(own, 24);
    w0.address(guest, 24);
    w0.neighbour(own, &bridge);
    bridge.neighbour(guest, &w0);
    west.ip(&format!("route add default via {own}"));
    // Delivered here without being an address of this host's: the sensor cannot tell it
    // from one that is forwarded, and the test needs no third host.
    barrier.ip("route add local 203.0.113.0/24 dev lo");

    let sensor = Launch::new(&barrier, &["br0"], &["192.0.2.0/24", "203.0.113.0/24"])
        .args("--tick 20 --generic")
        .ready();
    let told = sensor.stderr();
    assert!(
        told.contains("watching br0, generic mode; a real interface, so only"),
        "{told}"
    );

    let from = west.run(|| std::net::UdpSocket::bind((guest, 0))).unwrap();
    let to = barrier
        .run(|| std::net::UdpSocket::bind(("0.0.0.0", 5000)))
        .unwrap();
    to.set_read_timeout(Some(wait::HANG)).unwrap();
    traffic::datagrams(&from, &to, own, 20, 10);
    traffic::datagrams(&from, &to, foreign, 30, 10);
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    let sums = lines.flow_sums();
    assert_eq!(sums.len(), 1, "{sums:?}");
    assert!(
        sums.keys().all(|ends| ends.ends_with("> 192.0.2.254:5000")),
        "{sums:?}"
    );
    assert_eq!(lines.verdict("unapproved"), 30, "{}", lines.summary());
    assert_eq!(lines.verdict("recorded"), 20);
    assert_eq!(lines.summary()["seen"], 50);
}

/// The same traffic on the port, which is a veth, is recorded.
#[test]
fn on_a_veth_everything_watched_is_recorded_in_generic_mode_too() {
    require!(privilege);
    let road = sensor_tests::road::Road::v4();
    let sensor = Launch::new(&road.barrier, &["r0"], &["198.51.100.7"])
        .args("--tick 20 --generic")
        .ready();
    assert!(
        sensor.stderr().contains("watching r0, generic mode\n"),
        "{}",
        sensor.stderr()
    );
    road.cross(5);
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    assert_eq!(lines.verdict("recorded"), 5);
}
