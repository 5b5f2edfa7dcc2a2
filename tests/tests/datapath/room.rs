//! Too little room: what cannot be held is counted.

use std::collections::BTreeSet;

use aya::maps::{Array, MapData};
use sekisho::{
    kernel::{Datapath as _, Kernel, Options},
    settings::lab,
};
use sensor_common::{Stat, Verdict};
use sensor_tests::{packet::Packet, require};

use crate::rig::{Rig, at_once, compiled};

fn flood(rig: &mut Rig, flows: u16) {
    for port in 0..flows {
        let frame = Packet::v4([192, 0, 2, 1], [192, 0, 2, 2])
            .udp(port, 53)
            .build();
        rig.receive(&frame, at_once(&frame));
        rig.receive(&frame, at_once(&frame));
    }
}

/// What was counted and is not in the totals, and the other way round: neither is.
fn adds_up(rig: &mut Rig, packets: u64, mut parts: Parts) -> Parts {
    rig.kernel
        .take(&mut |part| match part.value.packets {
            0 => parts.notices += 1,
            packets => {
                parts.packets += packets;
                parts.octets += part.value.octets;
            }
        })
        .unwrap();
    let counters = rig.kernel.counters().unwrap();
    let of = |stat: Stat| counters[stat.cell()];
    assert_eq!(of(Stat::Verdict(Verdict::Recorded)), packets);
    parts.unattributed = of(Stat::UnattributedPackets);
    assert_eq!(parts.packets + parts.unattributed, packets);
    let octets = parts.octets + of(Stat::UnattributedOctets);
    assert_eq!(octets, 28 * packets);
    let totals = rig.kernel.totals().unwrap();
    let counted: u64 = totals
        .iter()
        .map(|(_, t)| t.source_packets + t.destination_packets)
        .sum();
    assert_eq!(counted - of(Stat::BothPackets), packets);
    parts.evicted = of(Stat::FlowsEvicted);
    parts.unannounced = of(Stat::EventsLost);
    parts
}

#[derive(Debug, Default)]
struct Parts {
    packets: u64,
    octets: u64,
    notices: u64,
    unattributed: u64,
    evicted: u64,
    unannounced: u64,
}

#[test]
fn a_flow_that_finds_no_place_makes_another_give_way_and_no_packet_is_lost() {
    require!(privilege);
    let mut rig = Rig::new(true, 64);
    rig.publish(&compiled(&["192.0.2.0/24"], &[lab::replay()]));
    flood(&mut rig, 2_000);
    let parts = adds_up(&mut rig, 4_000, Parts::default());
    assert_eq!((parts.unattributed, parts.unannounced), (0, 0), "{parts:?}");
    assert!(parts.evicted > 1_500, "{parts:?}");
    assert!(parts.notices >= 2_000, "{parts:?}");
}

#[test]
fn what_finds_no_room_in_the_ring_either_is_unattributed() {
    require!(privilege);
    let options = Options {
        flow_capacity: 64,
        ring_bytes: 64 << 10,
        ..Options::new(true)
    };
    let mut rig = Rig::with(options);
    rig.publish(&compiled(&["192.0.2.0/24"], &[lab::replay()]));
    flood(&mut rig, 2_000);
    let parts = adds_up(&mut rig, 4_000, Parts::default());
    assert!(parts.unattributed > 1_000, "{parts:?}");
    // 152 bytes a record; notices leave flows half of the room.
    let room = (64 << 10) / 152;
    assert!(parts.evicted > room / 3, "{parts:?}");
    assert!(parts.evicted + parts.notices <= room, "{parts:?}");
    assert!(parts.notices <= room / 2 + 1, "{parts:?}");
    // When it was read there is room again.
    flood(&mut rig, 100);
    let unattributed = parts.unattributed;
    let after = adds_up(&mut rig, 4_200, parts);
    assert_eq!(after.unattributed, unattributed);
}

#[test]
fn a_full_ring_loses_notices_and_not_flows() {
    require!(privilege);
    let options = Options {
        flow_capacity: 1 << 17,
        ring_bytes: 1 << 20,
        ..Options::new(true)
    };
    let mut rig = Rig::with(options);
    rig.publish(&compiled(&["192.0.2.0/24"], &[lab::replay()]));
    let flows = 12_000;
    for port in 0..flows {
        let frame = Packet::v4([192, 0, 2, 1], [192, 0, 2, 2])
            .udp(port, 53)
            .build();
        rig.kernel.run(&frame, at_once(&frame)).unwrap();
    }
    let parts = adds_up(&mut rig, u64::from(flows), Parts::default());
    assert_eq!(parts.unattributed, 0, "{parts:?}");
    assert!(parts.unannounced > 0, "{parts:?}");
    assert_eq!(parts.notices + parts.unannounced, u64::from(flows));
}

