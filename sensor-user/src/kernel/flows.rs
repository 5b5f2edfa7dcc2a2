//! The user side of the flow cache: [`FlowBanks::drain`] is the only way out.
//!
//! Two banks of plain arrays, read through mmap. The clean one is put into the program's slot;
//! that system call returns after every program that may hold the other has ended (Linux waits
//! in `maybe_wait_bpf_programs`, kernel/bpf/syscall.c, for maps of maps), and only then that is
//! read. So no packet falls in between. What was read stays until [`FlowBanks::forget`]: then it
//! is safe elsewhere, and the bank is made clean.
//!
//! A flow that counted nothing since the drain before has its place until then, and the
//! program knows what was decided about it.

use std::{os::fd::AsFd as _, path::Path};

use aya::{
    Ebpf,
    maps::{ArrayOfMaps, MapData, RingBuf},
};
use sensor_common::{FlowKey, FlowPart, FlowSet, FlowValue};

use super::{
    Alarm, DatapathError, LoadError, Options,
    loader::take,
    maps::{ANY_SIZE, MMAPABLE, Named, Rows, system},
    memory::{Access, Memory},
    ring::Ring,
    sys,
};

/// How large the flow cache is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Bits of the number of sets of a CPU.
    pub(super) bits: u32,
    /// CPUs that the kernel may ever have.
    pub(super) cpus: usize,
    /// Bytes of the ring buffer.
    pub(super) ring: u32,
}

impl Room {
    fn sets(self) -> usize {
        self.cpus << self.bits
    }
}

/// What the program is told of its flow cache when it is loaded.
pub(super) struct FlowConstants {
    pub(super) room: Room,
    /// Odd multipliers of the hash of flows, a word of what is hashed each.
    pub(super) seeds: [u64; 9],
}

impl FlowConstants {
    pub(super) fn of(options: Options) -> Result<Self, LoadError> {
        let random = sys::random::<72>().map_err(system("getrandom"))?;
        let (words, _) = random.as_chunks();
        let mut seeds = [1; 9];
        for (seed, word) in seeds.iter_mut().zip(words) {
            *seed |= u64::from_ne_bytes(*word);
        }
        let room = Room {
            bits: bits_for(options.flow_capacity),
            cpus: aya::util::nr_cpus().map_or(1, |cpus| cpus.get() as usize),
            ring: options.ring_bytes,
        };
        Ok(Self { room, seeds })
    }
}

const _: () = assert!(FlowSet::WAYS == 4);

/// Bits of the number of sets that have room for so many flows of a CPU.
fn bits_for(flows: u32) -> u32 {
    let sets = flows.div_ceil(4).max(1);
    sets.next_power_of_two()
        .trailing_zeros()
        .min(FlowSet::MAX_BITS)
}

pub(super) struct FlowBanks {
    slot: Named<ArrayOfMaps<MapData, Rows<FlowSet>>>,
    counting: Bank,
    idle: Bank,
    events: Named<RingBuf<MapData>>,
    ring: Ring,
    /// Banks that were put to count.
    epoch: u64,
    /// Whether something was handed over that is not forgotten.
    is_drained: bool,
}

impl FlowBanks {
    /// The names of the banks' pins.
    pub(super) const PINS: [&str; 2] = ["FLOWS-0", "FLOWS-1"];
    /// That of the ring's.
    pub(super) const RING: &str = "EVENTS";

    pub(super) fn take(ebpf: &mut Ebpf, room: Room) -> Result<Self, LoadError> {
        let slot = take(ebpf, "FLOWS")?;
        let events = take(ebpf, Self::RING)?;
        let ring = Ring::map(&events, room.ring, Access::ReadAndWrite)?;
        let mut banks = Self {
            slot,
            counting: Bank::new(room.sets())?,
            idle: Bank::new(room.sets())?,
            events,
            ring,
            epoch: 0,
            is_drained: false,
        };
        banks.count_in_idle()?;
        Ok(banks)
    }

    /// Pins both banks and the ring: the next process reads what this one did not.
    pub(super) fn pin(&self, folder: &Path) -> Result<(), DatapathError> {
        for (bank, pin) in [&self.counting, &self.idle].into_iter().zip(Self::PINS) {
            let pinned = sys::pin(bank.map.as_fd(), &folder.join(pin));
            pinned.map_err(system("pinning a flow bank"))?;
        }
        let pinned = sys::pin(self.events.as_fd(), &folder.join(Self::RING));
        pinned.map_err(system("pinning the ring buffer"))
    }

    /// Puts the bank back that counts, where somebody exchanged it.
    pub(super) fn mend(&mut self, alarms: &mut Vec<Alarm>) -> Result<(), DatapathError> {
        if self.slot.holds(0, &self.counting.map)? {
            return Ok(());
        }
        alarms.push(Alarm::Table { map: "FLOWS" });
        self.slot.put(0, &self.counting.map)
    }

