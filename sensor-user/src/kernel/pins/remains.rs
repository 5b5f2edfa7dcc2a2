//! What a dead agent left in the kernel.

use std::{fs, os::fd::AsFd as _, path::Path};

use aya::maps::{Array, Map, MapData, MapError, PerCpuArray};
use sensor_common::{Counters, FlowPart, FlowSet, Slot, SlotCounts, Totals};

use super::{Folder, Inherited, LinkPin, PinError, error, link_of, remove_folder, view::slots};
use crate::kernel::{
    TotalsBySet,
    flows::{Bank, FlowBanks},
    generation::{Mapped, pin_name},
    loader,
    maps::{Named, Rows},
    memory::Access,
    ring::Ring,
    sys,
};
use crate::records::store::Position;

/// A dead agent's pins, not read yet.
pub struct Remains {
    folder: Folder,
    generation: u64,
    links: Vec<(LinkPin, Inherited)>,
}

/// What was read of them.
#[derive(Debug, Default)]
pub struct Recovered {
    /// What names the dead agent's run.
    pub run: u64,
    /// The generation that was in force.
    pub generation: u64,
    /// Its slots.
    pub slots: Vec<Slot>,
    /// The last deadline promised, in nanoseconds since boot.
    pub attended_until: u64,
    /// Counters, over the whole run of the dead agent.
    pub counters: Option<Counters>,
    /// Totals by match set of that generation.
    pub totals: TotalsBySet,
    /// Counts by slot of that generation.
    pub slot_counts: Vec<SlotCounts>,
    /// Flows that the dead agent had not drained.
    pub flows: Vec<FlowPart>,
}

impl Remains {
    pub(super) fn open(folder: Folder) -> Result<Self, PinError> {
        let mut links = Vec::new();
        for entry in fs::read_dir(&folder.path).map_err(error::of(&folder.path))? {
            let pin = entry.map_err(error::of(&folder.path))?.path();
            let name = pin.file_name().and_then(|name| name.to_str());
            let Some(named) = name.and_then(link_of) else {
                continue;
            };
            let link = sys::open_pin(&pin).map_err(error::unreadable(&pin))?;
            let info = sys::link_info(link.as_fd()).map_err(error::unreadable(&pin))?;
            // One whose interface is gone holds nothing; its pin goes with the folder.
            if info.interface == named.interface {
                let mode = named.mode;
                links.push((named, Inherited { link, mode, pin }));
            }
        }
        let generation = cell(&folder.path, "GENERATION")?.unwrap_or(0);
        Ok(Self {
            folder,
            generation,
            links,
        })
    }

    /// The generation that was in force; 0 is none.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Indices of the interfaces that its program may still watch.
    pub fn interfaces(&self) -> impl Iterator<Item = u32> + '_ {
        self.links.iter().map(|(link, _)| link.interface)
    }

    /// What names the dead agent's run.
    pub const fn run(&self) -> u64 {
        self.folder.number
    }

    pub(super) fn take_links(&mut self) -> Vec<(LinkPin, Inherited)> {
        std::mem::take(&mut self.links)
    }

    /// Reads what is there.
    ///
    /// `known` is up to where a store has it already.
    pub(super) fn read(&self, known: Option<Position>) -> Result<Recovered, PinError> {
        let folder = &self.folder.path;
        let mut recovered = Recovered {
            run: self.folder.number,
            generation: self.generation,
            slots: slots(folder, self.generation)?,
            attended_until: cell(folder, "LEASE")?.unwrap_or(0),
            ..Recovered::default()
        };
        recovered.flows = parts(folder, known)?;
        // A flow may stand in both banks: the part that began it comes first.
        recovered.flows.sort_by_key(|part| part.value.first);
        if let Some(stats) = open::<PerCpuArray<MapData, u64>>(folder, "STATS", Map::PerCpuArray)? {
            recovered.counters = Some(loader::counters(&stats.map)?);
        }
        recovered.slot_counts = slot_counts(folder, self.generation)?;
        recovered.totals = totals(folder, self.generation)?;
        Ok(recovered)
    }

    /// Removes it, when it was read.
    pub(super) fn remove(self) -> Result<(), PinError> {
        let folder = &self.folder.path;
        remove_folder(folder).map_err(error::of(folder))
    }
}

