//! What can be judged of a request before anybody has signed: for whoever drafts or answers one.

use std::{collections::BTreeSet, sync::Arc};

use ipnet::IpNet;
use sensor_common::Fields;

use super::{
    Gate, Shelf,
    admit::{Admission, No, asked_for},
    approvals::{check_parent, check_retention, check_term, narrowed, on_none, term},
    arrive::refused,
    state::{ApprovalHeld, Held, RequestHeld, State, name},
};
use crate::{
    documents::{
        Body, Digest, Folder, IndicatorSet, Kind, Paper, Refusal, Rule, Time,
        field::{Fingerprint, InterfaceName, Prefix},
        paper::{Conditions, Policy, Request},
    },
    places::Territory,
};

impl Gate {
    /// A request of a folder with its indicators, and held against its parent where that is in
    /// the folder too. Nothing is verified: a request without signatures is one.
    pub fn asked(folder: &Folder, cache: &mut Shelf, file: &str) -> Result<RequestHeld, Refusal> {
        let refuse = |rule, text| Refusal {
            file: file.into(),
            rule,
            text,
        };
        let Some(bytes) = folder.files.get(file) else {
            return Err(refuse(Rule::Waits, "it is not there".into()));
        };
        let paper = cache
            .paper(file, Digest::of(bytes), bytes)
            .map_err(|text| refuse(Rule::Form, text))?;
        let Body::Request(request) = &paper.body else {
            let text = format!("it is a document of the kind '{}'", paper.kind().name());
            return Err(refuse(Rule::Form, format!("{text}, not 'request'")));
        };
        let no = |no| match no {
            No::Yet(rule, text) | No::Ever(rule, text) => refuse(rule, text),
        };
        let indicators = asked_for(&paper, request, folder, cache).map_err(no)?;
        let held = RequestHeld {
            request: request.clone(),
            indicators,
            paper,
        };
        if let Some(parent) = held.request.parent
            && let Some(parent) = named(folder, cache, parent)
        {
            let parent = Self::asked(folder, cache, &parent)?;
            let RequestHeld {
                paper,
                request,
                indicators,
            } = &held;
            check_parent(paper, request, indicators, &parent, cache).map_err(no)?;
        }
        Ok(held)
    }

    /// Why a request would not be approved as it is, by what is admitted; signatures apart.
    pub fn objections(&self, asked: &RequestHeld, cache: &mut Shelf, now: Time) -> Vec<Refusal> {
        let state = &self.state;
        let mut found = Vec::new();
        let mut check = |admission: Admission| {
            if let Err(No::Yet(rule, text) | No::Ever(rule, text)) = admission {
                found.push(refused(&asked.paper, rule, text));
            }
        };
        check(state.check_new(asked));
        check(state.check_extended(asked, cache));
        if let (Some(policy), Some(territory)) = (&state.policy, &state.territory) {
            let by = (policy, territory);
            let terms = state.check_asked(&asked.paper, &Conditions::default(), asked, by, cache);
            check(terms.map(drop));
        } else {
            let text = "there is no policy or no territory yet to judge it by".into();
            check(Err(No::Yet(Rule::Waits, text)));
        }
        check(state.check_sensor(&asked.paper, &asked.request.sensors));
        if let Some(operator) = &asked.request.operator {
            let at = now.max(asked.request.from);
            let consented = state.consented(&asked.paper, operator, at);
            let on_one = consented.and_then(|(_, consented)| {
                let mut interfaces = asked.request.interfaces.iter();
                let is_one = interfaces.any(|interface| consented.contains(interface));
                if is_one {
                    Ok(())
                } else {
                    Err(on_none(&asked.paper, operator))
                }
            });
            check(on_one.map_err(|no| No::Yet(no.rule, no.text)));
        }
        if now >= asked.request.until {
            let text = format!("{} ended at {}", name(&asked.paper), asked.request.until);
            check(Err(No::Ever(Rule::Ended, text)));
        }
        found
    }
}

impl State {
    /// Holds what an approval gives against policy, territory and exclusions.
    pub(super) fn check_asked(
        &self,
        paper: &Paper,
        conditions: &Conditions,
        asked: &RequestHeld,
        (policy, territory): (&Held<Policy>, &Held<Arc<Territory>>),
        cache: &mut Shelf,
    ) -> Result<Arc<IndicatorSet>, No> {
        let (class, by) = (asked.request.class.0, name(&policy.paper));
        let (from, until) = term(conditions, &asked.request);
        check_term(paper, class, (from, until), &policy.body, &by)?;
        let retention = conditions.retention.unwrap_or(asked.request.retention);
        check_retention(paper, retention, from, policy)?;
        let indicators = narrowed(conditions, &asked.indicators);
        self.check_indicators(paper, class, &indicators, (policy, territory), cache)?;
        Ok(indicators)
    }

