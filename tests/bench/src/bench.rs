//! The object of the bench in the kernel: its tables filled with one list, its programs run.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use aya::{
    Pod, TestRun as _, TestRunOptions, include_bytes_aligned,
    maps::{Array, HashMap, LpmTrie, Map, MapError, lpm_trie::Key},
    programs::{
        TestRunAttrs, Xdp,
        xdp::{XdpLinkId, XdpMode},
    },
};
use ipnet::IpNet;
use sekisho::kernel::{Options, Tuned, Workbench};
use sensor_common::Place;

use crate::{
    lists::{Family, List},
    oracle::Oracle,
    ours::{self, Published},
    traces::{PACKETS, Trace},
};

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sekisho-xdp"));

/// A frame that holds nothing: what walks is not in it.
const NO_FRAME: [u8; 64] = [0; 64];

/// Frames that are sent in one go (`BPF_F_TEST_XDP_LIVE_FRAMES`; 64 unless told).
const BATCH: u32 = 64;

/// Ways to look up, by the first part of the names of their programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Nothing,
    Floor,
    Ours,
    Hashes,
    Lpm,
}

impl Way {
    pub(crate) const ALL: [Self; 5] = [
        Self::Nothing,
        Self::Floor,
        Self::Ours,
        Self::Hashes,
        Self::Lpm,
    ];

    /// Its name in figures and programs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Floor => "floor",
            Self::Ours => "ours",
            Self::Hashes => "hash",
            Self::Lpm => "lpm",
        }
    }
}

/// How packets of a walk follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Overlapped,
    Serialised,
}

impl Form {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Overlapped => "overlapped",
            Self::Serialised => "serialised",
        }
    }
}

/// One walk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walked {
    pub(crate) took: Duration,
    pub(crate) packets: u64,
    pub(crate) sets: u64,
}

/// The loaded object with a list in all its tables.
pub(crate) struct Bench {
    work: Workbench,
    loaded: BTreeSet<String>,
    links: Vec<(&'static str, XdpLinkId)>,
    family: Family,
    pub(crate) published: Published,
    /// The match set of every prefix.
    sets: Vec<(IpNet, u32)>,
    pub(crate) filling: Filling,
}

/// How long filling the tables of the others took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filling {
    pub(crate) lpm: Duration,
    pub(crate) hashes: Duration,
}

impl Bench {
    /// Loads the object and fills all tables with a list.
    pub(crate) fn load(list: &List) -> Result<Self> {
        Self::load_with(list, Options::new(false), Place::Unknown)
    }

    /// Likewise with so much room for flows, all addresses being of this place.
    pub(crate) fn load_with(list: &List, options: Options, everywhere: Place) -> Result<Self> {
        let size = list.prefixes.len();
        let of = |is_v6: bool, bits: Option<u8>| {
            let prefixes = list.prefixes.iter().filter(|prefix| {
                matches!(prefix, IpNet::V6(_)) == is_v6
                    && bits.is_none_or(|bits| prefix.prefix_len() == bits)
            });
            u32::try_from(prefixes.count().max(1)).unwrap_or(u32::MAX)
        };
        let (words, lines) = (floor_words(size), floor_lines(size));
        let packets = u32::try_from(PACKETS).unwrap_or(u32::MAX);
        let entries = [
            ("LPM_V4", of(false, None)),
            ("LPM_V6", of(true, None)),
            ("HASH_V4_32", of(false, Some(32))),
            ("HASH_V4_24", of(false, Some(24))),
            ("HASH_V6_128", of(true, Some(128))),
            ("HASH_V6_64", of(true, Some(64))),
            ("HASH_V6_48", of(true, Some(48))),
            ("HASH_V6_32", of(true, Some(32))),
            ("FLOOR_WORDS", words),
            ("FLOOR_LINES", lines),
            ("TRACE_NARROW", packets / 256),
            ("TRACE_WIDE", packets / 64),
        ];
        let masks = [("WORDS_MASK", words - 1), ("LINES_MASK", lines - 1)];
        let mut workbench = Workbench::load(OBJECT, options, &entries, &masks)?;
        let published = ours::publish(&mut workbench, Arc::new(list.columns()), everywhere)?;
        let mut bench = Self {
            work: workbench,
            loaded: BTreeSet::new(),
            links: Vec::new(),
            family: list.family,
            sets: published.sets(),
            published,
            filling: Filling::default(),
        };
        bench.fill()?;
        Ok(bench)
    }