/// What stands in the flow banks, and in the ring what gave way in them.
fn parts(folder: &Path, known: Option<Position>) -> Result<Vec<FlowPart>, PinError> {
    let mut parts = Vec::new();
    for pin in FlowBanks::PINS {
        if let Some(map) = open_as::<Rows<FlowSet>>(folder, pin, "FLOWS", Map::Array)? {
            let bank = Bank::of(map, Access::Read)?;
            if known.is_none_or(|known| bank.epoch() > known.epoch) {
                bank.read(&mut |part| parts.push(part));
            }
        }
    }
    let path = folder.join(FlowBanks::RING);
    if path.exists() {
        let unreadable = error::unreadable(&path);
        let ring = MapData::from_pin(&path).map_err(&unreadable)?;
        let bytes = ring.info().map_err(&unreadable)?.max_entries();
        let mut ring = Ring::map(&ring.fd(), bytes, Access::Read)?;
        ring.skip_to(known.map_or(0, |known| known.ring));
        ring.read(&mut |part| {
            if !part.is_notice() {
                parts.push(part);
            }
        })?;
    }
    Ok(parts)
}

/// The number in a one-entry array; `None` where it was never pinned.
pub(super) fn cell(folder: &Path, name: &'static str) -> Result<Option<u64>, PinError> {
    let Some(array) = open::<Array<MapData, u64>>(folder, name, Map::Array)? else {
        return Ok(None);
    };
    let read = array.map.get(&0, 0);
    Ok(Some(read.map_err(error::unreadable(&folder.join(name)))?))
}

/// Counts by slot of a generation.
pub(super) fn slot_counts(folder: &Path, generation: u64) -> Result<Vec<SlotCounts>, PinError> {
    let name = pin_name("SLOT_COUNTS", generation);
    let rows = open_as::<Rows<SlotCounts>>(folder, &name, "SLOT_COUNTS", Map::Array)?;
    let Some(rows) = rows else {
        return Ok(Vec::new());
    };
    let stride = sensor_common::SLOTS as usize;
    let mapped = Mapped::new(&rows, rows.map.len() as usize, stride)?;
    Ok(mapped.by_row(SlotCounts::absorb))
}

fn totals(folder: &Path, generation: u64) -> Result<TotalsBySet, PinError> {
    let name = pin_name("TOTALS", generation);
    let rows = open_as::<Rows<Totals>>(folder, &name, "TOTALS", Map::Array)?;
    let Some(rows) = rows else {
        return Ok(Vec::new());
    };
    let length = rows.map.len() as usize;
    let cpus = aya::util::nr_cpus().map_or(1, |cpus| cpus.get() as usize);
    let mapped = Mapped::new(&rows, length, (length / cpus.max(1)).max(1))?;
    Ok(mapped.counted(Totals::absorb))
}

/// Opens a pinned map; `None` where there is none: the agent died while it was pinning.
fn open<M: TryFrom<Map, Error = MapError>>(
    folder: &Path,
    name: &'static str,
    wrap: fn(MapData) -> Map,
) -> Result<Option<Named<M>>, PinError> {
    open_as(folder, name, name, wrap)
}

pub(super) fn open_as<M: TryFrom<Map, Error = MapError>>(
    folder: &Path,
    pin: &str,
    name: &'static str,
    wrap: fn(MapData) -> Map,
) -> Result<Option<Named<M>>, PinError> {
    let path = folder.join(pin);
    if !path.exists() {
        return Ok(None);
    }
    let data = MapData::from_pin(&path).map_err(error::unreadable(&path))?;
    let named = Named::of(wrap(data), name);
    Ok(Some(named.map_err(error::unreadable(&path))?))
}
