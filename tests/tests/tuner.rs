//! Filters are measured before they are in force, and nothing of it is left or seen.
//!
//! Sizes of filters are bits of the number of their words. Where sizes are offered, the tuner
//! takes as long as it needs.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own assumptions do"
)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aya::{
    TestRun as _, TestRunOptions,
    maps::{Array, ArrayOfMaps, Map, MapData, MapError},
    programs::{ProgramInfo, Xdp},
};
use aya_obj::programs::XdpAttachType;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sekisho::{
    kernel::{Datapath as _, OBJECT, Options, Replayer, Tuned, Workbench},
    places::Flat,
    settings::lab,
    watchlist::{Moment, Tables, Watchlist, compile, in_order},
};
use sensor_common::{Engine, IpVersion, Place, Stat, Verdict, engine::FILTER_BITS};
use sensor_tests::{packet::Packet, require};

/// Prefixes of a list whose filter has more than 64 KiB by the rule: 2^15 words.
const MANY: u32 = 60_000;
const RULE: u32 = 15;

/// Where IPv4 and IPv6 filters stand in an outer map, by generation modulo two.
const PLACES: [[u32; 2]; 2] = [[0, 2], [1, 3]];

/// A list of addresses of 11.0.0.0/8 and `2a00::/16`, as a generation. It is laid out anew each
/// time, with seeds of its own.
fn tables(v4: u32, v6: u32, generation: u64) -> Arc<Tables> {
    let odd = |number: u32| number.wrapping_mul(0x9e37_79b1);
    let hosts = (0..v4).map(|number| {
        let address = 0x0b00_0000 | odd(number) >> 8;
        IpNet::V4(Ipv4Net::from(std::net::Ipv4Addr::from_bits(address)))
    });
    let networks = (0..v6).map(|number| {
        let address = 0x2a00 << 112 | u128::from(odd(number)) << 64;
        let network = Ipv6Net::new_assert(std::net::Ipv6Addr::from_bits(address), 64);
        IpNet::V6(network)
    });
    let mut watchlist = Watchlist::default();
    watchlist.add_feed("test".into(), hosts.chain(networks).zip(1..));
    let places = Arc::new(Flat::everywhere(Place::Foreign));
    compile(
        &watchlist,
        &in_order(&[lab::replay()]),
        places,
        generation,
        Moment::default(),
    )
    .tables
}

fn workbench() -> Workbench {
    Workbench::load(OBJECT, Options::new(false), &[], &[]).unwrap()
}

/// The maps of the sensor's program as others see them.
struct Maps {
    filters: Vec<(u32, ArrayOfMaps<MapData, MapData>)>,
    generation: Array<MapData, u64>,
    engine: Array<MapData, [u64; size_of::<Engine>() / 8]>,
}

/// What stands in the places of the filters: bits and place, and the id of the map.
type Found = BTreeMap<(u32, u32), u32>;

impl Maps {
    fn of(program: &ProgramInfo) -> Self {
        let ids = program.map_ids().unwrap().unwrap();
        let named = |wanted: &str| {
            let mut maps = ids.iter().map(|id| MapData::from_id(*id).unwrap());
            let named = |map: &MapData| map.info().unwrap().name_as_str() == Some(wanted);
            maps.find(named).unwrap()
        };
        let filter = |bits| {
            let map = Map::ArrayOfMaps(named(&format!("FILTER_{bits}")));
            (bits, ArrayOfMaps::try_from(map).unwrap())
        };
        Self {
            filters: FILTER_BITS.into_iter().map(filter).collect(),
            generation: Array::try_from(Map::Array(named("GENERATION"))).unwrap(),
            engine: Array::try_from(Map::Array(named("ENGINE"))).unwrap(),
        }
    }

    fn generation(&self) -> u64 {
        self.generation.get(&0, 0).unwrap()
    }

    fn found(&self) -> Found {
        let mut found = Found::new();
        for (bits, outer) in &self.filters {
            for place in 0..6 {
                match outer.get(&place, 0) {
                    Ok(inner) => {
                        let id = inner.info().unwrap().id();
                        found.insert((*bits, place), id);
                    }
                    Err(MapError::KeyNotFound) => {}
                    Err(error) => panic!("place {place} of 2^{bits}: {error}"),
                }
            }
        }
        found
    }
}

/// Those that stand at the places of generations with this number modulo two.
fn at(found: &Found, generation: usize) -> Found {
    let is_there = |place: u32| PLACES[generation % 2].contains(&place);
    let there = found.iter().filter(|((_, place), _)| is_there(*place));
    there.map(|(at, id)| (*at, *id)).collect()
}

fn sekisho(bench: &mut Workbench) -> &mut Xdp {
    let program = bench.ebpf().program_mut("sekisho").unwrap();
    program.try_into().unwrap()
}

fn tuned(bench: &Workbench, family: IpVersion) -> &Tuned {
    let mut tuned = bench.tuned().iter().filter(|tuned| tuned.family == family);
    let found = tuned.next().unwrap();
    assert_eq!(tuned.next(), None, "measured twice");
    found
}

