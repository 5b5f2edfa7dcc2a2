//! Arrivals: what was logged, and what is new in the folder.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Index, Shelf,
    index::Beside,
    recording,
    state::{FIRST, KeyringHeld, Known, LEAP, Signed, State, Status, name},
};
use crate::documents::{
    Body, Digest, Kind, Paper, Principal, Refusal, Role, Rule, StepFault, Time,
    journal::Arrival,
    paper::{Consent, Feed, Keyring, Step, Stop},
};

impl State {
    /// Takes what was logged. What is not in the folder any more is remembered as missing.
    pub(super) fn replay(
        &mut self,
        logged: &[Arrival],
        index: &Index<'_>,
        cache: &mut Shelf,
        mut after: impl FnMut(Time, &Self),
    ) {
        for arrival in logged {
            let follows = self.tail.is_before(arrival);
            self.tail.take(arrival);
            let again = if follows {
                self.again(arrival, index, cache)
            } else {
                Err(unfit(arrival, "it does not follow the line before it"))
            };
            if let Err(refusal) = again {
                self.missing.push(refusal);
            } else {
                self.settle(index, cache, arrival.time);
            }
            after(arrival.time, self);
        }
        self.missing.sort();
        self.missing.dedup();
    }

    /// Takes one line of the log.
    fn again(
        &mut self,
        arrival: &Arrival,
        index: &Index<'_>,
        cache: &mut Shelf,
    ) -> Result<(), Refusal> {
        let own = format!("{} {}", arrival.kind.name(), arrival.number);
        let missing = |what: String| {
            let text = format!(
                "nothing is recorded: {what}, which arrived at {}, is missing or was changed; put \
                 it back",
                arrival.time
            );
            recording(Rule::Missing, text)
        };
        let Some(paper) = index.papers.get(&arrival.document).cloned() else {
            let what = format!("{own} with SHA-256 {}", arrival.document.short());
            return Err(missing(what));
        };
        if (paper.kind(), paper.number) != (arrival.kind, arrival.number) {
            return Err(unfit(arrival, "the document is another"));
        }
        let (Some(principal), Some(file)) = (&arrival.principal, arrival.signature) else {
            return if self.is_root(&paper) {
                self.take(paper, None);
                Ok(())
            } else {
                Err(unfit(arrival, "it is not the keyring of this sensor"))
            };
        };
        let Some(bytes) = index.signatures.get(&file) else {
            return Err(missing(format!("the signature of {principal} on {own}")));
        };
        let beside = Beside {
            file: String::new(),
            document: paper.digest,
            principal: principal.clone(),
            signature: file,
        };
        // What it ended would come back with it otherwise.
        if let Err(refusal) = self.has_its_files(&paper, index, cache) {
            let what = format!("a file that {own} names ({})", refusal.text);
            return Err(missing(what));
        }
        match self.verify(&paper, &beside, bytes, cache, arrival.time) {
            Ok(signed) => {
                self.take(paper, Some(signed));
                Ok(())
            }
            Err(refusal) => Err(unfit(arrival, &refusal.text)),
        }
    }

