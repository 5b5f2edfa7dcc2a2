//! Slots given again under traffic: approvals leave and come, generation after generation,
//! and every packet is counted under the approval that names its address.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own assumptions do"
)]

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    sync::Arc,
};

use sekisho::{
    kernel::{AttachMode, Datapath as _, Kernel, Options, Retired, boot_now, probe},
    places::Flat,
    settings::lab,
    watchlist::{
        Approval, ApprovalId, Compiled, InForce, IndicatorId, Moment, Scope, SetId, SlotBook,
        Watchlist, compile,
    },
};
use sensor_common::{FlowKey, FlowValue, Place, Stat, Verdict};
use sensor_tests::{
    require,
    road::{Road, WEST_V4},
    traffic, wait,
};

/// Watched addresses, all of them with traffic all the time.
const ADDRESSES: u8 = 12;

/// Approvals in force at once. Each names one address.
const IN_FORCE: usize = 8;

const GENERATIONS: u64 = 80;
/// Ports of east's; each has a sender of its own, so that packets are on all processors.
const SENDERS: [u16; 3] = [9, 10, 11];

const SECOND: u64 = 1_000_000_000;

fn address(number: u8) -> IpAddr {
    IpAddr::from([203, 0, 113, number])
}

/// An agent that does nothing but exchange approvals.
struct Exchange {
    kernel: Kernel,
    watchlist: Watchlist,
    book: SlotBook,
    /// Every generation published.
    published: BTreeMap<u64, Compiled>,
    /// Generations whose flows are all out of the kernel, as the book was told.
    drained: u64,
    /// Packets drained by generation and slot.
    packets: BTreeMap<(u64, u32), u64>,
    retired: Vec<Retired>,
    reuses: usize,
}

impl Exchange {
    fn new(road: &Road) -> Self {
        let options = Options {
            flow_capacity: 1024,
            ..Options::new(true)
        };
        let mut kernel = Kernel::load(options).unwrap();
        road.barrier
            .run(|| {
                let index = probe::interface_index("r0").unwrap();
                kernel.attach("r0", index, 0, AttachMode::Native)
            })
            .unwrap();
        let mut watchlist = Watchlist::default();
        let prefixes = (0..ADDRESSES).map(|number| address(number).into());
        watchlist.add_feed("test".into(), prefixes.zip(1..));
        Self {
            kernel,
            watchlist,
            book: SlotBook::default(),
            published: BTreeMap::new(),
            drained: 0,
            packets: BTreeMap::new(),
            retired: Vec::new(),
            reuses: 0,
        }
    }

    /// Publishes the next generation, in which the oldest approval has left and a new one
    /// has come, and waits for packets under each.
    fn exchange(&mut self, approvals: &[Approval]) {
        let generation = self.kernel.next_generation();
        let in_force = self.assign(approvals, generation);
        let places = Arc::new(Flat::everywhere(Place::Foreign));
        let compiled = compile(
            &self.watchlist,
            &in_force,
            places,
            generation,
            Moment::default(),
        );
        self.attend();
        let retired = self.kernel.publish(&compiled.tables).unwrap();
        assert_eq!(retired.generation, generation - 1);
        self.retired.push(retired);
        self.published.insert(generation, compiled);
        self.drain();
        wait::until("packets under every approval", || {
            self.drain();
            let counted = |held: &InForce| self.packets.contains_key(&(generation, held.slot));
            in_force.iter().all(counted).then_some(())
        });
    }

    /// The slots of the next generation. One that an approval has left is given again, but
    /// only when the book knows that its flows are out of the kernel.
    fn assign(&mut self, approvals: &[Approval], generation: u64) -> Vec<InForce> {
        let mut too_early = self.book.clone();
        // A generation is in force, and the ones before it were drained since it is.
        self.drained = generation.saturating_sub(2);
        self.book.drained(self.drained);
        let in_force = self.book.assign(approvals.to_vec(), generation).unwrap();
        let newest = &approvals.last().unwrap().id;
        let of_newest = |held: &&InForce| held.approval.id == *newest;
        let given = in_force.iter().find(of_newest).unwrap();
        let mut holders =
            (self.published.values()).filter_map(|compiled| compiled.approvals.get(&given.slot));
        if let Some(before) = holders.next_back() {
            self.reuses += 1;
            assert_ne!(before.approval.id, given.approval.id);
            assert_eq!(
                given.approval.terms.epoch,
                before.approval.terms.epoch + 1,
                "slot {} of generation {generation}",
                given.slot
            );
            let early = too_early.assign(approvals.to_vec(), generation).unwrap();
            let early = early.iter().find(of_newest).unwrap();
            assert_ne!(early.slot, given.slot, "given before it is drained");
        }
        in_force
    }