#[test]
fn every_size_is_measured_and_only_what_was_chosen_stays() {
    require!(privilege);
    let mut bench = workbench();
    let maps = Maps::of(&sekisho(&mut bench).info().unwrap());
    bench.offer_filters(&FILTER_BITS);
    for generation in 1..=3 {
        let number = u64::try_from(generation).unwrap();
        bench.publish(&tables(MANY, MANY, number)).unwrap();
        let mut expected = Vec::new();
        for (family, place) in [IpVersion::V4, IpVersion::V6]
            .into_iter()
            .zip(PLACES[generation % 2])
        {
            // Measured in the first generation only.
            let tuned = tuned(&bench, family);
            let measured: Vec<u32> = tuned.measured.iter().map(|size| size.bits).collect();
            assert_eq!(measured, FILTER_BITS);
            assert_eq!(tuned.rule, RULE);
            expected.push((tuned.chosen, place));
        }
        expected.sort_unstable();
        let found: Vec<_> = maps.found().into_keys().collect();
        assert_eq!(found, expected, "generation {generation}");
    }
}

#[test]
fn a_filter_that_is_far_too_full_is_not_chosen() {
    require!(privilege);
    let mut bench = workbench();
    bench.offer_filters(&[13]);
    // Of 2^19 bits 300,000 marks set nearly half: a packet of ten passes and is looked up.
    bench.publish(&tables(100_000, 100_000, 1)).unwrap();
    for family in [IpVersion::V4, IpVersion::V6] {
        let Tuned {
            rule,
            chosen,
            measured,
            ..
        } = tuned(&bench, family);
        assert_eq!((*rule, *chosen), (RULE, RULE), "{measured:?}");
        let [tiny, usual] = &measured[..] else {
            panic!("{measured:?}");
        };
        assert!(tiny.picoseconds > usual.picoseconds, "{measured:?}");
    }
}

#[test]
fn short_lists_and_replay_are_not_tuned() {
    require!(privilege);
    let mut bench = workbench();
    bench.publish(&tables(20_000, 20_000, 1)).unwrap();
    assert_eq!(bench.tuned(), []);
    let mut replay = Replayer::load(Options::new(true)).unwrap();
    replay.publish(&tables(MANY, 0, 1)).unwrap();
    assert_eq!(replay.tuned(), []);
}

#[test]
fn without_the_program_that_measures_the_rule_gives_the_size() {
    require!(privilege);
    let mut bench = workbench();
    let maps = Maps::of(&sekisho(&mut bench).info().unwrap());
    bench.offer_filters(&FILTER_BITS);
    // Loaded by somebody else, it cannot be loaded again.
    let tune: &mut Xdp = (bench.ebpf().program_mut("tune").unwrap())
        .try_into()
        .unwrap();
    tune.load().unwrap();
    bench.publish(&tables(MANY, 0, 1)).unwrap();
    assert_eq!(bench.tuned(), []);
    let found: Vec<_> = maps.found().into_keys().collect();
    assert_eq!(found, [(RULE, 1)]);
    assert_eq!(maps.generation(), 1);
}

#[test]
fn the_generation_in_force_is_untouched_meanwhile() {
    require!(privilege);
    let mut bench = workbench();
    bench.publish(&tables(MANY, 0, 1)).unwrap();
    let before = bench.counters().unwrap();
    let info = sekisho(&mut bench).info().unwrap();
    let maps = Maps::of(&info);
    let in_force = (at(&maps.found(), 1), maps.engine.get(&1, 0).unwrap());
    let program = Xdp::from_program_info(info, "sekisho".into(), XdpAttachType::Interface).unwrap();
    // IPv4 is known, for IPv6 all sizes are put beside each other.
    bench.offer_filters(&FILTER_BITS);
    let next = tables(MANY, MANY, 2);
    let first = 0x0b00_0000u32.to_be_bytes();
    let watched = Packet::v4(first, [203, 0, 113, 1]).udp(1, 2).build();
    let other = Packet::v4([198, 51, 100, 1], [203, 0, 113, 1])
        .udp(1, 2)
        .build();
    let is_published = AtomicBool::new(false);
    let (rounds, seen) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let (mut rounds, mut seen) = (0, 0);
            while !is_published.load(Ordering::Acquire) {
                let (found, engine) = (maps.found(), maps.engine.get(&1, 0).unwrap());
                if maps.generation() == 1 {
                    assert_eq!((at(&found, 1), engine), in_force);
                    seen = seen.max(at(&found, 0).len());
                }
                for frame in [&watched, &other] {
                    let mut options = TestRunOptions::new();
                    options.data_in = Some(frame);
                    assert_eq!(program.test_run(options).unwrap().return_value, 2);
                }
                rounds += 1;
            }
            (rounds, seen)
        });
        let published = bench.publish(&next);
        is_published.store(true, Ordering::Release);
        published.unwrap();
        watch.join().unwrap()
    });
    // All sizes of IPv6, and one of IPv4.
    assert_eq!(seen, FILTER_BITS.len() + 1, "of {rounds} rounds");
    assert_eq!(tuned(&bench, IpVersion::V6).measured.len(), 8);
    let after = bench.counters().unwrap();
    let more = |stat: Stat| after[stat.cell()] - before[stat.cell()];
    assert_eq!(more(Stat::Seen), 2 * rounds);
    assert_eq!(more(Stat::Verdict(Verdict::NoMatch)), rounds);
}
