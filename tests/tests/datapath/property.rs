//! For random places, exclusions, nested indicators and approvals, the kernel decides about
//! every packet what the reference decides, and counts the same.
//!
//! `SEKISHO_SEED` varies the run, `SEKISHO_MILLIONS` says how long it is, and `SEKISHO_PACKETS`
//! how long where a million takes too long; a failure names the seed, the batch and the packet.

#[path = "property/bench.rs"]
mod bench;
#[path = "property/dice.rs"]
pub(crate) mod dice;
#[path = "property/packets.rs"]
mod packets;
#[path = "property/published.rs"]
mod published;
#[path = "property/worlds.rs"]
mod worlds;

use std::{env, net::IpAddr};

use sekisho::kernel::{Options, Replayer, boot_now};
use sensor_common::{LEASE_LIMIT, Slot, Verdict};
use sensor_tests::require;

use self::{
    bench::{Bench, Given},
    dice::Dice,
    packets::Arrivals,
    worlds::{Clock, Universe},
};

/// Packets in replay: a million, or `SEKISHO_MILLIONS`, or `SEKISHO_PACKETS`.
fn asked() -> u64 {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    number("SEKISHO_PACKETS").unwrap_or_else(|| MILLION * number("SEKISHO_MILLIONS").unwrap_or(1))
}

fn in_replay(packets: u64) -> Extent {
    Extent {
        generations: packets.div_ceil(25_000),
        batches: 10,
        packets: 2_500,
    }
}

/// Packets of a live program.
const ATTENDED: Extent = Extent {
    generations: 4,
    batches: 8,
    packets: 2_500,
};

const MILLION: u64 = 1_000_000;

/// Packets of each verdict in a million or more, at least.
const LEAST: u64 = 1_000;

/// Changes of single prefixes in a million or more, at least.
const CHANGES: usize = 200;

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;

struct Extent {
    generations: u64,
    batches: u32,
    packets: usize,
}

#[test]
fn the_kernel_decides_a_million_times_as_the_reference_does() {
    require!(privilege);
    let seed = seed();
    let mut dice = Dice(seed);
    let own = ["40.77.1.1", "2a40:77::1"].map(|text| text.parse().unwrap());
    let packets = asked();
    let (mut given, changes) = replayed(&mut dice, &own, seed, packets);
    // A short run has too few generations for a rule; some there are.
    let (least, least_changes) = if packets < MILLION {
        (1, 1)
    } else {
        (LEAST, CHANGES)
    };
    assert!(
        changes >= least_changes,
        "{changes} changes of single prefixes"
    );
    for (sum, count) in given.iter_mut().zip(attended(&mut dice, &own, seed)) {
        *sum += count;
    }
    let histogram: Vec<String> = (Verdict::ALL.iter().zip(given))
        .map(|(verdict, count)| format!("{} {count}", verdict.name()))
        .collect();
    let histogram = histogram.join(", ");
    say(&histogram);
    assert!(given.iter().sum::<u64>() >= packets, "{histogram}");
    assert!(given.iter().all(|&count| count >= least), "{histogram}");
}

/// Time, interface and length come with the frame, and somebody always attends.
fn replayed(dice: &mut Dice, own: &[IpAddr], seed: u64, packets: u64) -> (Given, usize) {
    const FAR: u64 = 1 << 33;
    let clock = Clock {
        begins: vec![0, 1_000, 1_000, 1_000, 1_500, FAR],
        ends: vec![0, 1_500, 2_000, 2_000, 2_000, FAR, Slot::FOREVER],
    };
    let edges = [
        0,
        999,
        1_000,
        1_499,
        1_500,
        1_999,
        2_000,
        FAR - 1,
        FAR,
        u64::MAX,
    ];
    let arrivals = Arrivals::at(edges.into_iter().chain(1_501..1_511).collect());
    let mut bench = Bench::new(Replayer::load(Options::new(true)).unwrap(), own, seed);
    let extent = in_replay(packets);
    for generation in 1..=extent.generations {
        bench.publish(Universe::new(dice, generation, &clock, own));
        for batch in 0..extent.batches {
            if dice.percent(20) {
                bench.narrow(dice, &[0, 1_000, 1_500, 1_505, FAR, Slot::FOREVER]);
            }
            if dice.percent(75) {
                bench.go_on();
            }
            bench.run(dice, &arrivals, (batch, extent.packets), true);
        }
    }
    (bench.given(), bench.changes())
}

/// The boot clock tells the time, and the lease whether somebody attends.
fn attended(dice: &mut Dice, own: &[IpAddr], seed: u64) -> Given {
    const INTERFACE: u8 = 2;
    let now = boot_now().unwrap();
    let clock = Clock {
        begins: vec![0, 0, 0, 0, now.saturating_sub(1), now + HOUR],
        ends: vec![0, now, now + HOUR, now + HOUR, now + HOUR, Slot::FOREVER],
    };
    let arrivals = Arrivals {
        times: vec![now],
        interfaces: vec![INTERFACE.into()],
    };
    let live = Replayer::load_live(Options::new(true), INTERFACE).unwrap();
    let mut bench = Bench::new(live, own, seed);
    for generation in 1..=ATTENDED.generations {
        bench.publish(Universe::new(dice, generation, &clock, own));
        for batch in 0..ATTENDED.batches {
            // In the first batch nobody has attended yet.
            let is_attended = batch % 2 == 1;
            let now = boot_now().unwrap();
            match batch % 8 {
                2 => bench.attend(now),
                4 => bench.attend(now + LEASE_LIMIT + HOUR),
                6 => bench.attend(u64::MAX),
                _ if is_attended => bench.attend(now + LEASE_LIMIT),
                _ => bench.attend(0),
            }
            bench.run(dice, &arrivals, (batch, ATTENDED.packets), is_attended);
        }
    }
    bench.given()
}

fn seed() -> u64 {
    const DEFAULT: u64 = 0x5345_4b49_5348_4f03;
    let seed = match env::var("SEKISHO_SEED") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => DEFAULT,
    };
    say(&format!("SEKISHO_SEED={seed}"));
    seed
}

#[expect(clippy::print_stderr, reason = "a test says what it ran")]
fn say(line: &str) {
    eprintln!("{line}");
}
