//! Addresses as numbers, one type a family, and ranges of them as prefixes.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// An address as a number.
pub(crate) trait Number: Copy + Ord {
    /// The last address of the family.
    const LAST: Self;

    /// The next address, unless this is the last.
    fn next(self) -> Option<Self>;
    /// The address before, unless this is the first.
    fn previous(self) -> Option<Self>;
    /// Zero bits at the end.
    fn zero_bits(self) -> u8;
    /// This address with so many bits at its end set.
    fn filled(self, bits: u8) -> Self;
    /// The prefix that begins here and leaves so many bits free.
    fn prefix(self, free: u8) -> IpNet;
}

impl Number for u32 {
    const LAST: Self = Self::MAX;

    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }

    fn zero_bits(self) -> u8 {
        u8::try_from(self.trailing_zeros()).unwrap_or(32)
    }

    fn filled(self, bits: u8) -> Self {
        self | Self::LAST.checked_shr(32 - u32::from(bits)).unwrap_or(0)
    }

    fn prefix(self, free: u8) -> IpNet {
        Ipv4Net::new_assert(Ipv4Addr::from(self), 32 - free).into()
    }
}

impl Number for u128 {
    const LAST: Self = Self::MAX;

    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }

    fn zero_bits(self) -> u8 {
        u8::try_from(self.trailing_zeros()).unwrap_or(128)
    }

    fn filled(self, bits: u8) -> Self {
        self | Self::LAST.checked_shr(128 - u32::from(bits)).unwrap_or(0)
    }

    fn prefix(self, free: u8) -> IpNet {
        Ipv6Net::new_assert(Ipv6Addr::from(self), 128 - free).into()
    }
}

/// First and last address of a prefix.
pub(super) fn bounds4(prefix: Ipv4Net) -> (u32, u32) {
    (prefix.network().into(), prefix.broadcast().into())
}

/// First and last address of a prefix.
pub(super) fn bounds6(prefix: Ipv6Net) -> (u128, u128) {
    (prefix.network().into(), prefix.broadcast().into())
}

/// The fewest prefixes that are exactly the addresses from `first` to `last`, ascending.
pub(crate) fn prefixes<N: Number>(first: N, last: N) -> impl Iterator<Item = IpNet> {
    let mut rest = Some(first).filter(|first| *first <= last);
    std::iter::from_fn(move || {
        let first = rest?;
        let mut free = first.zero_bits();
        while first.filled(free) > last {
            free -= 1;
        }
        rest = (first.filled(free).next()).filter(|next| *next <= last);
        Some(first.prefix(free))
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    /// The addresses of prefixes, as ranges joined where they touch.
    fn joined(prefixes: &[IpNet]) -> Vec<(IpAddr, IpAddr)> {
        let mut joined: Vec<(IpAddr, IpAddr)> = Vec::new();
        for prefix in prefixes {
            let touches = joined.last().is_some_and(|(_, last)| match (last, prefix) {
                (IpAddr::V4(last), IpNet::V4(prefix)) => {
                    u32::from(*last).checked_add(1) == Some(prefix.network().into())
                }
                (IpAddr::V6(last), IpNet::V6(prefix)) => {
                    u128::from(*last).checked_add(1) == Some(prefix.network().into())
                }
                _ => false,
            });
            match joined.last_mut() {
                Some(last) if touches => last.1 = prefix.broadcast(),
                _ => joined.push((prefix.network(), prefix.broadcast())),
            }
        }
        joined
    }

    proptest! {
        #[test]
        fn ranges_are_split_exactly_and_into_the_fewest(a in any::<u32>(), b in any::<u32>(), near in 0..5000u32) {
            for (a, b) in [(a, b), (a, a.saturating_add(near)), (a & 0xffff_ff00, a.saturating_add(near)), (0, b), (a, u32::MAX)] {
                let (first, last) = (a.min(b), a.max(b));
                let split: Vec<IpNet> = prefixes(first, last).collect();
                let range = (Ipv4Addr::from(first).into(), Ipv4Addr::from(last).into());
                prop_assert_eq!(joined(&split), vec![range]);
                let fewest = ipnet::Ipv4Subnets::new(first.into(), last.into(), 0).count();
                prop_assert_eq!(split.len(), fewest);
            }
        }

        #[test]
        fn the_same_for_ipv6(a in any::<u128>(), b in any::<u128>(), near in any::<u16>()) {
            for (a, b) in [(a, b), (a, a.saturating_add(near.into())), (0, b), (a, u128::MAX)] {
                let (first, last) = (a.min(b), a.max(b));
                let split: Vec<IpNet> = prefixes(first, last).collect();
                let range = (Ipv6Addr::from(first).into(), Ipv6Addr::from(last).into());
                prop_assert_eq!(joined(&split), vec![range]);
            }
        }
    }

    #[test]
    fn ranges_at_the_edges() {
        let split = |first, last| prefixes(first, last).collect::<Vec<IpNet>>();
        assert_eq!(split(0u32, u32::MAX), ["0.0.0.0/0".parse().unwrap()]);
        assert_eq!(split(5u32, 5), ["0.0.0.5/32".parse().unwrap()]);
        assert_eq!(split(6u32, 5), []);
        assert_eq!(prefixes(0, u128::MAX).count(), 1);
        assert_eq!(prefixes(1, u128::MAX).count(), 128);
        // 768 addresses: a registry's range that is no power of two.
        let split = split(0x0100_0000, 0x0100_02ff);
        let expected: Vec<IpNet> = ["1.0.0.0/23", "1.0.2.0/24"]
            .map(|text| text.parse().unwrap())
            .into();
        assert_eq!(split, expected);
    }
}
