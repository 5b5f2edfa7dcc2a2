//! Chooses the sizes of a generation's filters, by measuring on this machine.
//!
//! A larger filter lets fewer addresses pass, a smaller one stays in the cache: which is faster
//! depends on both, machine and list. So filters of several sizes are put into the places of a
//! generation before it is in force, where only the program `tune` looks; each size has an outer
//! map of its own, so they do not get in each other's way. The generation in force stands at the
//! other places and is not touched.
//!
//! What was chosen is kept for lists that would have a filter of the same size by the rule. If
//! anything fails, the filter has that size.

mod choice;

use std::time::{Duration, Instant};

use aya::{
    Ebpf, TestRun as _, TestRunOptions,
    maps::{Array, MapData},
    programs::{ProgramError, Xdp},
};
use sensor_common::{Engine, IpVersion, engine::FILTER_BITS};
use thiserror::Error;

pub use self::choice::Measured;
use self::choice::{choose, in_turns};
use super::{
    built::Built,
    sized::{Sized, SizedMaps},
    store_engine,
};
use crate::{
    kernel::{DatapathError, LoadError, cells::Cells, loader::take, maps::Named},
    watchlist::{
        Tables,
        engine::{Sizes, bits_for, candidates, filter_v4, filter_v6},
    },
};

/// How long runs for the filters of a generation take at most, together.
const BUDGET: Duration = Duration::from_millis(160);

/// And how long with everything between them, where others use the machine as well.
const PATIENCE: Duration = Duration::from_millis(900);

/// Where sizes were offered, for tests and measurements, there is so many times as much.
const OFFERED: u32 = 200;

/// Generations in which the time was too short before it is left at that.
const TRIES: usize = 3;

/// Pairs of addresses of one run. Packets of this CPU wait meanwhile, so it is short.
const PAIRS: u64 = 4_096;

/// Runs of a turn. In the first half the filter comes into the cache as far as it stays there,
/// the median of the others counts.
const RUNS: usize = 48;

/// No look-up of two addresses takes less, in picoseconds.
const LEAST: u64 = 1_000;

/// What `tune` is asked, words of its map (sensor-ebpf/src/tune.rs).
const GENERATION: usize = 0;
const VERSION: usize = 1;
const FIRST: usize = 2;
const COUNT: usize = 3;
const WORDS: usize = 4;

/// A frame that holds nothing: `tune` reads none, and the kernel wants one.
const NO_FRAME: [u8; 64] = [0; 64];

const XDP_PASS: u32 = 2;

/// How the filter of an address family came to its size. All are bits of the number of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuned {
    /// The address family.
    pub family: IpVersion,
    /// The size of the rule: at most a sixth of the bits is set.
    pub rule: u32,
    /// The size that it has instead.
    pub chosen: u32,
    /// What was measured.
    pub measured: Vec<Measured>,
}

#[derive(Debug, Error)]
enum TuneError {
    #[error("the program that measures does not run: {0}")]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Tables(#[from] DatapathError),
    #[error("a run of the program that measures returned {action} after {took:?}")]
    Implausible { action: u32, took: Duration },
}

/// What is to be measured of one address family.
struct Task {
    family: IpVersion,
    rule: u32,
    sizes: Vec<u32>,
}

/// What is left of the time for one address family.
struct Time {
    left: Duration,
    deadline: Instant,
}

pub(in crate::kernel) struct Tuner {
    /// What `tune` is asked.
    asked: Cells,
    /// Its map: the program has this descriptor when it is loaded.
    _map: Named<Array<MapData, u64>>,
    /// The number of the next pair of addresses.
    next: u64,
    chosen: Sizes,
    known: Vec<Tuned>,
    /// Families and sizes of the rule for which the time was too short.
    late: Vec<(IpVersion, u32)>,
    /// Sizes to be measured beside that of the rule, in place of those near it.
    offered: Option<Vec<u32>>,
    /// Whether it measures, until that turns out to be impossible.
    is_on: bool,
}

