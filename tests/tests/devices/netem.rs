//! A link that loses, doubles and reorders: what is counted is what arrived.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use sensor_tests::{
    require,
    sensor::{Launch, Signal},
    traffic::{self, V4_UDP},
    wait,
};

use crate::pair::{Pair, addresses, expect};

const PACKETS: u32 = 1_500;
const LENGTH: usize = 60;

#[test]
fn over_a_bad_link_what_arrived_is_what_is_counted() {
    require!(privilege);
    require!(device "netem");
    let pair = Pair::new(1);
    pair.connect(0, "w0", "r0");
    let netem = "loss 10% duplicate 10% delay 2ms 1ms reorder 30% limit 10000";
    expect(
        &pair.west,
        &format!("tc qdisc add dev w0 root netem {netem}"),
    );
    let sensor = Launch::new(&pair.barrier, &["r0"], &["198.18.0.0/16"])
        .args("--tick 20")
        .ready();
    let (before, _) = traffic::sent(&pair.west, "w0");

    let (west, barrier) = pair.sockets(0);
    let (from, to) = addresses(0);
    barrier.set_read_timeout(Some(wait::LOOK)).unwrap();
    let is_sent = AtomicBool::new(false);
    let arrived = thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            let mut arrived: Vec<u32> = Vec::new();
            let mut buffer = [0; LENGTH];
            loop {
                // What is on the way is here long before.
                let was_sent = is_sent.load(Ordering::Acquire);
                if barrier.recv(&mut buffer).is_ok() {
                    let number = buffer.first_chunk().copied().unwrap();
                    arrived.push(u32::from_le_bytes(number));
                } else if was_sent {
                    return arrived;
                }
            }
        });
        for number in 0..PACKETS {
            let mut datagram = [0; LENGTH];
            datagram[..4].copy_from_slice(&number.to_le_bytes());
            west.send_to(&datagram, SocketAddr::new(to, 9)).unwrap();
            if number % 16 == 15 {
                thread::sleep(Duration::from_millis(2));
            }
        }
        // Nothing waits in the discipline any more, nor in the veth behind it.
        wait::until("the link is empty", || {
            let printed = expect(&pair.west, "tc -s -j qdisc show dev w0");
            let shown: serde_json::Value = serde_json::from_str(&printed).unwrap();
            (shown[0]["backlog"] == 0).then_some(())
        });
        thread::sleep(Duration::from_millis(200));
        is_sent.store(true, Ordering::Release);
        receiver.join().unwrap()
    });

    let mut times: BTreeMap<u32, u32> = BTreeMap::new();
    for number in &arrived {
        *times.entry(*number).or_default() += 1;
    }
    // Else the link was a good one: that it is by chance is less likely than one of 10^60.
    assert!(times.len() < PACKETS as usize, "nothing was lost");
    assert!(arrived.len() > times.len(), "nothing was doubled");
    assert!(!arrived.is_sorted(), "nothing was reordered");

    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    let count = u64::try_from(arrived.len()).unwrap();
    assert_eq!(traffic::sent(&pair.west, "w0").0, before + count);
    let octets = u64::try_from(LENGTH).unwrap() + V4_UDP;
    let flow = format!("r0 17 {from}:{} > {to}:9", traffic::port(&west));
    let expected = [(flow, (count, count * octets))];
    assert_eq!(lines.flow_sums(), expected.into());
    assert_eq!(lines.summary()["seen"], count);
}
