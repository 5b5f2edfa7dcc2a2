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
mod live;
mod mapped;
mod sized;
mod tuner;

use std::{os::fd::AsFd as _, path::Path};

use aya::{
    Ebpf,
    maps::{Array, ArrayOfMaps, MapData},
    programs::Xdp,
};
use sensor_common::{
    Engine, PlaceBucket, PlaceRow4, PlaceRow6, SLOTS, SetRow, Slot, SlotCounts, SlotMask, Totals,
    TunnelRule, engine::Line,
};

pub use self::tuner::{Measured, Tuned};
use self::{built::Built, sized::SizedMaps};
pub(super) use self::{mapped::Mapped, tuner::Tuner};
use super::{
    Alarm, DatapathError, LoadError, Retired, TotalsBySet,
    cells::Cells,
    loader::take,
    maps::{Named, Overflow, Ports, Rows, system},
    sys,
};
use crate::{
    clock::Terms,
    watchlist::{Change, Tables, engine::Key6},
};

type Outer<M> = Named<ArrayOfMaps<MapData, M>>;

pub(super) struct Generations {
    number: Named<Array<MapData, u64>>,
    /// The number in shared memory.
    word: Cells,
    /// Shape and seeds of the match engine, a row for each of two generations.
    engine: Named<Rows<Engine>>,
    /// They in shared memory.
    shapes: Cells,
    outer: OuterMaps,
    pub(super) tuner: Tuner,
    /// The number of the generation in force, of this process or the one before it.
    last: u64,
    current: Option<Built>,
}

/// The outer maps: each holds the tables of two generations.
struct OuterMaps {
    sized: SizedMaps,
    lines_v4: Outer<Rows<Line>>,
    lines_v6: Outer<Rows<Line>>,
    keys_v6: Outer<Rows<Key6>>,
    overflow: Outer<Overflow>,
    ports: Outer<Ports>,
    rows: Outer<Rows<SetRow>>,
    groups: Outer<Rows<SlotMask>>,
    slots: Outer<Rows<Slot>>,
    totals: Outer<Rows<Totals>>,
    counts: Outer<Rows<SlotCounts>>,
    buckets_v4: Outer<Rows<PlaceBucket>>,
    buckets_v6: Outer<Rows<PlaceBucket>>,
    places_v4: Outer<Rows<PlaceRow4>>,
    places_v6: Outer<Rows<PlaceRow6>>,
    tunnels: Outer<Rows<TunnelRule>>,
}

impl Generations {
    pub(super) fn take(ebpf: &mut Ebpf, last: u64) -> Result<Self, LoadError> {
        let number = take(ebpf, "GENERATION")?;
        let engine = take(ebpf, "ENGINE")?;
        Ok(Self {
            word: Cells::map(&number, 1)?,
            number,
            shapes: Cells::map(&engine, 2 * Engine::WORDS)?,
            engine,
            outer: OuterMaps {
                sized: SizedMaps::take(ebpf)?,
                lines_v4: take(ebpf, "LINES_V4")?,
                lines_v6: take(ebpf, "LINES_V6")?,
                keys_v6: take(ebpf, "KEYS_V6")?,
                overflow: take(ebpf, "OVERFLOW")?,
                ports: take(ebpf, "PORTS")?,
                rows: take(ebpf, "ROWS")?,
                groups: take(ebpf, "GROUPS")?,
                slots: take(ebpf, "APPROVALS")?,
                totals: take(ebpf, "TOTALS")?,
                counts: take(ebpf, "SLOT_COUNTS")?,
                buckets_v4: take(ebpf, "BUCKETS_V4")?,
                buckets_v6: take(ebpf, "BUCKETS_V6")?,
                places_v4: take(ebpf, "PLACES_V4")?,
                places_v6: take(ebpf, "PLACES_V6")?,
                tunnels: take(ebpf, "TUNNELS")?,
            },
            tuner: Tuner::take(ebpf)?,
            last,
            current: None,
        })
    }

    /// Pins the outer maps and the number.
    pub(super) fn pin(&self, folder: &Path) -> Result<(), DatapathError> {
        pin_as(&self.number, folder, self.number.name)?;
        pin_as(&self.engine, folder, self.engine.name)?;
        self.outer.pin(folder)
    }

    /// The number the next generation must have.
    pub(super) const fn next(&self) -> u64 {
        self.last.saturating_add(1)
    }

