//! Which modules a guest loads, and in which order.

use std::collections::{BTreeMap, BTreeSet};

/// What the tests make devices of, and what captures, sockets and disciplines need.
///
/// The names are those of files, without what follows the first dot.
pub(super) const WANTED: [&str; 8] = [
    "veth",
    "8021q",
    "bonding",
    "sch_netem",
    "bridge",
    "dummy",
    "macvlan",
    "tun",
];

/// The modules of one kernel, as `depmod` found them.
#[derive(Debug, Default)]
pub(super) struct Modules {
    /// File and the files it needs, by name.
    files: BTreeMap<String, (String, Vec<String>)>,
    builtin: BTreeSet<String>,
}

/// What is to be done about the modules that are wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// Files below the folder of modules, each behind those it needs.
    pub(super) files: Vec<String>,
    /// Those that the kernel has neither as a module nor built in.
    pub(super) missing: Vec<String>,
}

impl Modules {
    /// Reads `modules.dep` and `modules.builtin`.
    pub(super) fn read(dep: &str, builtin: &str) -> Self {
        let files = dep.lines().filter_map(|line| line.split_once(':'));
        let files = files.map(|(file, needs)| {
            let needs = needs.split_whitespace().map(str::to_owned).collect();
            (name(file), (file.to_owned(), needs))
        });
        Self {
            files: files.collect(),
            builtin: builtin.lines().map(name).collect(),
        }
    }

    /// What has to be loaded for these names.
    pub(super) fn order(&self, wanted: &[&str]) -> Order {
        let mut order = Order::default();
        for wanted in wanted {
            let wanted = wanted.replace('-', "_");
            if let Some((file, needs)) = self.files.get(&wanted) {
                // The kernel's list has all that is needed, the nearest first.
                for file in needs.iter().rev().chain([file]) {
                    if !order.files.contains(file) {
                        order.files.push(file.clone());
                    }
                }
            } else if !self.builtin.contains(&wanted) {
                order.missing.push(wanted);
            }
        }
        order
    }
}

/// The name of a module by its file: `kernel/net/8021q/8021q.ko.xz` is `8021q`.
fn name(file: &str) -> String {
    let file = file.rsplit('/').next().unwrap_or(file);
    let name = file.split('.').next().unwrap_or(file);
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEP: &str = "\
kernel/net/llc/llc.ko.xz:
kernel/net/802/stp.ko.xz: kernel/net/llc/llc.ko.xz
kernel/net/802/garp.ko.xz: kernel/net/802/stp.ko.xz kernel/net/llc/llc.ko.xz
kernel/net/802/mrp.ko.xz:
kernel/net/8021q/8021q.ko.xz: kernel/net/802/garp.ko.xz kernel/net/802/stp.ko.xz \
kernel/net/llc/llc.ko.xz kernel/net/802/mrp.ko.xz
kernel/net/sched/sch-odd.ko:
kernel/net/bridge/bridge.ko.xz: kernel/net/802/stp.ko.xz kernel/net/llc/llc.ko.xz
";

    fn order(wanted: &[&str]) -> Order {
        let builtin = "kernel/drivers/net/tun.ko\nkernel/net/sched/sch_fifo.ko\n";
        Modules::read(DEP, builtin).order(wanted)
    }

    #[test]
    fn each_module_comes_behind_those_it_needs_and_once() {
        let Order { files, missing } = order(&["bridge", "8021q"]);
        assert_eq!(missing, [""; 0]);
        for line in DEP.lines() {
            let (file, needs) = line.split_once(':').unwrap_or_default();
            let at = |file: &str| files.iter().position(|one| one == file);
            for need in needs.split_whitespace() {
                assert!(at(file).is_none() || at(need) < at(file), "{need} {file}");
            }
        }
        assert_eq!(files.len(), 6);
    }

    #[test]
    fn what_is_built_in_is_not_loaded_and_not_missing() {
        let Order { files, missing } = order(&["tun", "sch-fifo", "sch_odd", "veth"]);
        assert_eq!(files, ["kernel/net/sched/sch-odd.ko"]);
        assert_eq!(missing, ["veth"]);
    }
}