    /// Takes what is new in the folder; returns what is to be logged.
    pub(super) fn arrive(
        &mut self,
        index: &Index<'_>,
        cache: &mut Shelf,
        now: Time,
    ) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        if !self.missing.is_empty() || now < self.tail.time {
            return arrivals;
        }
        if self.keyrings.is_empty()
            && !self.known.contains_key(&self.identity.root)
            && let Some(paper) = index.papers.get(&self.identity.root)
            && self.is_root(paper)
        {
            arrivals.push(self.log(paper.clone(), None, now));
        }
        self.settle(index, cache, now);
        let mut candidates: Vec<(&Arc<Paper>, &Beside)> = index
            .beside
            .iter()
            .filter_map(|beside| Some((index.papers.get(&beside.document)?, beside)))
            .collect();
        candidates.sort_by_key(|(paper, beside)| {
            let order = (paper.kind(), paper.number, paper.digest);
            (order, &beside.principal, beside.signature)
        });
        // A keyring that is admitted lets others in, so it begins anew until nothing comes.
        loop {
            let before = arrivals.len();
            for (paper, beside) in &candidates {
                if self.has(beside) {
                    continue;
                }
                let Some(bytes) = index.signatures.get(&beside.signature) else {
                    continue;
                };
                let checked = self
                    .verify(paper, beside, bytes, cache, now)
                    .and_then(|signed| {
                        self.may_come(paper, beside, index, cache)?;
                        Ok(signed)
                    });
                if let Ok(signed) = checked {
                    arrivals.push(self.log((*paper).clone(), Some(signed), now));
                    self.settle(index, cache, now);
                }
            }
            if arrivals.len() == before {
                return arrivals;
            }
        }
    }

    /// Adds why documents and signatures do not count.
    pub(super) fn refusals(
        &self,
        index: &Index<'_>,
        cache: &mut Shelf,
        now: Time,
        refusals: &mut Vec<Refusal>,
    ) {
        refusals.extend(self.missing.iter().cloned());
        let mut explained = BTreeSet::new();
        for beside in &index.beside {
            if self.has(beside) {
                continue;
            }
            let Some(bytes) = index.signatures.get(&beside.signature) else {
                continue;
            };
            let Some(paper) = index.papers.get(&beside.document) else {
                continue;
            };
            let checked = self
                .verify(paper, beside, bytes, cache, now)
                .and_then(|_| self.may_come(paper, beside, index, cache));
            if let Err(refusal) = checked {
                explained.insert(paper.digest);
                refusals.push(refusal);
            }
        }
        for known in self.known.values() {
            match &known.status {
                Status::Admitted(_) => {}
                Status::Waits(refusal) | Status::Refused(refusal) => refusals.push(refusal.clone()),
            }
        }
        for paper in index.papers.values() {
            if self.known.contains_key(&paper.digest) || explained.contains(&paper.digest) {
                continue;
            }
            let is_before = |held: &KeyringHeld| paper.number < held.keyring.number.0;
            let (rule, text) = if paper.kind() == Kind::Keyring
                && self.is_trusting
                && self.keyrings.first().is_some_and(is_before)
            {
                let text = format!(
                    "{} is of before the keyring that is trusted: leave it out, or trust it",
                    name(paper)
                );
                (Rule::Chain, text)
            } else if paper.kind() == Kind::Keyring && paper.number == 1 {
                let text = format!(
                    "this sensor was set up with another first keyring, SHA-256 {}",
                    self.identity.root
                );
                (Rule::Chain, text)
            } else {
                let text = format!(
                    "{} has no signature: {}.sig.ROLE_NAME is not beside it",
                    name(paper),
                    paper.file
                );
                (Rule::TooFew, text)
            };
            refusals.push(refused(paper, rule, text));
        }
    }

    fn is_root(&self, paper: &Paper) -> bool {
        paper.digest == self.identity.root
            && paper.kind() == Kind::Keyring
            && (paper.number == 1 || self.is_trusting)
    }

    /// Whether a signature is known.
    fn has(&self, beside: &Beside) -> bool {
        let signatures = self.signatures(&beside.document);
        signatures
            .iter()
            .any(|signed| (signed.file, &signed.principal) == (beside.signature, &beside.principal))
    }

    fn log(&mut self, paper: Arc<Paper>, signed: Option<Signed>, now: Time) -> Arrival {
        let arrival = self.tail.next(now, &paper, signed.as_ref());
        self.tail.take(&arrival);
        self.take(paper, signed);
        arrival
    }

    fn take(&mut self, paper: Arc<Paper>, signed: Option<Signed>) {
        let known = self.known.entry(paper.digest).or_insert_with(|| Known {
            status: Status::Waits(refused(&paper, Rule::Waits, "it was not looked at".into())),
            paper,
            signatures: Vec::new(),
        });
        known.signatures.extend(signed);
    }

    /// The signature step, by the keyring in force; a keyring is signed by its predecessor's.
    fn verify(
        &self,
        paper: &Paper,
        beside: &Beside,
        bytes: &[u8],
        cache: &mut Shelf,
        at: Time,
    ) -> Result<Signed, Refusal> {
        let refuse = |rule, text: String| Refusal {
            file: beside.file.clone(),
            rule,
            text,
        };
        let signature = (cache.signature(beside.signature, bytes))
            .map_err(|error| refuse(Rule::SignatureForm, error.to_string()))?;
        let Some(keyring) = self.keyring() else {
            let text = "there is no keyring yet that says whose key this is".to_owned();
            return Err(refuse(Rule::Waits, text));
        };
        let kind = paper.kind();
        cache
            .check(&keyring.signers, &beside.principal, paper, &signature, at)
            .map_err(|fault| {
                let text = format!("{fault} (by {})", name(&keyring.paper));
                refuse(rule_of(&fault), text)
            })?;
        if !may_sign(paper, beside.principal.role) {
            let text = format!(
                "{} may not sign this {}: {}",
                beside.principal,
                kind.name(),
                signers_of(kind)
            );
            return Err(refuse(Rule::Role, text));
        }
        if let Some(own) = signer(paper)
            && own != beside.principal
        {
            let text = format!("{} is of {own} and was signed by another", name(paper));
            return Err(refuse(Rule::Role, text));
        }
        Ok(Signed {
            principal: beside.principal.clone(),
            key: signature.key().clone(),
            file: beside.signature,
        })
    }

    /// Whether a document that is new may come now.
    ///
    /// What the log says has to give the same when it is read again, so a document comes after
    /// the files that it names: their arrival is not logged.
    fn may_come(
        &self,
        paper: &Paper,
        beside: &Beside,
        index: &Index<'_>,
        cache: &mut Shelf,
    ) -> Result<(), Refusal> {
        if self.known.contains_key(&paper.digest) {
            return Ok(());
        }
        if let Body::Keyring(keyring) = &paper.body {
            self.may_follow(paper, keyring)?;
        }
        self.has_its_files(paper, index, cache)?;
        self.number_may_come(paper, beside)
    }

    /// Whether the files that a document names are there. The first keyring is known by its hash
    /// and may come before its own; nothing else comes before them then.
    fn has_its_files(
        &self,
        paper: &Paper,
        index: &Index<'_>,
        cache: &mut Shelf,
    ) -> Result<(), Refusal> {
        match &paper.body {
            Body::Keyring(Keyring {
                allowed_signers, ..
            }) => {
                if self.is_root(paper) || index.files.contains_key(allowed_signers) {
                    return Ok(());
                }
                let text = no_signers(paper, allowed_signers);
                Err(refused(paper, Rule::Signers, text))
            }
            Body::Request(request) => here(paper, request.feed.as_ref(), index, cache),
            Body::Consent(Consent {
                alone: Some(alone), ..
            }) => here(paper, alone.feed.as_ref(), index, cache),
            _ => Ok(()),
        }
    }

    /// A keyring is signed by the keys of the one before it, so that one comes first.
    fn may_follow(&self, paper: &Paper, keyring: &Keyring) -> Result<(), Refusal> {
        let Some(last) = self.keyring() else {
            return Ok(());
        };
        if paper.number > last.paper.number && keyring.previous != Some(last.paper.digest) {
            let text = format!(
                "{} does not follow {}: it names another one as the one before it",
                name(paper),
                name(&last.paper)
            );
            return Err(refused(paper, Rule::Chain, text));
        }
        Ok(())
    }

    fn number_may_come(&self, paper: &Paper, beside: &Beside) -> Result<(), Refusal> {
        let kind = paper.kind();
        if is_always_taken(kind) {
            return Ok(());
        }
        let refuse = |text: String| {
            let file = beside.file.clone();
            let rule = Rule::Number;
            Err(Refusal { file, rule, text })
        };
        let highest = self.highest(kind, &scope(paper));
        let own = name(paper);
        if paper.number <= highest {
            return refuse(format!(
                "{own} comes too late: {} {highest} was admitted before, and a number does not \
                 come back",
                kind.name()
            ));
        }
        let most = if highest == 0 { FIRST } else { highest + LEAP };
        if paper.number > most {
            return refuse(format!(
                "{own} leaps: after {} {highest} a number may be {most} at most",
                kind.name(),
            ));
        }
        Ok(())
    }

    /// Admits what can be admitted, until nothing more can.
    fn settle(&mut self, index: &Index<'_>, cache: &mut Shelf, now: Time) {
        loop {
            let mut waiting: Vec<Arc<Paper>> = (self.known.values())
                .filter(|known| matches!(known.status, Status::Waits(_)))
                .map(|known| known.paper.clone())
                .collect();
            waiting.sort_by_key(|paper| (paper.kind(), paper.number, paper.digest));
            let mut has_changed = false;
            for paper in waiting {
                let status = self.admit(&paper, index, cache, now);
                has_changed |= !matches!(status, Status::Waits(_));
                if let Some(known) = self.known.get_mut(&paper.digest) {
                    known.status = status;
                }
            }
            if !has_changed {
                return;
            }
        }
    }
}

