//! Traces: addresses of packets, and what a look-up of them has to find.

use std::{net::IpAddr, ops::Range};

use ipnet::IpNet;
use sensor_common::NO_MATCH_SET;

use crate::{
    chance::Chance,
    lists::{BELOW_GLOBAL_V6, Family, GLOBAL_V6, List},
    oracle::{Oracle, number},
};

/// Packets of a trace: a power of two, more than a million.
pub(crate) const PACKETS: usize = 1 << 20;

/// Addresses that come again and again, where there is locality.
const HOT: usize = 4096;

/// What a trace is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    /// Share of packets with an address that is watched, 0 to 100.
    pub(crate) hits: u32,
    pub(crate) spread: Spread,
}

/// Where addresses are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// Anywhere.
    Uniform,
    /// Each is one of [`HOT`].
    Hot,
    /// IPv6 that is not watched: in the /32 of a prefix that is.
    Near,
    /// So many pairs, in any order.
    Flows(usize),
    /// Likewise, of which only the destination is watched.
    OneEnd(usize),
}

impl Spread {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Hot => "hot",
            Self::Near => "near",
            Self::Flows(_) => "flows",
            Self::OneEnd(_) => "one end",
        }
    }
}

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) is_v6: bool,
    pub(crate) addresses: [u128; 2],
    /// The match sets of both.
    pub(crate) sets: [u32; 2],
}

impl Packet {
    fn is_watched(&self) -> bool {
        self.sets != [NO_MATCH_SET; 2]
    }
}

/// What walking some packets has to come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Packets that match.
    pub(crate) packets: u64,
    /// Their match sets: the source's in the low half of a word, the destination's in the high.
    pub(crate) sets: u64,
    /// The words of all addresses, by exclusive or.
    pub(crate) fold: u64,
}

#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) family: Family,
    pub(crate) packets: Vec<Packet>,
}

impl Trace {
    /// Makes a trace for a list.
    pub(crate) fn generate(list: &List, oracle: &Oracle, shape: Shape, count: usize) -> Self {
        let mut maker = Maker {
            chance: Chance::new(0x7ace ^ u64::from(shape.hits)),
            oracle,
            share: share(shape.hits),
            nets: of_family(list, false),
            nets_v6: of_family(list, true),
            is_near: shape.spread == Spread::Near,
        };
        let mut packet = |family| {
            let is_v6 = match family {
                Family::V4 => false,
                Family::V6 => true,
                Family::Mixed => maker.chance.is(0.5),
            };
            let one_end = matches!(shape.spread, Spread::OneEnd(_));
            let of_source = if one_end { 0.0 } else { maker.share };
            let ends = [
                maker.address(is_v6, of_source),
                maker.address(is_v6, maker.share),
            ];
            Packet {
                is_v6,
                addresses: ends.map(|(address, _)| address),
                sets: ends.map(|(_, set)| set),
            }
        };
        let packets = match shape.spread {
            Spread::Uniform | Spread::Near => (0..count).map(|_| packet(list.family)).collect(),
            Spread::Flows(flows) | Spread::OneEnd(flows) => {
                let pairs: Vec<Packet> = (0..flows).map(|_| packet(list.family)).collect();
                let mut chance = Chance::new(1);
                (0..count).map(|_| pairs[chance.below(flows)]).collect()
            }
            Spread::Hot => {
                let hot: Vec<Packet> = (0..HOT / 2).map(|_| packet(list.family)).collect();
                // Two of one family, in new pairs.
                let mut chance = Chance::new(1);
                let mut pair = || {
                    let one = hot[chance.below(hot.len())];
                    loop {
                        let other = hot[chance.below(hot.len())];
                        if other.is_v6 == one.is_v6 {
                            return Packet {
                                is_v6: one.is_v6,
                                addresses: [one.addresses[0], other.addresses[1]],
                                sets: [one.sets[0], other.sets[1]],
                            };
                        }
                    }
                };
                (0..count).map(|_| pair()).collect()
            }
        };
        Self {
            family: list.family,
            packets,
        }
    }

    /// What walking these packets has to come to.
    pub(crate) fn sums(&self, range: Range<usize>) -> Sums {
        let mut sums = Sums::default();
        for packet in &self.packets[range] {
            let [source, destination] = packet.sets;
            sums.packets += u64::from(packet.is_watched());
            let sets = u64::from(source) | u64::from(destination) << 32;
            sums.sets = sums.sets.wrapping_add(sets);
            let [one, other] = packet.addresses.map(|address| words(packet.is_v6, address));
            let fold = one[0] ^ one[1] ^ other[0] ^ other[1];
            sums.fold = sums.fold.wrapping_add(fold);
        }
        sums
    }

    /// Blocks of narrow entries, as the program has them (sensor-ebpf/src/bench/trace.rs).
    pub(crate) fn narrow(&self) -> impl Iterator<Item = [u64; 512]> + '_ {
        self.packets.as_chunks::<256>().0.iter().map(|packets| {
            let mut block = [0; 512];
            for (entry, packet) in block.as_chunks_mut::<2>().0.iter_mut().zip(packets) {
                let [source, destination] = packet.addresses.map(|address| words(false, address));
                entry[0] = source[0] | destination[0] << 32;
                entry[1] = tail(packet);
            }
            block
        })
    }

    /// Blocks of wide entries.
    pub(crate) fn wide(&self) -> impl Iterator<Item = [u64; 320]> + '_ {
        self.packets.as_chunks::<64>().0.iter().map(|packets| {
            let mut block = [0; 320];
            for (entry, packet) in block.as_chunks_mut::<5>().0.iter_mut().zip(packets) {
                let [source, destination] =
                    packet.addresses.map(|address| words(packet.is_v6, address));
                entry[..2].copy_from_slice(&source);
                entry[2..4].copy_from_slice(&destination);
                entry[4] = tail(packet);
            }
            block
        })
    }
}

