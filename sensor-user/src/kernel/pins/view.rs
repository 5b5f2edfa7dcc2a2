//! The kernel's state as its pins show it, without changing anything.

use std::{io, path::Path};

use aya::maps::{HashMap, Map, MapData, PerCpuArray};
use sensor_common::{Counters, Slot, SlotCounts, Stat};

use super::{
    PinError, check_file_system, error, folders,
    remains::{cell, open_as, slot_counts},
};
use crate::held;
use crate::kernel::{generation::pin_name, loader, maps::Rows, wire::Wire};

/// Readings that a generation published meanwhile may spoil. One takes milliseconds.
const TRIES: u32 = 8;

/// What the kernel holds of a sensor, living or dead.
#[derive(Clone, Debug)]
pub struct View {
    /// Whether an agent lives.
    pub has_agent: bool,
    /// The generation in force; 0 is none.
    pub generation: u64,
    /// The deadline promised, in nanoseconds since boot.
    pub attended_until: u64,
    /// The slots.
    pub slots: Vec<Slot>,
    /// How far packets came in each slot.
    pub slot_counts: Vec<SlotCounts>,
    /// Counters.
    pub counters: Counters,
    /// Interfaces by index, with their slot.
    pub interfaces: Vec<(u32, u32)>,
}

impl View {
    /// Reads the pins of the youngest agent.
    pub fn read(folder: &Path) -> Result<Self, PinError> {
        let nothing = || PinError::Nothing {
            folder: folder.into(),
        };
        match folder.metadata() {
            Ok(_) => check_file_system(folder)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(nothing()),
            Err(error) => return Err(error::of(folder)(error)),
        }
        for _ in 1..TRIES {
            let youngest = folders(folder)?.pop().ok_or_else(nothing)?;
            let view = Self::of_agent(folder, &youngest.path)?;
            // The pins of a generation go when the next is in force: what was read of them may
            // be of none.
            if cell(&youngest.path, "GENERATION")?.unwrap_or(0) == view.generation {
                return Ok(view);
            }
        }
        let youngest = folders(folder)?.pop().ok_or_else(nothing)?;
        Self::of_agent(folder, &youngest.path)
    }

    fn of_agent(folder: &Path, path: &Path) -> Result<Self, PinError> {
        let generation = cell(path, "GENERATION")?.unwrap_or(0);
        let stats = open_as::<PerCpuArray<MapData, u64>>(path, "STATS", "STATS", Map::PerCpuArray)?;
        let counters = match stats {
            Some(stats) => loader::counters(&stats.map)?,
            None => [0; Stat::COUNT],
        };
        Ok(Self {
            has_agent: held::is_held(folder),
            generation,
            attended_until: cell(path, "LEASE")?.unwrap_or(0),
            slots: slots(path, generation)?,
            slot_counts: slot_counts(path, generation)?,
            counters,
            interfaces: interfaces(path)?,
        })
    }
}

pub(super) fn slots(folder: &Path, generation: u64) -> Result<Vec<Slot>, PinError> {
    let name = pin_name("APPROVALS", generation);
    let rows = open_as::<Rows<Slot>>(folder, &name, "APPROVALS", Map::Array)?;
    let Some(rows) = rows else {
        return Ok(Vec::new());
    };
    let path = folder.join(name);
    (0..rows.map.len())
        .map(|slot| rows.map.get(&slot, 0).map(|Wire(slot)| slot))
        .collect::<Result<_, _>>()
        .map_err(error::unreadable(&path))
}

fn interfaces(folder: &Path) -> Result<Vec<(u32, u32)>, PinError> {
    const NAME: &str = "INTERFACES";
    let Some(map) = open_as::<HashMap<MapData, u32, u32>>(folder, NAME, NAME, Map::HashMap)? else {
        return Ok(Vec::new());
    };
    let mut entries: Vec<(u32, u32)> = map
        .map
        .iter()
        .collect::<Result<_, _>>()
        .map_err(error::unreadable(&folder.join(NAME)))?;
    entries.sort_by_key(|&(_, slot)| slot);
    Ok(entries)
}