/// Whether a feed is there, with the bytes that are bound.
fn here(
    paper: &Paper,
    feed: Option<&Feed>,
    index: &Index<'_>,
    cache: &mut Shelf,
) -> Result<(), Refusal> {
    let Some(feed) = feed else {
        return Ok(());
    };
    match cache.sets.of_feed(feed, index.folder) {
        // That its bytes give something else is for ever.
        Ok(_) | Err((Rule::FeedSet, _)) => Ok(()),
        Err((rule, text)) => Err(refused(paper, rule, text)),
    }
}

pub(super) fn no_signers(paper: &Paper, digest: &Digest) -> String {
    format!(
        "the allowed_signers file that {} names, SHA-256 {digest}, is not there",
        name(paper)
    )
}

/// Documents that only end something are taken whatever their number.
pub(super) const fn is_always_taken(kind: Kind) -> bool {
    matches!(kind, Kind::Revocation | Kind::Stop)
}

/// Whose numbers a document is counted in.
pub(super) fn scope(paper: &Paper) -> String {
    match &paper.body {
        Body::Consent(consent) => consent.operator.to_string(),
        Body::Request(request) => request.requester.to_string(),
        // Whoever answers does not wait for who finds, nor the other way round.
        Body::Finding(finding) => finding.step.name().into(),
        _ => String::new(),
    }
}

