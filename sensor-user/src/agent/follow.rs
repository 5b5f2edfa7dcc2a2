//! Follow: brings what the papers allow into the kernel.
//!
//! What ends recording stands in the kernel before anything else is done, a log line or a
//! message included. What begins or widens it is in the log of arrivals, and on the disk, before
//! it stands in the kernel. Where something cannot be put into force, what ended has ended all
//! the same.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    AgentError, AlarmKind, Authority, Links, PublishError, Recording,
    collect::Collect,
    grants::{self, Covered, Port, cover, nowhere},
    papers::{Allowed, LOOK, Papers},
};
use crate::{
    clock::{Anchor, ClockSource, News, Terms},
    documents::{Attended, Decision, Rule, Time},
    kernel::Datapath,
    places::Layers,
};

/// The shortest time between two looks, in nanoseconds: a decision that never holds must not
/// keep an agent from its work.
const PAUSE: u64 = 1_000_000;

/// What papers want to stand in the kernel.
struct Wanted {
    covered: Vec<Covered>,
    layers: Arc<Layers>,
    /// Whether the kernel has other places: recording has stopped until it has these.
    moved: bool,
    /// Whether approvals stand in the kernel that have ended.
    stale: bool,
}

impl<D: Datapath, C: ClockSource, L: Links, A: Authority> Collect<D, C, L, A> {
    /// Looks at the papers, and does what they say.
    pub(super) fn follow(&mut self) -> Result<(), AgentError> {
        let (anchor, news) = self.take_anchor()?;
        let Some(mut papers) = self.papers.take() else {
            return Ok(());
        };
        let followed = self.follow_papers(&mut papers, &anchor, news);
        self.papers = Some(papers);
        followed
    }

    fn follow_papers(
        &mut self,
        papers: &mut Papers<A>,
        anchor: &Anchor,
        news: News,
    ) -> Result<(), AgentError> {
        let now = Time(anchor.wall);
        papers.due = anchor.boot.saturating_add(LOOK);
        let look = match papers.authority.look(now) {
            Ok(look) => look,
            Err(error) => {
                let text = format!("the papers cannot be read: {error:#}");
                self.stop(papers, Recording::not(Rule::Journal, &text))?;
                return self.keep_anchors(anchor, news);
            }
        };
        let Decision {
            attended,
            granted,
            layers,
            next,
        } = look.decision;
        if let Some(next) = next {
            let left = next.0.saturating_sub(now.0).max(PAUSE);
            papers.due = papers.due.min(anchor.boot.saturating_add(left));
        }
        let before = papers.allowed;
        self.allow(papers, &attended, anchor)?;
        let ports = self.ports();
        let (mut covered, mut refused) = cover(&granted, layers.as_deref(), now, &ports);
        // The boot clock may know better than the wall clock that one has ended.
        covered.retain(|covered| self.terms(covered).end > anchor.boot);
        let stale = self.narrow(papers, &covered)?;
        let layers = layers.unwrap_or_else(|| Arc::new(nowhere()));
        let moved = papers.layers != layers;
        if moved {
            // What the new places exclude cannot be taken out of the kernel alone.
            self.cap(0)?;
        }
        let wanted = Wanted {
            covered,
            layers,
            moved,
            stale: stale || papers.is_stale,
        };
        papers.is_stale = wanted.stale;

        let reasons = match &papers.state {
            Recording::Not(reasons) => reasons.as_slice(),
            Recording::Lab | Recording::Until(_) => &[],
        };
        let others = (look.refusals.iter()).filter(|refusal| !reasons.contains(refusal));
        refused.extend(others.map(ToString::to_string));
        // Everything that ends has ended; from here on there is time to write.
        let kept = self.keep_anchors(anchor, news);
        let logged = match kept {
            Err(AgentError::Anchors(error)) => Err(error.into()),
            Err(error) => return Err(error),
            Ok(()) => papers.authority.log(),
        };
        match logged {
            Ok(()) => self.put_into_force(papers, wanted, &mut refused)?,
            Err(error) => {
                let text = format!("arrivals cannot be logged, so nothing new begins: {error:#}");
                if wanted.moved {
                    self.stop(papers, Recording::not(Rule::Journal, &text))?;
                }
                self.not_beyond(papers, before, anchor, &text)?;
                refused.insert(text);
            }
        }
        if papers.in_force.is_empty() && papers.allowed.is_some() {
            let text = "no approval is in force";
            self.stop(papers, Recording::not(Rule::Waits, text))?;
        }
        for text in refused.difference(&papers.refused) {
            self.alarm(anchor.boot, AlarmKind::Papers, text);
        }
        papers.refused = refused;
        Ok(())
    }

    /// Takes note until when it may be recorded; where that is sooner than was promised, the
    /// kernel knows at once.
    fn allow(
        &mut self,
        papers: &mut Papers<A>,
        attended: &Attended,
        anchor: &Anchor,
    ) -> Result<(), AgentError> {
        let wall = match attended {
            Attended::Until(wall) => *wall,
            Attended::Not(reasons) => {
                return self.stop(papers, Recording::Not(reasons.clone()));
            }
        };
        let Terms { end: boot, .. } = self.anchors.terms(0, wall.0);
        if boot <= anchor.boot {
            let text = format!("it was allowed until {wall}");
            return self.stop(papers, Recording::not(Rule::NoStanding, &text));
        }
        papers.allowed = Some(Allowed { wall, boot });
        papers.state = Recording::Until(wall);
        self.cap(boot)
    }

