//! The longest match in compiled tables.

use std::net::IpAddr;

use ipnet::{Ipv4Net, Ipv6Net};
use sensor_common::NO_MATCH_SET;

use crate::watchlist::Tables;

/// The match set of the longest prefix around an address; [`NO_MATCH_SET`] where there is none.
///
/// The tables ascend, so each length takes one binary search: 33 or 129 of them at most, which
/// is nothing for one question, and needs no table of its own.
pub(super) fn longest_match(tables: &Tables, address: IpAddr) -> u32 {
    let found = match address {
        IpAddr::V4(address) => (0..=32)
            .rev()
            .filter_map(|length| Ipv4Net::new(address, length).ok())
            .find_map(|prefix| look_up(&tables.v4, &prefix.trunc())),
        IpAddr::V6(address) => (0..=128)
            .rev()
            .filter_map(|length| Ipv6Net::new(address, length).ok())
            .find_map(|prefix| look_up(&tables.v6, &prefix.trunc())),
    };
    found.unwrap_or(NO_MATCH_SET)
}

fn look_up<P: Ord>(rows: &[(P, u32)], prefix: &P) -> Option<u32> {
    let row = rows.binary_search_by(|(known, _)| known.cmp(prefix)).ok()?;
    rows.get(row).map(|(_, set)| *set)
}
