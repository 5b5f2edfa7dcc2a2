//! Somebody with root changes what stands in the kernel: the agent notices, mends and says so.

use std::{collections::BTreeSet, path::PathBuf};

use aya::{
    Pod,
    maps::{Array, ArrayOfMaps, HashMap, Map, MapData},
    programs::{
        Xdp,
        links::{FdLink, PinnedLink},
        xdp::XdpLink,
    },
};
use sensor_common::{Engine, Slot};
use sensor_tests::{
    pins::Pins,
    require,
    road::Road,
    sensor::{Launch, Sensor, Signal},
    wait,
};

/// A slot as words: begin, end, and what follows.
type Words = [u64; size_of::<Slot>() / 8];

/// Words of the match engine's row.
const ENGINE: usize = size_of::<Engine>() / 8;

/// `BPF_F_MMAPABLE` and `BPF_F_INNER_MAP`.
const MMAPABLE: u32 = 1 << 10;
const ANY_SIZE: u32 = 1 << 12;

/// A pinned map of the running sensor.
fn pinned(pins: &Pins, name: &str) -> MapData {
    let mut all = pins.all().into_iter();
    let pin: PathBuf = all
        .find(|pin| pin.file_name().is_some_and(|found| found == name))
        .unwrap_or_else(|| panic!("no pin {name} in {:?}", pins.all()));
    MapData::from_pin(pin).unwrap()
}

/// A sensor that looks after what it published fifty times a second.
fn launched(road: &Road, pins: &Pins) -> Sensor {
    Launch::new(&road.barrier, &["r0"], &["198.51.100.0/24"])
        .pinned(pins)
        .args("--tick 20")
        .ready()
}

/// Waits for an alarm.
fn told(sensor: &Sensor, what: &str) {
    wait::until(what, || sensor.stderr().contains(what).then_some(()));
}

#[test]
fn what_somebody_changes_in_the_kernel_is_mended_and_told() {
    require!(privilege);
    let (road, pins) = (Road::v4(), Pins::new());
    let sensor = launched(&road, &pins);
    road.cross(5);

    // An approval without end.
    let mut slots = Array::<_, Words>::try_from(Map::Array(pinned(&pins, "APPROVALS-1"))).unwrap();
    let approved = slots.get(&0, 0).unwrap();
    let mut for_ever = approved;
    for_ever[1] = u64::MAX;
    slots.set(0, &for_ever, 0).unwrap();
    told(&sensor, "slot 0 had other terms than were published");
    let mended = slots.get(&0, 0).unwrap();
    // Tying the clocks narrows an approval by the nanoseconds that readings differ.
    assert!(mended[0] >= approved[0] && mended[1] <= approved[1]);
    assert!(approved[1] - mended[1] < 1_000_000 && mended[0] - approved[0] < 1_000_000);
    assert_eq!(mended[2..], approved[2..]);
    // A slot that nobody approved.
    slots.set(7, &approved, 0).unwrap();
    told(&sensor, "slot 7 had other terms than were published");
    assert_eq!(slots.get(&7, 0).unwrap(), Words::default());
    road.cross(5);

    // No generation, an interface without its slot, and no watchlist.
    let mut generation =
        Array::<_, u64>::try_from(Map::Array(pinned(&pins, "GENERATION"))).unwrap();
    generation.set(0, &8, 0).unwrap();
    told(&sensor, "generation 8 was in force instead of 1");
    road.cross(5);
    let map = Map::HashMap(pinned(&pins, "INTERFACES"));
    let mut interfaces = HashMap::<_, u32, u32>::try_from(map).unwrap();
    let index = interfaces.keys().next().unwrap().unwrap();
    interfaces.remove(&index).unwrap();
    told(&sensor, "interface r0 had another slot than it was given");
    road.cross(5);
    let map = Map::ArrayOfMaps(pinned(&pins, "LINES_V4"));
    let mut lines = ArrayOfMaps::<_, Array<MapData, [u64; 8]>>::try_from(map).unwrap();
    let empty = Array::create(1, MMAPABLE | ANY_SIZE).unwrap();
    lines.set(1, &empty, 0).unwrap();
    told(&sensor, "another map stood in the place of LINES_V4");
    road.cross(5);
    let map = Map::ArrayOfMaps(pinned(&pins, "FILTER_13"));
    let mut filters = ArrayOfMaps::<_, Array<MapData, u64>>::try_from(map).unwrap();
    let empty = Array::create(1 << 13, MMAPABLE).unwrap();
    filters.set(1, &empty, 0).unwrap();
    told(&sensor, "another map stood in the place of FILTER_13");
    road.cross(5);
    // Another filter than the one that was filled.
    let map = Map::Array(pinned(&pins, "ENGINE"));
    let mut engine = Array::<_, [u64; ENGINE]>::try_from(map).unwrap();
    let shape = engine.get(&1, 0).unwrap();
    engine.set(1, &[0; ENGINE], 0).unwrap();
    told(&sensor, "other words stood in ENGINE");
    assert_eq!(engine.get(&1, 0).unwrap(), shape);
    road.cross(5);

    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    assert_eq!(lines.verdict("recorded"), 35, "{}", lines.summary());
    let about: Vec<&str> = (lines.all().iter())
        .filter(|line| line["type"] == "alarm")
        .map(|line| line["about"].as_str().unwrap())
        .collect();
    assert_eq!(about, ["kernel"; 7]);
    assert_eq!(lines.summary()["alarms"], 7);
}

