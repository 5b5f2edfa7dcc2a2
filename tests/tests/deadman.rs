//! The agent is killed or stopped, traffic goes on, and recording ends at the end of the
//! approval or of the lease, to the packet.
//!
//! Every packet is a flow of its own, so its record says when the program saw it; and the
//! sender notes the boot clock before it sends a packet and after that has arrived, so the
//! program saw it in between.

#![expect(clippy::unwrap_used, reason = "an unwrap in a test says what is wrong")]

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use sekisho::kernel::{Kernel, Options, PinFolder, Recovered, View, boot_now};
use sensor_common::{FlowPart, Stat, Verdict};
use sensor_tests::{
    netns::v4,
    pins::Pins,
    require,
    road::{FAR_V4, Road},
    sensor::{Launch, Signal},
    traffic, wait,
};

const SECOND: u64 = 1_000_000_000;

/// A packet: source port and last octet of its destination, and the boot clock around it.
struct Sent {
    flow: (u16, u8),
    before: u64,
    after: u64,
}

/// One packet after the other, each to another flow, until told to end.
fn stream(road: &Road, is_over: &AtomicBool) -> Vec<Sent> {
    let far = v4([203, 0, 113, 1]);
    let sockets: Vec<UdpSocket> = (0..64).map(|_| road.west_socket(far)).collect();
    let receiver = road.east_socket(far, 9);
    let mut sent = Vec::new();
    for socket in &sockets {
        let port = traffic::port(socket);
        for last in 1..=254 {
            if is_over.load(Ordering::Relaxed) {
                return sent;
            }
            let target = SocketAddr::new(v4([203, 0, 113, last]), 9);
            let before = boot_now().unwrap();
            socket.send_to(&[last], target).unwrap();
            receiver.recv(&mut [0; 2]).unwrap();
            let after = boot_now().unwrap();
            sent.push(Sent {
                flow: (port, last),
                before,
                after,
            });
            thread::sleep(Duration::from_millis(2));
        }
    }
    panic!("more packets were asked for than there are flows");
}

/// What the program counted and what its flow banks still hold.
struct Left {
    view: View,
    /// When each flow was seen.
    flows: BTreeMap<(u16, u8), u64>,
}

/// Runs a sensor with these arguments, kills or stops it after three seconds, and lets
/// traffic go on for a second after recording has to end.
fn left_alone(arguments: &str, signal: Signal) -> (Vec<Sent>, u64, u64, Left) {
    let (road, pins) = (Road::v4(), Pins::new());
    let sensor = Launch::new(&road.barrier, &["r0"], &[FAR_V4])
        .pinned(&pins)
        .args(arguments)
        .ready();
    let begin = boot_now().unwrap();
    let is_over = AtomicBool::new(false);
    let (sent, alone_from, end) = thread::scope(|scope| {
        let traffic = scope.spawn(|| stream(&road, &is_over));
        let pass = |time: u64| {
            wait::until("the time has come", || {
                assert!(!traffic.is_finished(), "the traffic has ended early");
                (boot_now().unwrap() >= time).then_some(())
            });
        };
        pass(begin + 3 * SECOND);
        sensor.signal(signal);
        pass(boot_now().unwrap() + SECOND / 10);
        let alone_from = boot_now().unwrap();
        let view = View::read(&pins.pins()).unwrap();
        let end = view.slots[0].end.min(view.attended_until);
        assert!(end > alone_from + SECOND / 2, "it would have ended anyway");
        pass(end + SECOND);
        is_over.store(true, Ordering::Relaxed);
        (traffic.join().unwrap(), alone_from, end)
    });
    assert!(
        road.barrier.attached("r0").is_some(),
        "the program goes on without its agent"
    );
    drop(sensor);
    let view = View::read(&pins.pins()).unwrap();
    let mut flows = BTreeMap::new();
    for recovered in recover(&road, &pins) {
        for FlowPart { key, value } in recovered.flows {
            assert_eq!((value.packets, value.first), (1, value.last));
            assert_eq!(
                IpAddr::from(<[u8; 4]>::try_from(&key.source[..4]).unwrap()),
                v4([192, 0, 2, 1])
            );
            let flow = (u16::from_be_bytes(key.source_port), key.destination[3]);
            assert!(flows.insert(flow, value.last).is_none());
        }
    }
    assert!(pins.all().is_empty(), "{:?}", pins.all());
    (sent, alone_from, end, Left { view, flows })
}

/// Reads what the dead agent left, as the next one does.
fn recover(road: &Road, pins: &Pins) -> Vec<Recovered> {
    let folder = PinFolder::lock(&pins.pins()).unwrap();
    let mut remains = folder.remains().unwrap();
    assert_eq!(remains.len(), 1);
    let options = Options {
        flow_capacity: 64,
        ..Options::new(true)
    };
    road.barrier.run(|| {
        let mut kernel = Kernel::load_pinned(options, &folder, &mut remains).unwrap();
        let (recovered, taken) = kernel.take_over(remains, |_| None).unwrap();
        taken.remove().unwrap();
        recovered
    })
}

fn stops(arguments: &str, signal: Signal, verdict_after: Verdict) {
    require!(privilege);
    let (sent, alone_from, end, Left { view, flows }) = left_alone(arguments, signal);
    let counted = |stat: Stat| view.counters[stat.cell()];
    let verdict = |verdict| counted(Stat::Verdict(verdict));
    assert_eq!(counted(Stat::Seen), sent.len() as u64, "all are seen");
    let (mut must, mut must_not, mut on_the_edge) = (0, 0, 0);
    for packet in &sent {
        let seen = flows.get(&packet.flow);
        if let Some(&time) = seen {
            assert!((packet.before..=packet.after).contains(&time));
            assert!(time < end, "recorded {} ns after the end", time - end);
        }
        if packet.after < end {
            must += 1;
            // What the agent drained while it lived is gone with it.
            let is_recorded = seen.is_some() || packet.before < alone_from;
            assert!(
                is_recorded,
                "not recorded {} ns before the end",
                end - packet.after
            );
        } else if packet.before >= end {
            must_not += 1;
            assert_eq!(
                seen,
                None,
                "recorded {} ns after the end",
                packet.before - end
            );
        } else {
            on_the_edge += u64::from(seen.is_some());
        }
    }
    assert_eq!(verdict(Verdict::Recorded), must + on_the_edge);
    assert_eq!(
        verdict(verdict_after),
        sent.len() as u64 - must - on_the_edge
    );
    assert!(
        must_not > 100 && must > 500,
        "{must} before the end, {must_not} after"
    );
    assert!(flows.len() as u64 > must / 4, "{} flows read", flows.len());
}

#[test]
fn killed_under_an_approval_of_ten_seconds_recording_stops_at_its_end() {
    stops(
        "--tick 20 --duration 10 --lease 60",
        Signal::SIGKILL,
        Verdict::Expired,
    );
}

#[test]
fn killed_with_a_lease_of_two_seconds_recording_stops_at_the_end_of_the_lease() {
    stops("--tick 20 --lease 2", Signal::SIGKILL, Verdict::Unattended);
}

#[test]
fn stopped_with_a_lease_of_two_seconds_recording_stops_at_the_end_of_the_lease() {
    stops("--tick 20 --lease 2", Signal::SIGSTOP, Verdict::Unattended);
}

#[test]
fn stopped_under_an_approval_of_ten_seconds_recording_stops_at_its_end() {
    stops(
        "--tick 20 --duration 10 --lease 60",
        Signal::SIGSTOP,
        Verdict::Expired,
    );
}
