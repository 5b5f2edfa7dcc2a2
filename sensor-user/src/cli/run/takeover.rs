//! What dead agents left, and where it is.

use std::{collections::BTreeMap, path::Path};

use sensor_common::{FlowKey, FlowValue, Stat, Verdict};

use super::super::{printer, summary::count};
use crate::{
    agent::Publisher,
    kernel::{self, Kernel, PinFolder, Recovered, Remains},
    pipeline::{Generation, Names},
    settings::runtime::RuntimeFolder,
};

/// The folder of pins, and whether a BPF file system was mounted for it: where nobody has at
/// the usual place, it is done here, as other tools that load BPF programs do.
pub(super) fn lock_pins(folder: &Path) -> anyhow::Result<(PinFolder, bool)> {
    let is_mounted = folder.starts_with(kernel::BPF_FS_FOLDER) && kernel::mount_bpf_fs()?;
    Ok((PinFolder::lock(folder)?, is_mounted))
}

/// What the numbers of dead agents mean, by generation.
pub(super) fn old_names(
    runtime: &RuntimeFolder,
    remains: &[Remains],
) -> anyhow::Result<BTreeMap<u64, Generation>> {
    let mut names = BTreeMap::new();
    for remains in remains {
        let number = remains.generation();
        // The generation before may have flows that were not drained yet.
        for number in number.saturating_sub(1)..=number {
            if let Some(loaded) = runtime.load(number)? {
                names.insert(number, loaded.compile(loaded.places()?));
            }
        }
    }
    Ok(names)
}

/// Reads what dead agents counted, under the names they knew it by.
pub(super) fn take_over(
    kernel: &mut Kernel,
    remains: Vec<Remains>,
    old_names: BTreeMap<u64, Generation>,
    publisher: &mut Publisher,
    names: &mut Names,
) -> anyhow::Result<Vec<(FlowKey, FlowValue)>> {
    let mut flows = Vec::new();
    for recovered in kernel.take_over(remains)? {
        let Recovered {
            generation,
            totals,
            slot_counts,
            counters,
            flows: found,
            attended_until: _,
        } = recovered;
        if let Some(generation) = old_names.get(&generation) {
            publisher.fold(generation, &totals, &slot_counts);
        }
        let packets: u64 = found.iter().map(|(_, value)| value.packets).sum();
        printer::tell(&format!(
            "LAB: an agent ended without detaching; {} in {} were left in the kernel and are \
             written now",
            count(packets, "packet"),
            count(found.len() as u64, "flow"),
        ));
        if let Some(counters) = counters {
            let of = |stat: Stat| counters[stat.cell()];
            printer::tell(&format!(
                "LAB: it had seen {} and recorded {}, of which {} found no room in a flow",
                count(of(Stat::Seen), "packet"),
                of(Stat::Verdict(Verdict::Recorded)),
                of(Stat::UnattributedPackets),
            ));
        }
        flows.extend(found);
    }
    for generation in old_names.into_values() {
        names.add(generation.into());
    }
    Ok(flows)
}
