//! The user side of the flow structure: [`FlowBanks::drain`] is the only way out.
//!
//! Two banks. The empty one is put into the program's slot; that system call
//! returns after every program that may hold the full one has ended (Linux waits
//! in `maybe_wait_bpf_programs`, kernel/bpf/syscall.c, for maps of maps), and only
//! then the full one is read and emptied. So no packet falls in between.

use std::{os::fd::AsFd as _, path::Path};

use aya::{
    Ebpf,
    maps::{ArrayOfMaps, MapData, PerCpuValues},
};
use sensor_common::{FlowKey, FlowValue};

use super::{
    Alarm, DatapathError, LoadError,
    loader::take,
    maps::{Bank, Named, refused, system},
    sys,
    wire::Wire,
};

pub(super) struct FlowBanks {
    slot: Named<ArrayOfMaps<MapData, Bank>>,
    counting: Named<Bank>,
    idle: Named<Bank>,
}

impl FlowBanks {
    /// The names of the banks' pins.
    pub(super) const PINS: [&str; 2] = ["FLOWS-0", "FLOWS-1"];

    pub(super) fn take(ebpf: &mut Ebpf, capacity: u32) -> Result<Self, LoadError> {
        let slot = take(ebpf, "FLOWS")?;
        let mut banks = Self {
            slot,
            counting: Named::bank(capacity, "FLOWS")?,
            idle: Named::bank(capacity, "FLOWS")?,
        };
        banks.slot.put(0, &banks.counting)?;
        Ok(banks)
    }

    /// Pins both banks: the next process reads what this one did not.
    pub(super) fn pin(&self, folder: &Path) -> Result<(), DatapathError> {
        for (bank, pin) in [&self.counting, &self.idle].into_iter().zip(Self::PINS) {
            sys::pin(bank.as_fd(), &folder.join(pin)).map_err(system("pinning a flow bank"))?;
        }
        Ok(())
    }

    /// Puts the bank back that counts, where somebody exchanged it.
    pub(super) fn mend(&mut self, alarms: &mut Vec<Alarm>) -> Result<(), DatapathError> {
        if self.slot.holds(0, &self.counting)? {
            return Ok(());
        }
        alarms.push(Alarm::Table { map: "FLOWS" });
        self.slot.put(0, &self.counting)
    }

    /// Returns when every program that runs now has ended.
    pub(super) fn wait(&mut self) -> Result<(), DatapathError> {
        self.slot.put(0, &self.counting)
    }

    pub(super) fn drain(
        &mut self,
        sink: &mut dyn FnMut(FlowKey, FlowValue),
    ) -> Result<(), DatapathError> {
        // What an interrupted drain left behind comes first: the bank must be empty to count.
        empty(&mut self.idle.map, sink)?;
        self.slot.put(0, &self.idle)?;
        std::mem::swap(&mut self.counting, &mut self.idle);
        empty(&mut self.idle.map, sink)
    }
}

/// Hands over every entry of a bank that no program writes to, which stays as it is.
pub(super) fn read(
    bank: &Bank,
    sink: &mut dyn FnMut(FlowKey, FlowValue),
) -> Result<(), DatapathError> {
    for key in bank.keys() {
        let key = key.map_err(refused("FLOWS"))?;
        sink(key.0, sum(&bank.get(&key, 0).map_err(refused("FLOWS"))?));
    }
    Ok(())
}

fn sum(per_cpu: &PerCpuValues<Wire<FlowValue>>) -> FlowValue {
    let mut value = FlowValue::default();
    for Wire(part) in per_cpu.iter() {
        value.absorb(part);
    }
    value
}

/// Hands over and removes every entry of a bank that no program writes to.
pub(super) fn empty(
    bank: &mut Bank,
    sink: &mut dyn FnMut(FlowKey, FlowValue),
) -> Result<(), DatapathError> {
    let keys: Vec<_> = bank
        .keys()
        .collect::<Result<_, _>>()
        .map_err(refused("FLOWS"))?;
    for key in keys {
        let per_cpu = bank.get(&key, 0).map_err(refused("FLOWS"))?;
        bank.remove(&key).map_err(refused("FLOWS"))?;
        sink(key.0, sum(&per_cpu));
    }
    Ok(())
}
