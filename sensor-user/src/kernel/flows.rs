//! The user side of the flow structure: [`FlowBanks::drain`] is the only way out.
//!
//! Two banks. The empty one is put into the program's slot; that system call
//! returns after every program that may hold the full one has ended (Linux waits
//! in `maybe_wait_bpf_programs`, kernel/bpf/syscall.c, for maps of maps), and only
//! then the full one is read and emptied. So no packet falls in between.

use aya::{
    Ebpf,
    maps::{ArrayOfMaps, MapData, MapError, PerCpuHashMap},
};
use sensor_common::{FlowKey, FlowValue};

use super::{DatapathError, LoadError, loader::take, wire::Wire};

type Bank = PerCpuHashMap<MapData, Wire<FlowKey>, Wire<FlowValue>>;

pub(super) struct FlowBanks {
    slot: ArrayOfMaps<MapData, Bank>,
    counting: Bank,
    idle: Bank,
}

impl FlowBanks {
    pub(super) fn take(ebpf: &mut Ebpf, capacity: u32) -> Result<Self, LoadError> {
        let slot = take(ebpf, "FLOWS")?;
        let counting = Bank::create(capacity, 0).map_err(failed)?;
        let idle = Bank::create(capacity, 0).map_err(failed)?;
        let mut banks = Self {
            slot,
            counting,
            idle,
        };
        banks.slot.set(0, &banks.counting, 0).map_err(failed)?;
        Ok(banks)
    }

    pub(super) fn drain(
        &mut self,
        sink: &mut dyn FnMut(FlowKey, FlowValue),
    ) -> Result<(), DatapathError> {
        // What an interrupted drain left behind comes first: the bank must be empty to count.
        empty(&mut self.idle, sink)?;
        self.slot.set(0, &self.idle, 0).map_err(failed)?;
        std::mem::swap(&mut self.counting, &mut self.idle);
        empty(&mut self.idle, sink)
    }
}

/// Hands over and removes every entry of a bank that no program writes to.
fn empty(bank: &mut Bank, sink: &mut dyn FnMut(FlowKey, FlowValue)) -> Result<(), DatapathError> {
    let keys: Vec<_> = bank.keys().collect::<Result<_, _>>().map_err(failed)?;
    for key in keys {
        let per_cpu = bank.get(&key, 0).map_err(failed)?;
        bank.remove(&key).map_err(failed)?;
        let mut value = FlowValue::default();
        for Wire(part) in per_cpu.iter() {
            value.absorb(part);
        }
        sink(key.0, value);
    }
    Ok(())
}

fn failed(source: MapError) -> DatapathError {
    DatapathError::Map {
        map: "FLOWS",
        source,
    }
}
