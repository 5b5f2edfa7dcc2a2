//! A datapath that several hands hold: a test feeds it and looks into it while an agent drains it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sensor_common::{Counters, FlowPart, SlotCounts};

use super::{Alarm, Datapath, DatapathError, Held, Retired, TotalsBySet};
use crate::{
    clock::Terms,
    records::store::Position,
    watchlist::{Change, Tables},
};

/// A datapath that several hands hold. Clones are the same one.
#[derive(Debug)]
pub struct Shared<D>(Arc<Mutex<D>>);

impl<D> Shared<D> {
    /// Of a datapath.
    pub fn new(datapath: D) -> Self {
        Self(Arc::new(Mutex::new(datapath)))
    }

    /// Takes it in hand; meanwhile nobody else does anything with it.
    pub fn lock(&self) -> MutexGuard<'_, D> {
        // A poisoned lock is that of a test that failed already.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D> Clone for Shared<D> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<D: Datapath> Datapath for Shared<D> {
    fn next_generation(&self) -> u64 {
        self.lock().next_generation()
    }

    fn publish(&mut self, tables: &Tables) -> Result<Retired, DatapathError> {
        self.lock().publish(tables)
    }

    fn change(&mut self, change: &Change) -> Result<(), DatapathError> {
        self.lock().change(change)
    }

    fn narrow(&mut self, slot: u32, terms: Terms) -> Result<(), DatapathError> {
        self.lock().narrow(slot, terms)
    }

    fn attend(&mut self, until: u64) -> Result<(), DatapathError> {
        self.lock().attend(until)
    }

    fn drain(&mut self, sink: &mut dyn FnMut(FlowPart)) -> Result<(), DatapathError> {
        self.lock().drain(sink)
    }

    fn forget(&mut self) -> Result<(), DatapathError> {
        self.lock().forget()
    }

    fn position(&self) -> Option<Position> {
        self.lock().position()
    }

    fn leave(&mut self) {
        self.lock().leave();
    }

    fn counters(&self) -> Result<Counters, DatapathError> {
        self.lock().counters()
    }

    fn totals(&self) -> Result<TotalsBySet, DatapathError> {
        self.lock().totals()
    }

    fn slot_counts(&self) -> Result<Vec<SlotCounts>, DatapathError> {
        self.lock().slot_counts()
    }

    fn held(&mut self) -> Result<Held, DatapathError> {
        self.lock().held()
    }

    fn mend(&mut self) -> Result<Vec<Alarm>, DatapathError> {
        self.lock().mend()
    }

    fn detach(&mut self) {
        self.lock().detach();
    }
}
