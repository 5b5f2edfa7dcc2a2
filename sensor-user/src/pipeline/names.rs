//! Gives names to the numbers the kernel counted under.

use std::{collections::BTreeMap, sync::Arc};

use sensor_common::{
    Class, Direction, Fields, FlowKey, FlowPart, NO_MATCH_SET, SLOTS, Slot, SlotMask,
};

use super::{Clock, End, Flow, Matched, Notice, Record, RecordId, Under};
use crate::{
    records::Endpoint,
    watchlist::{ApprovalId, Compiled, Handling, SetId, Watchlist},
};

/// A generation with the names of what it is made of.
#[derive(Clone, Debug)]
pub struct Generation {
    /// The indicators.
    pub watchlist: Watchlist,
    /// The tables, sets and approvals.
    pub compiled: Compiled,
    /// Interfaces by slot, where they are not those of the run.
    pub interfaces: Option<Vec<String>>,
}

/// The names of a run: flows of several generations may be under way.
#[derive(Clone, Debug)]
pub struct Names {
    generations: BTreeMap<u64, Arc<Generation>>,
    /// What the slots of generations without names let a record say.
    nameless: BTreeMap<u64, Vec<Fields>>,
    /// Interfaces by slot.
    pub interfaces: Vec<String>,
    /// The clock of the kernel's times.
    pub clock: Clock,
}

impl Names {
    /// Names without any generation.
    pub const fn new(interfaces: Vec<String>, clock: Clock) -> Self {
        Self {
            generations: BTreeMap::new(),
            nameless: BTreeMap::new(),
            interfaces,
            clock,
        }
    }

    /// Adds a generation under the number of its tables.
    pub fn add(&mut self, generation: Arc<Generation>) {
        let number = generation.compiled.tables.generation;
        self.generations.insert(number, generation);
    }

    /// Adds a generation of which the slots are known and nothing else.
    pub fn add_nameless(&mut self, number: u64, slots: &[Slot]) {
        let fields = slots.iter().map(|slot| slot.fields).collect();
        self.nameless.insert(number, fields);
    }

    /// Forgets generations before this one: their flows are all written.
    pub fn forget_before(&mut self, number: u64) {
        self.generations = self.generations.split_off(&number);
    }

    /// The generations, the earliest first.
    pub fn generations(&self) -> impl Iterator<Item = &Arc<Generation>> {
        self.generations.values()
    }

    /// The latest generation.
    pub fn latest(&self) -> Option<&Arc<Generation>> {
        self.generations.last_key_value().map(|(_, latest)| latest)
    }

    /// The record of a flow, under all its approvals.
    pub fn record(&self, id: RecordId, flow: &Flow) -> Record<Endpoint> {
        self.record_at(id, flow, self.clock)
    }

    /// Likewise of a flow with times of another clock.
    pub fn record_at(&self, id: RecordId, flow: &Flow, clock: Clock) -> Record<Endpoint> {
        let Flow { key, value, .. } = flow;
        let kind = (value.class, value.direction);
        let notice = self.notice(key, kind, clock.unix_ns(value.first));
        Record::new(id, notice, value, clock.unix_ns(value.last))
    }

    /// The notice of a flow, from its counts.
    pub fn begun(&self, Flow { key, value, .. }: &Flow) -> Notice<Endpoint> {
        self.notice(
            key,
            (value.class, value.direction),
            self.clock.unix_ns(value.first),
        )
    }

    /// The notice of a flow, from the kernel's.
    pub fn announced(&self, FlowPart { key, value }: &FlowPart) -> Notice<Endpoint> {
        self.notice(
            key,
            (value.class, value.direction),
            self.clock.unix_ns(value.first),
        )
    }

    /// `start` is nanoseconds since 1970.
    fn notice(&self, key: &FlowKey, (class, direction): (u8, u8), start: u64) -> Notice<Endpoint> {
        let class = Class::from_number(class).unwrap_or(Class::Transit);
        let direction = Direction::from_number(direction).unwrap_or(Direction::Through);
        let generation = self.generations.get(&key.generation);
        let approvals = match generation {
            Some(generation) => approvals(generation, &key.approvals),
            None => self.nameless(key),
        };
        let mut indicators = Vec::new();
        if let Some(generation) = generation {
            for (end, set) in [
                (End::Source, key.source_set),
                (End::Destination, key.destination_set),
            ] {
                matched(generation, end, set, direction, &mut indicators);
            }
        }
        let interface = self.interface(generation, key.interface);
        Notice::of_key(
            key,
            approvals,
            (class, direction),
            (interface, start),
            indicators,
        )
    }

    /// The approvals of a generation whose names are lost: called by their numbers. Where not
    /// even the slots are known, nothing is said beyond what every record says.
    fn nameless(&self, key: &FlowKey) -> Vec<Under> {
        let generation = key.generation;
        let known = self.nameless.get(&generation);
        let fields = |slot: u32| known.and_then(|fields| fields.get(slot as usize));
        let slots = (0..SLOTS).filter(|&slot| key.approvals.has(slot));
        let under = slots.map(|slot| Under {
            slot,
            id: ApprovalId(format!("slot {slot} of generation {generation}")),
            fields: fields(slot).copied().unwrap_or(Fields::NONE),
            // Nobody knows who may have them.
            handling: Arc::new(Handling {
                retention: None,
                recipients: Some(Vec::new()),
            }),
        });
        under.collect()
    }

    fn interface(&self, generation: Option<&Arc<Generation>>, slot: u8) -> String {
        let own = generation.and_then(|generation| generation.interfaces.as_ref());
        match own.unwrap_or(&self.interfaces).get(usize::from(slot)) {
            Some(name) => name.clone(),
            None => slot.to_string(),
        }
    }
}

fn approvals(generation: &Generation, mask: &SlotMask) -> Vec<Under> {
    let in_force = generation.compiled.approvals_of(mask);
    let under = in_force.map(|held| Under {
        slot: held.slot,
        id: held.approval.id.clone(),
        fields: held.approval.terms.fields,
        handling: held.approval.handling.clone(),
    });
    under.collect()
}

/// The indicators that cover one end. The prefix of one that covers a domestic address would
/// tell it, so there it is left out, and feed and line say which it was.
fn matched(
    generation: &Generation,
    end: End,
    set: u32,
    direction: Direction,
    indicators: &mut Vec<Matched>,
) {
    if set == NO_MATCH_SET {
        return;
    }
    let is_domestic = matches!(
        (end, direction),
        (End::Source, Direction::Outbound) | (End::Destination, Direction::Inbound)
    );
    let Generation {
        watchlist,
        compiled,
        ..
    } = generation;
    for id in compiled.covering(SetId(set)) {
        let Some(indicator) = watchlist.indicator(id) else {
            continue;
        };
        indicators.push(Matched {
            end,
            prefix: (!is_domestic).then_some(indicator.prefix),
            feed: watchlist.feed_of(&indicator).to_owned(),
            line: indicator.line,
            named_by: compiled.named_by(id),
        });
    }
}
