//! The kernel and the reference side by side, batch by batch.

use std::{collections::BTreeMap, net::IpAddr};

use sekisho::{
    clock::Terms,
    kernel::{Datapath as _, DatapathError, Replayer, Retired, boot_now},
    watchlist::{Compiled, SetId},
};
use sensor_common::{
    Counters, FlowPart, FlowValue, ReplayContext, SlotCounts, Stat, Totals, Verdict,
};

use super::{
    dice::Dice,
    packets::{Arrival, Arrivals},
    published::{changed, compiled, sets},
    worlds::Universe,
};
use crate::reference::{Decision, Flow, Watched, count};

/// How often each verdict was given.
pub(crate) type Given = [u64; Verdict::ALL.len()];

/// The kernel and the world it is to judge by.
pub(crate) struct Bench {
    kernel: Replayer,
    seed: u64,
    current: Option<Current>,
    given: Given,
    changes: usize,
}

/// The generation in force, and what it must have counted.
struct Current {
    universe: Universe,
    sets: BTreeMap<u32, Watched>,
    compiled: Compiled,
    totals: BTreeMap<Watched, Totals>,
    slot_counts: Vec<SlotCounts>,
}

/// What a batch counts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Batch {
    given: Given,
    both: u64,
    flows: BTreeMap<Flow, FlowValue>,
}

impl Bench {
    pub(crate) fn new(mut kernel: Replayer, own: &[IpAddr], seed: u64) -> Self {
        kernel.set_own_addresses(own.iter().copied()).unwrap();
        Self {
            kernel,
            seed,
            current: None,
            given: Given::default(),
            changes: 0,
        }
    }

    /// Puts the next world into force; the one before must have counted what it should.
    pub(crate) fn publish(&mut self, universe: Universe) {
        let compiled = compiled(&universe.world);
        let retired = self.kernel.publish(&compiled.tables).unwrap();
        if let Some(before) = &self.current {
            let generation = before.universe.world.generation;
            assert_eq!(retired.generation, generation);
            assert_eq!(before.differs(&retired), None, "retired: {}", self.place());
        }
        self.current = Some(Current {
            sets: sets(&compiled),
            compiled,
            totals: BTreeMap::new(),
            slot_counts: vec![SlotCounts::default(); 256],
            universe,
        });
    }

    /// An approval of the generation in force begins later or ends earlier, or both.
    pub(crate) fn narrow(&mut self, dice: &mut Dice, times: &[u64]) {
        let permits = &mut self.current.as_mut().unwrap().universe.world.permits;
        let permit = dice.below(permits.len());
        let permit = &mut permits[permit];
        let terms = Terms {
            begin: dice.pick(times),
            end: dice.pick(times),
        };
        self.kernel.narrow(permit.slot, terms).unwrap();
        permit.begin = permit.begin.max(terms.begin);
        permit.end = permit.end.min(terms.end);
    }

    /// Indicators begin and end, in the generation in force if it has room for that.
    pub(crate) fn go_on(&mut self) {
        let current = self.current.as_mut().unwrap();
        let world = &mut current.universe.world;
        world.moment += 1;
        let Some((compiled, change)) = changed(world, &current.compiled) else {
            // It touches sets with port rules, which a whole generation is for.
            world.moment -= 1;
            return;
        };
        match self.kernel.change(&change) {
            Ok(()) => {
                self.changes += change.patches.len();
                current.sets = sets(&compiled);
                current.compiled = compiled;
            }
            // Nothing has changed: there is no table for the first prefix of a kind.
            Err(DatapathError::NoRoom(_)) => world.moment -= 1,
            Err(error) => panic!("{error}"),
        }
    }

    /// How many prefixes were changed so far.
    pub(crate) const fn changes(&self) -> usize {
        self.changes
    }

    pub(crate) fn attend(&mut self, until: u64) {
        self.kernel.attend(until).unwrap();
    }

    /// How often each verdict was given so far.
    pub(crate) const fn given(&self) -> Given {
        self.given
    }

