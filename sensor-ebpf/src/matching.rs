//! Finds the match sets of a packet's two addresses.
//!
//! What the tables are, and how an address is hashed, stands in `sensor_common::engine`; user
//! space lays them out (`sensor_core::watchlist::engine`). Most packets pay one load an
//! address, in the filter; the two loads do not wait for each other. User space writes a
//! generation's tables before it names the generation, the program only reads.

mod filter;
mod lines;
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

/// The match sets of a packet; at least one is not [`NO_MATCH_SET`].
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

/// The rows that the two addresses of a packet lead to.
#[derive(Clone, Copy)]
struct Rows {
    source: u32,
    destination: u32,
}

impl Rows {
    const NONE: Self = Self {
        source: NO_ROW,
        destination: NO_ROW,
    };
}

/// What stands between the tables and one address.
#[derive(Clone, Copy)]
struct Tables {
    /// The place of the generation's tables in the outer maps.
    place: u32,
    engine: &'static Engine,
}

/// The rows of both addresses, that of the source in the lower half; 0 where neither is
/// watched.
///
/// Not inlined, so that its stack is free again when the packet is judged.
#[inline(never)]
pub(crate) fn look_up(place: u32, packet: &Packet) -> u64 {
    let Some(engine) = ENGINE.get(place) else {
        return 0;
    };
    let tables = Tables {
        place,
        engine: words::view(engine),
    };
    let rows = match packet.version {
        IpVersion::V4 => v4::find(tables, word(packet.source), word(packet.destination)),
        IpVersion::V6 => v6::find(tables, &packet.source, &packet.destination),
    };
    rows.map_or(0, |rows| {
        u64::from(rows.destination) << 32 | u64::from(rows.source)
    })
}

/// What the rows that were found say.
#[inline(always)]
pub(crate) fn hit(generation: Generation, rows: u64) -> Hit {
    let source = row(generation, rows as u32);
    let destination = row(generation, (rows >> 32) as u32);
    Hit {
        source: source.set,
        destination: destination.set,
        source_group: source.group,
        destination_group: destination.group,
    }
}

/// Rows of totals that belong to one CPU.
#[inline(always)]
pub(crate) fn stride(generation: Generation) -> Option<u32> {
    let engine: &Engine = words::view(ENGINE.get(generation.index)?);
    Some(engine.stride)
}

#[inline(always)]
fn row(generation: Generation, row: u32) -> SetRow {
    const NONE: SetRow = SetRow {
        set: NO_MATCH_SET,
        group: 0,
    };
    if row == NO_ROW {
        return NONE;
    }
    ROWS.get_value(generation.index, &row)
        .map_or(NONE, |row| *words::view(row))
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

#[inline(always)]
fn word([a, b, c, d, ..]: [u8; 16]) -> u32 {
    u32::from_be_bytes([a, b, c, d])
}
