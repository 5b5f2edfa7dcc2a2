//! What user space changes while the program runs, one cell each.
//!
//! User space writes every cell with one aligned store through shared memory, the program
//! only reads: that is why it is free of races. All cells are zero after loading, and zero
//! means no generation and no attendance: nothing is recorded.

use aya_ebpf::{
    Global,
    btf_maps::{Array, HashMap},
    macros::btf_map,
};
use sensor_common::{LEASE_LIMIT, OwnAddress, Packet};

use crate::{context::Context, slots::MMAPABLE};

/// One number that user space stores while packets are judged.
type Cell = Array<u64, 1, MMAPABLE>;

/// Version of the types this program was built with. Only the loader reads it.
#[used]
#[unsafe(no_mangle)]
static WIRE_VERSION: u32 = sensor_common::WIRE_VERSION;

/// 1 in a program loaded for lab: only then own addresses are looked up.
#[unsafe(no_mangle)]
static LAB: Global<u8> = Global::new(0);

/// Number of the generation in force; 0 is none.
#[btf_map]
static GENERATION: Cell = Cell::new();

/// `attended_until`: the agent's deadline, in nanoseconds since boot, in replay since 1970.
#[btf_map]
static LEASE: Cell = Cell::new();

/// Addresses of this host. Written by user space before it attaches.
#[btf_map]
static OWN_ADDRESSES: HashMap<OwnAddress, u32, 1024> = HashMap::new();

/// The generation that judges a packet, read once.
#[derive(Clone, Copy)]
pub(crate) struct Generation {
    /// Its number.
    pub(crate) number: u64,
    /// Where its tables stand in every outer map.
    pub(crate) index: u32,
}

/// The generation in force.
#[inline(always)]
pub(crate) fn generation() -> Option<Generation> {
    let number = read(&GENERATION);
    (number != 0).then_some(Generation {
        number,
        index: (number & 1) as u32,
    })
}

/// Whether the agent's lease holds at `now`.
#[inline(always)]
pub(crate) fn is_attended(now: u64) -> bool {
    let until = read(&LEASE);
    now < until && (Context::has_longer_leases() || until - now <= LEASE_LIMIT)
}

/// Whether either end is an address of this host; `false` outside lab mode.
#[inline(always)]
pub(crate) fn is_own_address(packet: &Packet) -> bool {
    LAB.load() == 1 && (is_own(packet, packet.source) || is_own(packet, packet.destination))
}

#[inline(always)]
fn is_own(packet: &Packet, address: [u8; 16]) -> bool {
    OWN_ADDRESSES
        .get_ptr(&OwnAddress {
            address,
            ip_version: u32::from(packet.version as u8),
        })
        .is_some()
}

#[inline(always)]
fn read(cell: &Cell) -> u64 {
    // SAFETY: the pointer is to an aligned cell of the map; a volatile read is one load, so
    // it cannot see half of user space's store, and the compiler cannot repeat it.
    cell.get_ptr(0)
        .map_or(0, |cell| unsafe { cell.read_volatile() })
}
