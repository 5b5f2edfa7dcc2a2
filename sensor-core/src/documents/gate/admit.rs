//! What each kind of document needs to be admitted.

use std::sync::Arc;

use super::{
    Index, Shelf,
    approvals::check_parent,
    arrive::{is_always_taken, no_signers, refused, scope},
    state::{
        ConsentHeld, ExclusionHeld, Held, KeyringHeld, RequestHeld, StandingHeld, State, Status,
        StopHeld, distinct, name,
    },
};
use crate::documents::{
    AllowedSigners, Body, Digest, Folder, IndicatorSet, Kind, Paper, Refusal, Role, Rule, Time,
    indicators,
    paper::{
        Answer, Asked, Bound, Consent, Exclusion, Feed, Finding, Keyring, Lift, Policy, Request,
        Revocation, Standing, Step, Stop,
    },
};

/// Why a document is not admitted.
pub(super) enum No {
    /// Not yet: something may still come.
    Yet(Rule, String),
    /// Never.
    Ever(Rule, String),
}

pub(super) type Admission = Result<(), No>;

impl State {
    /// Admits a document if all that it needs is there.
    pub(super) fn admit(
        &mut self,
        paper: &Arc<Paper>,
        index: &Index<'_>,
        cache: &mut Shelf,
        now: Time,
    ) -> Status {
        let admitted = self
            .check_number(paper)
            .and_then(|()| self.admit_body(paper, index, cache, now));
        match admitted {
            Ok(()) => {
                let numbers = self.numbers.entry((paper.kind(), scope(paper)));
                numbers.or_default().insert(paper.number, paper.digest);
                Status::Admitted(now)
            }
            Err(No::Yet(rule, text)) => Status::Waits(refused(paper, rule, text)),
            Err(No::Ever(rule, text)) => Status::Refused(refused(paper, rule, text)),
        }
    }

    /// A number is given once; of what replaces its predecessor, a higher one is never followed
    /// by a lower.
    fn check_number(&self, paper: &Paper) -> Admission {
        let (kind, scope) = (paper.kind(), scope(paper));
        if is_always_taken(kind) {
            return Ok(());
        }
        let follows = matches!(
            kind,
            Kind::Policy | Kind::Territory | Kind::Standing | Kind::Consent
        );
        let highest = self.highest(kind, &scope);
        let numbers = self.numbers.get(&(kind, scope));
        let is_taken = numbers.is_some_and(|numbers| numbers.contains_key(&paper.number));
        if is_taken || (follows && paper.number <= highest) {
            let text = format!(
                "{} comes too late: {} {highest} was admitted before",
                name(paper),
                kind.name()
            );
            return Err(No::Ever(Rule::Number, text));
        }
        Ok(())
    }

    fn admit_body(
        &mut self,
        paper: &Arc<Paper>,
        index: &Index<'_>,
        cache: &mut Shelf,
        now: Time,
    ) -> Admission {
        match &paper.body {
            Body::Keyring(keyring) => self.admit_keyring(paper, keyring, index, cache),
            Body::Policy(policy) => self.admit_policy(paper, policy),
            Body::Territory(territory) => {
                self.need_overseers(paper)?;
                self.territory = Some(Held {
                    paper: paper.clone(),
                    body: territory.clone(),
                });
                Ok(())
            }
            Body::Exclusion(exclusion) => self.admit_exclusion(paper, exclusion),
            Body::Revocation(revocation) => self.admit_revocation(paper, revocation),
            Body::Stop(stop) => {
                self.admit_stop(paper, stop);
                Ok(())
            }
            Body::Lift(lift) => self.admit_lift(paper, lift),
            Body::Consent(consent) => self.admit_consent(paper, consent, index, cache, now),
            Body::Request(request) => self.admit_request(paper, request, index, cache),
            Body::Approval(approval) if approval.decision == Answer::Refused => {
                self.need_one(paper)?;
                (self.refused.entry(approval.request)).or_insert_with(|| name(paper));
                Ok(())
            }
            Body::Approval(approval) => self.admit_approval(paper, approval, cache, now),
            Body::Standing(standing) => self.admit_standing(paper, standing),
            Body::Finding(finding) => self.admit_finding(paper, finding),
        }
    }

    /// k of n overseers, by the keyring in force.
    fn need_overseers(&self, paper: &Paper) -> Admission {
        let Some(held) = self.keyring() else {
            let text = "there is no keyring yet that says how many overseers it needs".into();
            return Err(No::Yet(Rule::Waits, text));
        };
        let (has, needs) = (self.counted(&paper.digest, None), held.keyring.overseers);
        enough(paper, has, needs, &name(&held.paper))
    }

