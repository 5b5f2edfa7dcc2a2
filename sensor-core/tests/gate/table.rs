//! Bad papers: what was done to a world, and what has to come of it.

use std::{collections::BTreeMap, fmt};

use sensor_core::documents::{Attended, Digest, Kind, Rule, Shelf, journal::Arrival};

use crate::{
    settings::Setting,
    world::{NOW, Papers, Seen, World, time},
};

/// What a bad paper is; an extension is a request of its own sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Of {
    Kind(Kind),
    Extension,
}

impl Of {
    /// All thirteen.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Kind::ALL
            .into_iter()
            .map(Self::Kind)
            .chain([Self::Extension])
    }

    /// The kind of the document.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Kind(kind) => kind,
            Self::Extension => Kind::Request,
        }
    }
}

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kind(kind) => kind.name(),
            Self::Extension => "extension",
        })
    }
}

/// What is left when the bad paper was seen.
#[derive(Clone)]
pub(crate) enum After {
    /// The very decision that comes of the world without it.
    Same(Box<Papers>),
    /// Nothing is recorded, for the reason that is expected.
    Nothing,
    /// This is in force.
    InForce(&'static [&'static str]),
}

/// A bad paper.
pub(crate) struct Case {
    pub(crate) of: Of,
    pub(crate) name: String,
    pub(crate) papers: Papers,
    pub(crate) logged: Vec<Arrival>,
    pub(crate) now: &'static str,
    /// What is refused; nothing for recording itself.
    pub(crate) file: String,
    pub(crate) rule: Rule,
    pub(crate) says: String,
    pub(crate) after: After,
    /// The document that must not have been admitted, as it was signed and as it lies there.
    pub(crate) subject: Vec<Digest>,
}

/// Cases of one sort.
pub(crate) struct Table {
    pub(crate) setting: Setting,
    pub(crate) cases: Vec<Case>,
}

impl Table {
    pub(crate) fn of(of: Of) -> Self {
        Self {
            setting: Setting::of(of),
            cases: Vec::new(),
        }
    }

    /// A bad paper that comes in addition: the decision is as it is without it.
    pub(crate) fn add(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut World),
        (file, rule, says): (&str, Rule, &str),
    ) {
        let mut world = self.setting.world.clone();
        change(&mut world);
        let rest = world.without(self.setting.files);
        let after = After::Same(Box::new(rest.papers()));
        self.push(name, world.papers(), after, (file, rule, says));
    }

    /// One after which something else is left.
    pub(crate) fn add_left(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut World),
        expected: (&str, Rule, &str),
        after: After,
    ) {
        let mut world = self.setting.world.clone();
        change(&mut world);
        self.push(name, world.papers(), after, expected);
    }

    /// Something that is done to papers, or to their log, after they were good and logged.
    pub(crate) fn add_logged(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut Papers, &mut Vec<Arrival>),
        expected: (&str, Rule, &str),
        after: After,
    ) {
        let mut papers = self.setting.world.papers();
        let mut logged = papers.seen(&[], EARLIER).arrivals;
        change(&mut papers, &mut logged);
        self.push(name, papers, after, expected);
        if let Some(case) = self.cases.last_mut() {
            case.logged = logged;
            case.subject.clear();
        }
    }

    fn push(
        &mut self,
        name: &str,
        papers: Papers,
        after: After,
        (file, rule, says): (&str, Rule, &str),
    ) {
        let here = papers.folder.files.get(self.setting.file);
        self.cases.push(Case {
            of: self.setting.of,
            name: name.into(),
            subject: here.map(|bytes| Digest::of(bytes)).into_iter().collect(),
            papers,
            logged: Vec::new(),
            now: NOW,
            file: file.into(),
            rule,
            says: says.into(),
            after,
        });
    }
}

/// When good papers were logged, before something was done to them.
pub(crate) const EARLIER: &str = "2026-11-22T11:00:00Z";

/// Every case.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for of in Of::all() {
        let mut table = Table::of(of);
        crate::every::add(&mut table);
        crate::logged::add(&mut table);
        crate::kinds::add(&mut table);
        cases.append(&mut table.cases);
    }
    cases
}

