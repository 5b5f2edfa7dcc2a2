//! What a look-up has to find, by a way of its own: sorted prefixes of each length, the
//! longest first.

use std::net::IpAddr;

use ipnet::IpNet;
use sensor_common::NO_MATCH_SET;

/// Prefixes with their match sets.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    v4: Vec<Length>,
    v6: Vec<Length>,
}

/// The prefixes of one length, ascending.
#[derive(Debug)]
struct Length {
    bits: u8,
    /// Addresses with the set of each.
    prefixes: Vec<(u128, u32)>,
}

/// An address as a number, IPv4 in the low 32 bits.
pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl Oracle {
    pub(crate) fn new(sets: &[(IpNet, u32)]) -> Self {
        let mut oracle = Self::default();
        for (prefix, set) in sets {
            let lengths = match prefix {
                IpNet::V4(_) => &mut oracle.v4,
                IpNet::V6(_) => &mut oracle.v6,
            };
            let bits = prefix.prefix_len();
            let row = (number(prefix.network()), *set);
            match lengths.iter_mut().find(|length| length.bits == bits) {
                Some(length) => length.prefixes.push(row),
                None => lengths.push(Length {
                    bits,
                    prefixes: vec![row],
                }),
            }
        }
        for lengths in [&mut oracle.v4, &mut oracle.v6] {
            lengths.sort_unstable_by_key(|length| std::cmp::Reverse(length.bits));
            for length in lengths {
                length.prefixes.sort_unstable();
            }
        }
        oracle
    }

    /// The set of the longest prefix around an address.
    pub(crate) fn set(&self, is_v6: bool, address: u128) -> u32 {
        let (lengths, width) = if is_v6 {
            (&self.v6, 128)
        } else {
            (&self.v4, 32)
        };
        for length in lengths {
            let free = u32::from(width - length.bits);
            let network = (address.checked_shr(free).unwrap_or(0))
                .checked_shl(free)
                .unwrap_or(0);
            let found = (length.prefixes).binary_search_by_key(&network, |(prefix, _)| *prefix);
            if let Ok(row) = found {
                return length.prefixes[row].1;
            }
        }
        NO_MATCH_SET
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_prefix_wins() {
        let sets: Vec<(IpNet, u32)> = ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.1/32", "2001:db8::/32"]
            .iter()
            .zip(1..)
            .map(|(prefix, set)| (prefix.parse().unwrap(), set))
            .collect();
        let oracle = Oracle::new(&sets);
        let set = |address: &str| {
            let address: IpAddr = address.parse().unwrap();
            oracle.set(address.is_ipv6(), number(address))
        };
        assert_eq!(set("10.0.0.1"), 3);
        assert_eq!(set("10.0.0.2"), 2);
        assert_eq!(set("11.0.0.1"), 1);
        assert_eq!(set("2001:db8::1"), 4);
        assert_eq!(set("2001:db9::1"), NO_MATCH_SET);
    }

    proptest! {
        #[test]
        fn it_finds_what_a_search_over_all_prefixes_finds(
            prefixes in prop::collection::btree_set((0..16u32, 0..=32u8), 1..20),
            address in 0..32u32,
        ) {
            let sets: std::collections::BTreeMap<IpNet, u32> = prefixes
                .into_iter()
                .zip(1..)
                .map(|((address, bits), set)| {
                    let net = ipnet::Ipv4Net::new(address.into(), bits).unwrap().trunc();
                    (IpNet::from(net), set)
                })
                .collect();
            let address = std::net::Ipv4Addr::from_bits(address);
            let longest = sets
                .iter()
                .filter(|(prefix, _)| prefix.contains(&IpAddr::from(address)))
                .max_by_key(|(prefix, _)| prefix.prefix_len())
                .map_or(NO_MATCH_SET, |(_, set)| *set);
            let sets: Vec<(IpNet, u32)> = sets.into_iter().collect();
            prop_assert_eq!(Oracle::new(&sets).set(false, number(address.into())), longest);
        }
    }
}
