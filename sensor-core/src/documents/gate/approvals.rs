//! Approvals: what is judged when they arrive, and whether they are in force.

use std::{collections::BTreeSet, sync::Arc};

use ipnet::IpNet;
use sensor_common::{Class, Place};

use super::{
    Listed, Shelf,
    admit::{Admission, No, enough},
    arrive::refused,
    asked::wider,
    state::{ApprovalHeld, Held, RequestHeld, State, name},
};
use crate::{
    documents::{
        Body, Granted, IndicatorSet, Paper, Refusal, Rule, Time,
        field::{DirectionName, Fingerprint, Period},
        paper::{Alone, Approval, Conditions, Consent, Interface, Policy, Request},
    },
    feeds::plain::Shortest,
    places::{Layers, Territory, flatten},
    watchlist::Beyond,
};

impl State {
    /// Judges an approval when all that it needs has arrived.
    pub(super) fn admit_approval(
        &mut self,
        paper: &Arc<Paper>,
        approval: &Approval,
        cache: &mut Shelf,
        now: Time,
    ) -> Admission {
        if let Some(other) = self.refused.get(&approval.request) {
            let text = format!("its request was refused by {other}, and a refusal is final");
            return Err(No::Ever(Rule::Refused, text));
        }
        let mut others = self.approvals.values();
        if let Some(other) = others.find(|held| held.request == approval.request) {
            let text = format!("its request was answered by {}", name(&other.paper));
            return Err(No::Ever(Rule::Twice, text));
        }
        let waits = |what: &str| No::Yet(Rule::Waits, format!("{what} is not here yet"));
        let asked = self
            .requests
            .get(&approval.request)
            .ok_or_else(|| waits(&format!("the request {}", approval.request.short())))?;
        self.check_id_granted(&asked.request)?;
        let policy = self.policy.as_ref().ok_or_else(|| waits("a policy"))?;
        let territory = self
            .territory
            .as_ref()
            .ok_or_else(|| waits("a territory"))?;
        let class = asked.request.class.0;
        let needed = policy.body.signatures(class);
        let by = name(&policy.paper);
        let has = self.counted(&paper.digest, Some(&asked.request.signer()));
        enough(paper, has, needed, &by)?;

        let conditions = &approval.conditions;
        check_conditions(paper, conditions, asked)?;
        self.check_sensor(paper, sensors(conditions, &asked.request))?;
        let by = (policy, territory);
        let indicators = self.check_asked(paper, conditions, asked, by, cache)?;
        if let Some(parent) = asked.request.parent {
            self.check_parent_granted(paper, parent)?;
        }
        let held = ApprovalHeld {
            paper: paper.clone(),
            request: approval.request,
            needed,
            indicators,
            since: now,
            lacks: None,
        };
        self.approvals.insert(paper.digest, held);
        Ok(())
    }

    /// Nothing is renewed that was never granted, or that was taken back.
    pub(super) fn check_parent_granted(
        &self,
        paper: &Paper,
        parent: crate::documents::Digest,
    ) -> Admission {
        let granted = self.approvals.values().find(|held| held.request == parent);
        let Some(granted) = granted else {
            let text = format!(
                "{} extends what was not granted: no approval answers {}",
                name(paper),
                parent.short()
            );
            return Err(No::Yet(Rule::Parent, text));
        };
        if let Some(by) = self.revoked.get(&granted.paper.digest) {
            let text = format!(
                "{} extends {}, which was revoked by {by}",
                name(paper),
                name(&granted.paper)
            );
            return Err(No::Ever(Rule::Parent, text));
        }
        if let Some(by) = self.refused.get(&parent) {
            let text = format!("{} extends a request that was refused by {by}", name(paper));
            return Err(No::Ever(Rule::Parent, text));
        }
        Ok(())
    }

    /// How broad indicators may be and where they may lie. Ten million of them take seconds, so
    /// it is done once for what they are judged by.
    pub(super) fn check_indicators(
        &self,
        paper: &Paper,
        class: Class,
        set: &IndicatorSet,
        (policy, territory): (&Held<Policy>, &Held<Arc<Territory>>),
        cache: &mut Shelf,
    ) -> Admission {
        let documents = [paper.digest, policy.paper.digest, territory.paper.digest];
        let mut by = documents.to_vec();
        by.extend(self.exclusions().map(|held| held.paper.digest));
        let judged = cache.judged.entry(by).or_insert_with(|| {
            let policy_name = name(&policy.paper);
            check_broad(paper, set, policy.body.shortest.into(), &policy_name)?;
            self.check_places(paper, class, set, (&territory.body, &territory.paper))
        });
        judged.clone().map_err(|(rule, text)| No::Ever(rule, text))
    }

