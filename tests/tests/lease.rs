//! The deadlines on the boot clock, in a program that watches a real interface while no
//! agent runs: expiry and the dead-man stop hold with user space silent.

use std::{sync::Arc, time::Duration};

use sekisho::{
    kernel::{AttachMode, Datapath as _, Kernel, Options, boot_now, probe},
    places::Flat,
    settings::lab,
    watchlist::{Moment, Watchlist, compile, in_order},
};
use sensor_common::{LEASE_LIMIT, Place, Stat, Verdict};
use sensor_tests::{require, road::Road};

const SECOND: u64 = 1_000_000_000;
const PACKETS: u32 = 10;

/// A kernel that watches what goes east, under a lab approval of this length.
struct Barrier {
    road: Road,
    kernel: Kernel,
}

impl Barrier {
    fn new() -> Self {
        let road = Road::v4();
        let options = Options {
            flow_capacity: 64,
            ..Options::new(true)
        };
        let mut kernel = Kernel::load(options).expect("the program loads");
        road.barrier
            .run(|| {
                let index = probe::interface_index("r0").expect("the road has r0");
                kernel.attach("r0", index, 0, AttachMode::Native)
            })
            .expect("the program attaches");
        let mut barrier = Self { road, kernel };
        barrier.publish(1, lab::LONGEST);
        barrier
    }

    fn publish(&mut self, generation: u64, length: Duration) {
        let mut watchlist = Watchlist::default();
        let east = "198.51.100.0/24".parse().expect("a prefix");
        watchlist.add_feed("test".into(), [(east, 1)]);
        let approval = lab::live(boot_now().expect("a clock"), length, 1, 0);
        let places = Arc::new(Flat::everywhere(Place::Foreign));
        let tables = compile(
            &watchlist,
            &in_order(&[approval]),
            places,
            generation,
            Moment::default(),
        )
        .tables;
        self.kernel.publish(&tables).expect("a generation");
    }

    /// The verdict on packets that cross after the agent promised attendance until so long
    /// after now.
    fn verdict(&mut self, ahead: impl FnOnce(u64) -> u64) -> Verdict {
        let until = ahead(boot_now().expect("a clock"));
        self.kernel.attend(until).expect("a lease");
        let before = self.kernel.counters().expect("counters");
        self.road.cross(PACKETS);
        let after = self.kernel.counters().expect("counters");
        let given = |verdict: Verdict| {
            let cell = Stat::Verdict(verdict).cell();
            after[cell] - before[cell]
        };
        let of_watched = Verdict::ALL[Verdict::Unapproved as usize..].iter().copied();
        let given: Vec<(Verdict, u64)> = of_watched
            .map(|verdict| (verdict, given(verdict)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let [(verdict, count)] = given[..] else {
            panic!("one verdict for all: {given:?}");
        };
        assert_eq!(count, u64::from(PACKETS), "{verdict:?}");
        verdict
    }
}

#[test]
fn nothing_is_recorded_past_the_lease_or_beyond_the_longest_lease() {
    require!(privilege);
    let mut barrier = Barrier::new();
    assert_eq!(
        barrier.verdict(|_| 0),
        Verdict::Unattended,
        "never attended"
    );
    assert_eq!(barrier.verdict(|now| now + 30 * SECOND), Verdict::Recorded);
    assert_eq!(barrier.verdict(|now| now), Verdict::Unattended, "past");
    assert_eq!(
        barrier.verdict(|now| now + LEASE_LIMIT),
        Verdict::Recorded,
        "the longest lease"
    );
    assert_eq!(
        barrier.verdict(|now| now + LEASE_LIMIT + 600 * SECOND),
        Verdict::Unattended,
        "further ahead than the longest lease"
    );
    assert_eq!(
        barrier.verdict(|_| u64::MAX),
        Verdict::Unattended,
        "for ever"
    );
}

#[test]
fn an_approval_ends_on_the_boot_clock_while_the_agent_attends() {
    require!(privilege);
    let mut barrier = Barrier::new();
    barrier.publish(2, Duration::ZERO);
    assert_eq!(
        barrier.verdict(|now| now + 30 * SECOND),
        Verdict::Expired,
        "ended as it began"
    );
    barrier.publish(3, lab::LONGEST);
    assert_eq!(barrier.verdict(|now| now + 30 * SECOND), Verdict::Recorded);
}

#[test]
fn a_detached_program_sees_nothing_more() {
    require!(privilege);
    let mut barrier = Barrier::new();
    assert_eq!(barrier.verdict(|now| now + 30 * SECOND), Verdict::Recorded);
    barrier.kernel.detach();
    let before = barrier.kernel.counters().expect("counters");
    barrier.road.cross(PACKETS);
    assert_eq!(barrier.kernel.counters().expect("counters"), before);
    assert!(barrier.road.barrier.attached("r0").is_none());
}
