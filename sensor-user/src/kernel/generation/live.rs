//! Tables of a generation in force that single changes are made in, by stores through shared
//! memory.
//!
//! What they have to hold is kept here too: changes are found there first, and what stands in
//! the kernel is compared with it, since a table that the agent may write others may write as
//! well.

use sensor_common::{IpVersion, SlotMask};

use crate::{
    kernel::{
        Alarm, DatapathError,
        cells::{Cells, words_of},
        maps::{MMAPABLE, Named, Overflow, Rows, refused},
    },
    watchlist::{
        Change, Tables,
        engine::{Laid, Store, Table},
    },
};
use zerocopy::IntoBytes as _;

/// Words compared at once at most, 64 MiB of them: what is more has its turn later.
const AT_ONCE: usize = 8 << 20;

/// Words of a group.
const GROUP: usize = size_of::<SlotMask>() / size_of::<u64>();

/// Groups of approvals, of which more may come.
pub(super) struct Groups {
    wanted: Vec<SlotMask>,
    words: Cells,
}

/// A table of words.
struct Mapped {
    table: Table,
    name: &'static str,
    words: Cells,
}

/// The tables of the match engine.
pub(super) struct Live {
    laid: Laid,
    mapped: Vec<Mapped>,
    /// What is stored when no packet is judged any more that was when it was found.
    later: Vec<Store>,
    /// Where the next comparison begins: the place of a table, and a word of it.
    next: (usize, usize),
}

impl Groups {
    pub(super) fn new(
        groups: &[SlotMask],
        name: &'static str,
        flags: u32,
    ) -> Result<(Named<Rows<SlotMask>>, Self), DatapathError> {
        let mut wanted = groups.to_vec();
        wanted.resize(
            groups.len() + Tables::SPARE_GROUPS as usize,
            SlotMask::EMPTY,
        );
        let table = Named::filled(&wanted, flags | MMAPABLE, name)?;
        let words = Cells::map(&table, wanted.len() * GROUP)?;
        Ok((table, Self { wanted, words }))
    }

    /// Adds groups, from a number on.
    pub(super) fn add(&mut self, first: u32, groups: &[SlotMask]) {
        for (at, group) in (first as usize..).zip(groups) {
            if let Some(wanted) = self.wanted.get_mut(at) {
                *wanted = *group;
                for (at, word) in (at * GROUP..).zip(words_of(group.as_bytes())) {
                    self.words.store(at, word);
                }
            }
        }
    }

    /// Whether it stood otherwise. It does no longer.
    pub(super) fn mend(&self) -> bool {
        self.words.mend(0, words_of(self.wanted.as_bytes()))
    }
}

impl Live {
    pub(super) const fn new(laid: Laid) -> Self {
        Self {
            laid,
            mapped: Vec::new(),
            later: Vec::new(),
            next: (0, 0),
        }
    }

    /// Takes another filter for the one that was laid out.
    pub(super) fn set_filter(&mut self, family: IpVersion, bits: u32, words: Vec<u64>) {
        let (engine, filter) = match family {
            IpVersion::V4 => (
                &mut self.laid.engine.v4.filter_bits,
                &mut self.laid.filter_v4,
            ),
            IpVersion::V6 => (
                &mut self.laid.engine.v6.filter_bits,
                &mut self.laid.filter_v6,
            ),
        };
        (*engine, *filter) = (bits, words);
    }

    pub(super) const fn laid(&self) -> &Laid {
        &self.laid
    }

    /// Takes note of a table that holds what is laid out for it.
    pub(super) fn map<M>(&mut self, table: Table, rows: &Named<M>) -> Result<(), DatapathError> {
        let length = words(&self.laid, table).len() / size_of::<u64>();
        let spare = match table {
            Table::Rows => sensor_core::watchlist::engine::SPARE,
            _ => 0,
        };
        if length + spare > 0 {
            self.mapped.push(Mapped {
                table,
                name: rows.name,
                words: Cells::map(rows, length + spare)?,
            });
        }
        Ok(())
    }

    /// Refuses what the tables have no room for.
    pub(super) fn check_room(&self, change: &Change) -> Result<(), DatapathError> {
        Ok(self.laid.check_room(&change.patches)?)
    }