/// The one who signs a document that speaks for somebody.
pub fn signer(paper: &Paper) -> Option<Principal> {
    let of = |role, name: &str| {
        let name = name.to_owned();
        Some(Principal { role, name })
    };
    match &paper.body {
        Body::Consent(consent) => of(Role::Operator, &consent.operator),
        Body::Request(request) => of(Role::Requester, &request.requester),
        _ => None,
    }
}

/// Whether a role may sign a document at all; how many are needed is another question.
pub fn may_sign(paper: &Paper, role: Role) -> bool {
    match &paper.body {
        Body::Keyring(_)
        | Body::Policy(_)
        | Body::Territory(_)
        | Body::Exclusion(_)
        | Body::Lift(_)
        | Body::Approval(_)
        | Body::Standing(_) => role == Role::Overseer,
        Body::Revocation(_) | Body::Stop(Stop { .. }) => {
            matches!(role, Role::Overseer | Role::Carrier | Role::Operator)
        }
        Body::Consent(_) => role == Role::Operator,
        Body::Request(_) => role == Role::Requester,
        Body::Finding(finding) => match finding.step {
            Step::Found | Step::Closed => matches!(role, Role::Inspector | Role::Overseer),
            Step::Answered => matches!(role, Role::Requester | Role::Carrier | Role::Operator),
        },
    }
}

/// Who signs documents of a kind, in a sentence.
pub const fn signers_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Keyring
        | Kind::Policy
        | Kind::Territory
        | Kind::Exclusion
        | Kind::Lift
        | Kind::Approval
        | Kind::Standing => "overseers do",
        Kind::Revocation | Kind::Stop => "overseers, the carrier and operators do",
        Kind::Consent => "the operator does",
        Kind::Request => "the requester does",
        Kind::Finding => {
            "inspectors and overseers find and close, requesters, carrier and operators answer"
        }
    }
}

const fn rule_of(fault: &StepFault) -> Rule {
    match fault {
        StepFault::OtherNamespace { .. } => Rule::Namespace,
        StepFault::Nobody { .. } => Rule::UnknownKey,
        StepFault::OtherPrincipal { .. } => Rule::OtherPrincipal,
        StepFault::NotAllowed { .. } => Rule::KeyNamespace,
        StepFault::NotYet { .. } | StepFault::NoLonger { .. } => Rule::KeyDates,
        StepFault::Unfit => Rule::Forged,
        StepFault::NoTouch => Rule::Touch,
    }
}

/// A refusal of a document.
pub(super) fn refused(paper: &Paper, rule: Rule, text: String) -> Refusal {
    Refusal {
        file: paper.file.clone(),
        rule,
        text,
    }
}

fn unfit(arrival: &Arrival, why: &str) -> Refusal {
    let text = format!(
        "nothing is recorded: line {} of the log of arrivals does not fit the documents: {why}",
        arrival.line
    );
    recording(Rule::Journal, text)
}
