//! What would become of a packet, and why.
//!
//! The answer comes from what is loaded alone: the same tables that the kernel has, the same
//! function that gives its verdicts, and neither is asked. So it costs the sensor nothing, and
//! it may be had on another machine from a copy of the snapshot.

mod error;
mod json;
mod line;
mod steps;
mod text;

use ipnet::IpNet;
use sensor_common::{Facts, Fields, NO_MATCH_SET, Passage, SlotMask, Verdict, judge};

use super::{Interface, Loaded};
use crate::{
    pipeline::{Clock, Generation},
    places::{self, OperatorId, PlacesError},
    watchlist::{ApprovalId, IndicatorId, PortRule, SetId},
};

pub use self::{
    error::{AskError, LineError},
    line::{Endpoint, PacketLine},
};

/// When a packet comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds since boot.
    pub now: u64,
    /// Whether an agent attends.
    pub attended: bool,
}

/// What is loaded, ready for questions.
#[derive(Debug)]
pub struct Explainer<'a> {
    loaded: &'a Loaded,
    generation: Generation,
}

/// What would become of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The packet, with the interface it was taken to be on.
    pub packet: PacketLine,
    /// The interface.
    pub interface: Seen,
    /// What would be decided; `None` where no packet is looked at.
    pub verdict: Option<Verdict>,
    /// The source.
    pub source: End,
    /// The destination.
    pub destination: End,
    /// Class and direction, or what the places alone decide.
    pub passage: Result<Passage, Verdict>,
    /// The operator whose prefix an end lies in.
    pub operator: Option<OperatorId>,
    /// The approvals that name an indicator which covers an end, by slot. None where the
    /// packet does not come before them.
    pub approvals: Vec<Considered>,
    /// What a record may say besides what is in every record.
    pub fields: Fields,
    /// Where the answer comes from.
    pub basis: Basis,
}

/// What an answer rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The generation.
    pub generation: u64,
    /// Whether it is lab.
    pub lab: bool,
    /// When the packet comes.
    pub moment: Moment,
    /// The clock of the times.
    pub clock: Clock,
}

/// The interface a packet is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// One that is watched.
    Watched {
        /// Its name.
        name: String,
        /// Its slot.
        slot: u8,
        /// Whether it was not named, and is the only one.
        is_assumed: bool,
    },
    /// Another.
    NotWatched {
        /// Its name.
        name: String,
        /// Those that are watched.
        watched: Vec<String>,
    },
}

/// One end of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Where its address lies, and which rule says so.
    pub place: places::Explanation,
    /// What covers it; `None` where nothing does.
    pub matched: Option<Matched>,
    /// Indicators that cover it and may count: they are for ports that the line leaves open.
    pub open: Vec<Covering>,
    /// Indicators that cover it and do not count, since they are for other ports.
    pub other_ports: Vec<Covering>,
    /// Indicators that cover it and are not in the kernel, since no approval names them.
    pub unnamed: Vec<Covering>,
}

/// The match set of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// Its number.
    pub set: SetId,
    /// The indicators that cover the address, longest prefix first.
    pub indicators: Vec<Covering>,
}

/// An indicator that covers an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covering {
    /// Its prefix.
    pub prefix: IpNet,
    /// The feed it stands in.
    pub feed: String,
    /// Its line there, counted from 1.
    pub line: u32,
    /// The ports on which it counts; none is any, and packets without.
    pub ports: Vec<PortRule>,
    /// The approvals that name it, by slot.
    pub named_by: Vec<ApprovalId>,
}

/// How far a packet comes with one approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// Its slot.
    pub slot: u32,
    /// Its name.
    pub id: ApprovalId,
    /// The step at which it falls; [`Verdict::Recorded`] if it allows the packet.
    pub reached: Verdict,
    /// The same in words.
    pub why: String,
    /// What a record under it may say, if it allows the packet.
    pub fields: Fields,
}