    fn need_one(&self, paper: &Paper) -> Admission {
        match self.counted(&paper.digest, None) {
            0 => {
                let text = format!("{} was signed by keys that have left", name(paper));
                Err(No::Yet(Rule::KeyLeft, text))
            }
            _ => Ok(()),
        }
    }

    fn admit_keyring(
        &mut self,
        paper: &Arc<Paper>,
        keyring: &Keyring,
        index: &Index<'_>,
        cache: &mut Shelf,
    ) -> Admission {
        match self.keyring() {
            None if paper.digest != self.identity.root => {
                let text = "there is no keyring yet that it could follow".into();
                return Err(No::Yet(Rule::Chain, text));
            }
            None => {}
            Some(last) if keyring.previous != Some(last.paper.digest) => {
                let text = format!(
                    "{} does not follow {}: it names another one as the one before it",
                    name(paper),
                    name(&last.paper)
                );
                return Err(No::Ever(Rule::Chain, text));
            }
            Some(last) if paper.number != last.paper.number + 1 => {
                let text = format!(
                    "{} has to have the number {}, one more than {}",
                    name(paper),
                    last.paper.number + 1,
                    name(&last.paper)
                );
                return Err(No::Ever(Rule::Number, text));
            }
            Some(_) => self.need_overseers(paper)?,
        }
        let digest = keyring.allowed_signers;
        let Some(bytes) = index.files.get(&digest) else {
            return Err(No::Yet(Rule::Signers, no_signers(paper, &digest)));
        };
        let signers = cache.signers(digest, bytes).map_err(|error| {
            let text = format!("the allowed_signers that {} names: {error}", name(paper));
            No::Ever(Rule::Signers, text)
        })?;
        let overseers = overseers(&signers);
        if overseers < keyring.overseers {
            let text = format!(
                "{} needs {} overseers where its allowed_signers have {overseers}",
                name(paper),
                keyring.overseers
            );
            return Err(No::Ever(Rule::Unfulfillable, text));
        }
        for line in signers.lines() {
            let fingerprint = line.key.fingerprint();
            let is_log_key = |sensor: &crate::documents::paper::Sensor| {
                sensor.log_key.to_string() == fingerprint
            };
            if keyring.sensors.iter().any(is_log_key) {
                let text = format!(
                    "{fingerprint} is the log key of a sensor in {} and a signer's in its \
                     allowed_signers (line {})",
                    name(paper),
                    line.number
                );
                return Err(No::Ever(Rule::Signers, text));
            }
        }
        self.keyrings.push(KeyringHeld {
            paper: paper.clone(),
            keyring: keyring.clone(),
            signers,
        });
        self.lack(paper);
        Ok(())
    }

    /// Ends the approvals whose signatures are too few by a new keyring.
    fn lack(&mut self, keyring: &Paper) {
        let lacking: Vec<Digest> = (self.approvals.iter())
            .filter(|(_, held)| self.has_signatures(held) < held.needed)
            .map(|(digest, _)| *digest)
            .collect();
        for digest in lacking {
            if let Some(held) = self.approvals.get_mut(&digest) {
                held.lacks.get_or_insert_with(|| name(keyring));
            }
        }
    }

    fn admit_policy(&mut self, paper: &Arc<Paper>, policy: &Policy) -> Admission {
        self.need_overseers(paper)?;
        let Some(held) = self.keyring() else {
            return Ok(());
        };
        let overseers = overseers(&held.signers);
        if let Some((class, needed)) = policy.unfulfillable(overseers) {
            let text = format!(
                "{} wants {needed} signatures for {} where {} has {overseers} overseers",
                name(paper),
                class.name(),
                name(&held.paper)
            );
            return Err(No::Ever(Rule::Unfulfillable, text));
        }
        self.policy = Some(Held {
            paper: paper.clone(),
            body: policy.clone(),
        });
        Ok(())
    }

    fn admit_exclusion(&mut self, paper: &Arc<Paper>, exclusion: &Exclusion) -> Admission {
        self.need_overseers(paper)?;
        let is_there = |digest: &Digest| {
            self.exclusions
                .get(digest)
                .is_some_and(|held| !held.replaced)
        };
        if let Some(unknown) = exclusion.replaces.iter().find(|digest| !is_there(digest)) {
            let text = format!(
                "{} takes the place of {}, which is no exclusion in force here",
                name(paper),
                unknown.short()
            );
            return Err(No::Yet(Rule::Waits, text));
        }
        for digest in &exclusion.replaces {
            if let Some(held) = self.exclusions.get_mut(digest) {
                held.replaced = true;
            }
        }
        let held = ExclusionHeld {
            paper: paper.clone(),
            replaced: false,
        };
        self.exclusions.insert(paper.digest, held);
        Ok(())
    }

