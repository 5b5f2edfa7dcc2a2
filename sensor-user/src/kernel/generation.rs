//! Publishes generations: all tables of the next one are built aside and then
//! named by one store.
//!
//! Outer maps have two places, and a generation stands at its number modulo two.
//! The program reads the number once a packet, so a packet is judged by one
//! generation. Before a place is used again, the programs that read it have
//! ended: setting a place of an outer map waits for them (`maybe_wait_bpf_programs`,
//! kernel/bpf/syscall.c).

mod totals;

use aya::{
    Ebpf,
    maps::{Array, ArrayOfMaps, LpmTrie, MapData, MapError, lpm_trie::Key},
};
use sensor_common::{SLOTS, SetRow, Slot, SlotMask, Totals};

use self::totals::MappedTotals;
use super::{DatapathError, LoadError, loader::take, wire::Wire};
use crate::watchlist::Tables;

const NO_PREALLOC: u32 = 1;
const ANY_SIZE: u32 = 1 << 12;
const MMAPABLE: u32 = 1 << 10;

type Trie4 = LpmTrie<MapData, [u8; 4], u32>;
type Trie6 = LpmTrie<MapData, [u8; 16], u32>;
type Rows<T> = Array<MapData, Wire<T>>;

pub(super) struct Generations {
    number: Array<MapData, u64>,
    v4: ArrayOfMaps<MapData, Trie4>,
    v6: ArrayOfMaps<MapData, Trie6>,
    sets: ArrayOfMaps<MapData, Rows<SetRow>>,
    groups: ArrayOfMaps<MapData, Rows<SlotMask>>,
    slots: ArrayOfMaps<MapData, Rows<Slot>>,
    totals: ArrayOfMaps<MapData, Rows<Totals>>,
    current: Option<Current>,
}

struct Current {
    number: u64,
    totals: MappedTotals,
}

/// The tables of one generation before they are in force.
struct Built {
    v4: Trie4,
    v6: Trie6,
    sets: Rows<SetRow>,
    groups: Rows<SlotMask>,
    slots: Rows<Slot>,
    totals: Rows<Totals>,
    mapped: MappedTotals,
}

impl Generations {
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        Ok(Self {
            number: take(ebpf, "GENERATION")?,
            v4: take(ebpf, "WATCHED_V4")?,
            v6: take(ebpf, "WATCHED_V6")?,
            sets: take(ebpf, "SETS")?,
            groups: take(ebpf, "GROUPS")?,
            slots: take(ebpf, "APPROVALS")?,
            totals: take(ebpf, "TOTALS")?,
            current: None,
        })
    }

    pub(super) fn publish(&mut self, tables: &Tables) -> Result<(), DatapathError> {
        tables.check_room()?;
        let current = self.current.as_ref().map_or(0, |current| current.number);
        if tables.generation != current + 1 {
            return Err(DatapathError::OutOfTurn {
                given: tables.generation,
                current,
            });
        }
        let built = Built::new(tables)?;
        let place = u32::from(tables.generation % 2 == 1);
        self.v4.set(place, &built.v4, 0).map_err(of("WATCHED_V4"))?;
        self.v6.set(place, &built.v6, 0).map_err(of("WATCHED_V6"))?;
        self.sets.set(place, &built.sets, 0).map_err(of("SETS"))?;
        self.groups
            .set(place, &built.groups, 0)
            .map_err(of("GROUPS"))?;
        self.slots
            .set(place, &built.slots, 0)
            .map_err(of("APPROVALS"))?;
        self.totals
            .set(place, &built.totals, 0)
            .map_err(of("TOTALS"))?;
        self.number
            .set(0, &tables.generation, 0)
            .map_err(of("GENERATION"))?;
        self.current = Some(Current {
            number: tables.generation,
            totals: built.mapped,
        });
        // The same table once more: returns when no packet is judged by the generation before.
        self.v4.set(place, &built.v4, 0).map_err(of("WATCHED_V4"))
    }

    pub(super) fn totals(&self) -> Vec<Totals> {
        self.current
            .as_ref()
            .map_or_else(Vec::new, |current| current.totals.by_set())
    }
}

impl Built {
    fn new(tables: &Tables) -> Result<Self, DatapathError> {
        let mut v4 =
            Trie4::create(at_least_one(tables.v4.len()), NO_PREALLOC).map_err(of("WATCHED_V4"))?;
        for (prefix, set) in &tables.v4 {
            let key = Key::new(u32::from(prefix.prefix_len()), prefix.network().octets());
            v4.insert(&key, set, 0).map_err(of("WATCHED_V4"))?;
        }
        let mut v6 =
            Trie6::create(at_least_one(tables.v6.len()), NO_PREALLOC).map_err(of("WATCHED_V6"))?;
        for (prefix, set) in &tables.v6 {
            let key = Key::new(u32::from(prefix.prefix_len()), prefix.network().octets());
            v6.insert(&key, set, 0).map_err(of("WATCHED_V6"))?;
        }
        let stride = at_least_one(tables.group_of_set.len());
        let rows: Vec<SetRow> = tables
            .group_of_set
            .iter()
            .map(|&group| SetRow { group, stride })
            .collect();
        let (totals, mapped) = totals::create(stride)?;
        let mut slots = tables.slots.clone();
        slots.resize(SLOTS as usize, Slot::default());
        Ok(Self {
            v4,
            v6,
            sets: filled("SETS", &rows, ANY_SIZE)?,
            groups: filled("GROUPS", &tables.groups, ANY_SIZE)?,
            slots: filled("APPROVALS", &slots, 0)?,
            totals,
            mapped,
        })
    }
}

fn filled<T>(map: &'static str, rows: &[T], flags: u32) -> Result<Rows<T>, DatapathError>
where
    T: Copy,
    Wire<T>: aya::Pod,
{
    let mut array = Rows::<T>::create(at_least_one(rows.len()), flags).map_err(of(map))?;
    for (index, row) in (0..).zip(rows) {
        array.set(index, &Wire(*row), 0).map_err(of(map))?;
    }
    Ok(array)
}

/// The kernel refuses maps without entries.
fn at_least_one(entries: usize) -> u32 {
    u32::try_from(entries.max(1)).unwrap_or(u32::MAX)
}

fn of(map: &'static str) -> impl Fn(MapError) -> DatapathError {
    move |source| DatapathError::Map { map, source }
}
