//! Single prefixes of a laid-out watchlist: what is stored, and in which order.
//!
//! Packets are judged while the stores are made. Each one leaves tables by which an address
//! leads to what it led to before or to what it leads to afterwards. A prefix that is new goes
//! into the overflow table, since the rows of lanes are numbered without gaps; one that is not
//! watched any more leaves its lane, and its bits stay in the filter.

use ipnet::IpNet;
use sensor_common::{
    Engine4, SetRow,
    engine::{Line, NO_ROW},
};

use super::{Laid, OverflowKey, Prefix4, Prefix6, overflow_v4, overflow_v6, v4, v6};
use crate::watchlist::{NoRoom, Patch};

/// Prefixes that may be added to tables that are laid out.
pub const SPARE: usize = 1_024;

/// A table of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Shape and seeds.
    Engine,
    /// IPv4 filter.
    FilterV4,
    /// IPv6 filter.
    FilterV6,
    /// Wide IPv6 filter.
    WideV6,
    /// Short IPv4 prefixes.
    ShortV4,
    /// Short IPv6 prefixes.
    ShortV6,
    /// IPv4 lines.
    LinesV4,
    /// IPv6 lines.
    LinesV6,
    /// Rows.
    Rows,
    /// Keys of IPv6 rows.
    KeysV6,
}

/// A store, which is made as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// A word.
    Word {
        /// Where.
        table: Table,
        /// Number of the word in the table.
        at: usize,
        /// What it is from now on.
        word: u64,
    },
    /// A prefix in the overflow table.
    Overflow {
        /// Which.
        key: OverflowKey,
        /// Its row; `None` takes it out.
        row: Option<u32>,
    },
}

/// Stores in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Stores {
    /// What is stored at once.
    pub now: Vec<Store>,
    /// What is stored when no packet is being judged any more that was when the others were: what
    /// is left of prefixes that nothing leads to.
    pub later: Vec<Store>,
}

/// Where a prefix stands.
#[derive(Clone, Copy, Debug)]
enum Stand {
    /// In the lane of a line that leads to its row.
    Lane {
        line: usize,
        row: u32,
    },
    Overflow {
        row: u32,
    },
    /// In the table by /16.
    Short {
        row: u32,
    },
}

impl Stand {
    const fn row(self) -> u32 {
        match self {
            Self::Lane { row, .. } | Self::Overflow { row } | Self::Short { row } => row,
        }
    }
}

impl Laid {
    /// Refuses what does not go into the tables as they are laid out.
    pub fn check_room(&self, patches: &[Patch]) -> Result<(), NoRoom> {
        let what = "prefixes added to the watchlist in force";
        let new = patches
            .iter()
            .filter(|patch| patch.is_watched && self.stand(patch.prefix).is_none());
        let mut needed = self.added;
        for patch in new {
            needed += 1;
            if needed > SPARE || !self.has_tables_for(patch.prefix) {
                let room = SPARE.saturating_sub(self.added);
                return Err(NoRoom { what, needed, room });
            }
        }
        Ok(())
    }

    /// Makes the changes, and says what is to be stored where the tables are, in this order.
    /// There must be room.
    pub fn change(&mut self, patches: &[Patch]) -> Stores {
        let mut stores = Stores::default();
        for patch in patches {
            let Patch {
                prefix,
                is_watched,
                row,
            } = *patch;
            match (self.stand(prefix), is_watched) {
                (Some(stand), true) => self.set_row(stand.row(), row, &mut stores),
                (Some(stand), false) => self.remove(prefix, stand, row, &mut stores),
                (None, true) => self.add(prefix, row, &mut stores),
                (None, false) => {}
            }
        }
        stores
    }

    /// Whether there are the tables that a new prefix needs.
    fn has_tables_for(&self, prefix: IpNet) -> bool {
        match prefix {
            IpNet::V4(prefix) if prefix.prefix_len() <= v4::SHORT => !self.short_v4.is_empty(),
            IpNet::V4(_) => !self.filter_v4.is_empty() && !self.lines_v4.is_empty(),
            IpNet::V6(prefix) => {
                let filter = match prefix.prefix_len() {
                    v6::BLOCK.. => &self.filter_v6,
                    v6::SHORT.. => &self.wide_v6,
                    _ => &self.short_v6,
                };
                !filter.is_empty() && !self.lines_v6.is_empty()
            }
        }
    }

