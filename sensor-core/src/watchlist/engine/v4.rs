//! IPv4 prefixes: hosts and prefixes of 17 to 31 bits stand in lines, shorter ones in a table
//! by /16.

use sensor_common::{
    Engine4, SetRow,
    engine::{LINE_BITS_V4, Line, SHORT_BITS, Spot},
};

use super::{Laid, Prefix4, Prefixes, Sizes, filter, lines, overflow_v4};

/// Prefixes of this many bits and fewer stand in the table by /16.
pub(super) const SHORT: u8 = 16;

/// Bits of a block, which has a word of the filter.
const BLOCK: u8 = 24;

pub(super) fn lay(laid: &mut Laid, prefixes: &Prefixes<'_>, sizes: Sizes) {
    let list = prefixes.v4;
    if list.is_empty() {
        return;
    }
    let mut set_bits = 0usize;
    let mut shorter = 0;
    for prefix in list {
        match prefix.length {
            32.. => set_bits += 3,
            SHORT..32 if prefix.length > SHORT => {
                set_bits += 3 << BLOCK.saturating_sub(prefix.length);
                laid.engine.v4.lengths |= 1 << prefix.length;
            }
            _ => shorter += 1,
        }
    }
    let engine = &mut laid.engine.v4;
    engine.has_short = u32::from(shorter > 0);
    let bits = lines::bits_for(list.len() - shorter, LINE_BITS_V4);
    engine.line_shift = 32 - bits;
    engine.filter_bits = sizes.v4.bits(set_bits);
    let engine = *engine;
    laid.set_v4 = set_bits;
    laid.filter_v4 = filter_v4(list, &engine);
    lay_lines(laid, prefixes, &engine, bits);
    if shorter > 0 {
        lay_short(laid, prefixes);
    }
}

/// The words of the filter that an engine has for these prefixes.
pub fn filter_v4(list: &[Prefix4], engine: &Engine4) -> Vec<u64> {
    filter::fill(engine.filter_bits, list.len(), |mark| {
        for prefix in list {
            mark_prefix(engine, *prefix, mark);
        }
    })
}

pub(super) fn mark_prefix(engine: &Engine4, prefix: Prefix4, mark: &mut dyn FnMut(u64, u64)) {
    let Prefix4 { address, length } = prefix;
    match length {
        32.. => mark(engine.block_hash(address), engine.host_mask(address)),
        0..=SHORT => {}
        _ => {
            let blocks = 1u32 << BLOCK.saturating_sub(length);
            for block in 0..blocks {
                let address = address | block << (32 - BLOCK);
                mark(engine.block_hash(address), engine.block_mask(address));
            }
        }
    }
}

/// Where a prefix stands in the lines, if it does.
pub(super) const fn spot(engine: &Engine4, prefix: Prefix4) -> Option<Spot> {
    match prefix.length {
        0..=SHORT => None,
        32.. => Some(engine.host(prefix.address)),
        length => Some(engine.prefix(prefix.address, length as u32)),
    }
}

fn lay_lines(laid: &mut Laid, prefixes: &Prefixes<'_>, engine: &Engine4, bits: u32) {
    let list = prefixes.v4;
    let spot = |item: usize| spot(engine, list[item]);
    laid.lines_v4 = vec![Line::default(); 1 << bits];
    let left = lines::fill(&mut laid.lines_v4, list.len(), spot);
    let first = u32::try_from(laid.rows.len()).unwrap_or(0);
    let next = lines::number(&mut laid.lines_v4, first);
    laid.rows.resize(next as usize, SetRow::NONE);
    let set = |item: usize| u32::try_from(item + 1).unwrap_or(0);
    lines::write_rows(
        (&laid.lines_v4, &left),
        (first, &mut laid.rows[first as usize..]),
        list.len(),
        (spot, |item| prefixes.row(set(item))),
    );
    for item in left {
        let row = laid.add_row(prefixes.row(set(item)));
        let Prefix4 { address, length } = list[item];
        laid.overflow.insert(overflow_v4(address, length), row);
    }
}

/// Every prefix overwrites what a shorter one around it wrote: they come in that order.
fn lay_short(laid: &mut Laid, prefixes: &Prefixes<'_>) {
    let mut rows = vec![0u32; 1 << SHORT_BITS];
    for (set, prefix) in (1..).zip(prefixes.v4) {
        if prefix.length > SHORT {
            continue;
        }
        let row = laid.add_row(prefixes.row(set));
        laid.short_rows.insert(*prefix, row);
        let first = Engine4::short(prefix.address) as usize;
        let count = 1 << (SHORT - prefix.length);
        rows[first..first + count].fill(row);
    }
    let (pairs, _) = rows.as_chunks();
    let word = |&[even, odd]: &[u32; 2]| u64::from(odd) << 32 | u64::from(even);
    laid.short_v4 = pairs.iter().map(word).collect();
}
