//! VLAN devices of the kernel's on top of what is watched: the tags that they put into frames
//! are in the records.

use sensor_tests::{
    require,
    sensor::{Launch, Sensor, Signal},
    traffic::{self, V4_UDP},
};
use serde_json::json;

use crate::pair::{self, Pair, addresses, expect};

/// A device on top of another, with a tag of this kind, up.
fn vlan(pair: &Pair, below: &str, protocol: &str, id: u16) -> (String, String) {
    let [west, barrier] = [('w', &pair.west), ('r', &pair.barrier)].map(|(end, namespace)| {
        let (below, name) = (format!("{end}{below}"), format!("{end}{below}.{id}"));
        namespace.ip(&format!(
            "link add link {below} name {name} type vlan proto {protocol} id {id}"
        ));
        // A tag that an offload keeps beside the frame is in no frame.
        let offloads = "tx-vlan-offload off tx-vlan-stag-hw-insert off gso off gro off";
        expect(namespace, &format!("ethtool -K {name} {offloads}"));
        namespace.ip(&format!("link set dev {name} up"));
        name
    });
    (west, barrier)
}

fn service_tags_in_frames(pair: &Pair) {
    for (namespace, end) in [(&pair.west, "w0"), (&pair.barrier, "r0")] {
        expect(
            namespace,
            &format!("ethtool -K {end} tx-vlan-stag-hw-insert off"),
        );
    }
}

fn sensor(pair: &Pair) -> Sensor {
    Launch::new(&pair.barrier, &["r0"], &["198.18.0.0/16"])
        .args("--tick 20")
        .ready()
}

/// Sends over device number `net`, and says as which flow it has to be recorded.
fn cross(pair: &Pair, net: u8, vlan: &str, count: u32) -> (String, (u64, u64)) {
    let sockets = pair.sockets(net);
    let (from, to) = addresses(net);
    pair::cross(&sockets, to, count, 100);
    let port = traffic::port(&sockets.0);
    let flow = format!("r0{vlan} 17 {from}:{port} > {to}:9");
    let packets = u64::from(count);
    (flow, (packets, packets * (100 + V4_UDP)))
}

#[test]
fn tags_of_vlan_devices_are_in_the_records() {
    require!(privilege);
    require!(device "vlan");
    let pair = Pair::new(1);
    pair.connect(0, "w0", "r0");
    for (net, id) in [(1, 100), (2, 4094)] {
        let (west, barrier) = vlan(&pair, "0", "802.1Q", id);
        pair.connect(net, &west, &barrier);
    }
    let sensor = sensor(&pair);
    let mut expected = vec![
        cross(&pair, 0, "", 5),
        cross(&pair, 1, " vlan 100", 70),
        cross(&pair, 2, " vlan 4094", 30),
    ];
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    expected.sort();
    assert_eq!(lines.flow_sums().into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(lines.summary()["seen"], 105);
}

#[test]
fn a_service_tag_and_the_one_inside_it_are_both_in_the_record() {
    require!(privilege);
    require!(device "vlan");
    let pair = Pair::new(1);
    service_tags_in_frames(&pair);
    let (west, barrier) = vlan(&pair, "0", "802.1ad", 200);
    pair.connect(1, &west, &barrier);
    let (west, barrier) = vlan(&pair, "0.200", "802.1Q", 30);
    pair.connect(2, &west, &barrier);
    let sensor = sensor(&pair);
    let mut expected = vec![
        cross(&pair, 1, " vlan 200", 20),
        cross(&pair, 2, " vlan 200 vlan 30", 40),
    ];
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    expected.sort();
    assert_eq!(lines.flow_sums().into_iter().collect::<Vec<_>>(), expected);
    let tags = lines.flows().map(|flow| &flow["vlan"]);
    assert!(tags.into_iter().any(|tags| *tags == json!([200, 30])));
}
