//! What stands at a moment: documents that arrived, what was admitted, what ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ipnet::IpNet;

use super::recording;
use crate::{
    documents::{
        AllowedSigners, Body, Digest, Identity, IndicatorSet, Key, Kind, Paper, Principal, Refusal,
        Role, Rule, Time,
        journal::Arrival,
        paper::{Keyring, Policy, Request, Standing, Stop},
    },
    places::{Exclusion, Layers, Operator, OperatorId, Territory},
};

/// Numbers of documents may leap by so many: nobody can use them up by signing the last one.
pub(super) const LEAP: u64 = 1_000;

/// The highest first number that a sensor takes: it may come late to a row of documents, and
/// nobody can use them up by the first one either.
pub(super) const FIRST: u64 = 1_000_000;

/// What stands.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) identity: Identity,
    /// Whether the root may be a keyring of any number.
    pub(super) is_trusting: bool,
    /// Documents of which a signature arrived, and the first keyring.
    pub(super) known: BTreeMap<Digest, Known>,
    /// The chain of keyrings.
    pub(super) keyrings: Vec<KeyringHeld>,
    pub(super) policy: Option<Held<Policy>>,
    pub(super) territory: Option<Held<Arc<Territory>>>,
    pub(super) exclusions: BTreeMap<Digest, ExclusionHeld>,
    pub(super) requests: BTreeMap<Digest, RequestHeld>,
    /// Requests that were refused, and by which document.
    pub(super) refused: BTreeMap<Digest, String>,
    pub(super) approvals: BTreeMap<Digest, ApprovalHeld>,
    pub(super) consents: BTreeMap<Digest, ConsentHeld>,
    /// What was revoked, and by which document.
    pub(super) revoked: BTreeMap<Digest, String>,
    pub(super) stops: BTreeMap<Digest, StopHeld>,
    /// By their numbers, ascending.
    pub(super) standings: Vec<StandingHeld>,
    /// Admitted numbers by kind and by whose they are.
    pub(super) numbers: BTreeMap<(Kind, String), BTreeMap<u64, Digest>>,
    /// Why nothing can be decided: what was known is not there, or the log does not fit.
    pub(super) missing: Vec<Refusal>,
    pub(super) tail: Tail,
}

/// The last line of the log.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    pub(super) line: u64,
    pub(super) digest: Digest,
    pub(super) time: Time,
}

/// A document that arrived.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) paper: Arc<Paper>,
    /// Its signatures that count, in the order of their arrival.
    pub(super) signatures: Vec<Signed>,
    pub(super) status: Status,
}

/// A signature that counts.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) principal: Principal,
    pub(super) key: Key,
    pub(super) file: Digest,
}

/// What became of a document.
#[derive(Clone, Debug)]
pub(super) enum Status {
    /// Something is not there yet.
    Waits(Refusal),
    /// It counts since this moment.
    Admitted(Time),
    /// It never will.
    Refused(Refusal),
}

/// A document in force.
#[derive(Clone, Debug)]
pub(super) struct Held<T> {
    pub(super) paper: Arc<Paper>,
    pub(super) body: T,
}

/// A keyring of the chain.
#[derive(Clone, Debug)]
pub struct KeyringHeld {
    /// The document.
    pub paper: Arc<Paper>,
    /// What it says.
    pub keyring: Keyring,
    /// The keys it names.
    pub signers: Arc<AllowedSigners>,
}

/// An exclusion, also one whose place another has taken.
#[derive(Clone, Debug)]
pub(super) struct ExclusionHeld {
    pub(super) paper: Arc<Paper>,
    pub(super) replaced: bool,
}

/// A request with its indicators.
#[derive(Clone, Debug)]
pub struct RequestHeld {
    /// The document.
    pub paper: Arc<Paper>,
    /// What it says.
    pub request: Arc<Request>,
    /// The indicators, inline or from its feed.
    pub indicators: Arc<IndicatorSet>,
}

