//! Kernel and fake side by side.

use std::{collections::BTreeMap, sync::Arc};

use sekisho::{
    kernel::{Datapath, Fake, Options, Replayer, TotalsBySet},
    places::Flat,
    settings::lab,
    watchlist::{Approval, Compiled, Moment, Watchlist, compile, in_order},
};
use sensor_common::{
    Counters, FlowKey, FlowValue, Place, ReplayContext, SlotCounts, Stat, Totals, Verdict,
};

/// Both datapaths, given the same frames.
pub(crate) struct Rig {
    pub(crate) kernel: Replayer,
    pub(crate) fake: Fake,
    flows: BTreeMap<FlowKey, FlowValue>,
    /// The first notice of each flow.
    pub(crate) notices: BTreeMap<FlowKey, FlowValue>,
}

/// What both counted, the same.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) counters: Counters,
    pub(crate) flows: BTreeMap<FlowKey, FlowValue>,
    pub(crate) notices: BTreeMap<FlowKey, FlowValue>,
    pub(crate) totals: TotalsBySet,
    pub(crate) slot_counts: Vec<SlotCounts>,
}

/// A watchlist of these prefixes.
pub(crate) fn watchlist(prefixes: &[&str]) -> Watchlist {
    let mut watchlist = Watchlist::default();
    let prefixes = prefixes.iter().map(|text| text.parse().unwrap());
    watchlist.add_feed("test".into(), prefixes.zip(1..));
    watchlist
}

/// The first generation of these prefixes under these approvals.
pub(crate) fn compiled(prefixes: &[&str], approvals: &[Approval]) -> Compiled {
    generation(prefixes, approvals, 1)
}

/// A generation of these prefixes under these approvals, all addresses being foreign.
pub(crate) fn generation(prefixes: &[&str], approvals: &[Approval], number: u64) -> Compiled {
    let places = Arc::new(Flat::everywhere(Place::Foreign));
    compile(
        &watchlist(prefixes),
        &in_order(approvals),
        places,
        number,
        Moment::default(),
    )
}

/// Without what depends on the hash: which flows give way to others.
fn judged(mut counters: Counters) -> Counters {
    counters[Stat::FlowsEvicted.cell()] = 0;
    counters
}

/// Time 1,000, interface slot 0, captured whole.
pub(crate) fn at_once(frame: &[u8]) -> ReplayContext {
    let wire_length = u32::try_from(frame.len()).unwrap();
    ReplayContext {
        time: 1_000,
        wire_length,
        interface: 0,
    }
}

impl Rig {
    pub(crate) fn new(lab: bool, capacity: u32) -> Self {
        Self::with(Options {
            flow_capacity: capacity,
            ..Options::new(lab)
        })
    }

    pub(crate) fn with(options: Options) -> Self {
        Self {
            kernel: Replayer::load(options).unwrap(),
            fake: Fake::replay(options.flow_capacity as usize),
            flows: BTreeMap::new(),
            notices: BTreeMap::new(),
        }
    }

    /// Watching `prefixes` under a lab approval of any time and interface.
    pub(crate) fn watching(prefixes: &[&str]) -> Self {
        let mut rig = Self::new(true, 1024);
        rig.publish(&compiled(prefixes, &[lab::replay()]));
        rig
    }

    pub(crate) fn publish(&mut self, compiled: &Compiled) {
        self.kernel.publish(&compiled.tables).unwrap();
        self.fake.publish(&compiled.tables).unwrap();
    }

    pub(crate) fn receive(&mut self, frame: &[u8], context: ReplayContext) {
        self.kernel.run(frame, context).unwrap();
        self.fake.receive(frame, context);
    }

