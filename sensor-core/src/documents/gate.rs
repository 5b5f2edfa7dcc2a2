//! The gate: what the papers allow, from their bytes, the log of their arrivals and the time.
//!
//! It is computed anew from the first keyring on whenever something arrives, with what was read
//! before kept by its hash. So a sensor that runs, one that has started again, a replay and a
//! carrier's own machine cannot come to different decisions: there is one way to reach one.
//!
//! Every document is judged once, when all that it needs has arrived, by what stood in force
//! then. What was admitted stands until something ends it: its time, a revocation, a
//! withdrawal, a stop, or a key's leaving.

mod admit;
mod approvals;
mod arrive;
mod asked;
mod consents;
mod index;
mod shelf;
mod state;

use std::sync::Arc;

pub use self::{
    admit::overseers,
    arrive::{may_sign, signer, signers_of},
    asked::wider,
    shelf::Shelf,
    state::{KeyringHeld, RequestHeld},
};
use self::{index::Index, state::State};
use super::{
    Attended, Decision, Digest, Folder, Granted, Identity, Kind, Paper, Refusal, Rule, Time,
    journal::Arrival,
};
use crate::places::Layers;

/// What the papers say.
#[derive(Clone, Debug)]
pub struct Gate {
    state: State,
    layers: Option<Arc<Layers>>,
    refusals: Vec<Refusal>,
}

/// An approval or a consent that stands alone, and whether it is in force.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The name of its file.
    pub file: String,
    /// Its number.
    pub number: u64,
    /// SHA-256 of its bytes.
    pub document: Digest,
    /// What is in force, or why nothing is.
    pub granted: Result<Granted, Refusal>,
}

impl Gate {
    /// What the papers say once everything that was logged, and what is new in the folder at
    /// `now`, has arrived. The new arrivals are to be logged before anything begins by them.
    pub fn open(
        identity: &Identity,
        logged: &[Arrival],
        folder: &Folder,
        cache: &mut Shelf,
        now: Time,
    ) -> (Self, Vec<Arrival>) {
        Self::first(State::new(identity.clone()), logged, folder, cache, now)
    }

    fn first(
        mut state: State,
        logged: &[Arrival],
        folder: &Folder,
        cache: &mut Shelf,
        now: Time,
    ) -> (Self, Vec<Arrival>) {
        cache.tidy(folder);
        let index = Index::of(folder, cache);
        state.replay(logged, &index, cache, |_, _| {});
        let arrivals = state.arrive(&index, cache, now);
        let mut refusals = index.refusals.clone();
        state.refusals(&index, cache, now, &mut refusals);
        refusals.sort();
        refusals.dedup();
        (Self::of(state, refusals), arrivals)
    }

    /// What papers say that arrive together at `now` at somebody who trusts a keyring of any
    /// number: that with the hash `identity.root`. Those before it are not needed.
    pub fn trusting(identity: &Identity, folder: &Folder, cache: &mut Shelf, now: Time) -> Self {
        let mut state = State::new(identity.clone());
        state.is_trusting = true;
        let (gate, _) = Self::first(state, &[], folder, cache, now);
        gate
    }

    /// What the papers said over time: the gate from each moment at which something arrived.
    pub fn history(
        identity: &Identity,
        logged: &[Arrival],
        folder: &Folder,
        cache: &mut Shelf,
    ) -> Vec<(Time, Self)> {
        let index = Index::of(folder, cache);
        let mut history: Vec<(Time, State)> = Vec::new();
        let mut state = State::new(identity.clone());
        state.replay(logged, &index, cache, |time, state| {
            history.pop_if(|(last, _)| *last == time);
            history.push((time, state.clone()));
        });
        // What is missing now was not there at any time that can be proved.
        for (_, earlier) in &mut history {
            earlier.missing.clone_from(&state.missing);
        }
        let open = |(time, state)| (time, Self::of(state, Vec::new()));
        history.into_iter().map(open).collect()
    }

    fn of(state: State, refusals: Vec<Refusal>) -> Self {
        let layers = state.layers().map(Arc::new);
        Self {
            state,
            layers,
            refusals,
        }
    }

    /// Documents and signatures that are refused or wait, sorted by file.
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// What is allowed at a moment.
    pub fn decide(&self, now: Time) -> Decision {
        let state = &self.state;
        let granted = if state.not_ready().is_empty() {
            let listed = self.approvals(now).into_iter();
            listed.filter_map(|listed| listed.granted.ok()).collect()
        } else {
            Vec::new()
        };
        Decision {
            attended: self.attended(now),
            granted,
            layers: self.layers.clone(),
            next: state.changes().filter(|change| *change > now).min(),
        }
    }

    fn attended(&self, now: Time) -> Attended {
        let state = &self.state;
        if !state.missing.is_empty() {
            // What else would be said follows from what is not there.
            return Attended::Not(state.missing.clone());
        }
        let mut reasons = Vec::new();
        let mut ends = Vec::new();
        if now < state.tail.time {
            let text = format!(
                "the clock is behind: a document arrived at {}; set the clock right",
                state.tail.time
            );
            reasons.push(recording(Rule::Clock, text));
        }
        reasons.extend(state.not_ready());
        reasons.extend(state.stopped());
        match state.standing_ends(now) {
            Ok(end) => ends.push(end),
            Err(refusal) => reasons.push(refusal),
        }
        match state.territory_ends(now) {
            Some(Ok(end)) => ends.push(end),
            Some(Err(refusal)) => reasons.push(refusal),
            None => {}
        }
        if reasons.is_empty() {
            Attended::Until(ends.into_iter().min().unwrap_or(Time::MIN))
        } else {
            reasons.sort();
            Attended::Not(reasons)
        }
    }

    /// Approvals and consents that stand alone, in the order of their numbers, and whether
    /// each is in force.
    pub fn approvals(&self, now: Time) -> Vec<Listed> {
        self.state.listed(now)
    }

    /// The documents of a kind that were admitted, with the moment, in the order of their
    /// numbers.
    pub fn admitted(&self, kind: Kind) -> Vec<(Time, Arc<Paper>)> {
        self.state.admitted(kind)
    }

    /// What a fresh standing would have to name: keyring, policy, territory, exclusions and what
    /// was revoked; `None` before the first three are there.
    pub fn to_stand(&self) -> Option<ToStand> {
        let state = &self.state;
        Some(ToStand {
            keyring: state.keyring()?.paper.digest,
            policy: state.policy.as_ref()?.paper.digest,
            territory: state.territory.as_ref()?.paper.digest,
            exclusions: state.exclusions().map(|held| held.paper.digest).collect(),
            revoked: state.revoked.keys().copied().collect(),
            last: state.highest(Kind::Standing, ""),
        })
    }

    /// The keyring in force.
    pub fn keyring(&self) -> Option<&KeyringHeld> {
        self.state.keyring()
    }
}

/// What a standing names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToStand {
    /// The keyring in force.
    pub keyring: Digest,
    /// The policy in force.
    pub policy: Digest,
    /// The territory in force.
    pub territory: Digest,
    /// Exclusions in force, ascending.
    pub exclusions: Vec<Digest>,
    /// Approvals and consents that were revoked, ascending.
    pub revoked: Vec<Digest>,
    /// Number of the last standing; 0 before the first.
    pub last: u64,
}

/// A refusal of recording itself.
fn recording(rule: Rule, text: String) -> Refusal {
    Refusal {
        file: String::new(),
        rule,
        text,
    }
}