    fn admit_revocation(&mut self, paper: &Arc<Paper>, revocation: &Revocation) -> Admission {
        let target = revocation.revokes;
        let signers = self.signatures(&paper.digest);
        let is_any = signers.iter().any(|s| s.principal.role != Role::Operator);
        if !is_any {
            let Some(operator) = self.operator_of(&target) else {
                let text = format!(
                    "{} revokes {}, which is nothing of an operator here",
                    name(paper),
                    target.short()
                );
                return Err(No::Yet(Rule::Waits, text));
            };
            if signers.iter().all(|s| s.principal.name != operator) {
                // Somebody who may can still sign it.
                let text = format!("{} revokes what is of {operator}", name(paper));
                return Err(No::Yet(Rule::Role, text));
            }
        }
        if let Some(known) = self.known.get(&target)
            && !matches!(
                known.paper.kind(),
                Kind::Approval | Kind::Consent | Kind::Request
            )
        {
            let text = format!(
                "{} revokes {}: name an approval or a consent",
                name(paper),
                name(&known.paper)
            );
            return Err(No::Ever(Rule::Form, text));
        }
        (self.revoked.entry(target)).or_insert_with(|| name(paper));
        Ok(())
    }

    /// The operator that a consent or an approval is about.
    fn operator_of(&self, document: &Digest) -> Option<String> {
        match &self.known.get(document)?.paper.body {
            Body::Consent(consent) => Some(consent.operator.to_string()),
            Body::Approval(approval) => {
                let Body::Request(request) = &self.known.get(&approval.request)?.paper.body else {
                    return None;
                };
                request.operator.as_ref().map(ToString::to_string)
            }
            Body::Request(request) => request.operator.as_ref().map(ToString::to_string),
            _ => None,
        }
    }

    fn admit_stop(&mut self, paper: &Arc<Paper>, stop: &Stop) {
        let held = StopHeld {
            paper: paper.clone(),
            stop: stop.clone(),
            lifted: 0,
        };
        self.stops.insert(paper.digest, held);
    }

    fn admit_lift(&mut self, paper: &Arc<Paper>, lift: &Lift) -> Admission {
        self.need_overseers(paper)?;
        let signatures = self.signatures(&lift.lifts).len();
        let Some(held) = self.stops.get_mut(&lift.lifts) else {
            let text = format!(
                "{} lifts {}, which is no stop here",
                name(paper),
                lift.lifts.short()
            );
            return Err(No::Yet(Rule::Waits, text));
        };
        held.lifted = signatures;
        Ok(())
    }

    fn admit_consent(
        &mut self,
        paper: &Arc<Paper>,
        consent: &Consent,
        index: &Index<'_>,
        cache: &mut Shelf,
        now: Time,
    ) -> Admission {
        self.need_one(paper)?;
        if let Some(refusal) = self.unbound(paper, consent) {
            return Err(No::Ever(Rule::Unbound, refusal.text));
        }
        let alone = match &consent.alone {
            None => None,
            Some(alone) => {
                let table = "[[alone.indicator]]";
                let asked = (&alone.indicators[..], alone.feed.as_ref());
                let set = indicators_of(paper, table, asked, index.folder, cache)?;
                self.check_alone(paper, consent, alone, &set, cache)?;
                Some(set)
            }
        };
        for held in self.consents.values_mut() {
            let Body::Consent(earlier) = &held.paper.body else {
                continue;
            };
            if earlier.operator == consent.operator && held.ended.is_none() {
                held.ended = Some(name(paper));
            }
        }
        if !consent.withdrawn {
            let held = ConsentHeld {
                paper: paper.clone(),
                since: now,
                alone,
                ended: None,
            };
            self.consents.insert(paper.digest, held);
        }
        Ok(())
    }

    /// Why a consent is not about the operator's own prefixes.
    pub(super) fn unbound(&self, paper: &Paper, consent: &Consent) -> Option<Refusal> {
        let held = self.keyring()?;
        let bound = held.keyring.operator(&consent.operator);
        let longest = |bound: &Bound, prefix: &ipnet::IpNet| {
            let around = bound.prefixes.iter().filter(|own| own.0.contains(prefix));
            around.map(|own| own.0.prefix_len()).max()
        };
        // Where prefixes lie within each other, they are of whom the longest is bound to.
        let is_bound = |prefix: &ipnet::IpNet| {
            let own = bound.and_then(|bound| longest(bound, prefix));
            let all = held.keyring.operators.iter();
            own.is_some() && own == all.filter_map(|bound| longest(bound, prefix)).max()
        };
        let foreign = consent
            .prefixes
            .iter()
            .find(|prefix| !is_bound(&prefix.0))?;
        let text = format!(
            "{} consents for {}, which {} does not bind to {}",
            name(paper),
            foreign.0,
            name(&held.paper),
            &*consent.operator
        );
        Some(refused(paper, Rule::Unbound, text))
    }

