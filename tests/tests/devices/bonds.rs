//! Two links as one: the sensor watches each of them, and the sums are those of the bond.

use std::net::{IpAddr, UdpSocket};

use sensor_tests::{
    netns::Namespace,
    require,
    sensor::{Launch, Signal},
    traffic::{self, V4_UDP},
};

use crate::pair::{Pair, addresses};

const PACKETS: u32 = 300;

/// Two links may change the order of what is on the way at once.
fn one_by_one(sockets: &(UdpSocket, UdpSocket), to: IpAddr) {
    for _ in 0..PACKETS {
        traffic::datagrams(&sockets.0, &sockets.1, to, 1, 100);
    }
}

/// Joins the ends of a namespace to `bond0`, which gives each packet to the next of them.
fn bond(namespace: &Namespace, end: char) {
    namespace.ip("link add bond0 type bond mode balance-rr miimon 100");
    let link = namespace.ip_json(&format!("link show dev {end}0"));
    let mac = link[0]["address"].as_str().unwrap().to_owned();
    namespace.ip(&format!("link set dev bond0 address {mac}"));
    namespace.ip("link set dev bond0 addrgenmode none");
    for number in 0..2 {
        namespace.ip(&format!("link set dev {end}{number} down"));
        namespace.ip(&format!("link set dev {end}{number} master bond0"));
    }
    namespace.ip("link set dev bond0 up");
}

fn bonded() -> Pair {
    let pair = Pair::new(2);
    bond(&pair.west, 'w');
    bond(&pair.barrier, 'r');
    pair.connect(0, "bond0", "bond0");
    pair
}

#[test]
fn what_comes_over_both_links_of_a_bond_is_counted_once() {
    require!(privilege);
    require!(device "bond");
    let pair = bonded();
    let sensor = Launch::new(&pair.barrier, &["r0", "r1"], &["198.18.0.0/16"])
        .args("--tick 20")
        .ready();
    let sockets = pair.sockets(0);
    let (from, to) = addresses(0);
    one_by_one(&sockets, to);
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    let sums = lines.flow_sums();
    let flow = format!("17 {from}:{} > {to}:9", traffic::port(&sockets.0));
    let (mut packets, mut octets) = (0, 0);
    for interface in ["r0", "r1"] {
        let (some, their_octets) = sums[&format!("{interface} {flow}")];
        assert!(some > 0, "nothing over {interface}: {sums:?}");
        packets += some;
        octets += their_octets;
    }
    let sent = u64::from(PACKETS);
    assert_eq!((packets, octets), (sent, sent * (100 + V4_UDP)));
    assert_eq!(sums.len(), 2, "{sums:?}");
    assert_eq!(lines.summary()["seen"], PACKETS);
}

/// Its links would run the program, each under its own number.
#[test]
fn a_bond_itself_is_refused_in_native_mode_and_counted_in_generic_mode() {
    require!(privilege);
    require!(device "bond");
    let pair = bonded();
    let launch = |args| {
        let launch = Launch::new(&pair.barrier, &["bond0"], &["198.18.0.0/16"]);
        launch.args(args)
    };
    let ended = launch("--tick 20").start().end();
    assert_ne!(ended.status, Some(0));
    let refused = "interface bond0: a bond has the program run by its links";
    assert!(ended.stderr.contains(refused), "{}", ended.stderr);

    let sensor = launch("--tick 20 --generic").ready();
    let sockets = pair.sockets(0);
    let (from, to) = addresses(0);
    one_by_one(&sockets, to);
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    let flow = format!("bond0 17 {from}:{} > {to}:9", traffic::port(&sockets.0));
    let sent = u64::from(PACKETS);
    let expected = [(flow, (sent, sent * (100 + V4_UDP)))];
    assert_eq!(lines.flow_sums(), expected.into(), "{}", lines.summary());
}
