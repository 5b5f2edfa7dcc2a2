//! The longest match in compiled tables.

use std::net::IpAddr;

use sensor_common::NO_MATCH_SET;

use crate::watchlist::{Prefix4, Prefix6, Tables};

/// The match set of the longest prefix around an address; [`NO_MATCH_SET`] where there is none.
///
/// The tables ascend, so each length takes one binary search: 33 or 129 of them at most, which
/// is nothing for one question, and needs no table of its own.
pub(super) fn longest_match(tables: &Tables, address: IpAddr) -> u32 {
    let found = match address {
        IpAddr::V4(address) => (0..=32)
            .rev()
            .map(|length| Prefix4::around(address.to_bits(), length))
            .find_map(|prefix| tables.v4.binary_search(&prefix).ok())
            .map(Tables::set_v4),
        IpAddr::V6(address) => (0..=128)
            .rev()
            .map(|length| Prefix6::around(address.to_bits(), length))
            .find_map(|prefix| tables.v6.binary_search(&prefix).ok())
            .map(|place| tables.set_v6(place)),
    };
    found.unwrap_or(NO_MATCH_SET)
}
