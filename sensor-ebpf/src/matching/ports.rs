//! Match sets with port rules: a second look-up by set, protocol and port.

use aya_ebpf::{
    btf_maps::{ArrayOfMaps, HashMap},
    macros::btf_map,
};
use sensor_common::{Packet, SetRow, port_key};

use crate::{
    config::Generation,
    words::{self, Cells},
};

/// Rows in the place of those of match sets with port rules, by generation and
/// [`port_key`].
#[btf_map]
static PORTS: ArrayOfMaps<HashMap<u64, Cells<SetRow>, 1>, 2> = ArrayOfMaps::new();

/// No row: each has a match set.
const NOTHING: u64 = 0;

/// What stands in the place of a row with port rules: the row of the packet's port, or that of
/// the indicators that count on any, if there are some.
#[inline(always)]
pub(super) fn narrowed(
    generation: Generation,
    row: SetRow,
    packet: &Packet,
    port: [u8; 2],
) -> SetRow {
    let found = if packet.has_ports {
        find(generation.index, port_key(row.set, packet.protocol, port))
    } else {
        NOTHING
    };
    if found != NOTHING {
        return *words::view(&[found]);
    }
    if row.group == 0 { SetRow::NONE } else { row }
}

/// A row as a word; [`NOTHING`] where there is none. Not inlined: few packets come here.
#[inline(never)]
fn find(place: u32, key: u64) -> u64 {
    // SAFETY: user space writes the table before it names the generation, and never after.
    (PORTS.get(place))
        .and_then(|table| unsafe { table.get(&key) })
        .map_or(NOTHING, |[row]| *row)
}