impl<'a> Explainer<'a> {
    /// Compiles what is loaded.
    pub fn new(loaded: &'a Loaded) -> Result<Self, PlacesError> {
        Ok(Self {
            loaded,
            generation: loaded.compile(loaded.places()?),
        })
    }

    /// Says what would become of a packet.
    ///
    /// One that names no interface is taken to be on the one that is watched.
    ///
    /// # Errors
    ///
    /// [`AskError`] where none or several are.
    pub fn explain(&self, line: &PacketLine, moment: Moment) -> Result<Answer, AskError> {
        let interface = self.seen(line)?;
        let mut packet = line.clone();
        packet.interface = Some(interface.name().to_owned());
        let places = &self.generation.compiled.tables.places;
        let passage = Passage::between(
            places.place(line.source.address),
            places.place(line.destination.address),
        );
        let named = self.named(line);
        let mut answer = Answer {
            packet,
            verdict: None,
            source: self.end(line, &line.source),
            destination: self.end(line, &line.destination),
            passage,
            operator: self.operator(passage),
            approvals: Vec::new(),
            fields: Fields::NONE,
            basis: self.basis(moment),
            interface,
        };
        let Seen::Watched { slot, .. } = answer.interface else {
            return Ok(answer);
        };
        answer.verdict = Some(match passage {
            _ if named.is_none() => Verdict::NoMatch,
            Err(verdict) => verdict,
            Ok(passage) => {
                let facts = Facts {
                    now: moment.now,
                    passage,
                    interface: 1u64.checked_shl(slot.into()).unwrap_or(0),
                    own_address: self.is_own(line),
                    attended: moment.attended,
                };
                let named = named.unwrap_or(SlotMask::EMPTY);
                let slots = self.generation.compiled.tables.slots.as_slice();
                let judgement = judge(&named, slots, &facts);
                answer.fields = judgement.fields;
                answer.approvals = self.considered(&named, &facts);
                judgement.verdict
            }
        });
        Ok(answer)
    }

    fn basis(&self, moment: Moment) -> Basis {
        Basis {
            generation: self.loaded.generation,
            lab: self.loaded.lab,
            moment,
            clock: Clock {
                unix_at_boot: self.loaded.unix_at_boot,
            },
        }
    }

    fn seen(&self, line: &PacketLine) -> Result<Seen, AskError> {
        let interfaces = &self.loaded.interfaces;
        let all = || {
            interfaces
                .iter()
                .map(|interface| interface.name.clone())
                .collect()
        };
        let watched = |interface: &Interface, is_assumed| Seen::Watched {
            name: interface.name.clone(),
            slot: interface.slot,
            is_assumed,
        };
        match (&line.interface, &interfaces[..]) {
            (Some(name), _) => Ok(
                match interfaces.iter().find(|interface| interface.name == *name) {
                    Some(interface) => watched(interface, false),
                    None => Seen::NotWatched {
                        name: name.clone(),
                        watched: all(),
                    },
                },
            ),
            (None, []) => Err(AskError::NoInterface),
            (None, [only]) => Ok(watched(only, true)),
            (None, _) => Err(AskError::WhichInterface { watched: all() }),
        }
    }

    /// The slots of the approvals that name a match set of either end; `None` where neither
    /// has one.
    fn named(&self, line: &PacketLine) -> Option<SlotMask> {
        let compiled = &self.generation.compiled;
        let sets = [&line.source, &line.destination].map(|end| self.set(line, end));
        if sets == [NO_MATCH_SET; 2] {
            return None;
        }
        let groups = sets
            .into_iter()
            .filter(|set| *set != NO_MATCH_SET)
            .filter_map(|set| compiled.group_of(SetId(set)))
            .filter_map(|group| compiled.mask(group));
        Some(groups.fold(SlotMask::EMPTY, |named, group| named.union(group)))
    }

    /// The match set of an end. A port that the line leaves open is none that an indicator is
    /// for.
    fn set(&self, line: &PacketLine, end: &Endpoint) -> u32 {
        let compiled = &self.generation.compiled;
        let longest = compiled.longest(end.address.into());
        let longest = longest.map_or(NO_MATCH_SET, |SetId(set)| set);
        compiled.tables.on_port(longest, line.rule(end))
    }