    /// Where the indicators of a class may lie.
    fn check_places(
        &self,
        paper: &Paper,
        class: Class,
        indicators: &IndicatorSet,
        (territory, territory_paper): (&Arc<Territory>, &Paper),
    ) -> Result<(), (Rule, String)> {
        let layers = Layers {
            territory: (**territory).clone(),
            exclusions: self.excluded(),
            operators: Vec::new(),
        };
        let flat = flatten(&layers).map_err(|error| (Rule::Domestic, error.to_string()))?;
        for (prefix, line) in &*indicators.prefixes {
            let told = || {
                let (paper, file) = (name(paper), &indicators.file);
                format!("{paper} names {prefix} ({file} line {line})")
            };
            if !flat.any(prefix, |place| place != Place::Excluded) {
                let by = self.exclusions().find(|held| {
                    let Body::Exclusion(exclusion) = &held.paper.body else {
                        return false;
                    };
                    exclusion.prefixes.iter().any(|p| p.0.contains(&prefix))
                });
                let by = by.map_or_else(|| name(territory_paper), |held| name(&held.paper));
                let text = format!("{}, which lies in space excluded by {by}", told());
                return Err((Rule::Excluded, text));
            }
            if !flat.any(prefix, |place| place == Place::Domestic) {
                continue;
            }
            let by = name(territory_paper);
            match class {
                Class::Transit => {
                    let text = format!("{}, which is domestic by {by}: not for transit", told());
                    return Err((Rule::Domestic, text));
                }
                Class::Relay if prefix.prefix_len() < prefix.max_prefix_len() => {
                    let text = format!(
                        "{}, which has domestic addresses by {by}: a domestic server is named \
                         by its address alone, /32 or /128",
                        told()
                    );
                    return Err((Rule::Domestic, text));
                }
                Class::Relay | Class::Infrastructure => {}
            }
        }
        Ok(())
    }

    /// What a consent that stands alone may have watched.
    pub(super) fn check_alone(
        &self,
        paper: &Paper,
        consent: &Consent,
        alone: &Alone,
        set: &IndicatorSet,
        cache: &mut Shelf,
    ) -> Admission {
        let waits = |what: &str| No::Yet(Rule::Waits, format!("{what} is not here yet"));
        let policy = self.policy.as_ref().ok_or_else(|| waits("a policy"))?;
        let territory = self
            .territory
            .as_ref()
            .ok_or_else(|| waits("a territory"))?;
        let by = name(&policy.paper);
        let class = Class::Infrastructure;
        let from = consent.from.unwrap_or(Time::MIN);
        let until = consent.until.unwrap_or(Time::MAX);
        // Also where it may not stand alone: a later policy may let it.
        check_term(paper, class, (from, until), &policy.body, &by)?;
        check_retention(paper, alone.retention, from, policy)?;
        self.check_indicators(paper, class, set, (policy, territory), cache)
    }

    /// From when to when an approval may be in force.
    pub(super) fn term(&self, held: &ApprovalHeld) -> (Time, Time) {
        let (Some(asked), Body::Approval(approval)) =
            (self.requests.get(&held.request), &held.paper.body)
        else {
            return (Time::MAX, Time::MIN);
        };
        let (from, until) = term(&approval.conditions, &asked.request);
        (from.max(held.since), until)
    }

    /// Every approval and consent that stands alone.
    pub(super) fn listed(&self, now: Time) -> Vec<Listed> {
        // Nothing is in force while something that would end it may be missing.
        let missing = self.missing.first();
        let listed = |paper: &Paper, granted| Listed {
            file: paper.file.clone(),
            number: paper.number,
            document: paper.digest,
            granted: match missing {
                None => granted,
                Some(missing) => Err(refused(paper, missing.rule, missing.text.clone())),
            },
        };
        let approvals = self
            .approvals
            .values()
            .map(|held| listed(&held.paper, self.granted(held, now)));
        let alone = self.consents.values().filter_map(|held| {
            let set = held.alone.as_ref()?;
            Some(listed(&held.paper, self.granted_alone(held, set, now)))
        });
        let mut all: Vec<Listed> = approvals.chain(alone).collect();
        all.sort_by_key(|listed| (listed.number, listed.document));
        all
    }