/// Version and mark, in the first two bytes.
fn tail(packet: &Packet) -> u64 {
    let version = if packet.is_v6 { 6 } else { 4 };
    u64::from_ne_bytes([version, packet.is_watched().into(), 0, 0, 0, 0, 0, 0])
}

/// An address as words of memory; IPv4 is in the first four bytes.
fn words(is_v6: bool, address: u128) -> [u64; 2] {
    let mut bytes = address.to_be_bytes();
    if !is_v6 {
        bytes.rotate_left(12);
    }
    let word = |from: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[from..from + 8]);
        u64::from_ne_bytes(word)
    };
    [word(0), word(8)]
}

/// The share of addresses to watch for that makes this share of packets match.
fn share(hits: u32) -> f64 {
    1.0 - (1.0 - f64::from(hits) / 100.0).sqrt()
}

fn of_family(list: &List, is_v6: bool) -> Vec<IpNet> {
    let prefixes = list.prefixes.iter();
    prefixes
        .filter(|prefix| matches!(prefix, IpNet::V6(_)) == is_v6)
        .copied()
        .collect()
}

struct Maker<'a> {
    chance: Chance,
    oracle: &'a Oracle,
    share: f64,
    nets: Vec<IpNet>,
    nets_v6: Vec<IpNet>,
    is_near: bool,
}

impl Maker<'_> {
    /// An address that matches or does not, as the share has it, with its set.
    fn address(&mut self, is_v6: bool, share: f64) -> (u128, u32) {
        if self.chance.is(share) {
            let address = self.inside(is_v6, None);
            return (address, self.oracle.set(is_v6, address));
        }
        loop {
            let address = if self.is_near {
                self.inside(is_v6, Some(32))
            } else if is_v6 {
                GLOBAL_V6 | self.chance.bits() & BELOW_GLOBAL_V6
            } else {
                u128::from(self.chance.word() >> 32)
            };
            if self.oracle.set(is_v6, address) == NO_MATCH_SET {
                return (address, NO_MATCH_SET);
            }
        }
    }

    /// Any address inside some prefix, or inside so many bits of it.
    fn inside(&mut self, is_v6: bool, bits: Option<u8>) -> u128 {
        let (nets, width) = if is_v6 {
            (&self.nets_v6, 128)
        } else {
            (&self.nets, 32)
        };
        let net = nets[self.chance.below(nets.len())];
        let free = u32::from(width - bits.unwrap_or_else(|| net.prefix_len()));
        let host = 1u128.checked_shl(free).unwrap_or(0).wrapping_sub(1);
        let network: IpAddr = net.network();
        number(network) & !host | self.chance.bits() & host
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::Kind;

    fn trace(family: Family, hits: u32, spread: Spread) -> Trace {
        let list = List::generate(Kind::Uniform, family, 2000);
        let sets: Vec<(IpNet, u32)> = list.prefixes.iter().copied().zip(1..).collect();
        let shape = Shape { hits, spread };
        Trace::generate(&list, &Oracle::new(&sets), shape, 1 << 14)
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "few packets")]
    fn a_trace_has_the_share_of_hits_it_promises() {
        for family in [Family::V4, Family::V6, Family::Mixed] {
            for (hits, spread) in [
                (0, Spread::Uniform),
                (1, Spread::Uniform),
                (50, Spread::Uniform),
                (100, Spread::Uniform),
                (50, Spread::Hot),
            ] {
                let trace = trace(family, hits, spread);
                let sums = trace.sums(0..trace.packets.len());
                let share = 100.0 * sums.packets as f64 / trace.packets.len() as f64;
                assert!(
                    (share - f64::from(hits)).abs() < 3.0,
                    "{family:?} {hits} {share}"
                );
            }
        }
    }

    #[test]
    fn near_addresses_are_in_the_blocks_of_the_list_and_do_not_match() {
        let near = trace(Family::V6, 0, Spread::Near);
        let list = List::generate(Kind::Uniform, Family::V6, 2000);
        let blocks: std::collections::BTreeSet<u128> = (list.prefixes.iter())
            .map(|prefix| number(prefix.network()) >> 96)
            .collect();
        for packet in &near.packets {
            assert!(
                packet
                    .addresses
                    .iter()
                    .all(|address| blocks.contains(&(address >> 96)))
            );
        }
        assert_eq!(near.sums(0..near.packets.len()).packets, 0);
    }

    #[test]
    fn hot_addresses_are_few() {
        let trace = trace(Family::V4, 1, Spread::Hot);
        let addresses = trace.packets.iter().flat_map(|packet| packet.addresses);
        let distinct: std::collections::BTreeSet<u128> = addresses.collect();
        assert!(distinct.len() <= HOT, "{}", distinct.len());
    }

    #[test]
    fn entries_hold_addresses_as_they_are_in_a_frame() {
        let packet = Packet {
            is_v6: false,
            addresses: [0x0102_0304, 0x0506_0708],
            sets: [0, 9],
        };
        let trace = Trace {
            family: Family::V4,
            packets: vec![packet; 256],
        };
        let block = trace.narrow().next().unwrap();
        assert_eq!(block[0].to_ne_bytes(), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(block[1].to_ne_bytes(), [4, 1, 0, 0, 0, 0, 0, 0]);
        let block = trace.wide().next().unwrap();
        assert_eq!(block[2].to_ne_bytes(), [5, 6, 7, 8, 0, 0, 0, 0]);
        assert_eq!(block[3], 0);
    }
}
