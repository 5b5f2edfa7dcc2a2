//! The explanation and the reference of the kernel say the same of random packets.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use proptest::{collection::vec, prelude::*};
use sensor_common::{ReplayContext, Stat, Verdict};

use super::*;
use crate::{
    kernel::{Datapath as _, Fake},
    loaded::explain::{Endpoint, PacketLine},
    watchlist::{Limits, PortRule, Prefixes},
};

/// Addresses close to every edge of the prefixes of [`loaded`].
fn address() -> impl Strategy<Value = IpAddr> {
    let v4 = (
        prop::sample::select(vec![11u8, 12, 13, 41, 10]),
        prop::sample::select(vec![0u8, 1, 2, 5, 9]),
        0..2u8,
        0..3u8,
    )
        .prop_map(|(a, b, c, d)| IpAddr::from([a, b, c, d]));
    let v6 = (
        prop::sample::select(vec![0x2400u16, 0x2404]),
        0..3u16,
        0..2u16,
    )
        .prop_map(|(a, b, c)| IpAddr::from([a, b, 0, 0, 0, 0, 0, c]));
    prop_oneof![4 => v4, 1 => v6]
}

fn terms() -> impl Strategy<Value = Slot> {
    let time = || prop_oneof![Just(0), 998..1_003u64, Just(u64::MAX / SECOND)];
    (
        (time(), time()),
        (0..8u64, 0..8u64),
        (0..8u8, 0..8u8),
        prop_oneof![Just(0), Just(1), Just(2), Just(Slot::ANY_OPERATOR)],
        0..64u16,
    )
        .prop_map(
            |(times, interfaces, (classes, directions), operator, fields)| Slot {
                begin: times.0 * SECOND,
                end: times.1 * SECOND,
                interfaces: interfaces.0,
                own_addresses_only: interfaces.1 & interfaces.0 & 0b1,
                epoch: 1,
                fields: Fields(fields),
                operator,
                classes,
                directions,
                reserved: [0; 6],
            },
        )
}

/// Mostly approvals that get far, so that every step is come to.
fn approvals() -> impl Strategy<Value = Vec<Approval>> {
    let terms = prop_oneof![terms(), Just(everything())];
    let one = (terms, vec(0..6u32, 0..6));
    vec(one, 0..5).prop_map(|all| {
        let named = all.iter().enumerate();
        named
            .map(|(number, (terms, named))| approval(&number.to_string(), named, *terms))
            .collect()
    })
}

fn own(address: IpAddr) -> IpNet {
    IpNet::from(address)
}

/// A frame with nothing but its addresses, protocol and ports.
fn frame(source: IpAddr, destination: IpAddr) -> Vec<u8> {
    let mut frame = vec![0; 12];
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            frame.extend([8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0]);
            frame.extend(source.octets());
            frame.extend(destination.octets());
        }
        (source, destination) => {
            let octets = |address: IpAddr| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                IpAddr::V6(address) => address.octets(),
            };
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, 17, 64]);
            frame.extend(octets(source));
            frame.extend(octets(destination));
        }
    }
    frame.extend([0, 1, 0, 2, 0, 8, 0, 0]);
    frame
}

/// The verdict that the reference gives.
fn of_fake(loaded: &Loaded, ends: (IpAddr, IpAddr), interface: u32, moment: Moment) -> Verdict {
    let mut fake = Fake::live(16);
    if loaded.lab {
        fake.set_own_addresses(loaded.own_addresses.iter().map(IpNet::addr));
    }
    let tables = loaded.compile(loaded.places().unwrap()).compiled.tables;
    fake.publish(&tables).unwrap();
    let lease = if moment.attended {
        moment.now + SECOND
    } else {
        moment.now
    };
    fake.attend(lease).unwrap();
    let frame = frame(ends.0, ends.1);
    let context = ReplayContext {
        time: moment.now,
        wire_length: u32::try_from(frame.len()).unwrap(),
        interface,
    };
    fake.receive(&frame, context);
    let counters = fake.counters().unwrap();
    let mut given = Verdict::ALL.into_iter();
    given
        .find(|verdict| counters[Stat::Verdict(*verdict).cell()] == 1)
        .unwrap()
}