    fn end(&self, line: &PacketLine, end: &Endpoint) -> End {
        let set = self.set(line, end);
        let matched = (set != NO_MATCH_SET).then(|| self.matched(SetId(set)));
        let (unnamed, named): (Vec<_>, Vec<_>) = self
            .around(end)
            .partition(|covering| covering.named_by.is_empty());
        let rule = line.rule(end);
        let counts =
            |ports: &[PortRule]| ports.is_empty() || rule.is_some_and(|rule| ports.contains(&rule));
        let left = named.into_iter().filter(|one| !counts(&one.ports));
        let may_count = |one: &Covering| one.ports.iter().any(|port| line.may_be(end, *port));
        let (open, other_ports) = left.partition(may_count);
        End {
            place: places::explain(&self.loaded.layers, end.address),
            matched,
            open,
            other_ports,
            unnamed,
        }
    }

    fn matched(&self, set: SetId) -> Matched {
        let covering = self.generation.compiled.covering(set);
        Matched {
            set,
            indicators: covering.filter_map(|id| self.covering(id)).collect(),
        }
    }

    /// The indicators around an end, whoever names them.
    fn around(&self, end: &Endpoint) -> impl Iterator<Item = Covering> {
        let indicators = self.generation.watchlist.iter();
        let around = indicators.filter(|(_, indicator)| indicator.prefix.contains(&end.address));
        around.filter_map(|(id, _)| self.covering(id))
    }

    fn covering(&self, id: IndicatorId) -> Option<Covering> {
        let Generation {
            watchlist,
            compiled,
            ..
        } = &self.generation;
        let indicator = watchlist.indicator(id)?;
        let naming = compiled.named_by(id);
        let named_by = compiled.approvals_of(&naming);
        Some(Covering {
            prefix: indicator.prefix,
            feed: watchlist.feed_of(&indicator).to_owned(),
            line: indicator.line,
            ports: watchlist.ports(id).collect(),
            named_by: named_by.map(|held| held.approval.id.clone()).collect(),
        })
    }

    fn operator(&self, passage: Result<Passage, Verdict>) -> Option<OperatorId> {
        let number = passage.ok()?.operator;
        let operator = self.loaded.layers.operator(number)?;
        Some(operator.id.clone())
    }

    /// Whether an end is an address of this host. The kernel knows them in lab mode only, each
    /// by itself.
    fn is_own(&self, line: &PacketLine) -> bool {
        let own = |end: &Endpoint| {
            let mut addresses = self.loaded.own_addresses.iter();
            addresses.any(|own| own.addr() == end.address)
        };
        self.loaded.lab && (own(&line.source) || own(&line.destination))
    }

    fn considered(&self, named: &SlotMask, facts: &Facts) -> Vec<Considered> {
        let compiled = &self.generation.compiled;
        let slots = compiled.tables.slots.as_slice();
        let in_force = compiled.approvals_of(named);
        in_force
            .map(|held| {
                let judgement = judge(&SlotMask::of(held.slot), slots, facts);
                Considered {
                    slot: held.slot,
                    id: held.approval.id.clone(),
                    reached: judgement.verdict,
                    why: steps::why(self.loaded, &held.approval, judgement.verdict, facts),
                    fields: judgement.fields,
                }
            })
            .collect()
    }
}

impl Seen {
    /// The interface's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Watched { name, .. } | Self::NotWatched { name, .. } => name,
        }
    }
}

impl Answer {
    /// Whether the packet would be counted in a flow.
    pub fn is_recorded(&self) -> bool {
        self.verdict == Some(Verdict::Recorded)
    }

    /// Whether the verdict may be another on ports that the line does not tell.
    pub fn depends_on_ports(&self) -> bool {
        let ends = [&self.source, &self.destination];
        ends.iter().any(|end| !end.open.is_empty())
    }
}

#[cfg(test)]
mod tests;