    /// Moves the kernel's flows to user space; those that came now are the value.
    pub(crate) fn drain(&mut self) -> BTreeMap<FlowKey, FlowValue> {
        let mut drained: BTreeMap<FlowKey, FlowValue> = BTreeMap::new();
        let notices = &mut self.notices;
        self.kernel
            .take(&mut |part| {
                if part.is_notice() {
                    notices.entry(part.key).or_insert(part.value);
                } else {
                    drained.entry(part.key).or_default().absorb(&part.value);
                }
            })
            .unwrap();
        for (key, value) in &drained {
            self.flows.entry(*key).or_default().absorb(value);
        }
        drained
    }

    /// What was counted, after holding kernel and fake against each other.
    pub(crate) fn counted(mut self) -> Counted {
        self.drain();
        let counters = judged(self.kernel.counters().unwrap());
        let totals = self.kernel.totals().unwrap();
        let mut flows: BTreeMap<FlowKey, FlowValue> = BTreeMap::new();
        self.fake
            .take(&mut |part| {
                if !part.is_notice() {
                    flows.entry(part.key).or_default().absorb(&part.value);
                }
            })
            .unwrap();
        assert_eq!(self.flows, flows, "flows of kernel and fake");
        assert_eq!(
            counters,
            judged(self.fake.counters().unwrap()),
            "counters of kernel and fake"
        );
        assert_eq!(
            totals,
            self.fake.totals().unwrap(),
            "totals of kernel and fake"
        );
        let slot_counts = self.kernel.slot_counts().unwrap();
        assert_eq!(
            slot_counts,
            self.fake.slot_counts().unwrap(),
            "slot counts of kernel and fake"
        );
        assert_eq!(
            self.kernel.leftovers().unwrap(),
            0,
            "what stays of a packet in the kernel"
        );
        let counted = Counted {
            counters,
            flows,
            notices: self.notices,
            totals,
            slot_counts,
        };
        counted.check(self.kernel.next_generation() - 1);
        counted
    }
}

impl Counted {
    pub(crate) fn of(&self, stat: Stat) -> u64 {
        self.counters[stat.cell()]
    }

    pub(crate) fn verdict(&self, verdict: Verdict) -> u64 {
        self.of(Stat::Verdict(verdict))
    }

    /// Σ source + Σ destination − both = recorded = flows + unattributed, to the packet;
    /// and every packet seen has one verdict. A slot of generation `generation`, which is in
    /// force, counts what flows under it count, unless there was no room for some.
    fn check(&self, generation: u64) {
        let recorded = self.verdict(Verdict::Recorded);
        let verdicts: u64 = Verdict::ALL
            .iter()
            .map(|&verdict| self.verdict(verdict))
            .sum();
        assert_eq!(
            verdicts,
            self.of(Stat::Seen),
            "every packet has one verdict"
        );
        let packets: u64 = self.flows.values().map(|flow| flow.packets).sum();
        assert_eq!(packets + self.of(Stat::UnattributedPackets), recorded);
        let octets: u64 = self.flows.values().map(|flow| flow.octets).sum();
        let sum = |of: fn(&Totals) -> u64| self.totals.iter().map(|(_, t)| of(t)).sum::<u64>();
        assert_eq!(
            sum(|t| t.source_packets) + sum(|t| t.destination_packets) - self.of(Stat::BothPackets),
            recorded
        );
        assert_eq!(
            sum(|t| t.source_octets) + sum(|t| t.destination_octets) - self.of(Stat::BothOctets),
            octets + self.of(Stat::UnattributedOctets)
        );
        assert_eq!(self.of(Stat::TotalsLost), 0);
        assert_eq!(self.of(Stat::SlotCountsLost), 0);
        if self.of(Stat::UnattributedPackets) > 0 {
            return;
        }
        for (slot, counts) in (0..).zip(&self.slot_counts) {
            let under = |key: &FlowKey| key.generation == generation && key.approvals.has(slot);
            let flows = self.flows.iter().filter(|(key, _)| under(key));
            let packets: u64 = flows.map(|(_, flow)| flow.packets).sum();
            assert_eq!(counts.of(Verdict::Recorded), packets, "slot {slot}");
        }
    }
}
