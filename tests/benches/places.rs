//! What placing a packet costs, in ratios to a packet that matches nothing and to the
//! kernel's own longest-prefix match over the same ranges. One frame runs over and over, so
//! everything is found in the cache: these are lower bounds.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark says what is wrong, and prints"
)]

use std::{sync::Arc, time::Duration};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sekisho::{
    kernel::{Datapath as _, Options, Replayer},
    places::Flat,
    settings::lab,
    watchlist::{Approval, Moment, Watchlist, compile, in_order},
};
use sensor_common::{Place, ReplayContext, Slot};
use sensor_tests::packet::Packet;

const REPEAT: u32 = 2_000_000;
const ROUNDS: usize = 7;

/// Ranges of equal size, foreign and domestic in turn.
fn ranges(count: u32) -> Flat {
    let place = |n: u32| {
        if n.is_multiple_of(2) {
            Place::Foreign
        } else {
            Place::Domestic
        }
    };
    if count == 1 {
        return Flat::everywhere(Place::Foreign);
    }
    let step = u32::MAX / count;
    let v4 = (0..count).map(|n| (n * step, place(n))).collect();
    // All inside 2000::/3, where addresses are.
    let first = 0x2000u128 << 112;
    let step = (1u128 << 125) / u128::from(count);
    let mut v6 = vec![(0, Place::Unknown)];
    v6.extend((0..count).map(|n| (first + u128::from(n) * step, place(n))));
    Flat { v4, v6 }
}

/// The best of several rounds.
fn best(kernel: &mut Replayer, frame: &[u8]) -> Duration {
    let context = ReplayContext {
        time: 1000,
        wire_length: u32::try_from(frame.len()).unwrap(),
        interface: 0,
    };
    let rounds = (0..ROUNDS).map(|_| kernel.time(frame, context, REPEAT).unwrap());
    rounds.min().unwrap()
}

fn loaded(prefixes: &[IpNet], flat: Flat) -> Replayer {
    // It has ended, so that nothing is counted in flows.
    let approval = Approval {
        terms: Slot {
            end: 1,
            ..lab::replay().terms
        },
        ..lab::replay()
    };
    let mut watchlist = Watchlist::default();
    watchlist.add_feed("bench".into(), prefixes.iter().copied().zip(1..));
    let mut kernel = Replayer::load(Options::new(true)).unwrap();
    let tables = compile(
        &watchlist,
        &in_order(&[approval]),
        Arc::new(flat),
        1,
        Moment::default(),
    )
    .tables;
    kernel.publish(&tables).unwrap();
    kernel
}

fn main() {
    let v4 = Packet::v4([20, 7, 3, 1], [30, 9, 3, 1]).udp(1, 2).build();
    let address = |third: u8| {
        let mut address = [0; 16];
        address[..4].copy_from_slice(&[0x2a, 0x01, third, 7]);
        address[15] = 1;
        address
    };
    let v6 = Packet::v6(address(3), address(9)).udp(1, 2).build();
    let watched: [IpNet; 2] = [
        "20.7.3.1/32".parse().unwrap(),
        "2a01:307::/32".parse().unwrap(),
    ];
    println!("nanoseconds a packet, best of {ROUNDS} rounds of {REPEAT}; two addresses placed");
    let mut none = loaded(&["192.0.2.1/32".parse().unwrap()], ranges(1));
    let miss = [best(&mut none, &v4), best(&mut none, &v6)];
    println!(
        "{:>9} ranges  IPv4 {:>5}  IPv6 {:>5}   matches nothing",
        1,
        miss[0].as_nanos(),
        miss[1].as_nanos()
    );
    let mut one = loaded(&watched, ranges(1));
    let base = [best(&mut one, &v4), best(&mut one, &v6)];
    println!(
        "{:>9} ranges  IPv4 {:>5}  IPv6 {:>5}   matched, placed, judged",
        1,
        base[0].as_nanos(),
        base[1].as_nanos()
    );
    for count in [1_000, 20_000, 300_000, 1_000_000] {
        let mut kernel = loaded(&watched, ranges(count));
        let placed = [best(&mut kernel, &v4), best(&mut kernel, &v6)];
        // The same ranges as prefixes to watch for: both addresses by the kernel's own trie.
        let more = [
            placed[0].saturating_sub(base[0]),
            placed[1].saturating_sub(base[1]),
        ];
        println!(
            "{count:>9} ranges  IPv4 {:>5}  IPv6 {:>5}   +{} and +{} over one range, {:.2} and {:.2} times it",
            placed[0].as_nanos(),
            placed[1].as_nanos(),
            more[0].as_nanos(),
            more[1].as_nanos(),
            placed[0].as_secs_f64() / base[0].as_secs_f64(),
            placed[1].as_secs_f64() / base[1].as_secs_f64(),
        );
    }
    tries(&v4, &v6);
}

/// What the kernel's own trie takes for two addresses that match nothing, with as many prefixes.
fn tries(v4: &[u8], v6: &[u8]) {
    for count in [1u32, 1_000, 20_000, 300_000] {
        let step = u32::MAX / count;
        let mut prefixes: Vec<IpNet> = (0..count)
            .map(|n| Ipv4Net::new((n * step).into(), 32).unwrap().into())
            .collect();
        let step = (1u128 << 125) / u128::from(count);
        prefixes.extend((0..count).map(|n| {
            let address = (0x2000u128 << 112) + u128::from(n) * step;
            IpNet::from(Ipv6Net::new(address.into(), 128).unwrap())
        }));
        let mut kernel = loaded(&prefixes, ranges(1));
        let (v4, v6) = (best(&mut kernel, v4), best(&mut kernel, v6));
        println!(
            "{count:>9} prefixes in a trie  IPv4 {:>5}  IPv6 {:>5}   matches nothing",
            v4.as_nanos(),
            v6.as_nanos()
        );
    }
}
