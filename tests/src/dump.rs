//! Everything that the maps of a sensor hold, as bpftool reads it.
//!
//! bpftool stands beside the sensor: it asks the kernel and knows nothing of the sensor's
//! types. Maps are found on three ways, so that none is overlooked: those the program
//! uses, those that stand in a place of a map of maps, and those the process or a pin
//! holds, as a flow bank that does not count now.

mod ring;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::Command,
};

use sekisho::capped;
use serde_json::Value;

pub use self::ring::Ring;
use crate::{command, pins::Pins, requires};

/// Largest file below `/proc` that is read.
const LARGEST: u64 = 1 << 20;

/// The maps of a sensor, by id.
#[derive(Clone, Debug)]
pub struct Dump(BTreeMap<u32, Dumped>);

/// One map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dumped {
    /// Its name.
    pub name: String,
    /// Its type, by bpftool's name.
    pub kind: String,
    /// Where it was found.
    pub reached: BTreeSet<Reached>,
    /// Keys and values, for each CPU where it has values of its own.
    pub parts: Vec<Vec<u8>>,
    /// The positions of a ring buffer: bytes consumed and produced.
    pub positions: Option<(u64, u64)>,
}

/// How a map was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// The program uses it.
    Program,
    /// It stands in a place of a map of maps.
    Place,
    /// The process has a descriptor of it.
    Process,
    /// It is pinned.
    Pin,
}

impl Dump {
    /// Dumps every map of a sensor. The sensor has to stand still, or maps may be gone
    /// before they are read.
    pub fn of(process: u32, program: u64, pins: Option<&Pins>) -> Self {
        let mut ids: BTreeMap<u32, BTreeSet<Reached>> = BTreeMap::new();
        let mut reach = |id, way| ids.entry(id).or_default().insert(way);
        let shown = bpftool(&["prog", "show", "id", &program.to_string()]);
        for id in numbers(&shown["map_ids"]) {
            reach(id, Reached::Program);
        }
        for id in of_process(process) {
            reach(id, Reached::Process);
        }
        for id in pins.into_iter().flat_map(of_pins) {
            reach(id, Reached::Pin);
        }
        let mut maps = BTreeMap::new();
        // Maps in places are found on the way; the kernel nests them no deeper than once.
        while let Some((id, reached)) = ids.pop_first() {
            let (map, inner) = Dumped::read(id, reached);
            for id in inner {
                match maps.get_mut(&id) {
                    Some(Dumped { reached, .. }) => reached.insert(Reached::Place),
                    None => ids.entry(id).or_default().insert(Reached::Place),
                };
            }
            maps.insert(id, map);
        }
        Self(maps)
    }

    /// The maps with their ids.
    pub fn maps(&self) -> impl Iterator<Item = (u32, &Dumped)> {
        self.0.iter().map(|(id, map)| (*id, map))
    }

    /// The maps of this name that stand in a place or could.
    pub fn inner<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Dumped> {
        let named = self.0.values().filter(move |map| map.name == name);
        named.filter(|map| !map.reached.contains(&Reached::Program))
    }

    /// The map of this name that the program uses.
    pub fn map(&self, name: &str) -> &Dumped {
        let mut used = (self.0.values())
            .filter(|map| map.name == name && map.reached.contains(&Reached::Program));
        match (used.next(), used.next()) {
            (Some(map), None) => map,
            _ => panic!("not one map {name}"),
        }
    }

    /// Bytes in all of them.
    pub fn bytes(&self) -> usize {
        let parts = self.0.values().flat_map(|map| &map.parts);
        parts.map(Vec::len).sum()
    }
}