fn check(mut loaded: Loaded, ends: (IpAddr, IpAddr), interface: u8, moment: Moment) -> Verdict {
    loaded.generation = 1;
    let line = PacketLine {
        source: Endpoint {
            address: ends.0,
            port: Some(1),
        },
        destination: Endpoint {
            address: ends.1,
            port: Some(2),
        },
        protocol: Some(17),
        interface: Some(loaded.interfaces[usize::from(interface)].name.clone()),
        vlan: Vec::new(),
    };
    let explainer = Explainer::new(&loaded).unwrap();
    let answer = explainer.explain(&line, moment).unwrap();
    let expected = of_fake(&loaded, ends, interface.into(), moment);
    assert_eq!(answer.verdict, Some(expected), "{answer}");
    // The verdict is the furthest that any approval named came to.
    let furthest = answer.approvals.iter().map(|c| c.reached).max();
    if let Some(furthest) = furthest {
        assert_eq!(furthest, expected, "{answer}");
    }
    assert_eq!(
        answer.source.place.place.name(),
        place(&loaded, ends.0),
        "{answer}"
    );
    expected
}

fn place(loaded: &Loaded, address: IpAddr) -> &'static str {
    loaded.places().unwrap().place(address).name()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn explanation_and_reference_agree(
        approvals in approvals(),
        ends in (address(), address()).prop_filter("one version", |(a, b)| a.is_ipv4() == b.is_ipv4()),
        (interface, attended, lab) in (0..2u8, prop::bool::weighted(0.8), any::<bool>()),
        owned in vec(address(), 0..4),
        ports in prop_oneof![Just(Vec::new()), vec(vec(rule(), 0..3), 6)],
    ) {
        let mut loaded = loaded(&approvals);
        limit(&mut loaded, &ports);
        loaded.lab = lab;
        loaded.own_addresses = owned.into_iter().map(own).collect();
        let moment = Moment { attended, ..ATTENDED };
        check(loaded, ends, interface, moment);
    }
}

/// Ports close to those of [`frame`].
fn rule() -> impl Strategy<Value = PortRule> {
    let protocol = prop::sample::select(vec![6u8, 17, 17]);
    (protocol, 0..4u16).prop_map(|(protocol, port)| PortRule { protocol, port })
}

/// Gives indicators their ports.
fn limit(loaded: &mut Loaded, ports: &[Vec<PortRule>]) {
    let mut watchlist = Watchlist::default();
    for ((_, indicator), ports) in loaded.watchlist.iter().zip(ports) {
        let mut one = Prefixes::default();
        let limits = Limits {
            validity: None,
            ports: ports.clone(),
        };
        one.push_limited(indicator.prefix, indicator.line, &limits);
        watchlist.share_feed(loaded.watchlist.feed_of(&indicator).into(), one.into());
    }
    if !ports.is_empty() {
        loaded.watchlist = watchlist;
    }
}

/// The random packets above come to every verdict: otherwise agreeing says little.
#[test]
fn the_same_of_every_pair_of_edges() {
    let mut given = BTreeSet::new();
    let v4 = |octets: [u8; 4]| IpAddr::from(Ipv4Addr::from(octets));
    let addresses = [
        v4([11, 1, 1, 0]),
        v4([11, 1, 0, 255]),
        v4([11, 0, 255, 255]),
        v4([11, 9, 0, 0]),
        v4([12, 0, 0, 0]),
        v4([13, 0, 0, 0]),
        v4([41, 1, 0, 1]),
        v4([41, 2, 0, 1]),
        v4([41, 5, 255, 255]),
        v4([41, 6, 0, 0]),
    ];
    let names = [0, 1, 2, 3, 4, 5];
    let all = everything();
    let terms = [
        all,
        Slot {
            begin: u64::MAX,
            ..all
        },
        Slot { end: 7, ..all },
        Slot {
            classes: 0b100,
            ..all
        },
        Slot {
            directions: 0b100,
            ..all
        },
        Slot {
            interfaces: 0b10,
            ..all
        },
        Slot {
            own_addresses_only: 0b01,
            ..all
        },
    ];
    for terms in terms {
        for source in addresses {
            for destination in addresses {
                for attended in [true, false] {
                    let loaded = loaded(&[approval("one", &names, terms)]);
                    let moment = Moment {
                        attended,
                        ..ATTENDED
                    };
                    given.insert(check(loaded, (source, destination), 0, moment));
                }
            }
        }
    }
    let of_readable: Vec<Verdict> = Verdict::ALL[Verdict::NoMatch as usize..].to_vec();
    assert_eq!(given.into_iter().collect::<Vec<_>>(), of_readable);
    let v6 = IpAddr::from("2400:1::".parse::<Ipv6Addr>().unwrap());
    let loaded = loaded(&[approval("one", &names, all)]);
    assert_eq!(check(loaded, (v6, v6), 1, ATTENDED), Verdict::Recorded);
}