    /// What a look-up in this list has to find.
    pub(crate) fn oracle(&self) -> Oracle {
        Oracle::new(&self.sets)
    }

    /// The sizes of filters that were measured.
    pub(crate) fn tuned(&self) -> &[Tuned] {
        self.work.tuned()
    }

    fn fill(&mut self) -> Result<()> {
        let sets = std::mem::take(&mut self.sets);
        let started = Instant::now();
        {
            let mut trie: LpmTrie<_, [u8; 4], u32> = map(&mut self.work, "LPM_V4")?;
            for (prefix, set) in &sets {
                if let IpNet::V4(prefix) = prefix {
                    let key = Key::new(prefix.prefix_len().into(), prefix.network().octets());
                    trie.insert(&key, set, 0)?;
                }
            }
        }
        {
            let mut trie: LpmTrie<_, [u8; 16], u32> = map(&mut self.work, "LPM_V6")?;
            for (prefix, set) in &sets {
                if let IpNet::V6(prefix) = prefix {
                    let key = Key::new(prefix.prefix_len().into(), prefix.network().octets());
                    trie.insert(&key, set, 0)?;
                }
            }
        }
        self.filling.lpm = started.elapsed();
        let started = Instant::now();
        for bits in [32, 24] {
            let name = format!("HASH_V4_{bits}");
            self.fill_hash(&name, &sets, bits, |address| match address {
                IpAddr::V4(v4) => Some(v4.to_bits()),
                IpAddr::V6(_) => None,
            })?;
        }
        for bits in [64, 48, 32] {
            let name = format!("HASH_V6_{bits}");
            self.fill_hash(&name, &sets, bits, |address| {
                halves(address).map(|[high, _]| high)
            })?;
        }
        self.fill_hash("HASH_V6_128", &sets, 128, halves)?;
        self.filling.hashes = started.elapsed();
        self.sets = sets;
        Ok(())
    }

    fn fill_hash<K: Pod>(
        &mut self,
        name: &str,
        sets: &[(IpNet, u32)],
        bits: u8,
        key: impl Fn(IpAddr) -> Option<K>,
    ) -> Result<()> {
        let mut hash: HashMap<_, K, u32> = map(&mut self.work, name)?;
        for (prefix, set) in sets {
            if prefix.prefix_len() == bits
                && let Some(key) = key(prefix.network())
            {
                hash.insert(&key, set, 0)?;
            }
        }
        Ok(())
    }

    /// Puts a trace into its place.
    pub(crate) fn put(&mut self, trace: &Trace) -> Result<()> {
        ensure!(trace.packets.len() == PACKETS, "a trace of another length");
        match trace.family {
            Family::V4 => {
                let mut map: Array<_, [u64; 512]> = map(&mut self.work, "TRACE_NARROW")?;
                for (index, block) in (0..).zip(trace.narrow()) {
                    map.set(index, &block, 0)?;
                }
            }
            Family::V6 | Family::Mixed => {
                let mut map: Array<_, [u64; 320]> = map(&mut self.work, "TRACE_WIDE")?;
                for (index, block) in (0..).zip(trace.wide()) {
                    map.set(index, &block, 0)?;
                }
            }
        }
        Ok(())
    }

    /// Walks a part of the trace.
    pub(crate) fn walk(
        &mut self,
        way: Way,
        form: Form,
        first: usize,
        count: usize,
    ) -> Result<Walked> {
        let layout = match self.family {
            Family::V4 => "narrow",
            Family::V6 | Family::Mixed => "wide",
        };
        let serial = match form {
            Form::Overlapped => "",
            Form::Serialised => "_s",
        };
        let name = format!("{}_{layout}{serial}", way.name());
        let mut asked: Array<_, u64> = map(&mut self.work, "WALK")?;
        asked.set(0, &(first as u64), 0)?;
        asked.set(1, &(count as u64), 0)?;
        let program = self.program(&name)?;
        let mut options = TestRunOptions::new();
        options.data_in = Some(&NO_FRAME);
        // The kernel's own clock: another process may run before the call returns.
        let took = program.test_run(options)?.duration;
        let walked: Array<_, u64> = map(&mut self.work, "WALKED")?;
        Ok(Walked {
            took,
            packets: walked.get(&0, 0)?,
            sets: walked.get(&1, 0)?,
        })
    }

