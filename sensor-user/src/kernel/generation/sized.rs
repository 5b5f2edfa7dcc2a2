//! Tables of a size that the program knows, so that it looks them up in line: filters, and
//! those of short prefixes. A generation has those of them that it needs.

use std::{os::fd::AsFd as _, path::Path};

use aya::{
    Ebpf,
    maps::{ArrayOfMaps, MapData},
};
use sensor_common::IpVersion;
use sensor_core::watchlist::engine::{self, Laid};

use super::{Outer, all, live::Live, pin_as};
use crate::kernel::{
    Alarm, DatapathError, LoadError,
    loader::take,
    maps::{MMAPABLE, Named, Rows, system},
    sys,
};

/// The outer maps of filters, by the bits of the number of their words.
const FILTERS: [(u32, &str); 8] = [
    (13, "FILTER_13"),
    (15, "FILTER_15"),
    (17, "FILTER_17"),
    (18, "FILTER_18"),
    (19, "FILTER_19"),
    (20, "FILTER_20"),
    (21, "FILTER_21"),
    (22, "FILTER_22"),
];

const PUTTING: &str = "setting a place of an outer map";

/// Places of a filter's kind: IPv4, IPv6, wide IPv6; two each, one a generation.
const KINDS: [u32; 3] = [0, 2, 4];

/// The outer maps.
pub(super) struct SizedMaps(Vec<Outer<Rows<u64>>>);

/// The tables of one generation, and where they stand.
#[derive(Default)]
pub(super) struct Sized(Vec<Table>);

struct Table {
    /// The outer map's name.
    outer: &'static str,
    place: u32,
    kind: engine::Table,
    words: Named<Rows<u64>>,
}

impl Sized {
    /// The tables of a generation that stands at `place`.
    pub(super) fn new(laid: &Laid, place: u32) -> Result<Self, DatapathError> {
        let filters = [
            (engine::Table::FilterV4, &laid.filter_v4),
            (engine::Table::FilterV6, &laid.filter_v6),
            (engine::Table::WideV6, &laid.wide_v6),
        ];
        let filters = KINDS.into_iter().zip(filters);
        let filters = filters.filter_map(|(places, (kind, words))| {
            let name = words.len().checked_ilog2().and_then(filter_map)?;
            Some((name, places + place, kind, words))
        });
        let short = [
            ("SHORT_V4", place, engine::Table::ShortV4, &laid.short_v4),
            ("SHORT_V6", place, engine::Table::ShortV6, &laid.short_v6),
        ];
        let tables = filters.chain(short).filter(|(.., words)| !words.is_empty());
        let built = tables.map(|(outer, place, kind, words)| Table::new(outer, place, kind, words));
        built.collect::<Result<_, _>>().map(Self)
    }

    /// Lets single changes be made in them.
    pub(super) fn map(&self, live: &mut Live) -> Result<(), DatapathError> {
        let mut tables = self.0.iter();
        tables.try_for_each(|table| live.map(table.kind, &table.words))
    }

    /// Adds a filter of another size for a generation that stands at `place`.
    pub(super) fn add_filter(
        &mut self,
        family: IpVersion,
        place: u32,
        words: &[u64],
    ) -> Result<(), DatapathError> {
        let outer = words.len().checked_ilog2().and_then(filter_map);
        let outer = outer.ok_or_else(|| system(PUTTING)(std::io::ErrorKind::NotFound.into()))?;
        let kind = match family {
            IpVersion::V4 => engine::Table::FilterV4,
            IpVersion::V6 => engine::Table::FilterV6,
        };
        let table = Table::new(outer, filter_place(family, place), kind, words)?;
        self.0.push(table);
        Ok(())
    }

