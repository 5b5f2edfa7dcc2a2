//! What papers said at the time of each packet.

use std::{fmt, sync::Arc};

use crate::{
    agent::grants::{Covered, Port, cover, nowhere},
    clock::Terms,
    documents::{Attended, Decision, Time},
    places::Layers,
};

/// What papers said at every moment: the same decisions that a sensor came to then.
pub trait History {
    /// What they allowed at a moment.
    fn at(&self, t: Time) -> Decision;

    /// The first moment after `t` at which something had arrived, so that the decision may have
    /// changed otherwise than by itself.
    fn next_arrival(&self, t: Time) -> Option<Time>;
}

impl<H: History + ?Sized> History for &H {
    fn at(&self, t: Time) -> Decision {
        (**self).at(t)
    }

    fn next_arrival(&self, t: Time) -> Option<Time> {
        (**self).next_arrival(t)
    }
}

/// A history, and where in it a replay is.
pub(super) struct Then<'a> {
    history: Box<dyn History + 'a>,
    /// Every span that was asked for; packets may be out of order.
    phases: Vec<Phase>,
    /// The one in force.
    current: usize,
    /// The interfaces it was put into force with.
    interfaces: usize,
    in_force: Vec<Covered>,
    layers: Option<Arc<Layers>>,
}

/// A span in which a decision held.
struct Phase {
    from: Time,
    until: Time,
    decision: Decision,
}

/// What is to be done before a packet is judged.
pub(super) struct Turn {
    /// The end of the lease: nanoseconds since 1970.
    pub(super) lease: u64,
    /// What is to be published, where the program has something else.
    pub(super) publish: Option<(Vec<Covered>, Arc<Layers>)>,
}

impl fmt::Debug for Then<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phases = self.phases.len();
        f.debug_struct("Then")
            .field("phases", &phases)
            .finish_non_exhaustive()
    }
}

impl<'a> Then<'a> {
    pub(super) fn new(history: impl History + 'a) -> Self {
        Self {
            history: Box::new(history),
            phases: Vec::new(),
            current: 0,
            interfaces: 0,
            in_force: Vec::new(),
            layers: None,
        }
    }

    /// What is to be done before a packet of this time is judged, if anything. `interfaces` are
    /// the names of those that are known, by slot.
    pub(super) fn turn(&mut self, time: u64, interfaces: &[String]) -> Option<Turn> {
        let t = Time(time);
        let has_current = (self.phases.get(self.current)).is_some_and(|phase| phase.has(t));
        if has_current && self.interfaces == interfaces.len() {
            return None;
        }
        if !has_current {
            self.current = self.phase_of(t);
        }
        self.interfaces = interfaces.len();
        let decision = &self.phases.get(self.current)?.decision;
        let ports: Vec<Port> = ports(interfaces);
        let (covered, _) = cover(&decision.granted, decision.layers.as_deref(), t, &ports);
        let layers = decision
            .layers
            .clone()
            .unwrap_or_else(|| Arc::new(nowhere()));
        let lease = match &decision.attended {
            Attended::Until(until) => until.0,
            Attended::Not(_) => 0,
        };
        let is_news = self.in_force != covered || self.layers.as_ref() != Some(&layers);
        let publish = is_news.then(|| {
            self.in_force.clone_from(&covered);
            self.layers = Some(layers.clone());
            (covered, layers)
        });
        Some(Turn { lease, publish })
    }

    /// The span that a moment lies in, known or asked for.
    fn phase_of(&mut self, t: Time) -> usize {
        if let Some(known) = self.phases.iter().position(|phase| phase.has(t)) {
            return known;
        }
        let decision = self.history.at(t);
        let bounds = (decision.granted.iter()).flat_map(|granted| [granted.from, granted.until]);
        let until = bounds
            .chain(decision.next)
            .chain(self.history.next_arrival(t))
            .filter(|bound| *bound > t)
            .min()
            .unwrap_or(Time::MAX);
        // A packet from before the first one of a span that is known.
        let same = (self.phases.iter())
            .position(|phase| phase.until == until && phase.decision == decision);
        if let Some(same) = same {
            self.phases[same].from = t;
            return same;
        }
        self.phases.push(Phase {
            from: t,
            until,
            decision,
        });
        self.phases.len() - 1
    }
}

impl Phase {
    fn has(&self, t: Time) -> bool {
        self.from <= t && (t < self.until || self.until == Time::MAX)
    }
}

/// In a replay the name of an interface decides.
fn ports(interfaces: &[String]) -> Vec<Port> {
    let numbered = (0..).zip(interfaces);
    numbered
        .map(|(slot, name)| Port {
            name: name.clone(),
            slot,
            hardware: None,
        })
        .collect()
}

/// Times of a replay are those of documents.
pub(super) const fn terms(from: Time, until: Time) -> Terms {
    Terms {
        begin: from.0,
        end: until.0,
    }
}
