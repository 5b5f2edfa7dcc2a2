//! Consents: whether one stands, and what stands on one alone.

use std::sync::Arc;

use sensor_common::Class;

use super::{
    approvals::in_time,
    arrive::refused,
    state::{ConsentHeld, State, name},
};
use crate::documents::{
    Body, Granted, IndicatorSet, Paper, Refusal, Rule, Time,
    field::Text,
    paper::{Consent, Interface},
};

impl State {
    /// Until when an operator consents, and on which interfaces.
    pub(super) fn consented(
        &self,
        paper: &Paper,
        operator: &str,
        now: Time,
    ) -> Result<(Time, Vec<Interface>), Refusal> {
        let no = |rule, text: String| Err(refused(paper, rule, text));
        let Some(held) = self.consent(operator) else {
            let withdrawn = (self.consents.values()).filter_map(|held| {
                let Body::Consent(consent) = &held.paper.body else {
                    return None;
                };
                (&*consent.operator == operator).then_some(held.ended.as_ref()?)
            });
            let text = match withdrawn.max() {
                Some(by) => format!("the consent of {operator} was ended by {by}"),
                None => format!("{operator} has not consented"),
            };
            return no(Rule::NoConsent, text);
        };
        let Body::Consent(consent) = &held.paper.body else {
            return no(Rule::NoConsent, format!("{operator} has not consented"));
        };
        self.consent_stands(held, consent)?;
        let (from, until) = consent_term(held, consent);
        if let Err(refusal) = in_time(&held.paper, (from, until), now) {
            return no(Rule::NoConsent, refusal.text);
        }
        Ok((until, consent.interfaces.clone()))
    }

    /// Whether a consent still stands, whatever its time.
    pub(super) fn consent_stands(
        &self,
        held: &ConsentHeld,
        consent: &Consent,
    ) -> Result<(), Refusal> {
        let paper = &held.paper;
        if let Some(by) = &held.ended {
            let text = format!("{} was ended by {by}", name(paper));
            return Err(refused(paper, Rule::Revoked, text));
        }
        if let Some(by) = self.revoked.get(&paper.digest) {
            let text = format!("{} was revoked by {by}", name(paper));
            return Err(refused(paper, Rule::Revoked, text));
        }
        if self.counted(&paper.digest, None) == 0 {
            let text = format!(
                "{} was signed by a key that has left the keyring",
                name(paper)
            );
            return Err(refused(paper, Rule::KeyLeft, text));
        }
        self.unbound(paper, consent).map_or(Ok(()), Err)
    }

    /// Whether a consent that stands alone is in force.
    pub(super) fn granted_alone(
        &self,
        held: &ConsentHeld,
        set: &Arc<IndicatorSet>,
        now: Time,
    ) -> Result<Granted, Refusal> {
        let paper = &held.paper;
        let (Body::Consent(consent), Some(policy)) = (&paper.body, &self.policy) else {
            let text = "there is no policy that lets a consent stand alone".into();
            return Err(refused(paper, Rule::Waits, text));
        };
        let Some(alone) = &consent.alone else {
            let text = "it does not stand alone".into();
            return Err(refused(paper, Rule::Waits, text));
        };
        if !policy.body.consent_alone {
            let text = format!("{} lets no consent stand alone", name(&policy.paper));
            return Err(refused(paper, Rule::NoConsent, text));
        }
        self.consent_stands(held, consent)?;
        if let Some(stop) = self.stopped_by(&consent.operator) {
            let text = format!(
                "{} stopped recording with {}",
                &*consent.operator,
                name(&stop.paper)
            );
            return Err(refused(paper, Rule::Stopped, text));
        }
        let (from, until) = consent_term(held, consent);
        in_time(paper, (from, until), now)?;
        Ok(Granted {
            id: format!("consent.{}.{}", &*consent.operator, paper.number),
            document: paper.digest,
            is_consent: true,
            class: Class::Infrastructure,
            directions: vec![
                sensor_common::Direction::Inbound,
                sensor_common::Direction::Outbound,
            ],
            operator: Some(consent.operator.clone()),
            fields: alone.fields.0,
            interfaces: consent.interfaces.clone(),
            tunnels: Vec::new(),
            from,
            until,
            retention: alone.retention,
            recipients: Text::try_from(consent.operator.to_string())
                .into_iter()
                .collect(),
            indicators: set.clone(),
            limited: None,
        })
    }
}

fn consent_term(held: &ConsentHeld, consent: &Consent) -> (Time, Time) {
    let from = consent.from.unwrap_or(Time::MAX).max(held.since);
    (from, consent.until.unwrap_or(Time::MIN))
}
