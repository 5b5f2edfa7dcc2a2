//! Finds the match sets of a packet's two addresses.
//!
//! What the tables are, and how an address is hashed, stands in `sensor_common::engine`; user
//! space lays them out (`sensor_core::watchlist::engine`). Most packets pay one load an
//! address, in the filter; the two loads do not wait for each other. User space writes a
//! generation's tables before it names the generation, the program only reads.

mod filter;
mod lines;
mod ports;
mod v4;
mod v6;

use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps, HashMap},
    macros::btf_map,
};
use sensor_common::{Engine, IpVersion, NO_MATCH_SET, Packet, SetRow, engine::NO_ROW};

use crate::{
    config::Generation,
    slots::{ANY_SIZE, MMAPABLE},
    words::{self, Cells},
};

/// Shape and seeds, by generation.
#[btf_map]
static ENGINE: Array<Cells<Engine>, 2, MMAPABLE> = Array::new();

/// What an address that matched leads to, by generation.
#[btf_map]
static ROWS: ArrayOfMaps<Array<Cells<SetRow>, 1, { ANY_SIZE | MMAPABLE }>, 2> = ArrayOfMaps::new();

/// Prefixes for which their line had no room, by generation: address in two words, length and
/// IP version; and their rows.
#[btf_map]
static OVERFLOW: ArrayOfMaps<HashMap<[u64; 3], u32, 1>, 2> = ArrayOfMaps::new();

/// The match sets of a packet.
#[derive(Clone, Copy)]
pub(crate) struct Hit {
    /// Match set of the source address.
    pub(crate) source: u32,
    /// Match set of the destination address.
    pub(crate) destination: u32,
    /// The approvals that name them.
    pub(crate) source_group: u32,
    /// Likewise.
    pub(crate) destination_group: u32,
}

impl Hit {
    /// Whether no indicator is left: those around its ends count on other ports.
    #[inline(always)]
    pub(crate) const fn is_nothing(&self) -> bool {
        self.source | self.destination == NO_MATCH_SET
    }
}

/// As [`look_up`], with a stack of its own: with that of the parser it would be more than
/// Linux 6.1 allows.
#[inline(never)]
pub(crate) fn look_up_apart(generation: Generation, packet: &Packet) -> u64 {
    look_up(generation, packet)
}

/// The rows of both addresses, that of the source in the lower half; 0 where neither is
/// watched.
#[inline(always)]
pub(crate) fn look_up(generation: Generation, packet: &Packet) -> u64 {
    let place = generation.index;
    let Some(engine) = ENGINE.get(place) else {
        return 0;
    };
    let engine: &Engine = words::view(engine);
    match packet.version {
        IpVersion::V4 => v4::look_up(place, &engine.v4, packet),
        IpVersion::V6 => v6::look_up(place, &engine.v6, packet),
    }
}

/// Two rows in one word, for a function that is not inlined.
#[inline(always)]
fn both(source: u32, destination: u32) -> u64 {
    u64::from(destination) << 32 | u64::from(source)
}

/// What the rows that were found say of a packet.
#[inline(always)]
pub(crate) fn hit(generation: Generation, packet: &Packet, rows: u64) -> Hit {
    let end = |row, port| narrowed(generation, row, packet, port);
    let source = end(row(generation, rows as u32), packet.source_port);
    let destination = row(generation, (rows >> 32) as u32);
    let destination = end(destination, packet.destination_port);
    Hit {
        source: source.set,
        destination: destination.set,
        source_group: u32::from(source.group),
        destination_group: u32::from(destination.group),
    }
}

/// Rows of totals that belong to one CPU.
#[inline(always)]
pub(crate) fn stride(generation: Generation) -> Option<u32> {
    let engine: &Engine = words::view(ENGINE.get(generation.index)?);
    Some(engine.stride)
}

/// How many rules of tunnels there are.
#[inline(always)]
pub(crate) fn tunnels(generation: Generation) -> u32 {
    ENGINE
        .get(generation.index)
        .map_or(0, |engine| words::view::<Engine>(engine).tunnels)
}

#[inline(always)]
fn row(generation: Generation, row: u32) -> SetRow {
    if row == NO_ROW {
        return SetRow::NONE;
    }
    ROWS.get_value(generation.index, &row)
        .map_or(SetRow::NONE, |row| *words::view(row))
}

/// The match sets of rows as they stand, for the bench: its lists have no port rules, and the
/// verifier follows its walks through every branch for several packets.
#[cfg(feature = "bench")]
#[inline(always)]
pub(crate) fn sets(generation: Generation, rows: u64) -> (u32, u32) {
    let source = row(generation, rows as u32);
    let destination = row(generation, (rows >> 32) as u32);
    (source.set, destination.set)
}

/// What a row says of a packet with this port on the side of the address.
#[inline(always)]
fn narrowed(generation: Generation, row: SetRow, packet: &Packet, port: [u8; 2]) -> SetRow {
    if row.flags & SetRow::PORTS == 0 {
        return row;
    }
    ports::narrowed(generation, row, packet, port)
}

/// The row of a prefix in the overflow table.
#[inline(always)]
fn overflow(place: u32, key: &[u64; 3]) -> u32 {
    // SAFETY: user space writes the table before it names the generation, and never after.
    OVERFLOW
        .get(place)
        .and_then(|table| unsafe { table.get(key) })
        .map_or(NO_ROW, |row| *row)
}
