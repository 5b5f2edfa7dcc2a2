//! The sensor's own tables under programs of another object, for measuring.
//!
//! Generations are published as they are for a sensor, by the same code. What else is in the
//! object, programs and maps, is the business of whoever built it.

use aya::{Ebpf, EbpfLoader};
use sensor_common::{Counters, FlowPart};

use super::{
    Datapath as _, DatapathError, Kernel, LoadError, Options, Retired, TotalsBySet, Tuned,
    flows::FlowConstants,
};
use crate::watchlist::{Change, Tables};

/// A loaded object with the sensor's program and others.
pub struct Workbench(Kernel);

impl Workbench {
    /// Loads an object that has all maps of the sensor's. `entries` are sizes of further maps,
    /// `words` constants of further programs, each by name.
    pub fn load(
        object: &[u8],
        options: Options,
        entries: &[(&str, u32)],
        words: &[(&str, u32)],
    ) -> Result<Self, LoadError> {
        let flows = FlowConstants::of(options)?;
        let mut loader = EbpfLoader::new();
        for (map, entries) in entries {
            loader.map_max_entries(map, *entries);
        }
        for (global, word) in words {
            loader.override_global(global, word, true);
        }
        Kernel::load_object(object, &mut loader, &flows, 0).map(Self)
    }

    /// The object's programs, and its maps but the sensor's.
    pub const fn ebpf(&mut self) -> &mut Ebpf {
        self.0.ebpf()
    }

    /// The number the next generation must have.
    pub fn next_generation(&self) -> u64 {
        self.0.next_generation()
    }

    /// See [`super::Datapath::publish`].
    pub fn publish(&mut self, tables: &Tables) -> Result<Retired, DatapathError> {
        self.0.publish(tables)
    }

    /// See [`Kernel::tuned`].
    pub fn tuned(&self) -> &[Tuned] {
        self.0.tuned()
    }

    /// Has filters of these sizes measured as well, before they are published. All are bits of
    /// the number of words.
    pub fn offer_filters(&mut self, sizes: &[u32]) {
        self.0.tuner().offer(sizes);
    }

    /// See [`super::Datapath::change`].
    pub fn change(&mut self, change: &Change) -> Result<(), DatapathError> {
        self.0.change(change)
    }

    /// Gives an interface its slot.
    pub fn open_interface(&mut self, index: u32, slot: u8) -> Result<(), DatapathError> {
        self.0.open_interface(index, slot)
    }

    /// See [`super::Datapath::attend`].
    pub fn attend(&mut self, until: u64) -> Result<(), DatapathError> {
        self.0.attend(until)
    }

    /// See [`super::Datapath::take`].
    pub fn take(&mut self, sink: &mut dyn FnMut(FlowPart)) -> Result<(), DatapathError> {
        self.0.take(sink)
    }

    /// See [`super::Datapath::totals`].
    pub fn totals(&self) -> Result<TotalsBySet, DatapathError> {
        self.0.totals()
    }

    /// See [`super::Datapath::counters`].
    pub fn counters(&self) -> Result<Counters, DatapathError> {
        self.0.counters()
    }
}