    fn attend(&mut self) {
        self.kernel
            .attend(boot_now().unwrap() + 30 * SECOND)
            .unwrap();
    }

    fn drain(&mut self) {
        let mut flows: Vec<(FlowKey, FlowValue)> = Vec::new();
        self.kernel
            .take(&mut |part| {
                if !part.is_notice() {
                    flows.push((part.key, part.value));
                }
            })
            .unwrap();
        for (key, value) in flows {
            self.resolve(&key, &value);
        }
    }

    /// A flow is under one approval, which names its address and no other.
    fn resolve(&mut self, key: &FlowKey, value: &FlowValue) {
        let generation = key.generation;
        assert!(
            generation > self.drained,
            "a flow of generation {generation} after the book was told of {}",
            self.drained
        );
        let compiled = &self.published[&generation];
        let under: Vec<&InForce> = compiled.approvals_of(&key.approvals).collect();
        let [held] = under[..] else {
            panic!("one approval for {key:?}: {under:?}");
        };
        let [a, b, c, d, ..] = key.destination;
        assert_eq!((a, b, c), (203, 0, 113), "{key:?}");
        let named = Scope::Indicators([IndicatorId(d.into())].into());
        assert_eq!(
            held.approval.scope, named,
            "generation {generation}: a packet to .{d} under {}",
            held.approval.id
        );
        let covering = compiled.covering(SetId(key.destination_set));
        assert!(covering.eq([IndicatorId(d.into())]), "{key:?}");
        assert_eq!(key.source_set, 0);
        *self.packets.entry((generation, held.slot)).or_default() += value.packets;
    }

    /// When the traffic is over: nothing was lost, and each generation counted its own.
    fn settle(mut self) {
        self.drain();
        self.kernel.detach();
        self.drain();
        let last = Retired {
            generation: self.kernel.next_generation() - 1,
            totals: self.kernel.totals().unwrap(),
            slot_counts: self.kernel.slot_counts().unwrap(),
        };
        self.retired.push(last);
        let counters = self.kernel.counters().unwrap();
        let recorded = counters[Stat::Verdict(Verdict::Recorded).cell()];
        let drained: u64 = self.packets.values().sum();
        assert_eq!(counters[Stat::UnattributedPackets.cell()], 0);
        assert_eq!(drained, recorded, "packets of flows");
        let mut folded = 0;
        for retired in &self.retired {
            let generation = retired.generation;
            for (slot, counts) in (0..).zip(&retired.slot_counts) {
                let packets = self.packets.get(&(generation, slot)).copied();
                assert_eq!(
                    counts.of(Verdict::Recorded),
                    packets.unwrap_or_default(),
                    "generation {generation} slot {slot}"
                );
                assert_eq!(
                    counts.packets.iter().sum::<u64>(),
                    counts.of(Verdict::Recorded)
                );
            }
            let destinations = retired
                .totals
                .iter()
                .map(|(_, totals)| totals.destination_packets);
            folded += destinations.sum::<u64>();
        }
        assert_eq!(folded, recorded, "totals of all generations");
        assert_eq!(self.retired.len() as u64, GENERATIONS + 1);
        assert!(self.reuses >= 10, "{} reuses", self.reuses);
        for lost in [Stat::TotalsLost, Stat::SlotCountsLost] {
            assert_eq!(counters[lost.cell()], 0, "{lost:?}");
        }
    }
}

/// The approval that comes with a generation.
fn approval(generation: u64) -> Approval {
    let number = u32::try_from(generation % u64::from(ADDRESSES)).unwrap();
    Approval {
        id: ApprovalId(format!("approval of generation {generation}")),
        scope: Scope::Indicators([IndicatorId(number)].into()),
        ..lab::live(boot_now().unwrap(), lab::LONGEST, 1, 0)
    }
}

#[test]
fn a_slot_given_again_under_traffic_counts_no_packet_under_the_wrong_approval() {
    require!(privilege);
    let road = Road::v4();
    let mut exchange = Exchange::new(&road);
    let addresses: Vec<IpAddr> = (0..ADDRESSES).map(address).collect();
    let senders = SENDERS.map(|port| (road.west_socket(WEST_V4), road.east_socket(WEST_V4, port)));
    let mut exchange_all = || {
        let mut approvals = VecDeque::new();
        for generation in 1..=GENERATIONS {
            approvals.push_back(approval(generation));
            if approvals.len() > IN_FORCE {
                approvals.pop_front();
            }
            exchange.exchange(approvals.make_contiguous());
        }
    };
    traffic::meanwhile_from_all(&senders, &addresses, &mut exchange_all);
    exchange.settle();
}