    /// Runs a batch of packets, and compares all that was counted.
    pub(crate) fn run(
        &mut self,
        dice: &mut Dice,
        arrivals: &Arrivals,
        (batch, packets): (u32, usize),
        is_attended: bool,
    ) {
        let place = format!("{} batch {batch}", self.place());
        let mut current = self.current.take().unwrap();
        let dice_before = dice.clone();
        let mut expected = Batch::default();
        let (before, begin) = (self.kernel.counters().unwrap(), boot_now().unwrap());
        for _ in 0..packets {
            let arrival = Arrival::new(dice, &current.universe, arrivals);
            self.receive(&arrival);
            let decision = current.universe.world.decide(&arrival.frame, is_attended);
            current.expect(&mut expected, decision);
        }
        let mut found = self.found(&current, &before);
        if self.kernel.is_live() {
            found.check_times(begin, boot_now().unwrap());
            expected.forget_times();
        }
        let counts = current.differs(&self.read());
        if found != expected || counts.is_some() {
            let packet = self.first_wrong(dice_before, &current, arrivals, packets, is_attended);
            panic!(
                "{place}: {}\n{}\n{packet}\n{:#?}",
                found.differences(&expected),
                counts.unwrap_or_default(),
                current.universe.world
            );
        }
        for (sum, count) in self.given.iter_mut().zip(found.given) {
            *sum += count;
        }
        self.current = Some(current);
    }

    fn place(&self) -> String {
        let current = self.current.as_ref();
        let generation = current.map_or(0, |current| current.universe.world.generation);
        format!("SEKISHO_SEED={} generation {generation}", self.seed)
    }

    fn receive(&mut self, arrival: &Arrival) {
        let context = ReplayContext {
            time: arrival.time,
            wire_length: u32::try_from(arrival.bytes.len()).unwrap(),
            interface: arrival.interface,
        };
        self.kernel.run(&arrival.bytes, context).unwrap();
    }

    /// What the kernel counted since `before`.
    fn found(&mut self, current: &Current, before: &Counters) -> Batch {
        let counters = self.kernel.counters().unwrap();
        let since = |stat: Stat| counters[stat.cell()] - before[stat.cell()];
        let mut found = Batch {
            given: Verdict::ALL.map(|verdict| since(Stat::Verdict(verdict))),
            both: since(Stat::BothPackets),
            flows: BTreeMap::new(),
        };
        let losses = [
            Stat::UnattributedPackets,
            Stat::TotalsLost,
            Stat::SlotCountsLost,
        ];
        for lost in losses {
            assert_eq!(since(lost), 0, "{lost:?}");
        }
        assert_eq!(since(Stat::Seen), found.given.iter().sum::<u64>());
        self.kernel
            .take(&mut |FlowPart { mut key, value }| {
                if value.packets == 0 {
                    return;
                }
                let watched = |set| current.sets.get(&set).cloned();
                let (source, destination) = (key.source_set, key.destination_set);
                (key.source_set, key.destination_set) = (0, 0);
                let flow = Flow {
                    key,
                    source: watched(source),
                    destination: watched(destination),
                };
                // A part from each CPU, and of what gave way.
                found.flows.entry(flow).or_default().absorb(&value);
            })
            .unwrap();
        found
    }

    /// Totals and slot counts of the generation in force.
    fn read(&self) -> Retired {
        Retired {
            generation: 0,
            totals: self.kernel.totals().unwrap(),
            slot_counts: self.kernel.slot_counts().unwrap(),
        }
    }

    /// The first packet of a batch that alone has another verdict or other slot counts.
    fn first_wrong(
        &mut self,
        mut dice: Dice,
        current: &Current,
        arrivals: &Arrivals,
        packets: usize,
        is_attended: bool,
    ) -> String {
        for number in 0..packets {
            let arrival = Arrival::new(&mut dice, &current.universe, arrivals);
            let before = (self.kernel.counters().unwrap(), self.read().slot_counts);
            self.receive(&arrival);
            let after = (self.kernel.counters().unwrap(), self.read().slot_counts);
            let decision = current.universe.world.decide(&arrival.frame, is_attended);
            let mut expected = before.1;
            reach(&mut expected, &decision);
            let mut given = Verdict::ALL.to_vec();
            given.retain(|&verdict| {
                let cell = Stat::Verdict(verdict).cell();
                after.0[cell] > before.0[cell]
            });
            if given != [decision.verdict] || after.1 != expected {
                return format!(
                    "packet {number}: {given:?} instead of {decision:?}\n{:?}",
                    arrival.frame
                );
            }
        }
        "every packet alone has its verdict".into()
    }
}