    /// Where a prefix stands, if it does.
    fn stand(&self, prefix: IpNet) -> Option<Stand> {
        match prefix {
            IpNet::V4(prefix) => {
                let prefix = Prefix4::from(prefix);
                if prefix.length <= v4::SHORT {
                    let row = *self.short_rows.get(&prefix)?;
                    return Some(Stand::Short { row });
                }
                let spot = v4::spot(&self.engine.v4, prefix)?;
                let line = self.lines_v4.get(spot.line as usize)?;
                let row = Line::find(&line.0, spot.tag);
                if row != NO_ROW {
                    let line = spot.line as usize;
                    return Some(Stand::Lane { line, row });
                }
            }
            IpNet::V6(prefix) => {
                let prefix = Prefix6::from(prefix);
                let engine = &self.engine.v6;
                let spot = v6::spot(engine, prefix);
                let line = self.lines_v6.get(spot.line as usize)?;
                let row = Line::find(&line.0, spot.tag);
                let key = row.checked_sub(engine.first);
                let key = key.and_then(|at| self.keys_v6.get(at as usize));
                if row != NO_ROW && key == Some(&v6::key(prefix)) {
                    let line = spot.line as usize;
                    return Some(Stand::Lane { line, row });
                }
            }
        }
        let row = *self.overflow.get(&overflow_key(prefix))?;
        Some(Stand::Overflow { row })
    }

    fn set_row(&mut self, at: u32, row: SetRow, stores: &mut Stores) {
        let at = at as usize;
        if let Some(known) = self.rows.get_mut(at) {
            *known = row;
            let (table, word) = (Table::Rows, row.word());
            stores.word(table, at, word);
        }
    }

    /// Adds a prefix: its row first, and what lets an address pass the filter last.
    fn add(&mut self, prefix: IpNet, row: SetRow, stores: &mut Stores) {
        self.added += 1;
        let number = self.add_row(SetRow::default());
        self.set_row(number, row, stores);
        match prefix {
            IpNet::V4(prefix) if prefix.prefix_len() <= v4::SHORT => {
                let prefix = Prefix4::from(prefix);
                let around = self.short_around(prefix);
                self.short_rows.insert(prefix, number);
                self.exchange_short(prefix, (around, number), stores);
            }
            IpNet::V4(net) => {
                let prefix = Prefix4::from(net);
                let engine = self.engine.v4;
                let line = v4::spot(&engine, prefix).map(|spot| spot.line as usize);
                let key = overflow_v4(prefix.address, prefix.length);
                self.overflow.insert(key, number);
                stores.overflow(key, Some(number));
                let lines = (Table::LinesV4, &mut self.lines_v4[..]);
                set_overflow(lines, line.unwrap_or(0), stores);
                if prefix.length < 32 {
                    self.engine.v4.lengths |= 1 << prefix.length;
                    self.store_engine(stores);
                }
                let filter = (Table::FilterV4, engine.filter_bits, &mut self.filter_v4[..]);
                set_marks(filter, stores, |mark| {
                    v4::mark_prefix(&engine, prefix, mark);
                });
            }
            IpNet::V6(net) => self.add_v6(net.into(), number, stores),
        }
    }

    fn add_v6(&mut self, prefix: Prefix6, number: u32, stores: &mut Stores) {
        let engine = self.engine.v6;
        let key = overflow_v6(prefix.address, prefix.length);
        self.overflow.insert(key, number);
        stores.overflow(key, Some(number));
        let line = v6::spot(&engine, prefix).line as usize;
        set_overflow((Table::LinesV6, &mut self.lines_v6[..]), line, stores);
        let lengths = &mut self.engine.v6;
        match prefix.length {
            128.. => lengths.has_128 = 1,
            length => lengths.lengths[usize::from(length / 64)] |= 1 << (length % 64),
        }
        self.store_engine(stores);
        let filter = (Table::FilterV6, engine.filter_bits, &mut self.filter_v6[..]);
        set_marks(filter, stores, |mark| {
            v6::mark_prefix(&engine, prefix, mark);
        });
        let filter = (Table::WideV6, engine.wide_bits, &mut self.wide_v6[..]);
        set_marks(filter, stores, |mark| v6::mark_wide(&engine, prefix, mark));
        for block in v6::short_blocks(prefix) {
            let at = block / 64;
            if let Some(word) = self.short_v6.get_mut(at) {
                *word |= 1 << (block % 64);
                let (table, word) = (Table::ShortV6, *word);
                stores.word(table, at, word);
            }
        }
    }