/// Tables that single changes are made in can be written by others as well.
#[test]
fn other_words_in_the_tables_of_the_watchlist_are_mended_and_told() {
    require!(privilege);
    let (road, pins) = (Road::v4(), Pins::new());
    let sensor = launched(&road, &pins);
    road.cross(5);
    changed::<u64>(&sensor, &pins, "FILTER_13", 0);
    road.cross(5);
    changed::<[u64; 8]>(&sensor, &pins, "LINES_V4", [0; 8]);
    road.cross(5);
    changed::<u64>(&sensor, &pins, "ROWS", 0);
    road.cross(5);
    changed::<[u64; 4]>(&sensor, &pins, "GROUPS", [0; 4]);
    road.cross(5);

    // An address that nobody approved.
    let outer = ArrayOfMaps::try_from(Map::ArrayOfMaps(pinned(&pins, "OVERFLOW"))).unwrap();
    let mut overflow: HashMap<MapData, [u64; 3], u32> = outer.get(&1, 0).unwrap();
    let foreign = [0xcb00_7107_0000_0000, 0, 32 | 4 << 32];
    overflow.insert(&foreign, &1, 0).unwrap();
    told(&sensor, "other words stood in OVERFLOW");
    wait::until("the address to be gone", || {
        overflow.get(&foreign, 0).is_err().then_some(())
    });

    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    // A table whose rows are changed slowly is found, and mended, more than once.
    let alarms = lines.all().iter().filter(|line| line["type"] == "alarm");
    let texts: BTreeSet<&str> = alarms.map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(texts.len(), 5, "{texts:?}");
}

/// Changes every row of a table that holds something, and waits until it is as it was.
fn changed<T: Pod + PartialEq>(sensor: &Sensor, pins: &Pins, name: &str, other: T) {
    let outer = ArrayOfMaps::try_from(Map::ArrayOfMaps(pinned(pins, name))).unwrap();
    let mut table: Array<MapData, T> = outer.get(&1, 0).unwrap();
    let rows = || (0..table.len()).map(|row| (row, table.get(&row, 0).unwrap()));
    let held: Vec<(u32, T)> = rows().filter(|(_, row)| *row != other).collect();
    assert!(!held.is_empty(), "{name}");
    for (row, _) in &held {
        table.set(*row, &other, 0).unwrap();
    }
    told(sensor, &format!("other words stood in {name}"));
    wait::until("the rows to be as they were", || {
        let stands = |(row, held): &(u32, T)| table.get(row, 0).unwrap() == *held;
        held.iter().all(stands).then_some(())
    });
}

/// Another program in the sensor's own link would see every packet in its place.
#[test]
fn another_program_in_the_link_is_put_out_again() {
    require!(privilege);
    let (road, pins) = (Road::v4(), Pins::new());
    let sensor = launched(&road, &pins);
    road.cross(5);
    let own = road.barrier.attached("r0").unwrap();
    // The same program, loaded by somebody else: nobody ever gives it a generation.
    let mut ebpf = aya::EbpfLoader::new()
        .load(sekisho::kernel::OBJECT)
        .unwrap();
    let other: &mut Xdp = ebpf.program_mut("sekisho").unwrap().try_into().unwrap();
    other.load().unwrap();
    let mut all = pins.all().into_iter();
    let link = all
        .find(|pin| pin.to_string_lossy().contains("/link-"))
        .unwrap();
    let link = FdLink::from(PinnedLink::from_pin(link).unwrap());
    other
        .attach_to_link(XdpLink::try_from(link).unwrap())
        .unwrap();
    told(&sensor, "another program stood in the link of interface r0");
    assert_eq!(road.barrier.attached("r0"), Some(own));
    road.cross(5);
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    assert_eq!(lines.verdict("recorded"), 10);
    assert_eq!(lines.summary()["alarms"], 1);
}

/// Places and port rules are frozen: nobody adds one, and the agent needs not compare them.
#[test]
fn nobody_changes_places_or_port_rules() {
    require!(privilege);
    let (road, pins) = (Road::v4(), Pins::new());
    let sensor = launched(&road, &pins);
    // The process's own descriptors say of each map whether it is frozen; some have two.
    let maps = sekisho_maps(&sensor);
    let frozen = maps.iter().filter(|text| text.contains("frozen:\t1"));
    let id = |text: &String| {
        text.lines()
            .find(|line| line.starts_with("map_id:"))
            .map(str::to_owned)
    };
    let frozen: BTreeSet<String> = frozen.filter_map(id).collect();
    // Four tables of places, port rules, and this host's own addresses.
    assert!(frozen.len() >= 6, "{frozen:?}");
    road.cross(3);
    assert_eq!(sensor.stop(Signal::SIGTERM).well().verdict("recorded"), 3);
}

/// What the descriptors of the sensor's maps say.
fn sekisho_maps(sensor: &Sensor) -> Vec<String> {
    let folder = format!("/proc/{}/fdinfo", sensor.process());
    let infos = std::fs::read_dir(folder).unwrap().flatten();
    let texts = infos.filter_map(|info| sekisho::capped::read_to_string(info.path(), 1 << 16).ok());
    texts.filter(|text| text.contains("map_id:")).collect()
}