impl Batch {
    /// Live, the times of flows are the boot clock's.
    fn check_times(&mut self, begin: u64, end: u64) {
        for (flow, value) in &self.flows {
            let (first, last) = (value.first, value.last);
            assert!(begin <= first && first <= last && last <= end, "{flow:?}");
        }
        self.forget_times();
    }

    fn forget_times(&mut self) {
        for value in self.flows.values_mut() {
            (value.first, value.last) = (0, 0);
        }
    }

    fn differences(&self, expected: &Self) -> String {
        let mut lines = Vec::new();
        if (self.given, self.both) != (expected.given, expected.both) {
            let (found, wanted) = (self.given, expected.given);
            lines.push(format!("verdicts {found:?} instead of {wanted:?}"));
            let (found, wanted) = (self.both, expected.both);
            lines.push(format!("{found} instead of {wanted} matched at both ends"));
        }
        let other =
            (self.flows.iter()).find(|(flow, value)| expected.flows.get(flow) != Some(value));
        if let Some((flow, value)) = other {
            let wanted = expected.flows.get(flow);
            lines.push(format!("flow {flow:?}\n  {value:?}\n  not {wanted:?}"));
        }
        let missing = (expected.flows.iter()).find(|(flow, _)| !self.flows.contains_key(flow));
        if let Some((flow, value)) = missing {
            lines.push(format!("no flow {flow:?}\n  {value:?}"));
        }
        lines.join("\n")
    }
}

impl Current {
    /// Adds what a decision makes the kernel count.
    fn expect(&mut self, batch: &mut Batch, decision: Decision) {
        reach(&mut self.slot_counts, &decision);
        batch.given[decision.verdict as usize] += 1;
        let Some((flow, value)) = decision.flow else {
            return;
        };
        let octets = value.octets;
        if let Some(source) = &flow.source {
            let totals = self.totals.entry(source.clone()).or_default();
            totals.source_packets += 1;
            totals.source_octets += octets;
        }
        if let Some(destination) = &flow.destination {
            let totals = self.totals.entry(destination.clone()).or_default();
            totals.destination_packets += 1;
            totals.destination_octets += octets;
        }
        batch.both += u64::from(flow.source.is_some() && flow.destination.is_some());
        count(&mut batch.flows, flow, value);
    }

    /// Where totals and slot counts are not what they must be.
    fn differs(&self, read: &Retired) -> Option<String> {
        let mut slots = (0_u32..).zip(read.slot_counts.iter().zip(&self.slot_counts));
        let wrong = slots.find(|(_, (found, expected))| found != expected);
        if let Some((slot, (found, expected))) = wrong {
            return Some(format!("slot {slot}: {found:?} instead of {expected:?}"));
        }
        // The same indicators may have come and gone, and had more than one set.
        let mut found: BTreeMap<Option<&Watched>, Totals> = BTreeMap::new();
        for (SetId(set), totals) in &read.totals {
            let watched = self.sets.get(set);
            found.entry(watched).or_default().absorb(totals);
        }
        let expected = (self.totals.iter()).map(|(watched, totals)| (Some(watched), *totals));
        let expected: BTreeMap<_, _> = expected.collect();
        (found != expected).then(|| format!("totals {found:?} instead of {expected:?}"))
    }
}

/// Counts how far a packet came in each slot.
fn reach(counts: &mut [SlotCounts], decision: &Decision) {
    for &(slot, reached) in &decision.reached {
        let cell = reached as usize - Verdict::Unapproved as usize;
        counts[usize::try_from(slot).unwrap()].packets[cell] += 1;
    }
}