/// An approval that was admitted.
#[derive(Clone, Debug)]
pub(super) struct ApprovalHeld {
    pub(super) paper: Arc<Paper>,
    pub(super) request: Digest,
    /// Signatures that it needed then, and needs as long as it stands.
    pub(super) needed: u32,
    /// What it names, after its conditions.
    pub(super) indicators: Arc<IndicatorSet>,
    pub(super) since: Time,
    /// The keyring without which it lacked signatures; it does not come back with the keys.
    pub(super) lacks: Option<String>,
}

/// A consent that was admitted.
#[derive(Clone, Debug)]
pub(super) struct ConsentHeld {
    pub(super) paper: Arc<Paper>,
    pub(super) since: Time,
    /// What it has watched where it stands alone.
    pub(super) alone: Option<Arc<IndicatorSet>>,
    /// Which later document of the operator took its place.
    pub(super) ended: Option<String>,
}

/// A stop.
#[derive(Clone, Debug)]
pub(super) struct StopHeld {
    pub(super) paper: Arc<Paper>,
    pub(super) stop: Stop,
    /// How many of its signatures a lift has ended; who signs it after that stops again.
    pub(super) lifted: usize,
}

/// A standing that was admitted.
#[derive(Clone, Debug)]
pub(super) struct StandingHeld {
    pub(super) paper: Arc<Paper>,
    pub(super) standing: Standing,
}