    fn admit_request(
        &mut self,
        paper: &Arc<Paper>,
        request: &Arc<Request>,
        index: &Index<'_>,
        cache: &mut Shelf,
    ) -> Admission {
        self.check_id(request)?;
        let set = asked_for(paper, request, index.folder, cache)?;
        if let Some(parent) = request.parent {
            let Some(parent) = self.requests.get(&parent) else {
                let text = format!("the request it extends, {}, is not here", parent.short());
                return Err(No::Yet(Rule::Waits, text));
            };
            check_parent(paper, request, &set, parent, cache)?;
        }
        self.requests.insert(
            paper.digest,
            RequestHeld {
                paper: paper.clone(),
                request: request.clone(),
                indicators: set,
            },
        );
        Ok(())
    }

    fn admit_standing(&mut self, paper: &Arc<Paper>, standing: &Standing) -> Admission {
        self.need_one(paper)?;
        let Some(policy) = &self.policy else {
            let text = "there is no policy yet that says how long a standing is good".into();
            return Err(No::Yet(Rule::Waits, text));
        };
        let latest = policy.body.standing.from(standing.from);
        if standing.until > latest {
            let text = format!(
                "{} is good until {}, longer than {}, as {} allows",
                name(paper),
                standing.until,
                policy.body.standing,
                name(&policy.paper)
            );
            return Err(No::Ever(Rule::OverLong, text));
        }
        self.standings.push(StandingHeld {
            paper: paper.clone(),
            standing: standing.clone(),
        });
        Ok(())
    }

    fn admit_finding(&self, paper: &Paper, finding: &Finding) -> Admission {
        let Some(of) = finding.of else {
            return Ok(());
        };
        let found = self.known.get(&of).is_some_and(|known| {
            matches!(known.status, Status::Admitted(_))
                && matches!(&known.paper.body, Body::Finding(found) if found.step == Step::Found)
        });
        if found {
            return Ok(());
        }
        let text = format!(
            "{} is about {}, which is no finding here",
            name(paper),
            of.short()
        );
        Err(No::Yet(Rule::Waits, text))
    }
}

/// How many overseers can sign at most, each with a key of its own.
pub fn overseers(signers: &AllowedSigners) -> u32 {
    let pairs = signers.lines().iter().flat_map(|line| {
        let principals = line
            .principals
            .iter()
            .map(|principal| (principal, &line.key));
        principals.filter(|(principal, _)| principal.role == Role::Overseer)
    });
    distinct(pairs)
}

/// Whether signatures are enough.
pub(super) fn enough(paper: &Paper, has: u32, needs: u32, by: &str) -> Admission {
    if has >= needs {
        return Ok(());
    }
    let text = format!(
        "{} has {has} of {needs} signatures of overseers with keys and names of their own, as \
         {by} wants",
        name(paper)
    );
    Err(No::Yet(Rule::TooFew, text))
}

/// The indicators of a request, of which there is one at least.
pub(super) fn asked_for(
    paper: &Paper,
    request: &Request,
    folder: &Folder,
    cache: &mut Shelf,
) -> Result<Arc<IndicatorSet>, No> {
    let asked = (&request.indicators[..], request.feed.as_ref());
    let set = indicators_of(paper, "[[indicator]]", asked, folder, cache)?;
    if set.prefixes.is_empty() {
        let text = "its feed gives no indicator".into();
        return Err(No::Ever(Rule::FeedSet, text));
    }
    Ok(set)
}

/// The indicators of a request or a consent.
fn indicators_of(
    paper: &Paper,
    table: &str,
    (asked, feed): (&[Asked], Option<&Feed>),
    folder: &Folder,
    cache: &mut Shelf,
) -> Result<Arc<IndicatorSet>, No> {
    let Some(feed) = feed else {
        let text = String::from_utf8_lossy(&paper.bytes);
        let set = indicators::inline(&paper.file, &text, table, asked);
        return Ok(Arc::new(set));
    };
    let read = cache.sets.of_feed(feed, folder);
    read.map_err(|(rule, text)| match rule {
        Rule::FeedSet => No::Ever(rule, text),
        _ => No::Yet(rule, text),
    })
}