impl Dumped {
    /// Reads a map; returns the ids in it where it is a map of maps.
    fn read(id: u32, reached: BTreeSet<Reached>) -> (Self, Vec<u32>) {
        let shown = bpftool(&["map", "show", "id", &id.to_string()]);
        let text = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
        let mut map = Self {
            name: text("name"),
            kind: text("type"),
            reached,
            parts: Vec::new(),
            positions: None,
        };
        let entries = shown["max_entries"].as_u64().unwrap_or_default();
        let entries = usize::try_from(entries).unwrap_or(usize::MAX);
        if map.kind == "ringbuf" {
            let Ring {
                consumed,
                produced,
                data,
            } = Ring::read(id, entries);
            map.parts.push(data);
            map.positions = Some((consumed, produced));
            return (map, Vec::new());
        }
        let dumped = bpftool(&["map", "dump", "id", &id.to_string()]);
        let elements = dumped.as_array().map_or(&[][..], Vec::as_slice);
        for element in elements {
            map.parts.push(bytes(&element["key"]));
            let per_cpu = element["values"].as_array();
            for value in per_cpu.into_iter().flatten().chain([element]) {
                map.parts.extend(value.get("value").map(bytes));
            }
        }
        let inner = match map.kind.as_str() {
            "array" | "percpu_array" => {
                assert_eq!(elements.len(), entries, "map {id} was not read whole");
                Vec::new()
            }
            "hash" | "percpu_hash" | "lpm_trie" => Vec::new(),
            "array_of_maps" => elements.iter().map(|e| inner_id(&e["value"])).collect(),
            kind => panic!("map {id} is of type {kind}, of which it is not known how it is read"),
        };
        (map, inner)
    }
}

/// Ids of the maps that a process has descriptors of.
fn of_process(process: u32) -> Vec<u32> {
    let folder = format!("/proc/{process}/fdinfo");
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let ids = files.flatten().filter_map(|file| {
        let text = capped::read_to_string(file.path(), LARGEST).ok()?;
        let id = text.lines().find_map(|line| line.strip_prefix("map_id:"))?;
        id.trim().parse().ok()
    });
    ids.collect()
}

/// Ids of the maps that are pinned. What is no map is the program or a link.
fn of_pins(pins: &Pins) -> Vec<u32> {
    let files = pins.all().into_iter().filter(|path| path.is_file());
    let is_map = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or_default();
        name != "sekisho" && !name.starts_with("link-")
    };
    let ids = files.filter(is_map).map(|path| {
        let shown = bpftool(&["map", "show", "pinned", &path.display().to_string()]);
        let id = shown["id"].as_u64().and_then(|id| u32::try_from(id).ok());
        id.unwrap_or_else(|| panic!("no id of {}: {shown}", path.display()))
    });
    ids.collect()
}

/// The object a command of bpftool prints.
fn bpftool(words: &[&str]) -> Value {
    let tool = requires::tool("bpftool").unwrap_or_else(|missing| panic!("{missing}"));
    let printed = command::expect(Command::new(tool).arg("--json").args(words));
    match serde_json::from_str(&printed) {
        Ok(value) => value,
        Err(error) => panic!("bpftool {words:?} printed no JSON ({error}): {printed}"),
    }
}

fn numbers(list: &Value) -> impl Iterator<Item = u32> {
    let numbers = list.as_array().into_iter().flatten();
    numbers.filter_map(|number| number.as_u64().and_then(|n| u32::try_from(n).ok()))
}

/// Bytes, as `["0x14","0xad"]`.
fn bytes(list: &Value) -> Vec<u8> {
    let byte = |text: &Value| {
        let digits = text.as_str().and_then(|text| text.strip_prefix("0x"));
        digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())
    };
    let found = list.as_array().into_iter().flatten().map(byte);
    found
        .collect::<Option<Vec<u8>>>()
        .filter(|bytes| !bytes.is_empty())
        .unwrap_or_else(|| panic!("no bytes: {list}"))
}

fn inner_id(value: &Value) -> u32 {
    match bytes(value)[..] {
        [a, b, c, d] => u32::from_ne_bytes([a, b, c, d]),
        _ => panic!("no id of a map: {value}"),
    }
}
