//! What the agent asks of the kernel.
//!
//! A trait, so that everything behind it is tested without root, with [`super::Fake`].

use std::io;

use sensor_common::{Counters, FlowEvent, FlowKey, FlowValue, Totals};
use thiserror::Error;

use crate::watchlist::{NoRoom, Tables};

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
    /// Those that do.
    pub attached: usize,
    /// Those that no longer do, because they are gone or somebody detached the program.
    pub vanished: Vec<String>,
}

/// The kernel's side of the sensor.
pub trait Datapath {
    /// Puts a generation into force. Either all of it or nothing changes, but an error of
    /// the last step, which waits for packets still judged by the generation before, comes
    /// with the new one in force.
    fn publish(&mut self, tables: &Tables) -> Result<(), DatapathError>;

    /// Promises attendance until `until`, in nanoseconds since boot.
    fn attend(&mut self, until: u64) -> Result<(), DatapathError>;

    /// Hands over the events since the last call.
    fn drain_events(&mut self, sink: &mut dyn FnMut(FlowEvent)) -> Result<(), DatapathError>;

    /// Hands over what flows counted since the last call; a flow may come in parts.
    ///
    /// No packet is lost or handed over twice: what is counted meanwhile comes
    /// with the next call.
    fn drain_flows(
        &mut self,
        sink: &mut dyn FnMut(FlowKey, FlowValue),
    ) -> Result<(), DatapathError>;

    /// Counters summed over CPUs. While packets arrive, a reading may count a
    /// packet a CPU as seen that has no verdict yet.
    fn counters(&self) -> Result<Counters, DatapathError>;

    /// Lasting totals by match set of the generation in force, summed over CPUs.
    fn totals(&self) -> Result<Vec<Totals>, DatapathError>;

    /// Which interfaces still hold the program.
    fn held(&self) -> Result<Held, DatapathError>;

    /// Lets go of every interface: no packet is counted afterwards.
    fn detach(&mut self);
}
