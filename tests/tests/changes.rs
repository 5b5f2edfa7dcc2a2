//! Single indicators begin and end under traffic: no packet is judged otherwise than before or
//! after, and none is lost.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own assumptions do"
)]

use std::{net::IpAddr, sync::Arc, time::Instant};

use sekisho::{
    kernel::{AttachMode, Datapath as _, Kernel, Options, boot_now, probe},
    places::Flat,
    settings::lab,
    watchlist::{
        Compiled, IndicatorId, Limits, Moment, Prefixes, Schedule, SetId, Validity, Watchlist,
        compile, in_order,
    },
};
use sensor_common::{Place, Stat, Verdict};
use sensor_tests::{
    grace, require,
    road::{Road, WEST_V4},
    traffic, wait,
};

/// Moments at which something begins and something ends.
const MOMENTS: u64 = 300;

/// Ports of east's; each has a sender of its own, so that packets are on all processors.
const SENDERS: [u16; 3] = [9, 10, 11];

const SECOND: u64 = 1_000_000_000;

/// Hosts that are watched at every other moment; those below 8 lie in what is always watched.
const HOSTS: [u8; 5] = [1, 3, 5, 9, 11];

fn address(number: u8) -> IpAddr {
    IpAddr::from([203, 0, 113, number])
}

/// A /29 and a host in it that are always watched, and hosts with an indicator for every time
/// that they are.
fn watchlist() -> Watchlist {
    let mut prefixes = Prefixes::default();
    let mut lines = 1..;
    let mut add = |prefix: &str, validity| {
        let ports = Vec::new();
        let line = lines.next().unwrap();
        prefixes.push_limited(prefix.parse().unwrap(), line, &Limits { validity, ports });
    };
    add("203.0.113.0/29", None);
    add("203.0.113.0/32", None);
    for (at, host) in (0u64..).zip(HOSTS) {
        // Some begin when others end.
        for begin in (1 + at % 2..MOMENTS).step_by(2) {
            let end = begin + 1;
            add(
                &format!("{}/32", address(host)),
                Some(Validity { begin, end }),
            );
        }
    }
    let mut watchlist = Watchlist::default();
    watchlist.share_feed("changes".into(), prefixes.into());
    watchlist
}

struct Changes {
    kernel: Kernel,
    watchlist: Watchlist,
    compiled: Compiled,
    /// The boot clock before each moment's change, and when no packet was judged any more that
    /// was before it.
    times: Vec<(u64, u64)>,
    drained: u64,
    /// How often a host was recorded by an indicator of its own.
    by_host: [u64; 256],
}

impl Changes {
    fn new(road: &Road) -> Self {
        let options = Options {
            flow_capacity: 4096,
            ..Options::new(true)
        };
        let mut kernel = Kernel::load(options).unwrap();
        road.barrier
            .run(|| {
                let index = probe::interface_index("r0").unwrap();
                kernel.attach("r0", index, 0, AttachMode::Native)
            })
            .unwrap();
        let watchlist = watchlist();
        let places = Arc::new(Flat::everywhere(Place::Foreign));
        let approval = lab::live(boot_now().unwrap(), lab::LONGEST, 1, 0);
        let compiled = compile(&watchlist, &in_order(&[approval]), places, 1, Moment::at(0));
        let _retired = kernel.publish(&compiled.tables).unwrap();
        kernel.attend(boot_now().unwrap() + 50 * SECOND).unwrap();
        Self {
            kernel,
            watchlist,
            compiled,
            times: vec![(0, 0)],
            drained: 0,
            by_host: [0; 256],
        }
    }

    /// Goes through all moments, with packets at each, and says what a change took.
    fn go(&mut self) -> Vec<u128> {
        let mut schedule = Schedule::of(&self.watchlist, Moment::at(0));
        let mut took = Vec::new();
        for time in 1..=MOMENTS {
            let moment = Moment::at(time);
            let affected = schedule.pass(moment);
            let before = boot_now().unwrap();
            let begun = Instant::now();
            let (compiled, change) = self
                .compiled
                .changed(&self.watchlist, &affected, moment)
                .unwrap();
            self.kernel.change(&change).unwrap();
            let patches = u128::try_from(change.patches.len().max(1)).unwrap();
            took.push(begun.elapsed().as_nanos() / patches);
            // The program reads the clock after the tables: a processor that is taken away
            // between both gives a packet a later time than that by which it was judged.
            grace::period();
            self.times.push((before, boot_now().unwrap()));
            self.compiled = compiled;
            let recorded = self.recorded();
            wait::until("packets at this moment", || {
                (self.recorded() > recorded + 40).then_some(())
            });
            if time % 10 == 0 {
                self.kernel
                    .attend(boot_now().unwrap() + 50 * SECOND)
                    .unwrap();
                self.drain();
                assert_eq!(self.kernel.mend().unwrap(), []);
            }
        }
        took
    }