impl State {
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            identity,
            is_trusting: false,
            known: BTreeMap::new(),
            keyrings: Vec::new(),
            policy: None,
            territory: None,
            exclusions: BTreeMap::new(),
            requests: BTreeMap::new(),
            refused: BTreeMap::new(),
            approvals: BTreeMap::new(),
            consents: BTreeMap::new(),
            revoked: BTreeMap::new(),
            stops: BTreeMap::new(),
            standings: Vec::new(),
            numbers: BTreeMap::new(),
            missing: Vec::new(),
            tail: Tail {
                line: 0,
                digest: Digest::of(b""),
                time: Time::MIN,
            },
        }
    }

    /// The keyring in force.
    pub(super) fn keyring(&self) -> Option<&KeyringHeld> {
        self.keyrings.last()
    }

    /// Exclusions in force.
    pub(super) fn exclusions(&self) -> impl Iterator<Item = &ExclusionHeld> {
        self.exclusions.values().filter(|held| !held.replaced)
    }

    /// The highest admitted number.
    pub(super) fn highest(&self, kind: Kind, of: &str) -> u64 {
        let numbers = self.numbers.get(&(kind, of.to_owned()));
        let last = numbers.and_then(|numbers| numbers.last_key_value());
        last.map_or(0, |(number, _)| *number)
    }

    /// Admitted documents of a kind, by number.
    pub(super) fn admitted(&self, kind: Kind) -> Vec<(Time, Arc<Paper>)> {
        let mut admitted: Vec<_> = (self.known.values())
            .filter_map(|known| match known.status {
                Status::Admitted(time) if known.paper.kind() == kind => {
                    Some((time, known.paper.clone()))
                }
                _ => None,
            })
            .collect();
        admitted.sort_by_key(|(time, paper)| (paper.number, *time, paper.digest));
        admitted
    }

    /// Why nothing can be recorded by what is not there yet.
    pub(super) fn not_ready(&self) -> Vec<Refusal> {
        let mut reasons = Vec::new();
        match self.keyring() {
            None => {
                let text = format!(
                    "nothing is recorded without a keyring: the one with SHA-256 {}, or its \
                     allowed_signers, is not there",
                    self.identity.root
                );
                reasons.push(recording(Rule::Chain, text));
            }
            Some(held) if held.keyring.sensor(&self.identity.log_key).is_none() => {
                let text = format!(
                    "nothing is recorded: {} binds no sensor with the log key {}",
                    name(&held.paper),
                    self.identity.log_key
                );
                reasons.push(recording(Rule::Sensor, text));
            }
            Some(_) => {}
        }
        for (is_there, kind) in [
            (self.policy.is_some(), Kind::Policy),
            (self.territory.is_some(), Kind::Territory),
        ] {
            if !is_there {
                let kind = kind.name();
                let text = format!("nothing is recorded without a {kind} signed by the overseers");
                reasons.push(recording(Rule::Waits, text));
            }
        }
        reasons
    }

    /// The signatures of a stop that no lift has ended.
    fn stopping(&self, held: &StopHeld) -> impl Iterator<Item = &Signed> {
        let signatures = self.signatures(&held.paper.digest);
        signatures.iter().skip(held.lifted)
    }

    /// Stops of everything that were not lifted.
    pub(super) fn stopped(&self) -> impl Iterator<Item = Refusal> {
        self.stops.values().filter_map(|held| {
            let mut signers = self.stopping(held);
            let by = signers.find(|signed| signed.principal.role != Role::Operator)?;
            let text = format!(
                "recording was stopped by {} with {}: {}; only a lift by the overseers ends that",
                by.principal,
                name(&held.paper),
                &*held.stop.reason
            );
            Some(recording(Rule::Stopped, text))
        })
    }

    /// The stop of an operator's own that was not lifted.
    pub(super) fn stopped_by(&self, operator: &str) -> Option<&StopHeld> {
        self.stops.values().find(|held| {
            self.stopping(held).any(|signed| {
                signed.principal.role == Role::Operator && signed.principal.name == operator
            })
        })
    }

    /// When the standing ends; an error where none is in force.
    pub(super) fn standing_ends(&self, now: Time) -> Result<Time, Refusal> {
        let refused = |rule, text| Err(recording(rule, text));
        // The last that has begun: one that was signed for later leaves no gap before it.
        let begun = (self.standings.iter()).rfind(|held| held.standing.from <= now);
        let Some(held) = begun.or(self.standings.last()) else {
            let text = "nothing is recorded without a standing of an overseer".to_owned();
            return refused(Rule::NoStanding, text);
        };
        let (own, standing) = (name(&held.paper), &held.standing);
        if now >= standing.until {
            let text = format!(
                "{own} ended at {}; an overseer has to sign a fresh one",
                standing.until
            );
            return refused(Rule::NoStanding, text);
        }
        if now < standing.from {
            let text = format!("{own} begins at {} only", standing.from);
            return refused(Rule::NoStanding, text);
        }
        if self.counted(&held.paper.digest, None) == 0 {
            let text = format!("{own} was signed by a key that has left the keyring");
            return refused(Rule::KeyLeft, text);
        }
        self.standing_fits(&own, standing)?;
        Ok(standing.until)
    }

    /// Whether what a standing names is what is here.
    fn standing_fits(&self, own: &str, standing: &Standing) -> Result<(), Refusal> {
        let other = |what: &str| {
            let text = format!(
                "{own} names another {what} than is in force here: a fresh standing has to name \
                 what is, or the {what} it names is not here"
            );
            Err(recording(Rule::StandingOther, text))
        };
        let keyring = self.keyring().map(|held| held.paper.digest);
        if keyring != Some(standing.keyring) {
            return other("keyring");
        }
        if self.policy.as_ref().map(|held| held.paper.digest) != Some(standing.policy) {
            return other("policy");
        }
        if self.territory.as_ref().map(|held| held.paper.digest) != Some(standing.territory) {
            return other("territory");
        }
        let here: BTreeSet<Digest> = self.exclusions().map(|held| held.paper.digest).collect();
        if here != standing.exclusions.iter().copied().collect() {
            return other("set of exclusions");
        }
        // What was revoked since it was signed is no fault of the standing.
        let unknown = standing
            .revoked
            .iter()
            .find(|id| !self.revoked.contains_key(*id));
        if let Some(unknown) = unknown {
            let text = format!(
                "{own} says that {} was revoked, and the revocation is not here: put it into the \
                 folder",
                unknown.short()
            );
            return Err(recording(Rule::StandingOther, text));
        }
        Ok(())
    }

    /// When the territory becomes too old; an error where it is.
    pub(super) fn territory_ends(&self, now: Time) -> Option<Result<Time, Refusal>> {
        let (territory, policy) = (self.territory.as_ref()?, self.policy.as_ref()?);
        let date = territory_date(&territory.body);
        let end = policy.body.territory_age.from(date);
        if now < end {
            return Some(Ok(end));
        }
        let text = format!(
            "{} is of {} and older than {}, as {} allows: the overseers have to sign a newer one",
            name(&territory.paper),
            territory.body.date,
            policy.body.territory_age,
            name(&policy.paper)
        );
        Some(Err(recording(Rule::TerritoryAge, text)))
    }

    /// Moments at which something begins or ends by itself.
    pub(super) fn changes(&self) -> impl Iterator<Item = Time> {
        let requests = self.approvals.values().flat_map(|held| {
            let term = self.term(held);
            [term.0, term.1]
        });
        let consents = self.consents.values().flat_map(|held| {
            let Body::Consent(consent) = &held.paper.body else {
                return [None, None];
            };
            [consent.from, consent.until]
        });
        let standing = self.standings.iter().flat_map(|held| {
            let Standing { from, until, .. } = held.standing;
            [from, until]
        });
        let territory = self.territory_ends(Time::MIN).and_then(Result::ok);
        (requests.chain(consents.flatten()))
            .chain(standing)
            .chain(territory)
            .chain([self.tail.time])
    }

    /// What places addresses.
    pub(super) fn layers(&self) -> Option<Layers> {
        let (keyring, territory) = (self.keyring()?, self.territory.as_ref()?);
        let mut operators: Vec<Operator> = Vec::new();
        let consented = |operator: &str| {
            let held = self.consent(operator)?;
            let Body::Consent(consent) = &held.paper.body else {
                return None;
            };
            self.consent_stands(held, consent).ok()?;
            Some(consent.prefixes.iter().map(|prefix| prefix.0).collect())
        };
        for bound in &keyring.keyring.operators {
            let consented: Vec<IpNet> = consented(&bound.name).unwrap_or_default();
            let is_in = |prefix: &IpNet| consented.iter().any(|own| own.contains(prefix));
            let rest = bound.prefixes.iter().map(|prefix| prefix.0);
            let rest: Vec<_> = rest.filter(|prefix| !is_in(prefix)).collect();
            operators.push(Operator {
                id: OperatorId(bound.name.to_string()),
                prefixes: consented,
            });
            // What it did not consent to is an operator's too, and so nobody else's; no approval
            // ever names this one.
            if !rest.is_empty() {
                operators.push(Operator {
                    id: OperatorId(format!("{} (without consent)", bound.name)),
                    prefixes: rest,
                });
            }
        }
        Some(Layers {
            territory: (*territory.body).clone(),
            exclusions: self.excluded(),
            operators,
        })
    }

    /// The prefixes of all exclusions in force.
    pub(super) fn excluded(&self) -> Vec<Exclusion> {
        let mut excluded = Vec::new();
        for held in self.exclusions() {
            let Body::Exclusion(exclusion) = &held.paper.body else {
                continue;
            };
            excluded.extend(
                (1..)
                    .zip(&exclusion.prefixes)
                    .map(|(line, prefix)| Exclusion {
                        prefix: prefix.0,
                        source: held.paper.file.clone(),
                        line,
                    }),
            );
        }
        excluded
    }

    /// The consent of an operator that no later one has ended.
    pub(super) fn consent(&self, operator: &str) -> Option<&ConsentHeld> {
        self.consents.values().find(|held| {
            let Body::Consent(consent) = &held.paper.body else {
                return false;
            };
            &*consent.operator == operator && held.ended.is_none()
        })
    }

    /// How many overseers' or, of a consent, operators' signatures of a document count now:
    /// those whose key still has its line, of distinct keys and distinct names, without those of
    /// a requester: by the name, and by every key that any keyring ever gave to it.
    pub(super) fn counted(&self, document: &Digest, without: Option<&Principal>) -> u32 {
        let (Some(known), Some(keyring)) = (self.known.get(document), self.keyring()) else {
            return 0;
        };
        let kind = known.paper.kind();
        let stands = known.signatures.iter().filter(|signed| {
            let is_own = |other: &Principal| {
                let has_key = |held: &KeyringHeld| held.signers.is_of(&signed.key, other);
                other.name == signed.principal.name || self.keyrings.iter().any(has_key)
            };
            keyring.signers.has(&signed.principal, &signed.key, kind)
                && !without.is_some_and(is_own)
        });
        distinct(stands.map(|signed| (&signed.principal, &signed.key)))
    }

    /// Signatures of a document.
    pub(super) fn signatures(&self, document: &Digest) -> &[Signed] {
        self.known
            .get(document)
            .map_or(&[], |known| &known.signatures)
    }
}