    /// Number and id of a request that was not admitted, and whether one that was is unanswered.
    fn check_new(&self, asked: &RequestHeld) -> Admission {
        let (paper, request) = (&asked.paper, &asked.request);
        if let Some(by) = self.refused.get(&paper.digest) {
            let text = format!(
                "{} was refused by {by}, and a refusal is final",
                name(paper)
            );
            return Err(No::Ever(Rule::Refused, text));
        }
        if self.requests.contains_key(&paper.digest) {
            return Ok(());
        }
        self.check_id(request)?;
        self.check_id_granted(request)?;
        let highest = self.highest(Kind::Request, &request.requester);
        if paper.number <= highest {
            let text = format!(
                "{} comes too late: request {highest} of {} was admitted before; take {} or more",
                name(paper),
                &*request.requester,
                highest + 1
            );
            return Err(No::Ever(Rule::Number, text));
        }
        Ok(())
    }

    fn check_extended(&self, asked: &RequestHeld, cache: &mut Shelf) -> Admission {
        let Some(parent) = asked.request.parent else {
            return Ok(());
        };
        let Some(held) = self.requests.get(&parent) else {
            let text = format!("the request it extends, {}, is not here", parent.short());
            return Err(No::Yet(Rule::Waits, text));
        };
        check_parent(&asked.paper, &asked.request, &asked.indicators, held, cache)?;
        self.check_parent_granted(&asked.paper, parent)
    }

    /// Whether a document is for this sensor.
    pub(super) fn check_sensor(&self, paper: &Paper, sensors: &[Fingerprint]) -> Admission {
        let own = &self.identity.log_key;
        if sensors.contains(own) {
            return Ok(());
        }
        let text = format!(
            "{} is for other sensors: the log key of this one is {own}",
            name(paper)
        );
        Err(No::Ever(Rule::Sensor, text))
    }

    /// Whether an id is free among the requests of its requester. Another's is none of this one's
    /// business before it is approved.
    pub(super) fn check_id(&self, request: &Request) -> Admission {
        let is_own = |other: &&RequestHeld| {
            other.request.id == request.id && other.request.requester == request.requester
        };
        match self.requests.values().find(is_own) {
            None => Ok(()),
            Some(other) => Err(taken(request, &other.paper)),
        }
    }

    /// Whether an id is free among what was approved.
    pub(super) fn check_id_granted(&self, request: &Request) -> Admission {
        let has_id = |held: &&ApprovalHeld| {
            let other = self.requests.get(&held.request);
            other.is_some_and(|other| other.request.id == request.id)
        };
        match self.approvals.values().find(has_id) {
            None => Ok(()),
            Some(other) => Err(taken(request, &other.paper)),
        }
    }
}

fn taken(request: &Request, by: &Paper) -> No {
    let text = format!("the id {} is taken by {}", &*request.id, name(by));
    No::Ever(Rule::Id, text)
}

/// The condition that does not narrow what a request asks for, if one does not.
pub fn wider(
    conditions: &Conditions,
    request: &Request,
    indicators: &IndicatorSet,
) -> Option<&'static str> {
    let (from, until) = term(conditions, request);
    let names: BTreeSet<&InterfaceName> = request.interfaces.iter().map(|i| &i.name).collect();
    let within = |list: &Vec<Prefix>| {
        let only: BTreeSet<IpNet> = list.iter().map(|prefix| prefix.0).collect();
        let had = indicators.prefixes.iter();
        had.filter(|(prefix, _)| only.contains(prefix)).count() == only.len()
    };
    let no_fields = Fields::NONE;
    let checks = [
        ("from", from >= request.from && from < until),
        ("until", until <= request.until),
        (
            "direction",
            (conditions.direction.iter().flatten()).all(|d| request.direction.contains(d)),
        ),
        (
            "sensors",
            (conditions.sensors.iter().flatten()).all(|s| request.sensors.contains(s)),
        ),
        (
            "interfaces",
            (conditions.interfaces.iter().flatten()).all(|i| names.contains(i)),
        ),
        (
            "fields",
            (request.fields.0).has(conditions.fields.map_or(no_fields, |fields| fields.0)),
        ),
        (
            "retention",
            (conditions.retention)
                .is_none_or(|kept| kept.from(from) <= request.retention.from(from)),
        ),
        (
            "indicators",
            conditions.indicators.as_ref().is_none_or(within),
        ),
    ];
    let (wider, _) = checks.into_iter().find(|(_, narrows)| !narrows)?;
    Some(wider)
}

/// The file of a document with a hash.
fn named(folder: &Folder, shelf: &mut Shelf, digest: Digest) -> Option<String> {
    let mut files = folder.files.iter();
    let (file, _) = files.find(|(name, bytes)| {
        name.strip_suffix(".toml").is_some() && shelf.digest(bytes) == digest
    })?;
    Some(file.clone())
}