    /// Whether an approval is in force.
    fn granted(&self, held: &ApprovalHeld, now: Time) -> Result<Granted, Refusal> {
        let paper = &held.paper;
        let no = |rule, text: String| Err(refused(paper, rule, text));
        let (Some(asked), Body::Approval(approval)) =
            (self.requests.get(&held.request), &paper.body)
        else {
            return no(Rule::Waits, "its request is not here".into());
        };
        // Approvals name the hash of their request, so that is what somebody may revoke.
        let revoked = self.revoked.get(&paper.digest);
        if let Some(by) = revoked.or_else(|| self.revoked.get(&held.request)) {
            return no(
                Rule::Revoked,
                format!("{} was revoked by {by}", name(paper)),
            );
        }
        if let Some(by) = self.refused.get(&held.request) {
            let text = format!("the request of {} was refused by {by}", name(paper));
            return no(Rule::Refused, text);
        }
        if let Some(keyring) = &held.lacks {
            let text = format!(
                "{} lacks signatures since {keyring}, without keys that had signed it: it needs \
                 {}, and a new request where it has to go on",
                name(paper),
                held.needed
            );
            return no(Rule::KeyLeft, text);
        }
        let request = &asked.request;
        let conditions = &approval.conditions;
        let (from, mut until) = self.term(held);
        let mut interfaces: Vec<Interface> = request.interfaces.clone();
        if let Some(only) = &conditions.interfaces {
            interfaces.retain(|interface| only.contains(&interface.name));
        }
        if let Some(operator) = &request.operator {
            if let Some(stop) = self.stopped_by(operator) {
                let text = format!("{operator} stopped recording with {}", name(&stop.paper));
                return no(Rule::Stopped, text);
            }
            let (end, consented) = self.consented(paper, operator, now)?;
            until = until.min(end);
            interfaces.retain(|interface| consented.contains(interface));
            if interfaces.is_empty() {
                return Err(on_none(paper, operator));
            }
        }
        in_time(paper, (from, until), now)?;
        let directions = conditions.direction.as_ref().unwrap_or(&request.direction);
        let asked_fields = request.fields.0;
        Ok(Granted {
            id: request.id.to_string(),
            document: paper.digest,
            is_consent: false,
            class: request.class.0,
            directions: directions.iter().map(|direction| direction.0).collect(),
            operator: request.operator.clone(),
            fields: (conditions.fields).map_or(asked_fields, |fields| fields.0),
            interfaces,
            tunnels: if conditions.no_tunnels {
                Vec::new()
            } else {
                request.tunnels.clone()
            },
            from,
            until,
            retention: conditions.retention.unwrap_or(request.retention),
            recipients: request.recipients.clone(),
            indicators: held.indicators.clone(),
            limited: None,
        })
    }

    /// How many signatures of an approval count now.
    pub(super) fn has_signatures(&self, held: &ApprovalHeld) -> u32 {
        let requester = self.requests.get(&held.request);
        let requester = requester.map(|asked| asked.request.signer());
        self.counted(&held.paper.digest, requester.as_ref())
    }
}

/// An extension is what its parent was, for another time.
pub(super) fn check_parent(
    paper: &Paper,
    request: &Request,
    set: &IndicatorSet,
    parent: &RequestHeld,
    cache: &mut Shelf,
) -> Admission {
    let before = &parent.request;
    let sorted = |request: &Request| {
        let sensors: BTreeSet<Fingerprint> = request.sensors.iter().cloned().collect();
        let interfaces: BTreeSet<Interface> = request.interfaces.iter().cloned().collect();
        let direction: BTreeSet<DirectionName> = request.direction.iter().copied().collect();
        let tunnels: BTreeSet<_> = request.tunnels.iter().cloned().collect();
        (sensors, interfaces, direction, tunnels)
    };
    let (own, old) = (sorted(request), sorted(before));
    let other = if request.class != before.class {
        "class"
    } else if own.2 != old.2 {
        "direction"
    } else if own.0 != old.0 {
        "sensors"
    } else if own.1 != old.1 {
        "interfaces"
    } else if request.operator != before.operator {
        "operator"
    } else if own.3 != old.3 {
        "tunnels"
    } else if !before.fields.0.has(request.fields.0) {
        "fields"
    } else {
        // The hash of a request binds its parent and the indicators of both.
        let judged = cache.judged.entry(vec![paper.digest]).or_insert_with(|| {
            let what = match set.prefixes.beyond(&parent.indicators.prefixes) {
                None => return Ok(()),
                Some(Beyond::Prefix(new)) => format!("does not have {new}"),
                Some(Beyond::Limits(wider)) => {
                    format!("has {wider} for a shorter time or on fewer ports; name it as there")
                }
            };
            Err((Rule::Parent, what))
        });
        let Err((_, what)) = judged else {
            return Ok(());
        };
        let text = format!(
            "{} extends {}, which {what}",
            name(paper),
            name(&parent.paper)
        );
        return Err(No::Ever(Rule::Parent, text));
    };
    let text = format!(
        "{} extends {}, which has another {other}",
        name(paper),
        name(&parent.paper)
    );
    Err(No::Ever(Rule::Parent, text))
}

