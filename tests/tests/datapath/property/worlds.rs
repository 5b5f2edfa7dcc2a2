//! Random worlds: few addresses, and all prefixes around them, so that they nest and touch.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sekisho::places::territory::Placed;
use sensor_common::{Class, Direction, Fields};

use super::dice::Dice;
use crate::reference::{Consent, Permit, World};

/// Where addresses that are worth a row lie. IPv6 has tables of its own below, in and above
/// global unicast.
const BASES: [(&str, usize); 4] = [
    ("40.0.0.0/8", 6),
    ("2a40::/16", 5),
    ("1fff::/16", 1),
    ("4000::/16", 1),
];

/// Addresses without a row, some of them with a special purpose.
const STRAYS: [&str; 14] = [
    "0.0.0.0",
    "10.1.2.3",
    "39.255.255.255",
    "41.0.0.0",
    "127.0.0.1",
    "203.0.113.7",
    "255.255.255.255",
    "::",
    "2001:db8::1",
    "2a3f:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "2a41::",
    "3fff:ffff::",
    "fe80::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];

/// Interfaces that approvals are for; packets come through others too.
const INTERFACES: [u32; 6] = [0, 1, 2, 31, 32, 63];

/// When the approvals of a world begin and end.
pub(crate) struct Clock {
    pub(crate) begins: Vec<u64>,
    pub(crate) ends: Vec<u64>,
}

/// A world and the addresses its packets have.
pub(crate) struct Universe {
    pub(crate) world: World,
    /// By family, IPv4 first: any addresses, and those that are watched.
    pub(crate) addresses: [Vec<IpAddr>; 2],
    pub(crate) watched: [Vec<IpAddr>; 2],
}

impl Universe {
    pub(crate) fn new(dice: &mut Dice, generation: u64, clock: &Clock, own: &[IpAddr]) -> Self {
        let mut anchors: Vec<IpAddr> = Vec::new();
        let mut territory = Vec::new();
        for (base, count) in BASES {
            let base = base.parse().unwrap();
            let here: Vec<IpAddr> = (0..count).map(|_| within(dice, base)).collect();
            split(dice, base, &here, &mut territory);
            anchors.extend(here);
        }
        anchors.extend(own);
        territory.sort_by_key(|(prefix, _)| *prefix);
        let around = |dice: &mut Dice, count: usize, least: u8| -> Vec<IpNet> {
            (0..count)
                .map(|_| {
                    let anchor = dice.pick(&anchors);
                    prefix(dice, anchor, least)
                })
                .collect()
        };
        let exclusions = around(dice, 6, 20);
        let mut claimed = BTreeSet::new();
        let operators: Vec<Vec<IpNet>> = (0..3)
            .map(|_| {
                let mut prefixes = around(dice, 4, 14);
                prefixes.retain(|prefix| claimed.insert(*prefix));
                prefixes
            })
            .collect();
        let indicators = around(dice, 16, 9);
        let times = (0..indicators.len()).map(|_| time(dice)).collect();
        let has_ports = dice.percent(35);
        let ports = (indicators.iter())
            .map(|_| if has_ports { ports(dice) } else { Vec::new() })
            .collect();
        let permits = permits(dice, indicators.len(), clock);
        let world = World {
            generation,
            territory: (!dice.percent(8)).then_some(territory),
            exclusions,
            operators,
            indicators,
            times,
            moment: 0,
            ports,
            permits,
            own: own.to_vec(),
        };
        let (addresses, watched) = addresses(dice, &world, &anchors);
        Self {
            world,
            addresses,
            watched,
        }
    }
}

/// When an indicator begins and ends.
fn time(dice: &mut Dice) -> Range<u64> {
    let begin = [0, 0, 0, 1, 2, 4, 6];
    let end = [u64::MAX, u64::MAX, 1, 3, 5, 7];
    dice.pick(&begin)..dice.pick(&end)
}

/// The ports on which an indicator counts, close to those of packets; any for most.
fn ports(dice: &mut Dice) -> Vec<(u8, u16)> {
    const PORTS: [u16; 5] = [0, 53, 443, 444, 50_000];
    let count = if dice.percent(40) {
        1 + dice.below(3)
    } else {
        0
    };
    (0..count)
        .map(|_| (dice.pick(&[1, 6, 17, 17, 6, 47]), dice.pick(&PORTS)))
        .collect()
}

/// Rows that do not overlap, the finer the nearer to an anchor.
fn split(dice: &mut Dice, prefix: IpNet, anchors: &[IpAddr], rows: &mut Vec<(IpNet, Placed)>) {
    let is_v4 = prefix.addr().is_ipv4();
    let has_anchor = anchors.iter().any(|anchor| prefix.contains(anchor));
    let goes_on = has_anchor && dice.percent(if is_v4 { 85 } else { 93 });
    if let (true, Ok(halves)) = (goes_on, prefix.subnets(prefix.prefix_len() + 1)) {
        for half in halves {
            split(dice, half, anchors, rows);
        }
        return;
    }
    let placed = match dice.below(100) {
        0..55 => Placed::Foreign,
        55..85 => Placed::Domestic,
        85..90 => Placed::Unknown,
        90..94 => Placed::Excluded,
        _ => return,
    };
    rows.push((prefix, placed));
}

fn permits(dice: &mut Dice, indicators: usize, clock: &Clock) -> Vec<Permit> {
    let mut slots = BTreeSet::new();
    while slots.len() < 14 {
        slots.insert(u32::try_from(dice.below(256)).unwrap());
    }
    let numbers: Vec<usize> = (0..indicators).collect();
    let permit = |slot| Permit {
        slot,
        indicators: dice.some(&numbers, 18).into_iter().collect(),
        begin: dice.pick(&clock.begins),
        end: dice.pick(&clock.ends),
        classes: dice.some(&Class::ALL, 75),
        directions: dice.some(&Direction::ALL, 80),
        interfaces: dice.some(&INTERFACES, 75),
        own_only: if dice.percent(35) {
            dice.some(&INTERFACES, 70)
        } else {
            Vec::new()
        },
        consent: match dice.below(10) {
            0..2 => Consent::OfNobody,
            2..4 => Consent::OfEverybody,
            number => Consent::Of(1 + u16::try_from(number % 3).unwrap()),
        },
        fields: Fields(u16::try_from(dice.below(64)).unwrap()),
    };
    slots.into_iter().map(permit).collect()
}

/// Anchors, the ends of all prefixes and their neighbours, and strays.
fn addresses(
    dice: &mut Dice,
    world: &World,
    anchors: &[IpAddr],
) -> ([Vec<IpAddr>; 2], [Vec<IpAddr>; 2]) {
    let mut all: BTreeSet<IpAddr> = STRAYS.iter().map(|text| text.parse().unwrap()).collect();
    all.extend(anchors);
    let rows = world.territory.iter().flatten().map(|(prefix, _)| prefix);
    let prefixes = rows
        .chain(&world.exclusions)
        .chain(world.operators.iter().flatten())
        .chain(&world.indicators);
    for prefix in prefixes {
        let (first, last) = (prefix.network(), prefix.broadcast());
        all.extend([first, last, before(first), after(last)]);
        all.insert(within(dice, *prefix));
    }
    let of = |is_wanted: &dyn Fn(&IpAddr) -> bool| -> Vec<IpAddr> {
        all.iter().copied().filter(is_wanted).collect()
    };
    let is_watched = |address: &IpAddr| !world.named_around(*address).is_empty();
    (
        [of(&IpAddr::is_ipv4), of(&IpAddr::is_ipv6)],
        [
            of(&|address| address.is_ipv4() && is_watched(address)),
            of(&|address| address.is_ipv6() && is_watched(address)),
        ],
    )
}

/// A prefix around an address, no shorter than `least` in IPv4.
fn prefix(dice: &mut Dice, address: IpAddr, least: u8) -> IpNet {
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let least = if address.is_ipv4() { least } else { least + 8 };
    let length = match dice.below(10) {
        0..2 => longest,
        2..4 => longest - u8::try_from(dice.below(4)).unwrap(),
        _ => least + u8::try_from(dice.below(usize::from(longest - least))).unwrap(),
    };
    IpNet::new(address, length).unwrap().trunc()
}

/// An address within a prefix.
fn within(dice: &mut Dice, prefix: IpNet) -> IpAddr {
    let random = u128::from(dice.number()) << 64 | u128::from(dice.number());
    match prefix {
        IpNet::V4(prefix) => v4_within(prefix, random).into(),
        IpNet::V6(prefix) => v6_within(prefix, random).into(),
    }
}

fn v4_within(prefix: Ipv4Net, random: u128) -> Ipv4Addr {
    let host = u32::from(prefix.hostmask()) & u32::try_from(random >> 96).unwrap();
    (u32::from(prefix.network()) | host).into()
}

fn v6_within(prefix: Ipv6Net, random: u128) -> Ipv6Addr {
    (u128::from(prefix.network()) | (u128::from(prefix.hostmask()) & random)).into()
}

fn before(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from(u32::from(v4).wrapping_sub(1)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6).wrapping_sub(1)).into(),
    }
}

fn after(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from(u32::from(v4).wrapping_add(1)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6).wrapping_add(1)).into(),
    }
}
