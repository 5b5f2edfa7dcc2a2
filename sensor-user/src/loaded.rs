//! What an agent has loaded: everything a generation is made of, and the names of what it
//! was made from.
//!
//! Compiling it gives the tables the kernel has, since the same input gives the same output.
//! So a snapshot of it tells a later process what the numbers in the kernel mean, and lets
//! anybody ask what would become of a packet without touching the kernel.
//!
//! A core: no kernel, no clock, no input or output.

pub mod explain;

use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    pipeline::Generation,
    places::{Flat, Layers, PlacesError, flatten},
    watchlist::{InForce, Moment, Schedule, Watchlist, compile},
};

/// An interface that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// Its name when the agent began.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// Its slot.
    pub slot: u8,
}

/// What a generation is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loaded {
    /// Version of the types shared with the kernel.
    pub wire_version: u32,
    /// What names the agent's run among those of a boot: the number of its folder of pins.
    pub run: u64,
    /// The boot whose clock the slots are on.
    pub boot_id: String,
    /// Nanoseconds from 1970 to boot.
    pub unix_at_boot: u64,
    /// The generation's number.
    pub generation: u64,
    /// When the generation was compiled, and when indicators began or ended in it since.
    pub moments: Vec<Moment>,
    /// Whether it is lab.
    pub lab: bool,
    /// Interfaces, by slot.
    pub interfaces: Vec<Interface>,
    /// Own addresses, as lab knows them on a real network card.
    pub own_addresses: Vec<IpNet>,
    /// The approvals in force with their slots.
    pub approvals: Vec<InForce>,
    /// What places addresses.
    pub layers: Layers,
    /// The indicators, which a snapshot keeps in a file of their own.
    #[serde(skip)]
    pub watchlist: Watchlist,
}

impl Loaded {
    /// The places, flattened.
    pub fn places(&self) -> Result<Arc<Flat>, PlacesError> {
        flatten(&self.layers).map(Arc::new)
    }

    /// The generation with its tables, and with every change since.
    pub fn compile(&self, places: Arc<Flat>) -> Generation {
        let mut moments = self.moments.iter().copied();
        let first = moments.next().unwrap_or_default();
        let watchlist = &self.watchlist;
        let mut compiled = compile(watchlist, &self.approvals, places, self.generation, first);
        if moments.len() > 0 {
            let mut schedule = Schedule::of(watchlist, first);
            for moment in moments {
                let affected = schedule.pass(moment);
                if let Some((changed, _)) = compiled.changed(watchlist, &affected, moment) {
                    compiled = changed;
                }
            }
        }
        Generation {
            watchlist: watchlist.clone(),
            compiled,
            interfaces: (!self.interfaces.is_empty())
                .then(|| self.interfaces.iter().map(|i| i.name.clone()).collect()),
        }
    }
}