    /// Makes a change, for which there must be room. `engine` are the words of shape and seeds, which another table has.
    pub(super) fn change(
        &mut self,
        change: &Change,
        overflow: &mut Named<Overflow>,
        engine: impl Fn(usize, u64),
    ) -> Result<(), DatapathError> {
        let stores = self.laid.change(&change.patches);
        self.later.extend(stores.later);
        for store in stores.now {
            match store {
                Store::Overflow { key, row } => {
                    let done = match row {
                        Some(row) => overflow.map.insert(&key, &row, 0),
                        None => overflow.map.remove(&key),
                    };
                    done.map_err(refused(overflow.name))?;
                }
                Store::Word {
                    table: Table::Engine,
                    at,
                    word,
                } => engine(at, word),
                Store::Word { table, at, word } => self.store(table, at, word),
            }
        }
        Ok(())
    }

    /// Whether something is to be stored when packets that are judged now no longer are.
    pub(super) const fn has_later(&self) -> bool {
        !self.later.is_empty()
    }

    /// They no longer are.
    pub(super) fn store_later(&mut self) {
        for store in std::mem::take(&mut self.later) {
            if let Store::Word { table, at, word } = store {
                self.store(table, at, word);
            }
        }
    }

    fn store(&self, table: Table, at: usize, word: u64) {
        if let Some(mapped) = self.mapped.iter().find(|mapped| mapped.table == table) {
            mapped.words.store(at, word);
        }
    }

    /// Compares some of it with what has to stand there, and mends what differs.
    pub(super) fn mend(
        &mut self,
        overflow: &mut Named<Overflow>,
        alarms: &mut Vec<Alarm>,
    ) -> Result<(), DatapathError> {
        let mut left = AT_ONCE;
        while let Some(mapped) = self.mapped.get(self.next.0) {
            let (at, first) = self.next;
            let wanted = words(&self.laid, mapped.table);
            let wanted = wanted.get(first * size_of::<u64>()..).unwrap_or_default();
            let some = wanted.len().min(left * size_of::<u64>());
            let wanted = wanted.get(..some).unwrap_or_default();
            if mapped.words.mend(first, words_of(wanted)) {
                alarms.push(Alarm::Words { map: mapped.name });
            }
            left -= some / size_of::<u64>();
            if left == 0 {
                self.next = (at, first + some / size_of::<u64>());
                return Ok(());
            }
            self.next = (at + 1, 0);
        }
        self.next = (0, 0);
        self.mend_overflow(overflow, alarms)
    }

    fn mend_overflow(
        &self,
        overflow: &mut Named<Overflow>,
        alarms: &mut Vec<Alarm>,
    ) -> Result<(), DatapathError> {
        let failed = refused(overflow.name);
        let wanted = &self.laid.overflow;
        let found: Vec<_> = overflow
            .map
            .iter()
            .collect::<Result<_, _>>()
            .map_err(&failed)?;
        let mut right = 0;
        let mut foreign = Vec::new();
        for (key, row) in found {
            if wanted.get(&key) == Some(&row) {
                right += 1;
            } else {
                foreign.push(key);
            }
        }
        if right == wanted.len() && foreign.is_empty() {
            return Ok(());
        }
        alarms.push(Alarm::Words { map: overflow.name });
        for key in foreign.iter().filter(|key| !wanted.contains_key(*key)) {
            overflow.map.remove(key).map_err(&failed)?;
        }
        for (key, row) in wanted {
            overflow.map.insert(key, row, 0).map_err(&failed)?;
        }
        Ok(())
    }
}

/// What a table has to hold.
fn words(laid: &Laid, table: Table) -> &[u8] {
    match table {
        Table::Engine => &[],
        Table::FilterV4 => laid.filter_v4.as_bytes(),
        Table::FilterV6 => laid.filter_v6.as_bytes(),
        Table::WideV6 => laid.wide_v6.as_bytes(),
        Table::ShortV4 => laid.short_v4.as_bytes(),
        Table::ShortV6 => laid.short_v6.as_bytes(),
        Table::LinesV4 => laid.lines_v4.as_bytes(),
        Table::LinesV6 => laid.lines_v6.as_bytes(),
        Table::Rows => laid.rows.as_bytes(),
        Table::KeysV6 => laid.keys_v6.as_bytes(),
    }
}
