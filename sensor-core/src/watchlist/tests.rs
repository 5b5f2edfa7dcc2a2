//! What tests of the watchlist share.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;

use super::{Limits, PortRule, Validity};

/// Prefixes of every length, many of them equal or within each other.
pub(crate) fn prefix() -> impl Strategy<Value = IpNet> {
    let address = |bits: u32| prop_oneof![0..4u128, any::<u128>()].prop_map(move |a| a << bits | a);
    let v4 = (address(29), 0..=32u8).prop_map(|(address, length)| {
        let [.., a, b, c, d] = address.to_be_bytes();
        IpNet::V4(Ipv4Net::new_assert([a, b, c, d].into(), length).trunc())
    });
    let v6 = (address(125), 0..=128u8).prop_map(|(address, length)| {
        IpNet::V6(Ipv6Net::new_assert(address.into(), length).trunc())
    });
    // Twice, since a 32nd bit is met more often than a 128th.
    prop_oneof![v4.clone(), v6.clone(), v6]
}

/// Limits, none most of the time.
pub(crate) fn limits() -> impl Strategy<Value = Limits> {
    let validity = (any::<u64>(), any::<u64>()).prop_map(|(begin, end)| Validity { begin, end });
    let rule = (0..3u8, 0..4u16).prop_map(|(protocol, port)| PortRule { protocol, port });
    let ports = prop::collection::btree_set(rule, 0..4);
    let some = (prop::option::of(validity), ports).prop_map(|(validity, ports)| Limits {
        validity,
        ports: ports.into_iter().collect(),
    });
    prop_oneof![Just(Limits::default()), some]
}
