//! Any bytes: the program judges them as the host does, and always passes them.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use sensor_common::ReplayContext;
use sensor_tests::{packet::Packet, require};

use crate::rig::Rig;

/// Frames that come close to being right: packets with a few bytes changed, and noise.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let near = (
        0..6usize,
        0..4u8,
        prop::collection::vec((0..90usize, any::<u8>()), 0..4),
    );
    let near = near.prop_map(|(kind, tags, changes)| {
        let (a, b) = ([192, 0, 2, 1], [198, 51, 100, 7]);
        let (a6, b6) = ([0x20; 16], [0x26; 16]);
        let mut packet = match kind {
            0 => Packet::v4(a, b).tcp(1, 2, 0x12),
            1 => Packet::v4(b, a).udp(1, 2),
            2 => Packet::v4(a, a).icmp(8, 0),
            3 => Packet::v6(a6, b6).tcp(1, 2, 1),
            4 => Packet::v6(b6, a6).udp(1, 2),
            _ => Packet::v4(a, b).udp(3, 4).payload(16).fragment(0, true),
        };
        for tag in 0..tags {
            packet = packet.vlan(u16::from(tag));
        }
        let mut frame = packet.build();
        for (at, byte) in changes {
            let at = at % frame.len();
            frame[at] = byte;
        }
        frame
    });
    prop_oneof![4 => near, 1 => prop::collection::vec(any::<u8>(), 0..300)]
}

#[test]
fn kernel_and_host_agree_on_any_frame() {
    require!(privilege);
    let mut runner = TestRunner::new(Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    });
    let batches = prop::collection::vec((frames(), 0..2000u32, 0..70u32, 1..1000u64), 1..60);
    runner
        .run(&batches, |batch| {
            let mut rig = Rig::watching(&["192.0.2.0/24", "2020::/16", "198.51.100.7/32"]);
            for (frame, more, interface, time) in &batch {
                let wire_length = u32::try_from(frame.len()).unwrap() + more;
                rig.receive(
                    frame,
                    ReplayContext {
                        time: *time,
                        wire_length,
                        interface: *interface,
                    },
                );
            }
            rig.counted();
            Ok(())
        })
        .unwrap();
}
