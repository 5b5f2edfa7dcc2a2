//! A sensor that keeps its log while time goes on.

use std::collections::{BTreeMap, BTreeSet};

use sensor_core::documents::{
    Attended, Decision, Folder, Gate, Identity, Refusal, Rule, Shelf, Time, journal::Arrival,
};

use crate::world::{Papers, World, time};

/// A sensor.
pub(super) struct Sensor {
    pub(super) identity: Identity,
    pub(super) folder: Folder,
    pub(super) logged: Vec<Arrival>,
    /// What lay in the folder from which moment on.
    pub(super) folders: BTreeMap<Time, Folder>,
    cache: Shelf,
    pub(super) now: Time,
}

impl Sensor {
    /// That finds these papers at a moment.
    pub(super) fn new(world: &World, now: &str) -> Self {
        let Papers { identity, .. } = world.papers();
        let mut sensor = Self {
            identity,
            folder: Folder::default(),
            logged: Vec::new(),
            folders: BTreeMap::new(),
            cache: Shelf::default(),
            now: time(now),
        };
        sensor.finds(world, now);
        sensor
    }

    /// Papers come to those that are there; what was is never taken away.
    pub(super) fn finds(&mut self, world: &World, now: &str) -> Decision {
        for (name, bytes) in world.papers().folder.files {
            self.folder.files.insert(name, bytes);
        }
        self.at(now)
    }

    /// What it decides at a moment, and the same after a restart.
    pub(super) fn at(&mut self, now: &str) -> Decision {
        self.now = time(now);
        let gate = self.gate();
        self.folders.insert(self.now, self.folder.clone());
        let decision = gate.decide(self.now);
        let mut cache = Shelf::default();
        let (again, arrivals) = Gate::open(
            &self.identity,
            &self.logged,
            &self.folder,
            &mut cache,
            self.now,
        );
        assert_eq!(arrivals, []);
        assert_eq!(again.decide(self.now), decision);
        decision
    }

    /// The gate now; what arrives is logged.
    pub(super) fn gate(&mut self) -> Gate {
        let (identity, logged) = (&self.identity, &self.logged);
        let (gate, arrivals) =
            Gate::open(identity, logged, &self.folder, &mut self.cache, self.now);
        self.logged.extend(arrivals);
        gate
    }

    /// Why something is not in force now, of one file or of recording itself.
    pub(super) fn why(&mut self, file: &str) -> Vec<Rule> {
        let now = self.now;
        let gate = self.gate();
        let mut all: Vec<Refusal> = gate.refusals().to_vec();
        if let Attended::Not(reasons) = gate.decide(now).attended {
            all.extend(reasons);
        }
        let listed = gate.approvals(now).into_iter();
        all.extend(listed.filter_map(|listed| listed.granted.err()));
        let of_file = all.into_iter().filter(|refusal| refusal.file == file);
        let rules: BTreeSet<Rule> = of_file.map(|refusal| refusal.rule).collect();
        rules.into_iter().collect()
    }
}

/// The names of what is in force.
pub(super) fn names(decision: &Decision) -> Vec<&str> {
    match decision.attended {
        Attended::Until(_) => decision.granted.iter().map(|g| g.id.as_str()).collect(),
        Attended::Not(_) => Vec::new(),
    }
}
