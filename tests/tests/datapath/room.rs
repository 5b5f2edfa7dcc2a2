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

#[test]
fn a_full_flow_table_loses_the_flow_and_not_the_packet() {
    require!(privilege);
    let capacity = 64;
    let mut rig = Rig::new(true, capacity);
    rig.publish(&compiled(&["192.0.2.0/24"], &[lab::replay()]));
    flood(&mut rig, 200);
    rig.drain();
    let counters = rig.kernel.counters().unwrap();
    let recorded = counters[Stat::Verdict(Verdict::Recorded).cell()];
    let unattributed = counters[Stat::UnattributedPackets.cell()];
    assert_eq!(recorded, 400);
    // A preallocated per-CPU hash may hold a few entries more than asked, a spare one a CPU
    // (prealloc_init, kernel/bpf/hashtab.c), never fewer.
    assert!(
        unattributed > 0 && unattributed <= 2 * (200 - u64::from(capacity)),
        "{unattributed}"
    );
    assert_eq!(counters[Stat::UnattributedOctets.cell()], 28 * unattributed);
    assert_eq!(counters[Stat::BothPackets.cell()], 400);
    let totals = rig.kernel.totals().unwrap();
    let packets: u64 = totals
        .iter()
        .map(|(_, t)| t.source_packets + t.destination_packets)
        .sum();
    assert_eq!(
        packets, 800,
        "totals are exact whatever the flow table holds"
    );
}

#[test]
fn a_full_ring_loses_notices_and_not_flows() {
    require!(privilege);
    let mut rig = Rig::new(true, 16_384);
    rig.publish(&compiled(&["192.0.2.0/24"], &[lab::replay()]));
    let flows = 12_000;
    for port in 0..flows {
        let frame = Packet::v4([192, 0, 2, 1], [192, 0, 2, 2])
            .udp(port, 53)
            .build();
        rig.kernel.run(&frame, at_once(&frame)).unwrap();
    }
    let mut held = 0;
    let kernel = &mut rig.kernel;
    kernel.drain_events(&mut |_| held += 1).unwrap();
    let lost = kernel.counters().unwrap()[Stat::EventsLost.cell()];
    assert!(lost > 0, "the ring holds {held} of {flows}");
    assert_eq!(held + lost, u64::from(flows));
    let mut counted = 0;
    kernel
        .drain_flows(&mut |_, value| counted += value.packets)
        .unwrap();
    assert_eq!(counted, u64::from(flows));
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
    let mut kernel = Kernel::load(Options {
        lab: true,
        flow_capacity: Options::FLOW_CAPACITY,
    })
    .unwrap();
    let cpus = u64::from(possible_cpus());
    // Two banks of flows, each with a key, its links and a value for each CPU; the ring of
    // 1 MiB; and small arrays.
    let fixed = 2 * u64::from(Options::FLOW_CAPACITY) * (176 + 64 * cpus) + (2 << 20);
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
