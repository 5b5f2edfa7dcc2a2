//! Prefixes as plain numbers, of one address family each.
//!
//! Ten million of them are sorted, compared and copied, so they hold an address in host order
//! and a length and nothing else; `ipnet` is for what people read and write.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// An IPv4 prefix.
///
/// The order is by address, then by length: a prefix comes before those it covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix4 {
    /// Its address in host order; bits beyond its length are zero.
    pub address: u32,
    /// Its length, 32 at most.
    pub length: u8,
}

/// An IPv6 prefix, in the same order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix6 {
    /// Its address in host order; bits beyond its length are zero.
    pub address: u128,
    /// Its length, 128 at most.
    pub length: u8,
}

impl Prefix4 {
    /// The prefix of this length around an address.
    pub fn around(address: u32, length: u8) -> Self {
        let beyond = u32::MAX.checked_shr(length.into()).unwrap_or(0);
        Self {
            address: address & !beyond,
            length,
        }
    }

    /// Whether it is the other one or lies around it.
    pub fn covers(self, other: Self) -> bool {
        self.length <= other.length && Self::around(other.address, self.length) == self
    }
}

impl Prefix6 {
    /// The prefix of this length around an address.
    pub fn around(address: u128, length: u8) -> Self {
        let beyond = u128::MAX.checked_shr(length.into()).unwrap_or(0);
        Self {
            address: address & !beyond,
            length,
        }
    }

    /// Whether it is the other one or lies around it.
    pub fn covers(self, other: Self) -> bool {
        self.length <= other.length && Self::around(other.address, self.length) == self
    }
}

impl From<Ipv4Net> for Prefix4 {
    fn from(net: Ipv4Net) -> Self {
        Self::around(net.addr().to_bits(), net.prefix_len())
    }
}

impl From<Ipv6Net> for Prefix6 {
    fn from(net: Ipv6Net) -> Self {
        Self::around(net.addr().to_bits(), net.prefix_len())
    }
}

impl From<Prefix4> for Ipv4Net {
    fn from(Prefix4 { address, length }: Prefix4) -> Self {
        Self::new_assert(address.into(), length)
    }
}

impl From<Prefix6> for Ipv6Net {
    fn from(Prefix6 { address, length }: Prefix6) -> Self {
        Self::new_assert(address.into(), length)
    }
}

impl From<Prefix4> for IpNet {
    fn from(prefix: Prefix4) -> Self {
        Self::V4(prefix.into())
    }
}

impl From<Prefix6> for IpNet {
    fn from(prefix: Prefix6) -> Self {
        Self::V6(prefix.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nets() -> impl Strategy<Value = (Ipv4Net, Ipv6Net)> {
        (any::<u32>(), 0..=32u8, any::<u128>(), 0..=128u8).prop_map(|(a, short, b, long)| {
            let v4 = Ipv4Net::new_assert((a & 0xc000_0003).into(), short);
            let v6 = Ipv6Net::new_assert((b & (3 << 126 | 3)).into(), long);
            (v4.trunc(), v6.trunc())
        })
    }

    proptest! {
        #[test]
        fn order_cover_and_text_are_those_of_ipnet((a4, a6) in nets(), (b4, b6) in nets()) {
            let (a, b) = (Prefix4::from(a4), Prefix4::from(b4));
            prop_assert_eq!((a.cmp(&b), a.covers(b)), (a4.cmp(&b4), a4.contains(&b4)));
            prop_assert_eq!(IpNet::from(a), IpNet::V4(a4));
            let (a, b) = (Prefix6::from(a6), Prefix6::from(b6));
            prop_assert_eq!((a.cmp(&b), a.covers(b)), (a6.cmp(&b6), a6.contains(&b6)));
            prop_assert_eq!(IpNet::from(a), IpNet::V6(a6));
        }

        #[test]
        fn bits_beyond_the_length_are_left_out(address: u32, length in 0..=32u8) {
            let meant = Ipv4Net::new_assert(address.into(), length).trunc();
            prop_assert_eq!(Ipv4Net::from(Prefix4::around(address, length)), meant);
        }
    }
}