impl Case {
    /// Runs it twice, the second time as after a restart.
    pub(crate) fn run(&self, cache: &mut Shelf) -> Result<(), String> {
        let seen = self.papers.seen_with(cache, &self.logged, self.now);
        self.check(&seen, cache)?;
        let logged = [&self.logged[..], &seen.arrivals].concat();
        let again = self.papers.seen_with(cache, &logged, self.now);
        if !again.arrivals.is_empty() {
            return Err(format!(
                "after a restart {} arrive again",
                again.arrivals.len()
            ));
        }
        if again.decision != seen.decision {
            let (before, after) = (&seen.decision, &again.decision);
            return Err(format!("after a restart {after:#?}\nwas {before:#?}"));
        }
        if again.refusals(self.now) != seen.refusals(self.now) {
            let (before, after) = (seen.refusals(self.now), again.refusals(self.now));
            return Err(format!("after a restart {after:#?}\nwas {before:#?}"));
        }
        Ok(())
    }

    fn check(&self, seen: &Seen, cache: &mut Shelf) -> Result<(), String> {
        let refusals = seen.refusals(self.now);
        let is_expected = |refusal: &&sensor_core::documents::Refusal| {
            refusal.file == self.file
                && refusal.rule == self.rule
                && refusal.text.contains(&self.says)
        };
        if !refusals.iter().any(|refusal| is_expected(&refusal)) {
            let (file, rule, says) = (&self.file, self.rule, &self.says);
            return Err(format!("no {file:?} {rule:?} {says:?} in {refusals:#?}"));
        }
        let admitted = Kind::ALL
            .into_iter()
            .flat_map(|kind| seen.gate.admitted(kind));
        for (_, paper) in admitted {
            if self.subject.contains(&paper.digest) {
                return Err(format!("{} was admitted", paper.file));
            }
        }
        match &self.after {
            After::Same(rest) => {
                let without = rest.seen_with(cache, &self.logged, self.now);
                if without.decision != seen.decision {
                    let (with, without) = (&seen.decision, &without.decision);
                    return Err(format!("decision {with:#?}\nwithout it {without:#?}"));
                }
                Ok(())
            }
            After::Nothing => {
                let Attended::Not(reasons) = &seen.decision.attended else {
                    return Err("it is attended".into());
                };
                if !reasons.iter().any(|reason| is_expected(&reason)) {
                    return Err(format!("recording is refused for {reasons:#?}"));
                }
                Ok(())
            }
            After::InForce(names) => {
                let in_force = seen.in_force();
                if in_force != *names {
                    return Err(format!(
                        "in force: {in_force:?}, not {names:?}; {refusals:#?}"
                    ));
                }
                Ok(())
            }
        }
    }
}

/// How many cases there are of each sort and of each rule.
pub(crate) fn counts(cases: &[Case]) -> (BTreeMap<Of, usize>, BTreeMap<&'static str, usize>) {
    let (mut sorts, mut rules) = (BTreeMap::new(), BTreeMap::new());
    for case in cases {
        *sorts.entry(case.of).or_default() += 1;
        *rules.entry(case.rule.name()).or_default() += 1;
    }
    (sorts, rules)
}

/// That the good paper of each setting does something, so that a bad one could be missed.
pub(crate) fn the_good_one_counts(of: Of) {
    let setting = Setting::of(of);
    let (with, without) = (&setting.world, setting.world.without(setting.files));
    let (seen, rest) = (with.seen(), without.seen());
    let digest = Digest::of(&with.papers().folder.files[setting.file]);
    let admitted = seen.gate.admitted(of.kind());
    let refusals = seen.gate.refusals();
    assert!(
        admitted.iter().any(|(_, paper)| paper.digest == digest),
        "{of}: {refusals:#?}"
    );
    assert_eq!(refusals, [], "{of}");
    let is_silent = matches!(of, Of::Kind(Kind::Finding));
    assert_eq!(
        seen.decision == rest.decision,
        is_silent,
        "{of}: {:#?}",
        seen.decision
    );
    assert!(time(EARLIER) < time(NOW));
}

/// That a paper may have the highest number of all that do not leap.
pub(crate) fn the_longest_leap_counts(of: Of) {
    // A keyring has the number after that of the one before it.
    if of == Of::Kind(Kind::Keyring) {
        return;
    }
    let setting = Setting::of(of);
    let (mut world, most) = (setting.world.clone(), setting.most());
    let own = format!("number = {}\n", setting.number);
    world.replace(setting.file, &own, &format!("number = {most}\n"));
    let seen = world.seen();
    assert_eq!(seen.gate.refusals(), [], "{of}");
    let admitted = seen.gate.admitted(of.kind());
    assert!(
        admitted.iter().any(|(_, paper)| paper.number == most),
        "{of}"
    );
}
