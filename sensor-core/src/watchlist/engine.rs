//! Lays the prefixes of a generation out for the kernel: filters, lines, rows.
//!
//! How they are read stands in `sensor_common::engine`; what is written here is what the
//! program finds. The same prefixes and the same seeds give the same tables.

mod change;
mod filter;
mod lines;
mod seeds;
mod v4;
mod v6;

use std::collections::{BTreeMap, HashMap};

use sensor_common::{
    Engine, SetRow,
    engine::{Line, NO_ROW},
    port_key,
};

pub use self::{
    change::{SPARE, Store, Stores, Table},
    filter::{Chosen, Sizes, bits_for, candidates},
    seeds::Seeds,
    v4::filter_v4,
    v6::filter_v6,
};
use super::{PortRow, Prefix4, Prefix6, tables::has_ports};

/// What is laid out: prefixes in order, with the number and the group of each one's match set.
#[derive(Clone, Copy, Debug)]
pub struct Prefixes<'a> {
    /// IPv4, ascending; number `i` has match set `i + 1`.
    pub v4: &'a [Prefix4],
    /// IPv6, ascending; number `j` has match set `v4.len() + j + 1`.
    pub v6: &'a [Prefix6],
    /// The port rules of match sets, as in [`Tables::ports`](super::Tables::ports).
    pub ports: &'a [PortRow],
    /// The approval group of every match set; row 0 belongs to none.
    pub group_of_set: &'a [u32],
}

impl Prefixes<'_> {
    fn row(&self, set: u32) -> SetRow {
        let group = self.group_of_set.get(set as usize).copied();
        SetRow {
            set,
            group: group.and_then(|group| group.try_into().ok()).unwrap_or(0),
            flags: if has_ports(self.ports, set) {
                SetRow::PORTS
            } else {
                0
            },
        }
    }

    /// The rows that the second look-up leads to, each with its key.
    fn port_rows(&self) -> Vec<(u64, SetRow)> {
        let rows = self.ports.iter();
        rows.map(|row| {
            let PortRow {
                set,
                rule,
                narrowed,
            } = *row;
            let key = port_key(set, rule.protocol, rule.port.to_be_bytes());
            (key, self.row(narrowed))
        })
        .collect()
    }
}

/// The key of an IPv6 row, which a fingerprint only points to.
pub type Key6 = [u64; 3];

/// A prefix in the overflow table: two words of the address, length and IP version.
pub type OverflowKey = [u64; 3];

/// The key of an IPv4 prefix in the overflow table.
pub const fn overflow_v4(address: u32, length: u8) -> OverflowKey {
    [(address as u64) << 32, 0, length as u64 | 4 << 32]
}

/// The key of an IPv6 prefix in the overflow table.
pub const fn overflow_v6(address: u128, length: u8) -> OverflowKey {
    let [high, low] = halves(address);
    [high, low, length as u64 | 6 << 32]
}

/// Both halves of an address, the upper first.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
const fn halves(address: u128) -> [u64; 2] {
    [(address >> 64) as u64, address as u64]
}

/// The tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Laid {
    /// Shape and seeds.
    pub engine: Engine,
    /// Words of the IPv4 filter.
    pub filter_v4: Vec<u64>,
    /// Words of the IPv6 filter.
    pub filter_v6: Vec<u64>,
    /// Bits that are set in the IPv4 filter, at most: what its size follows from.
    pub set_v4: usize,
    /// Bits that are set in the IPv6 filter, likewise.
    pub set_v6: usize,
    /// Words of the filter of IPv6 prefixes of 24 to 47 bits.
    pub wide_v6: Vec<u64>,
    /// Rows of IPv4 prefixes of 16 bits and fewer, by /16, two a word; empty where there are
    /// none.
    pub short_v4: Vec<u64>,
    /// A bit for each /16 that an IPv6 prefix of fewer than 24 bits touches, likewise.
    pub short_v6: Vec<u64>,
    /// IPv4 lines.
    pub lines_v4: Vec<Line>,
    /// IPv6 lines.
    pub lines_v6: Vec<Line>,
    /// Rows: the match set of every prefix, and its group.
    pub rows: Vec<SetRow>,
    /// Keys of the IPv6 rows that lines lead to.
    pub keys_v6: Vec<Key6>,
    /// Prefixes for which their line had no room, and their rows.
    pub overflow: HashMap<OverflowKey, u32>,
    /// Rows that stand in the place of those of match sets with port rules, by
    /// [`port_key`].
    pub ports: Vec<(u64, SetRow)>,
    /// The rows of IPv4 prefixes of 16 bits and fewer.
    short_rows: BTreeMap<Prefix4, u32>,
    /// Prefixes that were added since, of [`SPARE`] that may be.
    added: usize,
}

impl Laid {
    /// Lays prefixes out.
    pub fn new(prefixes: &Prefixes<'_>, seeds: &Seeds, sizes: Sizes) -> Self {
        let mut laid = Self {
            rows: vec![SetRow::default(); 1],
            engine: seeds.engine(),
            ports: prefixes.port_rows(),
            ..Self::default()
        };
        v4::lay(&mut laid, prefixes, sizes);
        v6::lay(&mut laid, prefixes, sizes);
        laid
    }

    /// A row for a match set that no line leads to.
    fn add_row(&mut self, row: SetRow) -> u32 {
        self.rows.push(row);
        u32::try_from(self.rows.len() - 1).unwrap_or(NO_ROW)
    }

    /// Bytes of it in the kernel but for rows and keys, which belong to match sets.
    pub fn bytes(&self) -> usize {
        let filters = self.filter_v4.len() + self.filter_v6.len() + self.wide_v6.len();
        (filters + self.short_v4.len() + self.short_v6.len()) * size_of::<u64>()
            + (self.lines_v4.len() + self.lines_v6.len()) * size_of::<Line>()
            + self.overflow.len() * size_of::<(OverflowKey, u32)>()
            + self.ports.len() * size_of::<(u64, SetRow)>()
    }
}

#[cfg(test)]
mod tests;