impl Tuner {
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        let map = take(ebpf, "TUNE")?;
        Ok(Self {
            asked: Cells::map(&map, WORDS)?,
            _map: map,
            next: 0,
            chosen: Sizes::default(),
            known: Vec::new(),
            late: Vec::new(),
            offered: None,
            is_on: true,
        })
    }

    /// Leaves every filter its size.
    pub(in crate::kernel) const fn turn_off(&mut self) {
        self.is_on = false;
    }

    /// Has these sizes measured beside that of the rule, where it measures at all.
    pub(in crate::kernel) fn offer(&mut self, sizes: &[u32]) {
        self.offered = Some(sizes.to_vec());
    }

    /// Takes a size as chosen, without measuring.
    pub(in crate::kernel) fn choose(&mut self, family: IpVersion, rule: u32, chosen: u32) {
        self.learn(Tuned {
            family,
            rule,
            chosen,
            measured: Vec::new(),
        });
    }

    /// What is known, in the order in which it was learnt.
    pub(in crate::kernel) fn tuned(&self) -> &[Tuned] {
        &self.known
    }

    /// The sizes that filters are laid out in.
    pub(super) const fn sizes(&self) -> Sizes {
        self.chosen
    }

    /// Measures filters of a generation whose tables stand in their places and which is not in
    /// force, and leaves the fastest there.
    pub(super) fn tune(
        &mut self,
        program: &mut Xdp,
        maps: (&Cells, &SizedMaps),
        tables: &Tables,
        built: &mut Built,
    ) {
        let tasks = self.tasks(built);
        if tasks.is_empty() {
            return;
        }
        if let Err(error) = program.load() {
            self.give_up(&error);
            return;
        }
        let share = u32::try_from(tasks.len()).unwrap_or(1);
        for task in tasks {
            let (family, rule) = (task.family, task.rule);
            let mut bits = rule;
            match self.measure(program, maps, tables, (built, &task, share)) {
                Ok(measured) => {
                    if let Some(chosen) = choose(&measured) {
                        bits = chosen;
                        self.learn(Tuned {
                            family,
                            rule,
                            chosen,
                            measured,
                        });
                    } else {
                        tracing::debug!(?family, rule, "no time to measure filters");
                        self.late.push((family, rule));
                    }
                }
                Err(error) => self.give_up(&error),
            }
            leave((tables, built), maps.1, family, bits);
            if !self.is_on {
                break;
            }
        }
        if let Err(error) = program.unload() {
            tracing::warn!(%error, "the program that measures filters stays loaded");
        }
    }

    fn give_up(&mut self, error: &dyn std::error::Error) {
        self.is_on = false;
        tracing::warn!(%error, "filters are not measured and have the size of the rule");
    }

    fn learn(&mut self, tuned: Tuned) {
        tracing::debug!(?tuned, "the size of a filter");
        let chosen = match tuned.family {
            IpVersion::V4 => &mut self.chosen.v4,
            IpVersion::V6 => &mut self.chosen.v6,
        };
        chosen.set(tuned.rule, tuned.chosen);
        self.known.push(tuned);
    }

    /// What is not known yet, of filters that are larger than the smallest there is.
    fn tasks(&self, built: &Built) -> Vec<Task> {
        let [smallest, ..] = FILTER_BITS;
        let families = [IpVersion::V4, IpVersion::V6].into_iter();
        let tasks = families.zip(built.set_bits).filter_map(|(family, set)| {
            let rule = bits_for(set);
            let is_known = |tuned: &Tuned| (tuned.family, tuned.rule) == (family, rule);
            let late = self.late.iter().filter(|late| **late == (family, rule));
            if !self.is_on
                || rule == smallest
                || late.count() >= TRIES
                || self.known.iter().any(is_known)
            {
                return None;
            }
            let mut sizes: Vec<u32> = match &self.offered {
                Some(offered) => offered.iter().copied().chain([rule]).collect(),
                None => candidates(set).collect(),
            };
            sizes.sort_unstable();
            sizes.dedup();
            Some(Task {
                family,
                rule,
                sizes,
            })
        });
        tasks.collect()
    }

    /// Puts a filter of every size beside the one that is there, and measures all of them.
    fn measure(
        &mut self,
        program: &Xdp,
        (shapes, maps): (&Cells, &SizedMaps),
        tables: &Tables,
        (built, task, share): (&mut Built, &Task, u32),
    ) -> Result<Vec<Measured>, TuneError> {
        let (family, place) = (task.family, built.place());
        let engine = *built.engine();
        let mut filters = Sized::default();
        for &bits in task.sizes.iter().filter(|bits| **bits != task.rule) {
            let words = filter(tables, &sized(engine, family, bits), family);
            filters.add_filter(family, place, &words)?;
        }
        let put = maps.put(&filters);
        built.sized.absorb(filters);
        put?;
        self.asked.store(GENERATION, built.number);
        self.asked.store(VERSION, family as u64);
        self.asked.store(COUNT, PAIRS);
        let times = self.offered.as_ref().map_or(1, |_| OFFERED);
        let mut time = Time {
            left: BUDGET * times / share,
            deadline: Instant::now() + PATIENCE * times / share,
        };
        in_turns(&task.sizes, |bits| {
            store_engine(shapes, place, &sized(engine, family, bits));
            self.turn(program, &mut time)
        })
    }

    /// Picoseconds a pair, or nothing when the time is up.
    fn turn(&mut self, program: &Xdp, time: &mut Time) -> Result<Option<u64>, TuneError> {
        let mut took = [0; RUNS];
        for took in &mut took {
            if time.left.is_zero() || Instant::now() >= time.deadline {
                return Ok(None);
            }
            // Others each time: the same ones again would be in the cache.
            self.asked.store(FIRST, self.next);
            self.next = self.next.wrapping_add(PAIRS);
            let mut options = TestRunOptions::new();
            options.data_in = Some(&NO_FRAME);
            let run = program.test_run(options)?;
            time.left = time.left.saturating_sub(run.duration);
            let nanoseconds = u64::try_from(run.duration.as_nanos()).unwrap_or(u64::MAX);
            *took = nanoseconds.saturating_mul(1_000) / PAIRS;
            if run.return_value != XDP_PASS || *took < LEAST {
                return Err(TuneError::Implausible {
                    action: run.return_value,
                    took: run.duration,
                });
            }
        }
        let (_, counted) = took.split_at_mut(RUNS / 2);
        let (_, median, _) = counted.select_nth_unstable(RUNS / 4);
        Ok(Some(*median))
    }
}

/// Leaves the filter of one size in its place, and no other.
fn leave((tables, built): (&Tables, &mut Built), maps: &SizedMaps, family: IpVersion, bits: u32) {
    let engine = sized(*built.engine(), family, bits);
    if engine != *built.engine() {
        built.set_filter(family, bits, filter(tables, &engine, family));
    }
    let others = built.sized.take_filters_but(family, built.place(), bits);
    if let Err(error) = maps.forget(&others) {
        tracing::warn!(%error, "filters that were measured stay as long as their generation");
        built.sized.absorb(others);
    }
}

/// The engine with a filter of this size.
const fn sized(mut engine: Engine, family: IpVersion, bits: u32) -> Engine {
    match family {
        IpVersion::V4 => engine.v4.filter_bits = bits,
        IpVersion::V6 => engine.v6.filter_bits = bits,
    }
    engine
}

fn filter(tables: &Tables, engine: &Engine, family: IpVersion) -> Vec<u64> {
    match family {
        IpVersion::V4 => filter_v4(&tables.v4, &engine.v4),
        IpVersion::V6 => filter_v6(&tables.v6, &engine.v6),
    }
}
