mod build;
mod explain;
mod flatten;

use ipnet::IpNet;
use proptest::prelude::*;

use super::*;

/// Prefixes of every length, close together.
fn prefix() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<[u8; 2]>(), 0..=32u8).prop_map(|([a, b], length)| {
        IpNet::new([10 + (a & 1), a & 3, b, a].into(), length)
            .unwrap()
            .trunc()
    });
    let v6 = (any::<u16>(), 0..=128u8).prop_map(|(a, length)| {
        IpNet::new([0x2001, a & 3, a, 0, 0, 0, 0, a].into(), length)
            .unwrap()
            .trunc()
    });
    prop_oneof![v4, v6]
}

/// The addresses at the edges of prefixes and beside them.
fn edges(prefixes: &[IpNet]) -> Vec<std::net::IpAddr> {
    let mut edges: Vec<std::net::IpAddr> = Vec::new();
    for prefix in prefixes {
        match prefix {
            IpNet::V4(prefix) => {
                let (first, last) = number::bounds4(*prefix);
                for address in [first.wrapping_sub(1), first, last, last.wrapping_add(1)] {
                    edges.push(std::net::Ipv4Addr::from(address).into());
                }
            }
            IpNet::V6(prefix) => {
                let (first, last) = number::bounds6(*prefix);
                for address in [first.wrapping_sub(1), first, last, last.wrapping_add(1)] {
                    edges.push(std::net::Ipv6Addr::from(address).into());
                }
            }
        }
    }
    edges
}
