//! Loads the object and keeps its maps.
//!
//! Loading, creating maps and attaching need `CAP_BPF`, `CAP_NET_ADMIN` and
//! `CAP_PERFMON`; what follows needs only the descriptors held here.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd as _, BorrowedFd},
    path::Path,
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray},
    programs::{ProgramError, Xdp},
};
use sensor_common::{Counters, FlowPart, OwnAddress, SlotCounts, Stat};
use thiserror::Error;

use super::{
    Alarm, Attached, Datapath, DatapathError, Held, Retired, TotalsBySet, boot_id,
    cells::Cells,
    flows::{FlowBanks, FlowConstants},
    generation::{Generations, Tuned, Tuner},
    maps::{Named, refused, system},
    object::{self, OBJECT, ObjectError},
    pins::{Inherited, OwnPins, PinError},
    sys,
    wire::Wire,
};
use crate::{
    clock::Terms,
    records::store::Position,
    watchlist::{Change, Tables},
};

/// Words of `Scratch` in sensor-ebpf/src/scratch.rs; loading fails when they differ.
const SCRATCH_WORDS: usize = 64;

const PROGRAM: &str = "sekisho";

/// The program that measures filters. It is loaded while it does, and never attached.
const TUNE: &str = "tune";

/// Why the program could not be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The process lacks capabilities.
    #[error(
        "may not load BPF programs: run with sudo, or grant CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
    )]
    Permission,
    /// The object in this binary is refused.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The kernel or aya refuses the object.
    #[error("the kernel refuses the eBPF object: {0}")]
    Ebpf(#[from] aya::EbpfError),
    /// The verifier refuses the program.
    #[error("the kernel refuses the eBPF program: {}", refusal(.0))]
    Program(#[from] ProgramError),
    /// A map is missing or of another kind.
    #[error("the eBPF object has no map {0} of the expected kind")]
    NoMap(&'static str),
    /// A map cannot be set up.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
    /// Pins cannot be made or read.
    #[error(transparent)]
    Pins(#[from] PinError),
}

/// How the program is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// For lab: own addresses are looked up.
    pub lab: bool,
    /// Flows that a CPU counts between two drains before some are handed over early.
    pub flow_capacity: u32,
    /// Bytes of the ring buffer that they go through, a power of two and whole pages.
    pub ring_bytes: u32,
}

impl Options {
    /// Flows of a CPU unless told otherwise: 20 MiB a CPU.
    pub const FLOW_CAPACITY: u32 = 65_536;
    /// Bytes of the ring buffer unless told otherwise: 55,000 flows.
    pub const RING_BYTES: u32 = 8 << 20;

    /// With the room that there is unless told otherwise.
    pub const fn new(lab: bool) -> Self {
        Self {
            lab,
            flow_capacity: Self::FLOW_CAPACITY,
            ring_bytes: Self::RING_BYTES,
        }
    }
}

/// The loaded program with its maps.
pub struct Kernel {
    ebpf: Ebpf,
    pub(super) links: Vec<Attached>,
    /// Links of dead agents, by interface.
    pub(super) inherited: BTreeMap<u32, Inherited>,
    /// Those in other network namespaces, which cannot be taken over here.
    pub(super) elsewhere: Vec<Inherited>,
    interfaces: Named<HashMap<MapData, u32, u32>>,
    stats: Named<PerCpuArray<MapData, u64>>,
    lease: Named<Array<MapData, u64>>,
    /// The lease in shared memory.
    deadline: Cells,
    /// What the lease has to be.
    promised: u64,
    own_addresses: Named<HashMap<MapData, Wire<OwnAddress>, u32>>,
    scratch: Named<PerCpuArray<MapData, [u64; SCRATCH_WORDS]>>,
    generations: Generations,
    flows: FlowBanks,
    /// Where all of it is pinned, if it is. The last field: dropped when the links are gone.
    pub(super) pins: Option<OwnPins>,
}

impl Kernel {
    /// Loads the program, which ends with this process. It records nothing before a
    /// generation is published.
    pub fn load(options: Options) -> Result<Self, LoadError> {
        Self::load_as(options, false, 0)
    }

    /// Loads the program, for replay if so: then time, interface and wire length come with
    /// the frame. Such a program is never attached: only `Replayer` asks for one, and it has
    /// no way to attach.
    pub(super) fn load_as(
        options: Options,
        is_replay: bool,
        last_generation: u64,
    ) -> Result<Self, LoadError> {
        let (replay, lab) = (u8::from(is_replay), u8::from(options.lab));
        let flows = FlowConstants::of(options)?;
        let mut loader = EbpfLoader::new();
        loader
            .override_global("REPLAY", &replay, true)
            .override_global("LAB", &lab, true);
        let mut kernel = Self::load_object(OBJECT, &mut loader, &flows, last_generation)?;
        if is_replay {
            kernel.generations.tuner.turn_off();
        }
        Ok(kernel)
    }

    /// Loads the program of an object with what the loader was told about it.
    pub(super) fn load_object<'a>(
        object: &[u8],
        loader: &mut EbpfLoader<'a>,
        flows: &'a FlowConstants,
        last_generation: u64,
    ) -> Result<Self, LoadError> {
        object::check(object)?;
        let room = flows.room;
        loader
            .map_max_entries(FlowBanks::RING, room.ring)
            .override_global("FLOW_BITS", &flows.room.bits, true)
            .override_global("FLOW_SEEDS", &flows.seeds, true);
        let mut ebpf = loader.load(object).map_err(|source| {
            if is_permission(&source) {
                LoadError::Permission
            } else {
                source.into()
            }
        })?;
        let program: &mut Xdp = program(&mut ebpf)?;
        program.load().map_err(|source| {
            if is_permission(&source) {
                LoadError::Permission
            } else {
                source.into()
            }
        })?;
        if let Ok(info) = program.info() {
            let verified = info.verified_instruction_count();
            tracing::debug!("the kernel verified {verified:?} instructions of `{PROGRAM}`");
        }
        #[cfg(feature = "log")]
        log_lines(&mut ebpf);
        let generations = Generations::take(&mut ebpf, last_generation)?;
        let flows = FlowBanks::take(&mut ebpf, room)?;
        let lease = take(&mut ebpf, "LEASE")?;
        Ok(Self {
            links: Vec::new(),
            inherited: BTreeMap::new(),
            elsewhere: Vec::new(),
            promised: 0,
            pins: None,
            interfaces: take(&mut ebpf, "INTERFACES")?,
            stats: take(&mut ebpf, "STATS")?,
            deadline: Cells::map(&lease, 1)?,
            lease,
            own_addresses: take(&mut ebpf, "OWN_ADDRESSES")?,
            scratch: take(&mut ebpf, "SCRATCH")?,
            generations,
            flows,
            ebpf,
        })
    }

    /// Makes the addresses of this host known to a program loaded for lab.
    pub fn set_own_addresses(
        &mut self,
        addresses: impl IntoIterator<Item = std::net::IpAddr>,
    ) -> Result<(), DatapathError> {
        for address in addresses {
            self.own_addresses
                .map
                .insert(&Wire(own_address(address)), &1, 0)
                .map_err(refused("OWN_ADDRESSES"))?;
        }
        Ok(())
    }

    /// Words of the program's scratch that are not zero, on any CPU. While no packet is
    /// being judged there are none: nothing of a packet stays in the kernel but its counts.
    pub fn leftovers(&self) -> Result<usize, DatapathError> {
        let per_cpu = self.scratch.map.get(&0, 0).map_err(refused("SCRATCH"))?;
        let words = per_cpu.iter().flatten();
        Ok(words.filter(|word| **word != 0).count())
    }

    /// Sizes of filters that were measured, and what was chosen.
    pub fn tuned(&self) -> &[Tuned] {
        self.generations.tuner.tuned()
    }

    /// What chooses them, for tests and measurements.
    pub(super) const fn tuner(&mut self) -> &mut Tuner {
        &mut self.generations.tuner
    }

    pub(super) fn program(&mut self) -> Result<&mut Xdp, LoadError> {
        program(&mut self.ebpf)
    }

    pub(super) const fn ebpf(&mut self) -> &mut Ebpf {
        &mut self.ebpf
    }

    /// From the first interface on nobody adds an address of this host, which would widen lab.
    pub(super) fn close_own_addresses(&self) -> Result<(), DatapathError> {
        if self.links.is_empty() {
            self.own_addresses.freeze()?;
        }
        Ok(())
    }

    /// Gives an interface its slot.
    pub(super) fn open_interface(&mut self, index: u32, slot: u8) -> Result<(), DatapathError> {
        let set = self.interfaces.map.insert(&index, &u32::from(slot), 0);
        set.map_err(refused("INTERFACES"))
    }

    /// Takes an interface's slot, which somebody may have done already.
    fn close_interface(&mut self, index: u32) -> Result<(), DatapathError> {
        match self.interfaces.map.remove(&index) {
            Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
            Err(source) => Err(refused("INTERFACES")(source)),
        }
    }

    /// Everything but the links, for pinning: maps by name, and the program.
    pub(super) fn pin_all(&mut self, folder: &Path) -> Result<(), LoadError> {
        let maps: [&dyn Pinnable; 5] = [
            &self.interfaces,
            &self.stats,
            &self.lease,
            &self.own_addresses,
            &self.scratch,
        ];
        for map in maps {
            let (descriptor, name) = map.parts();
            sys::pin(descriptor, &folder.join(name)).map_err(system("pinning a map"))?;
        }
        self.generations.pin(folder)?;
        self.flows.pin(folder)?;
        let program = self.program()?.fd()?;
        sys::pin(program.as_fd(), &folder.join(PROGRAM)).map_err(system("pinning the program"))?;
        Ok(())
    }

    /// Returns when every packet that was being judged has its verdict.
    pub(super) fn wait_for_programs(&mut self) -> Result<(), DatapathError> {
        self.flows.wait()
    }

    fn mend_interfaces(&mut self, alarms: &mut Vec<Alarm>) -> Result<(), DatapathError> {
        for link in &self.links {
            let (index, slot) = link.key();
            let found = match self.interfaces.map.get(&index, 0) {
                Ok(found) => Some(found),
                Err(MapError::KeyNotFound) => None,
                Err(source) => return Err(refused("INTERFACES")(source)),
            };
            let wanted = (!link.is_closed).then_some(u32::from(slot));
            if found == wanted {
                continue;
            }
            alarms.push(Alarm::Interface {
                interface: link.interface().to_owned(),
            });
            match wanted {
                Some(slot) => self.interfaces.map.insert(&index, &slot, 0),
                None => self.interfaces.map.remove(&index),
            }
            .map_err(refused("INTERFACES"))?;
        }
        // A slot that no link of this agent's has: somebody attached the program elsewhere.
        let keys: Vec<u32> = self.interfaces.map.keys().flatten().collect();
        for index in keys {
            if self.links.iter().any(|link| link.key().0 == index) {
                continue;
            }
            alarms.push(Alarm::Interface {
                interface: format!("with index {index}"),
            });
            self.close_interface(index)?;
        }
        Ok(())
    }

    fn mend_programs(&mut self, alarms: &mut Vec<Alarm>) -> Result<(), DatapathError> {
        let program = program(&mut self.ebpf).and_then(|program| Ok(program.fd()?));
        let Ok(program) = program else {
            return Ok(());
        };
        for link in &self.links {
            if link.mend(program.as_fd())? {
                alarms.push(Alarm::Program {
                    interface: link.interface().to_owned(),
                });
            }
        }
        Ok(())
    }

    fn mend_lease(&mut self, alarms: &mut Vec<Alarm>) -> Result<(), DatapathError> {
        let found = self.deadline.load(0);
        if found == self.promised {
            return Ok(());
        }
        let wanted = self.promised;
        alarms.push(Alarm::Lease { found, wanted });
        self.attend(wanted)
    }
}

impl Datapath for Kernel {
    fn next_generation(&self) -> u64 {
        self.generations.next()
    }

    fn publish(&mut self, tables: &Tables) -> Result<Retired, DatapathError> {
        let folder = self.pins.as_ref().map(OwnPins::path);
        let tune = self.ebpf.program_mut(TUNE);
        let tune = tune.and_then(|program| program.try_into().ok());
        self.generations.publish(tables, folder, tune)
    }

    fn change(&mut self, change: &Change) -> Result<(), DatapathError> {
        self.generations.change(change)
    }

    fn narrow(&mut self, slot: u32, terms: Terms) -> Result<(), DatapathError> {
        self.generations.narrow(slot, terms);
        Ok(())
    }

    fn attend(&mut self, until: u64) -> Result<(), DatapathError> {
        self.promised = until;
        self.deadline.store(0, until);
        Ok(())
    }

    fn drain(&mut self, sink: &mut dyn FnMut(FlowPart)) -> Result<(), DatapathError> {
        self.flows.drain(sink)
    }

    fn forget(&mut self) -> Result<(), DatapathError> {
        self.flows.forget();
        Ok(())
    }

    fn position(&self) -> Option<Position> {
        let source = source(self.run()?)?;
        let (epoch, ring) = self.flows.position();
        Some(Position {
            source,
            epoch,
            ring,
        })
    }

    fn leave(&mut self) {
        if let Some(pins) = &mut self.pins {
            pins.leave();
        }
    }

    fn counters(&self) -> Result<Counters, DatapathError> {
        counters(&self.stats.map)
    }

    fn totals(&self) -> Result<TotalsBySet, DatapathError> {
        Ok(self.generations.totals())
    }

    fn slot_counts(&self) -> Result<Vec<SlotCounts>, DatapathError> {
        Ok(self.generations.slot_counts())
    }

    fn held(&mut self) -> Result<Held, DatapathError> {
        let mut held = Held::default();
        let mut closed = Vec::new();
        for link in &mut self.links {
            if !link.is_attached()? {
                held.vanished.push(link.interface().to_owned());
            } else if link.is_closed || !link.has_its_name() {
                held.exchanged.push(link.interface().to_owned());
                if !link.is_closed {
                    let (index, _) = link.key();
                    link.is_closed = true;
                    closed.push(index);
                }
            } else {
                held.attached += 1;
            }
        }
        for index in closed {
            self.close_interface(index)?;
        }
        Ok(held)
    }

    fn mend(&mut self) -> Result<Vec<Alarm>, DatapathError> {
        let mut alarms = Vec::new();
        self.generations.mend(&mut alarms)?;
        self.mend_interfaces(&mut alarms)?;
        self.mend_programs(&mut alarms)?;
        self.flows.mend(&mut alarms)?;
        self.mend_lease(&mut alarms)?;
        Ok(alarms)
    }

    fn detach(&mut self) {
        self.links.clear();
    }
}

/// What names the maps of a run in a store: the time since boot at which it began, and the boot.
pub(super) fn source(run: u64) -> Option<[u8; 16]> {
    let boot: String = boot_id().ok()?.to_string();
    let boot = boot.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut source = [0; 16];
    source[..8].copy_from_slice(&run.to_be_bytes());
    source[8..].copy_from_slice(&boot.to_be_bytes());
    Some(source)
}

/// A map as far as pinning needs it.
trait Pinnable {
    fn parts(&self) -> (BorrowedFd<'_>, &'static str);
}

impl<M> Pinnable for Named<M> {
    fn parts(&self) -> (BorrowedFd<'_>, &'static str) {
        (self.as_fd(), self.name)
    }
}

/// Counters summed over CPUs.
pub(super) fn counters(stats: &PerCpuArray<MapData, u64>) -> Result<Counters, DatapathError> {
    let mut sum = [0; Stat::COUNT];
    for (index, cell) in (0..).zip(&mut sum) {
        let per_cpu = stats.get(&index, 0).map_err(refused("STATS"))?;
        *cell = per_cpu.iter().sum();
    }
    Ok(sum)
}

/// Prints what a program built for development says, in a thread that lives as long as
/// the process.
#[cfg(feature = "log")]
fn log_lines(ebpf: &mut Ebpf) {
    match aya_log::EbpfLogger::init(ebpf) {
        Ok(mut logger) => {
            std::thread::spawn(move || {
                loop {
                    logger.flush();
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
            });
        }
        Err(error) => tracing::warn!(%error, "no log lines of the eBPF program"),
    }
}

pub(super) fn own_address(address: std::net::IpAddr) -> OwnAddress {
    let mut bytes = [0; 16];
    let ip_version = match address {
        std::net::IpAddr::V4(v4) => {
            bytes[..4].copy_from_slice(&v4.octets());
            4
        }
        std::net::IpAddr::V6(v6) => {
            bytes = v6.octets();
            6
        }
    };
    OwnAddress {
        address: bytes,
        ip_version,
    }
}

/// The verifier's log is thousands of lines; what it refused stands before its statistics.
fn refusal(error: &ProgramError) -> String {
    match error {
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } => {
            let log = verifier_log.to_string();
            let is_statistics = |line: &str| {
                [
                    "processed ",
                    "verification time",
                    "stack depth",
                    "max_states",
                ]
                .iter()
                .any(|start| line.starts_with(start))
            };
            let refused = (log.lines().map(str::trim))
                .rfind(|line| !line.is_empty() && !is_statistics(line))
                .unwrap_or_default();
            format!("{io_error}; verifier: {refused}")
        }
        other => other.to_string(),
    }
}

/// Takes a map out of the object.
pub(super) fn take<M: TryFrom<Map, Error = MapError>>(
    ebpf: &mut Ebpf,
    name: &'static str,
) -> Result<Named<M>, LoadError> {
    let map = ebpf.take_map(name).ok_or(LoadError::NoMap(name))?;
    Named::of(map, name).map_err(|_| LoadError::NoMap(name))
}

fn program(ebpf: &mut Ebpf) -> Result<&mut Xdp, LoadError> {
    let program = ebpf.program_mut(PROGRAM).ok_or(ProgramError::InvalidName {
        name: PROGRAM.into(),
    })?;
    Ok(program.try_into()?)
}

/// Whether an error, or what caused it, is the system's refusal of privilege.
///
/// `EPERM` and not `EACCES`: with that the verifier refuses a program it finds wrong.
fn is_permission(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && io.raw_os_error() == Some(libc::EPERM)
        {
            return true;
        }
        next = error.source();
    }
    false
}