    /// Attaches a program in native mode to an interface of the namespace that the calling
    /// thread is in.
    pub(crate) fn attach(&mut self, name: &'static str, interface: u32) -> Result<()> {
        let program = self.program(name)?;
        let link = program.attach(interface, XdpMode::Driver)?;
        self.links.push((name, link));
        Ok(())
    }

    /// Takes all programs off their interfaces.
    pub(crate) fn detach(&mut self) -> Result<()> {
        for link in std::mem::take(&mut self.links) {
            let program: &mut Xdp = (self.work.ebpf().program_mut(link.0))
                .context("a program is gone")?
                .try_into()?;
            program.detach(link.1)?;
        }
        Ok(())
    }

    /// Sends frames with the addresses of the trace through an interface of the namespace
    /// that the calling thread is in.
    pub(crate) fn send(
        &mut self,
        (program, frame): (&str, &[u8]),
        interface: u32,
        count: u32,
    ) -> Result<()> {
        let mut sending: Array<_, u64> = map(&mut self.work, "SENDING")?;
        sending.set(1, &(PACKETS as u64 - 1), 0)?;
        sending.set(2, &u64::from(interface), 0)?;
        let program = self.program(program)?;
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.repeat = count;
        options.attrs = TestRunAttrs::new().xdp_live_frames(BATCH);
        program.test_run(options)?;
        Ok(())
    }

    /// Says which entry of the trace is sent next.
    pub(crate) fn rewind(&mut self, next: u64) -> Result<()> {
        let mut sending: Array<_, u64> = map(&mut self.work, "SENDING")?;
        Ok(sending.set(0, &next, 0)?)
    }

    /// Tells the program that sends what the words of the header add up to without addresses.
    pub(crate) fn set_checksum(&mut self, sum: u64) -> Result<()> {
        let mut sending: Array<_, u64> = map(&mut self.work, "SENDING")?;
        Ok(sending.set(3, &sum, 0)?)
    }

    /// The sensor's own tables.
    pub(crate) const fn work(&mut self) -> &mut Workbench {
        &mut self.work
    }

    /// The sensor's own counters, over all its programs here.
    pub(crate) fn counters(&self) -> Result<sensor_common::Counters> {
        Ok(self.work.counters()?)
    }

    /// A program, loaded when it is first asked for.
    fn program(&mut self, name: &str) -> Result<&mut Xdp> {
        let is_loaded = name == "sekisho" || self.loaded.contains(name);
        let program = self.work.ebpf().program_mut(name);
        let program: &mut Xdp = program
            .with_context(|| format!("the object has no program {name}"))?
            .try_into()?;
        if !is_loaded {
            (program.load()).with_context(|| format!("the kernel refuses {name}"))?;
            self.loaded.insert(name.to_owned());
        }
        Ok(program)
    }
}

/// The object with nothing in it.
pub(crate) fn empty() -> Result<Workbench> {
    Ok(Workbench::load(OBJECT, Options::new(false), &[], &[])?)
}

fn map<'a, M>(bench: &'a mut Workbench, name: &str) -> Result<M>
where
    M: TryFrom<&'a mut Map, Error = MapError>,
{
    let Some(map) = bench.ebpf().map_mut(name) else {
        bail!("the object has no map {name}");
    };
    M::try_from(map).with_context(|| format!("map {name}"))
}

fn halves(address: IpAddr) -> Option<[u64; 2]> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    let bits = address.to_bits();
    let low = u64::try_from(bits & u128::from(u64::MAX)).ok()?;
    Some([u64::try_from(bits >> 64).ok()?, low])
}

/// Words of the floor's filter: 2 MiB for a million prefixes, 32 MiB for ten, below that in
/// proportion.
pub(crate) const fn floor_words(prefixes: usize) -> u32 {
    let bytes: u32 = match prefixes {
        0..=16_000 => 32 << 10,
        16_001..=160_000 => 256 << 10,
        160_001..=1_600_000 => 2 << 20,
        _ => 32 << 20,
    };
    bytes / 8
}

/// Cache lines of the floor: one for eight prefixes.
fn floor_lines(prefixes: usize) -> u32 {
    let lines = (prefixes / 8).max(1).next_power_of_two();
    u32::try_from(lines).unwrap_or(1 << 31)
}
