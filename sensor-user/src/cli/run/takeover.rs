//! What dead agents left, and where it is.

use std::{collections::BTreeMap, path::Path};

use sensor_common::{Stat, Verdict};

use super::super::{printer, summary::count};
use crate::{
    agent::{Publisher, Recovery},
    clock::BootId,
    kernel::{self, Kernel, PinFolder, Recovered, Remains},
    loaded::Loaded,
    pipeline::{Generation, Names},
    records::store::Store,
    settings::runtime::RuntimeFolder,
};

/// The folder of pins, and whether a BPF file system was mounted for it: where nobody has at
/// the usual place, it is done here, as other tools that load BPF programs do.
pub(super) fn lock_pins(folder: &Path) -> anyhow::Result<(PinFolder, bool)> {
    let is_mounted = folder.starts_with(kernel::BPF_FS_FOLDER) && kernel::mount_bpf_fs()?;
    Ok((PinFolder::lock(folder)?, is_mounted))
}

/// What the numbers of dead agents mean, by generation, as far as their snapshots are there.
/// A snapshot of another run or another boot says nothing of them.
pub(super) fn old_names(
    runtime: &RuntimeFolder,
    remains: &[Remains],
    boot_id: &BootId,
) -> anyhow::Result<BTreeMap<u64, Generation>> {
    let mut names = BTreeMap::new();
    for remains in remains {
        let number = remains.generation();
        // The generation before may have flows that were not drained yet.
        for number in number.saturating_sub(1)..=number {
            let loaded = runtime.load(number)?;
            let its = |loaded: &Loaded| {
                loaded.run == remains.run() && loaded.boot_id == boot_id.to_string()
            };
            if let Some(loaded) = loaded.filter(its) {
                names.insert(number, loaded.compile(loaded.places()?));
            }
        }
    }
    Ok(names)
}

/// Reads what dead agents counted and what was under way in the store, under the names they knew
/// it by.
pub(super) fn take_over(
    kernel: &mut Kernel,
    remains: Vec<Remains>,
    old_names: BTreeMap<u64, Generation>,
    publisher: &mut Publisher,
    (names, store): (&mut Names, &mut Option<Store>),
) -> anyhow::Result<Recovery> {
    let mut recovery = Recovery::default();
    let known = |source| store.as_ref()?.position(source);
    let (recovered, read) = kernel.take_over(remains, known)?;
    recovery.read = read;
    if let Some(store) = store {
        recovery.under_way = store.under_way()?;
    }
    for recovered in recovered {
        tell(publisher.loaded().lab, &recovered);
        match old_names.get(&recovered.generation) {
            Some(generation) => {
                publisher.fold(generation, &recovered.totals, &recovered.slot_counts);
            }
            None if recovered.generation > 0 => {
                names.add_nameless(recovered.generation, &recovered.slots);
                printer::warn(&format!(
                    "no snapshot of its generation {} in the runtime folder: its approvals are \
                     named by their slots, its indicators not at all, and its totals are left out",
                    recovered.generation
                ));
            }
            None => {}
        }
        recovery.flows.extend(recovered.flows);
    }
    for generation in old_names.into_values() {
        names.add(generation.into());
    }
    Ok(recovery)
}

fn tell(is_lab: bool, recovered: &Recovered) {
    let flows = &recovered.flows;
    let packets: u64 = flows.iter().map(|part| part.value.packets).sum();
    printer::say(
        is_lab,
        &format!(
            "an agent ended without detaching; {} in {} were left in the kernel and are \
         written now",
            count(packets, "packet"),
            count(flows.len() as u64, "flow"),
        ),
    );
    if let Some(counters) = recovered.counters {
        let of = |stat: Stat| counters[stat.cell()];
        printer::say(
            is_lab,
            &format!(
                "it had seen {} and recorded {}, of which {} found no room in a flow",
                count(of(Stat::Seen), "packet"),
                of(Stat::Verdict(Verdict::Recorded)),
                of(Stat::UnattributedPackets),
            ),
        );
    }
}