    /// What was not logged allows nothing that was not allowed before.
    fn not_beyond(
        &mut self,
        papers: &mut Papers<A>,
        before: Option<Allowed>,
        anchor: &Anchor,
        text: &str,
    ) -> Result<(), AgentError> {
        let Some(now) = papers.allowed else {
            return Ok(());
        };
        match before {
            Some(before) if before.boot > anchor.boot => {
                let allowed = if before.boot < now.boot { before } else { now };
                papers.allowed = Some(allowed);
                papers.state = Recording::Until(allowed.wall);
                self.cap(allowed.boot)
            }
            _ => self.stop(papers, Recording::not(Rule::Journal, text)),
        }
    }

    /// Stops recording at once, for a reason that is told later.
    fn stop(&mut self, papers: &mut Papers<A>, state: Recording) -> Result<(), AgentError> {
        papers.allowed = None;
        papers.state = state;
        self.cap(0)
    }

    /// Narrows what is in force to what is covered now; whether something in force has ended.
    fn narrow(&mut self, papers: &mut Papers<A>, covered: &[Covered]) -> Result<bool, AgentError> {
        let mut left = Vec::with_capacity(papers.in_force.len());
        let mut stale = false;
        for held in papers.in_force.drain(..) {
            let now = covered.iter().find(|covered| covered.only_widens(&held));
            let terms = now.map_or(Terms::ENDED, |now| self.terms(now));
            let id = held.id();
            self.publisher.narrow_one(&mut self.datapath, &id, terms)?;
            match now {
                Some(_) => left.push(held),
                None => stale = true,
            }
        }
        papers.in_force = left;
        Ok(stale)
    }

    /// Publishes what is wanted, where the kernel has something else. Where that does not fit,
    /// what was in force before and still may be.
    fn put_into_force(
        &mut self,
        papers: &mut Papers<A>,
        wanted: Wanted,
        refused: &mut BTreeSet<String>,
    ) -> Result<(), AgentError> {
        if !wanted.is_news_to(papers) {
            return Ok(());
        }
        let error = match self.publish(papers, &wanted)? {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let Wanted { covered, .. } = &wanted;
        let (kept, new): (Vec<_>, Vec<_>) = (covered.iter().cloned())
            .partition(|covered| papers.in_force.iter().any(|held| held.id() == covered.id()));
        let rest = Wanted {
            covered: kept,
            ..wanted
        };
        let mut is_in_force = !rest.is_news_to(papers);
        if !is_in_force && error.is_refusal() {
            is_in_force = self.publish(papers, &rest)?.is_ok();
        }
        if is_in_force && error.is_refusal() && new.len() > 1 {
            return self.add_what_fits(papers, &rest.layers, &new, refused);
        }
        refused.insert(not_in_force(&new, &error));
        if rest.moved && !is_in_force {
            let text = format!("the places in force have changed, and cannot be loaded: {error}");
            self.stop(papers, Recording::not(Rule::Waits, &text))?;
        }
        Ok(())
    }

    /// Adds what fits to what is in force: one approval too many is no reason to go without the
    /// others, also when all of them are new to an agent that has started again.
    fn add_what_fits(
        &mut self,
        papers: &mut Papers<A>,
        layers: &Arc<Layers>,
        new: &[Covered],
        refused: &mut BTreeSet<String>,
    ) -> Result<(), AgentError> {
        let (one, other) = new.split_at(new.len() / 2);
        for part in [one, other] {
            let wanted = Wanted {
                covered: [&papers.in_force, part].concat(),
                layers: layers.clone(),
                moved: false,
                stale: false,
            };
            match self.publish(papers, &wanted)? {
                Ok(()) => {}
                Err(error) if part.len() > 1 && error.is_refusal() => {
                    self.add_what_fits(papers, layers, part, refused)?;
                }
                Err(error) => {
                    refused.insert(not_in_force(part, &error));
                }
            }
        }
        Ok(())
    }

    /// The error inside is one after which what was in force still is.
    fn publish(
        &mut self,
        papers: &mut Papers<A>,
        wanted: &Wanted,
    ) -> Result<Result<(), PublishError>, AgentError> {
        let content = grants::content(&wanted.covered, wanted.layers.clone(), |from, until| {
            self.anchors.terms(from.0, until.0)
        });
        let before = self.publisher.loaded().generation;
        match self.publisher.publish_all(&mut self.datapath, content) {
            Ok(generation) => self.next.generations.push(generation),
            Err(error) if self.publisher.loaded().generation == before => return Ok(Err(error)),
            Err(error) => return Err(error.into()),
        }
        papers.in_force.clone_from(&wanted.covered);
        papers.layers = wanted.layers.clone();
        papers.is_stale = false;
        Ok(Ok(()))
    }

    fn terms(&self, covered: &Covered) -> Terms {
        let granted = &covered.granted;
        self.anchors.terms(granted.from.0, granted.until.0)
    }

    /// The interfaces as they are now: a hardware address can be set.
    fn ports(&self) -> Vec<Port> {
        let interfaces = self.publisher.loaded().interfaces.iter();
        interfaces
            .map(|interface| {
                let hardware = self.links.hardware(interface.index);
                Port {
                    name: interface.name.clone(),
                    slot: interface.slot,
                    hardware: Some(hardware.map_err(|error| error.to_string())),
                }
            })
            .collect()
    }
}

fn not_in_force(new: &[Covered], error: &PublishError) -> String {
    let names: Vec<&str> = new.iter().map(|new| new.granted.id.as_str()).collect();
    let names = if names.is_empty() {
        String::new()
    } else {
        format!(" ({})", names.join(", "))
    };
    format!("what is new cannot be put into force{names}: {error}")
}

impl Wanted {
    fn is_news_to<A>(&self, papers: &Papers<A>) -> bool {
        self.moved || self.stale || self.covered != papers.in_force
    }
}
