//! Publishes generations: all tables of the next one are built aside and then
//! named by one store.
//!
//! Outer maps have two places, and a generation stands at its number modulo two.
//! The program reads the number once a packet, so a packet is judged by one
//! generation. Before a place is used again, the programs that read it have
//! ended: setting a place of an outer map waits for them (`maybe_wait_bpf_programs`,
//! kernel/bpf/syscall.c).

mod buckets;
mod built;
mod mapped;

use std::{os::fd::AsFd as _, path::Path};

use aya::{
    Ebpf,
    maps::{Array, ArrayOfMaps, MapData},
};
use sensor_common::{
    PlaceBucket, PlaceRow4, PlaceRow6, SLOTS, SetRow, Slot, SlotCounts, SlotMask, Totals,
};

use self::built::Built;
pub(super) use self::mapped::Mapped;
use super::{
    Alarm, DatapathError, LoadError, Retired, TotalsBySet,
    cells::Cells,
    loader::take,
    maps::{Named, Rows, Trie, system},
    sys,
};
use crate::{clock::Terms, watchlist::Tables};

type Outer<M> = Named<ArrayOfMaps<MapData, M>>;

pub(super) struct Generations {
    number: Named<Array<MapData, u64>>,
    /// The number in shared memory.
    word: Cells,
    outer: OuterMaps,
    /// The number of the generation in force, of this process or the one before it.
    last: u64,
    current: Option<Built>,
}

/// The outer maps: each holds the tables of two generations.
struct OuterMaps {
    v4: Outer<Trie<[u8; 4]>>,
    v6: Outer<Trie<[u8; 16]>>,
    sets: Outer<Rows<SetRow>>,
    groups: Outer<Rows<SlotMask>>,
    slots: Outer<Rows<Slot>>,
    totals: Outer<Rows<Totals>>,
    counts: Outer<Rows<SlotCounts>>,
    buckets_v4: Outer<Rows<PlaceBucket>>,
    buckets_v6: Outer<Rows<PlaceBucket>>,
    places_v4: Outer<Rows<PlaceRow4>>,
    places_v6: Outer<Rows<PlaceRow6>>,
}

impl Generations {
    pub(super) fn take(ebpf: &mut Ebpf, last: u64) -> Result<Self, LoadError> {
        let number = take(ebpf, "GENERATION")?;
        Ok(Self {
            word: Cells::map(&number, 1)?,
            number,
            outer: OuterMaps {
                v4: take(ebpf, "WATCHED_V4")?,
                v6: take(ebpf, "WATCHED_V6")?,
                sets: take(ebpf, "SETS")?,
                groups: take(ebpf, "GROUPS")?,
                slots: take(ebpf, "APPROVALS")?,
                totals: take(ebpf, "TOTALS")?,
                counts: take(ebpf, "SLOT_COUNTS")?,
                buckets_v4: take(ebpf, "BUCKETS_V4")?,
                buckets_v6: take(ebpf, "BUCKETS_V6")?,
                places_v4: take(ebpf, "PLACES_V4")?,
                places_v6: take(ebpf, "PLACES_V6")?,
            },
            last,
            current: None,
        })
    }

    /// Pins the outer maps and the number.
    pub(super) fn pin(&self, folder: &Path) -> Result<(), DatapathError> {
        pin_as(&self.number, folder, self.number.name)?;
        self.outer.pin(folder)
    }

    /// The number the next generation must have.
    pub(super) const fn next(&self) -> u64 {
        self.last.saturating_add(1)
    }

    /// Puts a generation into force. With a folder, what the next process has to read of it
    /// is pinned there first.
    pub(super) fn publish(
        &mut self,
        tables: &Tables,
        pins: Option<&Path>,
    ) -> Result<Retired, DatapathError> {
        tables.check_room()?;
        if tables.generation != self.next() {
            return Err(DatapathError::OutOfTurn {
                given: tables.generation,
                current: self.last,
            });
        }
        let built = Built::new(tables)?;
        if let Some(folder) = pins {
            built.pin(folder)?;
        }
        let place = built.place();
        self.outer.put(place, &built)?;
        self.word.store(0, tables.generation);
        self.last = tables.generation;
        let before = self.current.replace(built);
        // The same table once more: returns when no packet is judged by the generation before.
        self.in_force(|outer, current| outer.v4.put(place, &current.v4))?;
        let Some(before) = before else {
            return Ok(Retired::default());
        };
        self.outer.forget_watchlist(before.place())?;
        if let Some(folder) = pins {
            before.unpin(folder);
        }
        Ok(before.retired())
    }

