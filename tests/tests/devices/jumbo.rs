//! Frames larger than a page, over links with an MTU of 9,000.

use sensor_tests::{
    require,
    sensor::{Launch, Signal},
    traffic::{self, V4_UDP},
};

use crate::pair::{Pair, addresses, cross};

const PACKETS: u32 = 160;
const LENGTH: usize = 8_000;

fn large() -> Pair {
    let pair = Pair::new(1);
    pair.west.ip("link set dev w0 mtu 9000");
    pair.barrier.ip("link set dev r0 mtu 9000");
    pair.connect(0, "w0", "r0");
    pair
}

fn launch(pair: &Pair, args: &str) -> Launch {
    Launch::new(&pair.barrier, &["r0"], &["198.18.0.0/16"]).args(args)
}

fn are_counted(args: &str) {
    let pair = large();
    let sensor = launch(&pair, args).ready();
    let sockets = pair.sockets(0);
    let (from, to) = addresses(0);
    cross(&sockets, to, PACKETS, LENGTH);
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    let flow = format!("r0 17 {from}:{} > {to}:9", traffic::port(&sockets.0));
    let packets = u64::from(PACKETS);
    let octets = u64::try_from(LENGTH).unwrap() + V4_UDP;
    let expected = [(flow, (packets, packets * octets))];
    assert_eq!(lines.flow_sums(), expected.into());
}

#[test]
fn large_frames_are_counted_whole() {
    require!(privilege);
    are_counted("--tick 20");
}

#[test]
fn large_frames_are_counted_whole_in_generic_mode() {
    require!(privilege);
    are_counted("--tick 20 --generic");
}