    /// Takes in the tables of another.
    pub(super) fn absorb(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Hands out the filters of an address family, but that of one size.
    pub(super) fn take_filters_but(&mut self, family: IpVersion, place: u32, bits: u32) -> Self {
        let (kept, place) = (filter_map(bits), filter_place(family, place));
        let is_other = |table: &mut Table| {
            let is_filter = FILTERS.iter().any(|(_, name)| *name == table.outer);
            is_filter && table.place == place && Some(table.outer) != kept
        };
        Self(self.0.extract_if(.., is_other).collect())
    }
}

/// The outer map of filters of this size.
fn filter_map(bits: u32) -> Option<&'static str> {
    let (_, name) = FILTERS.into_iter().find(|filter| filter.0 == bits)?;
    Some(name)
}

/// Where the filter of an address family stands in it.
const fn filter_place(family: IpVersion, place: u32) -> u32 {
    let [v4, v6, _] = KINDS;
    match family {
        IpVersion::V4 => v4 + place,
        IpVersion::V6 => v6 + place,
    }
}

impl Table {
    fn new(
        outer: &'static str,
        place: u32,
        kind: engine::Table,
        words: &[u64],
    ) -> Result<Self, DatapathError> {
        let words = Named::filled(words, MMAPABLE, outer)?;
        Ok(Self {
            outer,
            place,
            kind,
            words,
        })
    }
}

impl SizedMaps {
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        let names = FILTERS.map(|(_, name)| name);
        let names = names.into_iter().chain(["SHORT_V4", "SHORT_V6"]);
        names
            .map(|name| take::<ArrayOfMaps<MapData, Rows<u64>>>(ebpf, name))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn pin(&self, folder: &Path) -> Result<(), DatapathError> {
        self.0
            .iter()
            .try_for_each(|map| pin_as(map, folder, map.name))
    }

    fn of(&self, table: &Table) -> Result<&Outer<Rows<u64>>, DatapathError> {
        let found = self.0.iter().find(|map| map.name == table.outer);
        found.ok_or_else(|| system(PUTTING)(std::io::ErrorKind::NotFound.into()))
    }

    /// What puts the tables into their places: all of it may be done at once.
    pub(super) fn puts<'a>(
        &'a self,
        tables: &'a Sized,
    ) -> impl Iterator<Item = impl FnOnce() -> Result<(), DatapathError> + Send + 'a> {
        tables.0.iter().map(move |table| {
            move || {
                let outer = self.of(table)?;
                sys::set_inner(outer.as_fd(), table.place, table.words.as_fd())
                    .map_err(system(PUTTING))
            }
        })
    }

    /// What empties their places again, likewise.
    pub(super) fn forgets<'a>(
        &'a self,
        tables: &'a Sized,
    ) -> impl Iterator<Item = impl FnOnce() -> Result<(), DatapathError> + Send + 'a> {
        tables.0.iter().map(move |table| {
            move || {
                let outer = self.of(table)?;
                sys::forget_inner(outer.as_fd(), table.place).map_err(system(PUTTING))
            }
        })
    }

    /// Puts tables into their places, all at once.
    pub(super) fn put(&self, tables: &Sized) -> Result<(), DatapathError> {
        at_once(self.puts(tables))
    }

    /// Empties their places again, likewise.
    pub(super) fn forget(&self, tables: &Sized) -> Result<(), DatapathError> {
        at_once(self.forgets(tables))
    }

    /// Puts back every table that somebody exchanged.
    pub(super) fn mend(
        &self,
        tables: &Sized,
        alarms: &mut Vec<Alarm>,
    ) -> Result<(), DatapathError> {
        let asking = system("asking for the id of a map");
        for table in &tables.0 {
            let outer = self.of(table)?;
            let there = sys::inner_id(outer.as_fd(), table.place).map_err(&asking)?;
            if there != Some(sys::id(table.words.as_fd()).map_err(&asking)?) {
                alarms.push(Alarm::Table { map: table.outer });
                sys::set_inner(outer.as_fd(), table.place, table.words.as_fd())
                    .map_err(system(PUTTING))?;
            }
        }
        Ok(())
    }
}

fn at_once(
    work: impl Iterator<Item = impl FnOnce() -> Result<(), DatapathError> + Send>,
) -> Result<(), DatapathError> {
    std::thread::scope(|scope| all(work.map(|work| scope.spawn(work)).collect()))
}
