//! What the agent asks of the kernel.
//!
//! A trait, so that everything behind it is tested without root, with [`super::Fake`].

use std::io;

use sensor_common::{Counters, FlowPart, SlotCounts, Totals};
use thiserror::Error;

use crate::{
    clock::Terms,
    records::store::Position,
    watchlist::{Change, NoRoom, SetId, Tables},
};

/// Why the kernel did not do what it was asked.
#[derive(Debug, Error)]
pub enum DatapathError {
    /// A map operation failed.
    #[error("kernel map {map}: {source}")]
    Map {
        /// The map.
        map: &'static str,
        /// What aya said.
        source: aya::maps::MapError,
    },
    /// A system call failed.
    #[error("{call}: {source}")]
    System {
        /// The call.
        call: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A generation does not fit; the one before stays in force.
    #[error("the watchlist does not fit into the kernel: {0}; the one before stays in force")]
    NoRoom(#[from] NoRoom),
    /// A generation out of turn; the one before stays in force.
    #[error("generation {given} does not follow generation {current}")]
    OutOfTurn {
        /// The number given.
        given: u64,
        /// The generation in force; 0 is none.
        current: u64,
    },
    /// No interface holds the program any more.
    #[error("recording has stopped: {interfaces} went away, or somebody detached the program")]
    Vanished {
        /// The interfaces.
        interfaces: String,
    },
    /// The ring buffer held something that is no event.
    #[error("the ring buffer held {length} bytes that are no event of this version")]
    NotAnEvent {
        /// Their number.
        length: usize,
    },
}

/// Which interfaces hold the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Those that do, under the name they were watched by.
    pub attached: usize,
    /// Those that no longer do, because they are gone or somebody detached the program.
    pub vanished: Vec<String>,
    /// Those that have another name now, or whose name another interface has: nothing is
    /// recorded there any more.
    pub exchanged: Vec<String>,
}

/// Totals of the match sets that counted anything, by set. Of ten million sets few do.
pub type TotalsBySet = Vec<(SetId, Totals)>;

/// What a generation counted, read when it was replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retired {
    /// Its number; 0 when there was none before.
    pub generation: u64,
    /// Totals by match set, summed over CPUs.
    pub totals: TotalsBySet,
    /// Counts by slot, summed over CPUs.
    pub slot_counts: Vec<SlotCounts>,
}

/// Something that stood otherwise in the kernel than it was put there. It has been mended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Alarm {
    /// Another generation was in force.
    #[error("generation {found} was in force instead of {wanted}")]
    Generation {
        /// The number that stood there.
        found: u64,
        /// The one published.
        wanted: u64,
    },
    /// A slot had other terms.
    #[error("slot {slot} had other terms than were published")]
    Slot {
        /// The slot.
        slot: u32,
    },
    /// A table was exchanged.
    #[error("another map stood in the place of {map}")]
    Table {
        /// The map.
        map: &'static str,
    },
    /// Words of a table were changed.
    #[error("other words stood in {map}")]
    Words {
        /// The map.
        map: &'static str,
    },
    /// The lease was changed.
    #[error("the lease ran until {found} instead of {wanted} nanoseconds since boot")]
    Lease {
        /// The deadline that stood there.
        found: u64,
        /// The one promised.
        wanted: u64,
    },
    /// An interface had another slot.
    #[error("interface {interface} had another slot than it was given")]
    Interface {
        /// The interface.
        interface: String,
    },
    /// A link held another program.
    #[error("another program stood in the link of interface {interface}")]
    Program {
        /// The interface.
        interface: String,
    },
}

/// The kernel's side of the sensor.
pub trait Datapath {
    /// The number the next generation must have.
    fn next_generation(&self) -> u64;

    /// Puts a generation into force, and hands over what the one before counted. Either all
    /// of it or nothing changes, but an error of the last steps, which wait for packets still
    /// judged by the generation before, comes with the new one in force.
    fn publish(&mut self, tables: &Tables) -> Result<Retired, DatapathError>;

    /// Changes single prefixes of the generation in force, by stores that packets may meet one by
    /// one: each address leads where it did or where it will.
    ///
    /// # Errors
    ///
    /// [`DatapathError::NoRoom`] where the tables have no room for it, and
    /// [`DatapathError::OutOfTurn`]; then nothing has changed.
    fn change(&mut self, change: &Change) -> Result<(), DatapathError>;

    /// Narrows the times of a slot in the generation in force, at once: raises its begin and
    /// lowers its end, never the other way.
    fn narrow(&mut self, slot: u32, terms: Terms) -> Result<(), DatapathError>;

    /// Promises attendance until `until`, in nanoseconds since boot.
    fn attend(&mut self, until: u64) -> Result<(), DatapathError>;

    /// Hands over what flows counted since what was handed over before was forgotten, and notices
    /// of new ones; a flow may come in parts. Where it was not forgotten yet, nothing.
    ///
    /// No packet is lost or handed over twice: what is counted meanwhile comes later.
    fn drain(&mut self, sink: &mut dyn FnMut(FlowPart)) -> Result<(), DatapathError>;

    /// Forgets what was handed over: it is safe elsewhere.
    fn forget(&mut self) -> Result<(), DatapathError>;

    /// Up to where the kernel was read with the last drain; `None` where nothing of it outlives
    /// this process.
    fn position(&self) -> Option<Position> {
        None
    }

    /// Leaves what was not forgotten where it is when this ends: the next agent reads it.
    fn leave(&mut self) {}

    /// Hands over what there is and forgets it.
    fn take(&mut self, sink: &mut dyn FnMut(FlowPart)) -> Result<(), DatapathError> {
        self.drain(sink)?;
        self.forget()
    }

    /// Counters summed over CPUs. While packets arrive, a reading may count a
    /// packet a CPU as seen that has no verdict yet.
    fn counters(&self) -> Result<Counters, DatapathError>;

    /// Totals by match set of the generation in force, summed over CPUs.
    fn totals(&self) -> Result<TotalsBySet, DatapathError>;

    /// Counts by slot of the generation in force, summed over CPUs.
    fn slot_counts(&self) -> Result<Vec<SlotCounts>, DatapathError>;

    /// Which interfaces still hold the program. One that has another name now loses its slot:
    /// an approval names interfaces, and this is no longer the one it named.
    fn held(&mut self) -> Result<Held, DatapathError>;

    /// Compares what stands in the kernel with what was put there, and mends what differs.
    fn mend(&mut self) -> Result<Vec<Alarm>, DatapathError>;

    /// Lets go of every interface: no packet is counted afterwards.
    fn detach(&mut self);
}