/// The next line of the log.
impl Tail {
    pub(super) fn next(&self, time: Time, paper: &Paper, signed: Option<&Signed>) -> Arrival {
        Arrival {
            line: self.line + 1,
            previous: self.digest,
            time,
            kind: paper.kind(),
            number: paper.number,
            document: paper.digest,
            principal: signed.map(|signed| signed.principal.clone()),
            signature: signed.map(|signed| signed.file),
        }
    }

    /// Whether a line follows this one.
    pub(super) fn is_before(&self, arrival: &Arrival) -> bool {
        (arrival.line, arrival.previous) == (self.line + 1, self.digest)
            && arrival.time >= self.time
    }

    pub(super) fn take(&mut self, arrival: &Arrival) {
        self.line = arrival.line;
        self.digest = arrival.digest();
        self.time = arrival.time;
    }
}

/// A document in a sentence.
pub(super) fn name(paper: &Paper) -> String {
    format!("{} {} ({})", paper.kind().name(), paper.number, paper.file)
}

/// The day of a territory; one that has none is as old as can be.
pub(super) fn territory_date(territory: &Territory) -> Time {
    format!("{}T00:00:00Z", territory.date)
        .parse()
        .unwrap_or(Time::MIN)
}

/// How many pairs there are at most in which every name and every key is used once.
pub(super) fn distinct<'a>(pairs: impl Iterator<Item = (&'a Principal, &'a Key)>) -> u32 {
    let mut keys: BTreeMap<&Principal, BTreeSet<&Key>> = BTreeMap::new();
    for (principal, key) in pairs {
        keys.entry(principal).or_default().insert(key);
    }
    let mut taken: BTreeMap<&Key, &Principal> = BTreeMap::new();
    let names: Vec<&Principal> = keys.keys().copied().collect();
    let found = names
        .into_iter()
        .filter(|name| find(name, &keys, &mut taken, &mut BTreeSet::new()))
        .count();
    u32::try_from(found).unwrap_or(u32::MAX)
}

/// Finds a key for a name, and another one for whoever had it (augmenting paths).
fn find<'a>(
    name: &'a Principal,
    keys: &BTreeMap<&'a Principal, BTreeSet<&'a Key>>,
    taken: &mut BTreeMap<&'a Key, &'a Principal>,
    tried: &mut BTreeSet<&'a Key>,
) -> bool {
    for &key in keys.get(name).into_iter().flatten() {
        if !tried.insert(key) {
            continue;
        }
        let is_free = match taken.get(key).copied() {
            None => true,
            Some(holder) => find(holder, keys, taken, tried),
        };
        if is_free {
            taken.insert(key, name);
            return true;
        }
    }
    false
}
