//! Whether a dump is one of all maps.

use std::collections::BTreeMap;

use aya::maps::loaded_maps;
use sekisho::kernel::{OBJECT, map_names};
use sensor_tests::{
    dump::{Dump, Dumped, Reached},
    wait,
};

/// Sections of constants, each a map: those the program reads and the version, which only
/// the loader does. The kernel cuts the name.
const CONSTANTS: [&str; 2] = [".rodata", ".rodata.WIRE_VE"];

/// Outer maps whose table goes as soon as its generation is no longer in force.
const OF_WATCHLIST: [&str; 6] = [
    "LINES_V4", "LINES_V6", "KEYS_V6", "OVERFLOW", "PORTS", "ROWS",
];

/// Outer maps that hold a table only where one of that size is needed.
fn is_sized(name: &str) -> bool {
    name.starts_with("FILTER_") || name.starts_with("SHORT_")
}

/// Asserts that the dump has the object's maps, with what the watchlist in `kinds` needs: three
/// filters (of IPv4, IPv6 and wide IPv6 prefixes) and a table of short ones; so many generations and two flow banks, and
/// no other map.
pub(crate) fn is_all(dump: &Dump, generations: usize) {
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for name in map_names(OBJECT).unwrap() {
        // Of the program that measures filters, which is loaded only while it does.
        if name == "TUNE" {
            expected.insert(name, 1);
            continue;
        }
        let inner = match dump.map(&name).kind.as_str() {
            "array_of_maps" if name == "FLOWS" => 2,
            "array_of_maps" if OF_WATCHLIST.contains(&&*name) => 1,
            "array_of_maps" if name == "FILTER_13" => 3,
            "array_of_maps" if name == "SHORT_V4" => 1,
            "array_of_maps" if is_sized(&name) => 0,
            "array_of_maps" => generations,
            _ => 0,
        };
        expected.insert(name, 1 + inner);
    }
    expected.extend(CONSTANTS.map(|name| (name.to_owned(), 1)));

    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for (id, map) in dump.maps() {
        *found.entry(map.name.clone()).or_default() += 1;
        assert!(
            !map.parts.is_empty() || is_empty_table(map),
            "map {id} {}",
            map.name
        );
    }
    assert_eq!(found, expected);
    let banks: Vec<&Dumped> = dump.inner("FLOWS").collect();
    assert!(
        banks
            .iter()
            .any(|bank| bank.reached.contains(&Reached::Place))
    );
    assert!(
        banks
            .iter()
            .any(|bank| !bank.reached.contains(&Reached::Place))
    );
}

/// Cells of an array of numbers, summed over CPUs.
pub(crate) fn cells(map: &Dumped) -> Vec<u64> {
    let mut cells: Vec<u64> = Vec::new();
    for part in &map.parts {
        match part[..] {
            // The key comes before the values.
            [_, _, _, _] => cells.push(0),
            _ => *cells.last_mut().unwrap() += u64::from_ne_bytes(part[..].try_into().unwrap()),
        }
    }
    cells
}

/// Waits until the kernel has freed every map.
pub(crate) fn are_gone(dump: &Dump) {
    wait::until("the kernel has freed the maps", || {
        let mut loaded = loaded_maps().flatten();
        loaded
            .all(|map| dump.maps().all(|(id, _)| id != map.id()))
            .then_some(())
    });
}

/// Tables may have no entry, arrays have all.
fn is_empty_table(map: &Dumped) -> bool {
    ["hash", "percpu_hash"].contains(&map.kind.as_str())
        || map.kind == "array_of_maps" && is_sized(&map.name)
}