pub(super) fn in_time(
    paper: &Paper,
    (from, until): (Time, Time),
    now: Time,
) -> Result<(), Refusal> {
    if now >= until {
        let text = format!("{} ended at {until}", name(paper));
        return Err(refused(paper, Rule::Ended, text));
    }
    if now < from {
        let text = format!("{} begins at {from}", name(paper));
        return Err(refused(paper, Rule::NotYet, text));
    }
    Ok(())
}

/// An operator consented for other interfaces.
pub(super) fn on_none(paper: &Paper, operator: &str) -> Refusal {
    let text = format!("{operator} consented for none of its interfaces");
    refused(paper, Rule::NoConsent, text)
}

pub(super) fn term(conditions: &Conditions, request: &Request) -> (Time, Time) {
    (
        conditions.from.unwrap_or(request.from),
        conditions.until.unwrap_or(request.until),
    )
}

fn sensors<'a>(conditions: &'a Conditions, request: &'a Request) -> &'a [Fingerprint] {
    conditions.sensors.as_ref().unwrap_or(&request.sensors)
}

pub(super) fn narrowed(conditions: &Conditions, asked: &Arc<IndicatorSet>) -> Arc<IndicatorSet> {
    let Some(only) = &conditions.indicators else {
        return asked.clone();
    };
    let only: BTreeSet<IpNet> = only.iter().map(|prefix| prefix.0).collect();
    Arc::new(IndicatorSet {
        file: asked.file.clone(),
        prefixes: Arc::new(asked.prefixes.only(|prefix| only.contains(prefix))),
    })
}

/// Conditions take away, and never add.
fn check_conditions(paper: &Paper, conditions: &Conditions, asked: &RequestHeld) -> Admission {
    let Some(wider) = wider(conditions, &asked.request, &asked.indicators) else {
        return Ok(());
    };
    let text = format!(
        "{} has the condition {wider}, which does not narrow what {} asks for",
        name(paper),
        name(&asked.paper)
    );
    Err(No::Ever(Rule::Condition, text))
}

pub(super) fn check_term(
    paper: &Paper,
    class: Class,
    (from, until): (Time, Time),
    policy: &Policy,
    by: &str,
) -> Admission {
    let latest = policy.latest(class, from);
    if until <= latest {
        return Ok(());
    }
    let text = format!(
        "{} lasts until {until}; for {} from {from} it may last until {latest}, as {by} allows",
        name(paper),
        class.name()
    );
    Err(No::Ever(Rule::OverLong, text))
}

pub(super) fn check_retention(
    paper: &Paper,
    kept: Period,
    from: Time,
    policy: &Held<Policy>,
) -> Admission {
    let most = policy.body.retention;
    if kept.from(from) <= most.from(from) {
        return Ok(());
    }
    let text = format!(
        "{} lets records be kept for {kept}, longer than {most}, as {} allows",
        name(paper),
        name(&policy.paper)
    );
    Err(No::Ever(Rule::Retention, text))
}

fn check_broad(
    paper: &Paper,
    set: &IndicatorSet,
    shortest: Shortest,
    by: &str,
) -> Result<(), (Rule, String)> {
    let limit = |prefix: &IpNet| match prefix {
        IpNet::V4(_) => shortest.v4,
        IpNet::V6(_) => shortest.v6,
    };
    let broad = |(prefix, _): &(IpNet, u32)| prefix.prefix_len() < limit(prefix);
    let Some((prefix, line)) = set.prefixes.iter().find(broad) else {
        return Ok(());
    };
    let text = format!(
        "{} names {prefix} ({} line {line}), broader than /{}, as {by} allows",
        name(paper),
        set.file,
        limit(&prefix)
    );
    Err((Rule::OverBroad, text))
}