    /// Narrows the times of a slot of the generation in force.
    pub(super) fn narrow(&mut self, slot: u32, terms: Terms) {
        if let Some(current) = &mut self.current {
            current.narrow(slot, terms);
        }
    }

    pub(super) fn totals(&self) -> TotalsBySet {
        self.current.as_ref().map_or_else(Vec::new, Built::totals)
    }

    pub(super) fn slot_counts(&self) -> Vec<SlotCounts> {
        let current = self.current.as_ref();
        current.map_or_else(Vec::new, Built::slot_counts)
    }

    /// Compares what stands in the kernel with what was published, and mends what differs.
    pub(super) fn mend(&mut self, alarms: &mut Vec<Alarm>) -> Result<(), DatapathError> {
        let Some(current) = self.current.as_mut() else {
            return Ok(());
        };
        let found = self.word.load(0);
        if found != current.number {
            let wanted = current.number;
            alarms.push(Alarm::Generation { found, wanted });
        }
        current.mend_slots(alarms);
        self.outer.mend(current.place(), current, alarms)?;
        self.word.store(0, current.number);
        Ok(())
    }

    fn in_force(
        &mut self,
        work: impl FnOnce(&mut OuterMaps, &mut Built) -> Result<(), DatapathError>,
    ) -> Result<(), DatapathError> {
        match &mut self.current {
            Some(current) => work(&mut self.outer, current),
            None => Ok(()),
        }
    }
}

/// Hands every table to a macro: each has the same name among the outer maps and in a
/// generation.
macro_rules! every_table {
    ($given:ident) => {
        $given!(
            v4, v6, sets, groups, slots, totals, counts, buckets_v4, buckets_v6, places_v4,
            places_v6
        )
    };
}

impl OuterMaps {
    /// Puts every table into its place, all at once: each waits for packets that may be
    /// judged by what stood there, and they wait together.
    fn put(&mut self, place: u32, built: &Built) -> Result<(), DatapathError> {
        std::thread::scope(|scope| {
            macro_rules! put {
                ($($table:ident),*) => {
                    [$({
                        let (outer, table) = (&mut self.$table, &built.$table);
                        scope.spawn(move || outer.put(place, table))
                    }),*]
                };
            }
            let waiting = every_table!(put);
            waiting.into_iter().try_for_each(|put| match put.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    fn pin(&self, folder: &Path) -> Result<(), DatapathError> {
        macro_rules! pin {
            ($($table:ident),*) => {
                $(pin_as(&self.$table, folder, self.$table.name)?;)*
            };
        }
        every_table!(pin);
        Ok(())
    }

    /// Indicators that no approval in force names any more leave the kernel.
    fn forget_watchlist(&mut self, place: u32) -> Result<(), DatapathError> {
        let (v4, v6) = (Named::trie(1, "WATCHED_V4")?, Named::trie(1, "WATCHED_V6")?);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| self.v6.put(place, &v6));
            self.v4.put(place, &v4)?;
            match other.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Puts back every table that somebody exchanged.
    fn mend(
        &mut self,
        place: u32,
        built: &Built,
        alarms: &mut Vec<Alarm>,
    ) -> Result<(), DatapathError> {
        macro_rules! mend {
            ($($table:ident),*) => {
                $(if !self.$table.holds(place, &built.$table)? {
                    alarms.push(Alarm::Table { map: self.$table.name });
                    self.$table.put(place, &built.$table)?;
                })*
            };
        }
        every_table!(mend);
        Ok(())
    }
}

/// Pins one table of a generation.
fn pin<M>(table: &Named<M>, folder: &Path, number: u64) -> Result<(), DatapathError> {
    pin_as(table, folder, &pin_name(table.name, number))
}

fn pin_as<M>(table: &Named<M>, folder: &Path, name: &str) -> Result<(), DatapathError> {
    sys::pin(table.as_fd(), &folder.join(name)).map_err(system("pinning a table"))
}

/// The name of the pin of a generation's table. The kernel takes no dot in it.
pub(super) fn pin_name(table: &str, number: u64) -> String {
    format!("{table}-{number}")
}

const _: () = assert!(SLOTS == 256);