#[test]
fn a_flow_that_goes_on_keeps_its_place_and_one_that_ended_loses_it() {
    require!(privilege);
    let mut rig = Rig::watching(&["192.0.2.0/24"]);
    let frame = |port| {
        Packet::v4([192, 0, 2, 1], [192, 0, 2, 2])
            .udp(port, 53)
            .build()
    };
    sched_here();
    let (goes_on, ends) = (frame(1), frame(2));
    rig.receive(&ends, at_once(&ends));
    for round in 0..6 {
        rig.receive(&goes_on, at_once(&goes_on));
        let mut notices = 0;
        rig.kernel
            .take(&mut |part| notices += u64::from(part.is_notice()))
            .unwrap();
        // Each of the two banks learns of it once.
        let expected = [2, 1, 0, 0, 0, 0][round];
        assert_eq!(notices, expected, "{round}");
    }
    rig.receive(&ends, at_once(&ends));
    let mut notices = 0;
    rig.kernel
        .take(&mut |part| notices += u64::from(part.is_notice()))
        .unwrap();
    assert_eq!(notices, 1);
}

/// Keeps this test on one CPU: each has a cache of its own.
fn sched_here() {
    let mut cpus = nix::sched::CpuSet::new();
    cpus.set(0).unwrap();
    nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &cpus).unwrap();
}

/// The sum of a field over the BPF objects this process holds, as fdinfo tells it.
///
/// Every test is a process of its own, so these are the objects of one sensor.
fn sum_of(kind: &str, field: &str) -> u64 {
    let mut sum = 0;
    // A map may have several descriptors.
    let mut counted = BTreeSet::new();
    for entry in std::fs::read_dir("/proc/self/fdinfo").unwrap() {
        // The descriptor of this listing is among them and gone.
        let Ok(text) = sekisho::capped::read_to_string(entry.unwrap().path(), 1 << 16) else {
            continue;
        };
        let value = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        };
        let Some(id) = value("map_id") else {
            continue;
        };
        if value(kind).is_some() && counted.insert(id.trim().to_owned()) {
            sum += value(field).unwrap().trim().parse::<u64>().unwrap();
        }
    }
    sum
}

#[test]
fn the_memory_of_all_maps_is_bounded() {
    require!(privilege);
    let options = Options::new(true);
    let mut kernel = Kernel::load(options).unwrap();
    let cpus = u64::from(possible_cpus());
    // Two banks of flows, 160 bytes each and as many for every CPU; the ring; and small arrays.
    let fixed = 2 * u64::from(options.flow_capacity) * 160 * cpus;
    let fixed = fixed + u64::from(options.ring_bytes) + (1 << 20);
    let bytes = sum_of("map_type", "memlock");
    assert!(
        bytes > 1 << 20 && bytes <= fixed,
        "{bytes} of at most {fixed} bytes"
    );
    let prefixes: Vec<String> = (0..=255).map(|n| format!("192.0.{n}.0/24")).collect();
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    kernel
        .publish(&compiled(&prefixes, &[lab::replay()]).tables)
        .unwrap();
    let tables = sum_of("map_type", "memlock") - bytes;
    // A filter of 64 KiB, and IPv4 lines: 8 MiB up to 2.6 million prefixes. Slots and their
    // counts, groups and places, and for each prefix a row, and totals of each CPU.
    let engine = (64 << 10) + (8 << 20);
    let most = engine + 64 * 1024 + 256 * 64 * cpus + 257 * (8 + 32 * cpus);
    // Room for single changes: prefixes with their rows, groups, and sets with their totals.
    let most = most + 1024 * (8 + 128) + 256 * 32 + 4096 * 32 * cpus;
    // On 6.1 `memlock` is entries by key and value, in an array too, which has no keys
    // (`bpf_map_memory_footprint`, kernel/bpf/syscall.c; on 6.12 each kind of map says what it
    // has): 8 bytes more for a line of 64 and for a word of a filter.
    let keys = if reckons_keys() {
        engine / 8 + (64 << 10)
    } else {
        0
    };
    let most = most + keys;
    assert!(tables <= most, "{tables} of at most {most} bytes");
}

/// Whether an array of 4,096 words is said to take more than a word each and a page or two.
fn reckons_keys() -> bool {
    let before = sum_of("map_type", "memlock");
    let array = Array::<MapData, u64>::create(4096, 0).unwrap();
    let bytes = sum_of("map_type", "memlock") - before;
    drop(array);
    bytes >= 4096 * 16
}

fn possible_cpus() -> u32 {
    let possible =
        sekisho::capped::read_to_string("/sys/devices/system/cpu/possible", 4096).unwrap();
    possible
        .trim()
        .rsplit('-')
        .next()
        .unwrap()
        .parse::<u32>()
        .unwrap()
        + 1
}
