//! Every place where something could have been left, and what is found there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::IpAddr,
    path::Path,
    process::Command,
};

use sekisho::{
    capped,
    places::{Layers, Operator, OperatorId, Territory, list},
};
use sensor_tests::{
    command,
    dump::Dump,
    pins::Pins,
    requires,
    search::{Found, Search},
    sensor::{Launch, Sensor},
};
use tempfile::TempDir;

use crate::{
    kinds::{DELEGATED, EXCLUDED, OPERATOR, WATCHED},
    town::Town,
};

/// Largest file that is searched.
const LARGEST: u64 = 1 << 30;

/// What the sensor is given and where it writes.
pub(crate) struct Files {
    folder: TempDir,
    pub(crate) pins: Pins,
}

/// Bytes by the name of the place they were found in.
pub(crate) type Places = BTreeMap<String, Vec<Vec<u8>>>;

impl Files {
    /// Builds the territory.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("delegated.txt"), DELEGATED).unwrap();
        fs::write(path("exclude.txt"), EXCLUDED.join("\n")).unwrap();
        let mut build = Command::new(requires::binary());
        build.args(["territory", "build", "--number", "1", "--domestic", "JP"]);
        build.arg("--delegated").arg(path("delegated.txt"));
        build.arg("--output").arg(path("territory.toml"));
        command::expect(&mut build);
        Self {
            folder,
            pins: Pins::new(),
        }
    }

    /// The sensor, not started yet.
    pub(crate) fn launch(&self, town: &Town) -> Launch {
        let folder = self.folder.path().display();
        let [v4, v6] = OPERATOR;
        Launch::new(&town.road.barrier, &["r0", "r1"], &WATCHED)
            .pinned(&self.pins)
            .args(&format!(
                "--territory {folder}/territory.toml --exclude {folder}/exclude.txt \
                 --operator power={v4} --operator power={v6} --output {folder}/output.jsonl \
                 --tick 20 --lease 60"
            ))
    }

    /// What places addresses, for a kernel that is driven from here.
    pub(crate) fn layers(&self) -> Layers {
        let read = |name: &str| capped::read(self.folder.path().join(name), LARGEST).unwrap();
        let prefixes = OPERATOR.map(|prefix| prefix.parse().unwrap());
        Layers {
            territory: Territory::read("territory.toml", &read("territory.toml")).unwrap(),
            exclusions: list::exclusions("exclude.txt", &read("exclude.txt")).unwrap(),
            operators: vec![Operator {
                id: OperatorId("power".into()),
                prefixes: prefixes.into(),
            }],
        }
    }

    /// What the sensor has written so far.
    pub(crate) fn output(&self) -> String {
        let path = self.folder.path().join("output.jsonl");
        capped::read_to_string(path, LARGEST).unwrap_or_default()
    }

    /// All files: output, what it said, state, snapshots, all it was given, names of pins.
    pub(crate) fn all(&self, sensor: &Sensor) -> Places {
        let mut places = Places::new();
        let runtime = self.pins.runtime();
        for root in [self.folder.path(), sensor.folder(), &runtime] {
            read_all(root, &mut places);
        }
        let names = self.pins.all();
        let names = names
            .iter()
            .map(|pin| pin.display().to_string().into_bytes());
        places.insert("pins".into(), names.collect());
        places
    }
}

/// What the maps hold, by name of the map.
pub(crate) fn maps(dump: &Dump) -> Places {
    let mut places = Places::new();
    for (_, map) in dump.maps() {
        let parts = places.entry(map.name.clone()).or_default();
        parts.extend(map.parts.iter().cloned());
    }
    places
}

/// What is found, by the name of the place.
pub(crate) fn find(search: &Search, places: &Places) -> BTreeSet<(String, Found)> {
    let mut all = BTreeSet::new();
    for (name, parts) in places {
        let found = parts.iter().flat_map(|part| search.find(part));
        all.extend(found.map(|found| (name.clone(), found)));
    }
    all
}

/// Asserts that each address is found in these places and in no other, in this form.
pub(crate) fn found_only(
    addresses: &BTreeSet<IpAddr>,
    form: &str,
    within: &[&str],
    places: &Places,
) {
    let search = Search::addresses(addresses.iter().copied());
    let found = find(&search, places);
    for address in addresses {
        let of_it = (found.iter()).filter(|(_, found)| found.trace == address.to_string());
        let (mut names, mut forms) = (BTreeSet::new(), BTreeSet::new());
        for (name, found) in of_it {
            names.insert(name.as_str());
            forms.insert(found.form);
        }
        assert_eq!(
            names,
            within.iter().copied().collect(),
            "{address}: {found:?}"
        );
        if !within.is_empty() {
            assert_eq!(forms, BTreeSet::from([form]), "{address}: {found:?}");
        }
    }
}

fn read_all(folder: &Path, places: &mut Places) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // The BPF file system beside the snapshots holds pins.
        if path.is_dir() {
            read_all(&path, places);
            continue;
        }
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let parts = places.entry(name.clone()).or_default();
        parts.push(capped::read(&path, LARGEST).unwrap());
        parts.push(name.into_bytes());
    }
}