    fn recorded(&self) -> u64 {
        self.kernel.counters().unwrap()[Stat::Verdict(Verdict::Recorded).cell()]
    }

    fn drain(&mut self) {
        let mut flows = Vec::new();
        self.kernel
            .take(&mut |part| {
                if !part.is_notice() {
                    flows.push((part.key, part.value));
                }
            })
            .unwrap();
        for (key, value) in flows {
            assert_eq!(key.source_set, 0);
            let [203, 0, 113, host, ..] = key.destination else {
                panic!("{key:?}");
            };
            let covering: Vec<IndicatorId> =
                self.compiled.covering(SetId(key.destination_set)).collect();
            assert!(!covering.is_empty(), "{key:?}");
            let is_inside = covering.contains(&IndicatorId(0));
            assert_eq!(is_inside, host < 8, "{host}: {covering:?}");
            assert_eq!(
                covering.contains(&IndicatorId(1)),
                host == 0,
                "{covering:?}"
            );
            for id in covering {
                let prefix = self.watchlist.indicator(id).unwrap().prefix;
                assert!(prefix.contains(&address(host)), "{host}: {prefix}");
                let Some(Validity { begin, end }) = self.watchlist.limits(id).validity else {
                    continue;
                };
                // No packet before it may have begun, and none after it has ended.
                let moment = |time| usize::try_from(time).unwrap();
                let (begun, _) = self.times[moment(begin)];
                assert!(begun <= value.first, "{host}: before moment {begin}");
                if let Some((_, ended)) = self.times.get(moment(end)) {
                    assert!(value.last <= *ended, "{host}: after moment {end}");
                }
                self.by_host[usize::from(host)] += value.packets;
            }
            self.drained += value.packets;
        }
    }

    /// When the traffic is over: nothing was lost, and nothing counted twice.
    fn settle(&mut self) {
        self.kernel.detach();
        self.drain();
        let counters = self.kernel.counters().unwrap();
        let recorded = counters[Stat::Verdict(Verdict::Recorded).cell()];
        assert_eq!(self.drained, recorded, "packets of flows");
        let totals = self.kernel.totals().unwrap();
        let totals = totals.iter().map(|(_, totals)| totals.destination_packets);
        assert_eq!(totals.sum::<u64>(), recorded, "totals");
        let lost = [
            Stat::UnattributedPackets,
            Stat::TotalsLost,
            Stat::SlotCountsLost,
            Stat::Verdict(Verdict::Unapproved),
        ];
        for lost in lost {
            assert_eq!(counters[lost.cell()], 0, "{lost:?}");
        }
        for host in HOSTS {
            assert!(self.by_host[usize::from(host)] > 0, "none under {host}");
        }
    }
}

fn under_traffic(addresses: &[IpAddr], changes: &mut Changes, road: &Road) -> Vec<u128> {
    let senders = SENDERS.map(|port| (road.west_socket(WEST_V4), road.east_socket(WEST_V4, port)));
    let mut took = Vec::new();
    traffic::meanwhile_from_all(&senders, addresses, &mut || took = changes.go());
    took
}

#[expect(clippy::print_stderr, reason = "for whoever reads the run")]
fn say(line: &str) {
    eprintln!("{line}");
}

#[test]
fn indicators_begin_and_end_under_traffic_and_no_packet_is_misjudged() {
    require!(privilege);
    let road = Road::v4();
    let mut changes = Changes::new(&road);
    let addresses: Vec<IpAddr> = (0..12).map(address).collect();
    let mut took = under_traffic(&addresses, &mut changes, &road);
    changes.settle();
    took.sort_unstable();
    let [least, .., most] = took[..] else {
        panic!("no changes");
    };
    let usual = took[took.len() / 2];
    say(&format!(
        "a prefix changed in {least} to {most} ns, {usual} as a rule"
    ));
}

#[test]
fn what_lies_in_a_watched_prefix_is_recorded_all_the_time() {
    require!(privilege);
    let road = Road::v4();
    let mut changes = Changes::new(&road);
    let inside: Vec<IpAddr> = (0..8).map(address).collect();
    let before = changes.kernel.counters().unwrap();
    let _took = under_traffic(&inside, &mut changes, &road);
    let after = changes.kernel.counters().unwrap();
    let cell = Stat::Verdict(Verdict::NoMatch).cell();
    assert_eq!(after[cell], before[cell], "packets that nothing matched");
}