    /// Puts a generation into force. With a folder, what the next process has to read of it
    /// is pinned there first. With the program that measures, its filters are tuned before.
    pub(super) fn publish(
        &mut self,
        tables: &Tables,
        pins: Option<&Path>,
        program: Option<&mut Xdp>,
    ) -> Result<Retired, DatapathError> {
        tables.check_room()?;
        if tables.generation != self.next() {
            return Err(DatapathError::OutOfTurn {
                given: tables.generation,
                current: self.last,
            });
        }
        let mut built = Built::new(tables, self.tuner.sizes())?;
        if let Some(folder) = pins {
            built.pin(folder)?;
        }
        let place = built.place();
        self.outer.put(place, &built)?;
        if let Some(program) = program {
            let (shapes, sized) = (&self.shapes, &self.outer.sized);
            (self.tuner).tune(program, (shapes, sized), tables, &mut built);
        }
        built.open()?;
        self.set_engine(&built);
        self.word.store(0, tables.generation);
        self.last = tables.generation;
        let before = self.current.replace(built);
        // The same table once more: returns when no packet is judged by the generation before.
        self.in_force(|outer, current| outer.rows.put(place, &current.rows))?;
        let Some(before) = before else {
            return Ok(Retired::default());
        };
        self.outer.forget_watchlist(&before)?;
        if let Some(folder) = pins {
            before.unpin(folder);
        }
        Ok(before.retired())
    }

    /// Changes single prefixes of the generation in force.
    pub(super) fn change(&mut self, change: &Change) -> Result<(), DatapathError> {
        let (given, current) = (change.generation, self.last);
        let in_force = self.current.as_mut();
        let Some(built) = in_force.filter(|built| built.number == given) else {
            return Err(DatapathError::OutOfTurn { given, current });
        };
        let first = built.place() as usize * Engine::WORDS;
        let shapes = &self.shapes;
        built.change(change, |at, word| shapes.store(first + at, word))
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
        let place = current.place();
        if self
            .shapes
            .mend(place as usize * Engine::WORDS, current.engine().words())
        {
            alarms.push(Alarm::Words {
                map: self.engine.name,
            });
        }
        self.outer.mend(place, current, alarms)?;
        self.word.store(0, current.number);
        if current.has_later() {
            // Returns when no packet is judged that was when the changes were made.
            self.outer.rows.put(place, &current.rows)?;
            current.store_later();
        }
        current.mend_watchlist(alarms)
    }

    fn set_engine(&self, built: &Built) {
        store_engine(&self.shapes, built.place(), built.engine());
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
            lines_v4, lines_v6, keys_v6, overflow, ports, rows, groups, slots, totals, counts,
            buckets_v4, buckets_v6, places_v4, places_v6, tunnels
        )
    };
}

impl OuterMaps {
    /// Puts every table into its place, all at once: each waits for packets that may be
    /// judged by what stood there, and they wait together.
    fn put(&mut self, place: u32, built: &Built) -> Result<(), DatapathError> {
        std::thread::scope(|scope| {
            let mut waiting: Vec<_> = (self.sized.puts(&built.sized))
                .map(|put| scope.spawn(put))
                .collect();
            macro_rules! put {
                ($($table:ident),*) => {
                    $({
                        let (outer, table) = (&mut self.$table, &built.$table);
                        waiting.push(scope.spawn(move || outer.put(place, table)));
                    })*
                };
            }
            every_table!(put);
            all(waiting)
        })
    }

    fn pin(&self, folder: &Path) -> Result<(), DatapathError> {
        macro_rules! pin {
            ($($table:ident),*) => {
                $(pin_as(&self.$table, folder, self.$table.name)?;)*
            };
        }
        every_table!(pin);
        self.sized.pin(folder)?;
        Ok(())
    }

    /// Indicators that no approval in force names any more leave the kernel.
    fn forget_watchlist(&self, before: &Built) -> Result<(), DatapathError> {
        let place = before.place();
        std::thread::scope(|scope| {
            let mut waiting: Vec<_> = (self.sized.forgets(&before.sized))
                .map(|forget| scope.spawn(forget))
                .collect();
            macro_rules! forget {
                ($($table:ident),*) => {
                    $(waiting.push(scope.spawn(|| self.$table.forget(place)));)*
                };
            }
            forget!(lines_v4, lines_v6, keys_v6, overflow, ports, rows);
            all(waiting)
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
        self.sized.mend(&built.sized, alarms)
    }
}

/// Writes shape and seeds of a generation that stands at `place`.
fn store_engine(shapes: &Cells, place: u32, engine: &Engine) {
    let first = place as usize * Engine::WORDS;
    for (at, word) in (first..).zip(engine.words()) {
        shapes.store(at, word);
    }
}

/// Waits for all that was begun.
fn all(
    waiting: Vec<std::thread::ScopedJoinHandle<'_, Result<(), DatapathError>>>,
) -> Result<(), DatapathError> {
    waiting
        .into_iter()
        .try_for_each(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        })
}

/// Where a generation's tables stand in every outer map.
const fn place_of(generation: u64) -> u32 {
    if generation % 2 == 1 { 1 } else { 0 }
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
