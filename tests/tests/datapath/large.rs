//! Long lists of nested prefixes of every length: the kernel finds what the longest prefix
//! around an address says, and nothing else.
//!
//! `SEKISHO_SEED` varies nothing here: what is random in the tables are the seeds of the match
//! engine, which are others each time.

use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sekisho::{
    places::Flat,
    settings::lab,
    watchlist::{Compiled, Moment, Watchlist, compile, in_order},
};
use sensor_common::{IpVersion, Place, Verdict, engine::FILTER_BITS};
use sensor_tests::{packet::Packet, require};

use super::{
    property::dice::Dice,
    rig::{Rig, at_once},
};

/// Room for every packet as a flow of its own.
const FLOWS: u32 = 1 << 17;

#[test]
fn prefixes_of_every_length_are_found_in_lists_of_every_size() {
    require!(privilege);
    let mut dice = Dice(5);
    // The IPv6 lines of the last are full: their prefixes go on in the overflow table.
    for (v4, v6) in [(0, 900), (3_000, 0), (20_000, 5_000), (90_000, 81_000)] {
        compare(&mut dice, (v4, v6), Rig::new(true, FLOWS));
    }
}

/// However full a filter is, what passes is looked up in the same lines.
#[test]
fn prefixes_are_found_whatever_size_a_filter_has() {
    require!(privilege);
    let mut dice = Dice(6);
    for (v4, v6) in [(13, 22), (17, 13), (22, 18)] {
        let mut rig = Rig::new(true, FLOWS);
        for rule in FILTER_BITS {
            rig.kernel.choose_filter(IpVersion::V4, rule, v4);
            rig.kernel.choose_filter(IpVersion::V6, rule, v6);
        }
        compare(&mut dice, (60_000, 60_000), rig);
    }
}

/// Kernel and fake say the same of packets near a list's prefixes.
fn compare(dice: &mut Dice, (v4, v6): (usize, usize), mut rig: Rig) {
    let prefixes: Vec<IpNet> = (0..v4 + v6)
        .map(|at| match at {
            at if at < v4 => IpNet::V4(v4_prefix(dice)),
            _ => IpNet::V6(v6_prefix(dice)),
        })
        .collect();
    rig.publish(&compiled(&prefixes));
    for packet in 0..40_000 {
        let frame = if dice.below(v4 + v6) < v4 {
            let source = near_v4(dice, &prefixes[..v4]);
            let destination = near_v4(dice, &prefixes[..v4]);
            Packet::v4(source, destination)
        } else {
            let source = near_v6(dice, &prefixes[v4..]);
            let destination = near_v6(dice, &prefixes[v4..]);
            Packet::v6(source, destination)
        };
        let frame = frame.udp(1, 2).build();
        rig.receive(&frame, at_once(&frame));
        if packet % 1_000 == 0 {
            rig.drain();
        }
    }
    let counted = rig.counted();
    let verdicts = [Verdict::Recorded, Verdict::NoMatch].map(|v| counted.verdict(v));
    assert_eq!(verdicts.iter().sum::<u64>(), 40_000);
    assert!(verdicts.iter().all(|&count| count > 100), "{verdicts:?}");
}

fn compiled(prefixes: &[IpNet]) -> Compiled {
    let mut watchlist = Watchlist::default();
    watchlist.add_feed("test".into(), prefixes.iter().copied().zip(1..));
    let places = Arc::new(Flat::everywhere(Place::Foreign));
    compile(
        &watchlist,
        &in_order(&[lab::replay()]),
        places,
        1,
        Moment::default(),
    )
}

/// Short ones are rare, or nothing would be outside.
fn length(dice: &mut Dice, usual: &[u8], least: u8, most: u8) -> u8 {
    if dice.percent(70) {
        return dice.pick(usual);
    }
    let spread = usize::from(most - least) + 1;
    least + u8::try_from(dice.below(spread)).unwrap()
}

fn v4_prefix(dice: &mut Dice) -> Ipv4Net {
    let least = if dice.below(2_000) == 0 { 5 } else { 15 };
    let length = length(dice, &[32, 32, 32, 24, 29], least, 32);
    let address = v4_address(dice);
    Ipv4Net::new_assert(address.into(), length).trunc()
}

/// Half of them in a few thousand /24, so that prefixes lie around and beside each other.
fn v4_address(dice: &mut Dice) -> u32 {
    let number = u32::try_from(dice.number() >> 32).unwrap();
    if dice.percent(50) {
        0x3d00_0000 | (number & 0x000f_ffff)
    } else {
        number
    }
}

fn v6_prefix(dice: &mut Dice) -> Ipv6Net {
    let least = if dice.below(2_000) == 0 { 8 } else { 29 };
    let length = length(dice, &[128, 128, 64, 48, 32], least, 128);
    Ipv6Net::new_assert(v6_address(dice).into(), length).trunc()
}

fn v6_address(dice: &mut Dice) -> u128 {
    let number = u128::from(dice.number()) << 64 | u128::from(dice.number());
    // Of 2000::/3, and half of them in a few /32 with few bits that differ.
    let global = (number >> 3) | 1 << 125;
    if dice.percent(50) {
        let few = 0x0003_003f_0000_0007_0000_0000_0000_00ff;
        0x2a0c << 112 | (number & few)
    } else {
        global
    }
}

/// An address in a prefix or right beside it, or any.
fn near_v4(dice: &mut Dice, prefixes: &[IpNet]) -> [u8; 4] {
    let IpNet::V4(prefix) = dice.pick(prefixes) else {
        unreachable!("IPv4 comes first");
    };
    let (first, last) = (prefix.network().to_bits(), prefix.broadcast().to_bits());
    let address = match dice.below(5) {
        0 => first,
        1 => last,
        2 => first.wrapping_sub(1),
        3 => last.wrapping_add(1),
        _ => v4_address(dice),
    };
    address.to_be_bytes()
}

fn near_v6(dice: &mut Dice, prefixes: &[IpNet]) -> [u8; 16] {
    let IpNet::V6(prefix) = dice.pick(prefixes) else {
        unreachable!("IPv6 comes last");
    };
    let (first, last) = (prefix.network().to_bits(), prefix.broadcast().to_bits());
    let address = match dice.below(5) {
        0 => first,
        1 => last,
        2 => first.wrapping_sub(1),
        3 => last.wrapping_add(1),
        _ => v6_address(dice),
    };
    address.to_be_bytes()
}