    /// Returns when every program that runs now has ended.
    pub(super) fn wait(&mut self) -> Result<(), DatapathError> {
        self.slot.put(0, &self.counting.map)
    }

    /// Hands over what was counted since the last time, unless that was not forgotten yet.
    /// What gave way in the cache comes first: it was counted before what is in its place. The
    /// notice of every flow in the bank is in the ring when no program holds the bank any more.
    pub(super) fn drain(&mut self, sink: &mut dyn FnMut(FlowPart)) -> Result<(), DatapathError> {
        if self.is_drained {
            return Ok(());
        }
        self.ring.read(sink)?;
        self.count_in_idle()?;
        self.is_drained = true;
        self.ring.read(sink)?;
        self.idle.read(sink);
        Ok(())
    }

    /// Forgets what was handed over.
    pub(super) fn forget(&mut self) {
        if self.is_drained {
            self.idle.clean();
            self.ring.take();
            self.is_drained = false;
        }
    }

    /// How far was read: the number of the bank, and the position in the ring.
    pub(super) const fn position(&self) -> (u64, u64) {
        let epoch = if self.is_drained { self.epoch - 1 } else { 0 };
        (epoch, self.ring.position())
    }

    fn count_in_idle(&mut self) -> Result<(), DatapathError> {
        self.idle.set_epoch(self.epoch + 1);
        self.slot.put(0, &self.idle.map)?;
        self.epoch += 1;
        std::mem::swap(&mut self.counting, &mut self.idle);
        Ok(())
    }
}

/// One bank. After its sets stands one more that no packet is counted in: there is its number.
pub(super) struct Bank {
    map: Named<Rows<FlowSet>>,
    sets: Memory<FlowSet>,
    count: usize,
}

impl Bank {
    fn new(sets: usize) -> Result<Self, DatapathError> {
        Self::of(
            Named::zeroes(sets + 1, ANY_SIZE | MMAPABLE, "FLOWS")?,
            Access::ReadAndWrite,
        )
    }

    pub(super) fn of(map: Named<Rows<FlowSet>>, access: Access) -> Result<Self, DatapathError> {
        let length = map.map.len() as usize;
        Ok(Self {
            sets: Memory::map(&map, length, access)?,
            map,
            count: length.saturating_sub(1),
        })
    }

    /// The how manieth it was that was put to count; 0 for none.
    pub(super) fn epoch(&self) -> u64 {
        // SAFETY: the place lies in the mapping, and only this process writes it.
        let read = |set: std::ptr::NonNull<FlowSet>| unsafe {
            (&raw const (*set.as_ptr()).tags[0]).read_volatile()
        };
        self.sets.place(self.count).map_or(0, read)
    }

    fn set_epoch(&self, epoch: u64) {
        if let Some(set) = self.sets.place(self.count) {
            // SAFETY: as above.
            unsafe { (&raw mut (*set.as_ptr()).tags[0]).write_volatile(epoch) };
        }
    }

    /// Hands over every flow that counted anything.
    pub(super) fn read(&self, sink: &mut dyn FnMut(FlowPart)) {
        self.ways(|set, way| {
            // SAFETY: the set lies in the mapping, the way is one of its, and a part takes any
            // bytes. Where a program writes it meanwhile, it is out of date, no more.
            unsafe {
                let part = (&raw const (*set).parts).cast::<FlowPart>().add(way);
                if (&raw const (*part).value.packets).read_volatile() != 0 {
                    sink(part.read_volatile());
                }
            }
        });
    }

    /// Makes a bank that no program writes to clean: flows that counted anything keep their
    /// place, the others lose it.
    fn clean(&self) {
        self.ways(|set, way| {
            // SAFETY: as above, and nobody else writes it.
            unsafe {
                let part = (&raw mut (*set).parts).cast::<FlowPart>().add(way);
                if (*part).value.packets == 0 {
                    (*set).tags[way] = 0;
                    (*set).decisions[way] = 0;
                    (*part).key = FlowKey::default();
                }
                (*part).value = FlowValue {
                    class: (*part).value.class,
                    direction: (*part).value.direction,
                    ..FlowValue::default()
                };
            }
        });
    }

    fn ways(&self, mut each: impl FnMut(*mut FlowSet, usize)) {
        for set in self.sets.places().take(self.count) {
            let set = set.as_ptr();
            // SAFETY: the set lies in the mapping.
            let tags = unsafe { (&raw const (*set).tags).read_volatile() };
            for (way, tag) in tags.into_iter().enumerate() {
                if tag != 0 {
                    each(set, way);
                }
            }
        }
    }
}