    /// Takes a prefix out: its row leads where the next shorter prefix does, for packets that
    /// have found it already, and then nothing leads to the row.
    fn remove(&mut self, prefix: IpNet, stand: Stand, row: SetRow, stores: &mut Stores) {
        self.set_row(stand.row(), row, stores);
        match (stand, prefix) {
            (Stand::Lane { line, row }, IpNet::V4(_)) => {
                empty_lane((Table::LinesV4, &mut self.lines_v4), (line, row), stores);
            }
            (Stand::Lane { line, row }, IpNet::V6(_)) => {
                empty_lane((Table::LinesV6, &mut self.lines_v6), (line, row), stores);
                let at = row.wrapping_sub(self.engine.v6.first) as usize;
                if let Some(key) = self.keys_v6.get_mut(at) {
                    *key = [0; 3];
                    let (table, word) = (Table::KeysV6, 0);
                    let words = at * 3..at * 3 + 3;
                    let words = words.map(|at| Store::Word { table, at, word });
                    stores.later.extend(words);
                }
            }
            (Stand::Overflow { .. }, _) => {
                let key = overflow_key(prefix);
                self.overflow.remove(&key);
                stores.overflow(key, None);
            }
            (Stand::Short { row }, IpNet::V4(prefix)) => {
                let prefix = Prefix4::from(prefix);
                self.short_rows.remove(&prefix);
                let around = self.short_around(prefix);
                self.exchange_short(prefix, (row, around), stores);
            }
            (Stand::Short { .. }, IpNet::V6(_)) => {}
        }
    }

    /// The row of the longest prefix around a short one.
    fn short_around(&self, prefix: Prefix4) -> u32 {
        let mut shorter = (0..prefix.length).rev();
        let found = shorter.find_map(|length| {
            let around = Prefix4::around(prefix.address, length);
            self.short_rows.get(&around).copied()
        });
        found.unwrap_or(NO_ROW)
    }

    /// Gives every /16 in a prefix that has one row another.
    fn exchange_short(&mut self, prefix: Prefix4, rows: (u32, u32), stores: &mut Stores) {
        let first = Engine4::short(prefix.address);
        let blocks = first..first + (1 << (v4::SHORT - prefix.length));
        for block in blocks {
            let at = block as usize / 2;
            let Some(word) = self.short_v4.get_mut(at) else {
                continue;
            };
            if Engine4::short_row(*word, block) != rows.0 {
                continue;
            }
            let shift = (block & 1) * 32;
            *word = *word & !(0xffff_ffff << shift) | u64::from(rows.1) << shift;
            let (table, word) = (Table::ShortV4, *word);
            stores.word(table, at, word);
        }
    }

    fn store_engine(&self, stores: &mut Stores) {
        let table = Table::Engine;
        let words = self.engine.words().into_iter().enumerate();
        let words = words.map(|(at, word)| Store::Word { table, at, word });
        stores.now.extend(words);
    }
}

impl Stores {
    fn word(&mut self, table: Table, at: usize, word: u64) {
        self.now.push(Store::Word { table, at, word });
    }

    fn overflow(&mut self, key: OverflowKey, row: Option<u32>) {
        self.now.push(Store::Overflow { key, row });
    }
}

fn overflow_key(prefix: IpNet) -> OverflowKey {
    match prefix {
        IpNet::V4(prefix) => overflow_v4(prefix.addr().to_bits(), prefix.prefix_len()),
        IpNet::V6(prefix) => overflow_v6(prefix.addr().to_bits(), prefix.prefix_len()),
    }
}

/// Words of a line.
const WORDS: usize = size_of::<Line>() / size_of::<u64>();

fn set_overflow((table, lines): (Table, &mut [Line]), at: usize, stores: &mut Stores) {
    if let Some(line) = lines.get_mut(at) {
        line.set_overflow();
        let (at, word) = (at * WORDS, line.0[0]);
        stores.word(table, at, word);
    }
}

/// Empties the lane of a row: first the lane counts no more, then its tag goes.
fn empty_lane((table, lines): (Table, &mut [Line]), (at, row): (usize, u32), stores: &mut Stores) {
    if let Some(line) = lines.get_mut(at) {
        let tag = line.empty(row);
        stores.word(table, at * WORDS, line.0[0]);
        let (at, word) = (at * WORDS + tag, line.0[tag]);
        stores.later.push(Store::Word { table, at, word });
    }
}

/// Sets in a filter what a prefix marks.
fn set_marks(
    (table, bits, words): (Table, u32, &mut [u64]),
    stores: &mut Stores,
    marks: impl FnOnce(&mut dyn FnMut(u64, u64)),
) {
    marks(&mut |hash, mask| {
        let at = hash.checked_shr(64 - bits).unwrap_or(0);
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        if let Some(word) = words.get_mut(at) {
            *word |= mask;
            let (table, word) = (table, *word);
            stores.word(table, at, word);
        }
    });
}
