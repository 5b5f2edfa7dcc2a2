//! IPv6 prefixes: all stand in lines, where a fingerprint leads to a row whose key tells.

use sensor_common::{
    Engine6, SetRow,
    engine::{LINE_BITS_V6, Line, SHORT_BITS, Spot},
};

use super::{Key6, Laid, Prefix6, Prefixes, Sizes, filter, halves, lines, overflow_v6};

/// From so many bits on, a prefix has bits of its own in its block's word.
const LONG: u8 = 64;

/// Bits of a block, which has a word of the filter.
pub(super) const BLOCK: u8 = 48;

/// Bits of a wide block, which has a word of the wide filter.
const WIDE: u8 = 32;

/// A prefix of fewer bits stands in the bitmap by /16.
pub(super) const SHORT: u8 = 24;

pub(super) fn lay(laid: &mut Laid, prefixes: &Prefixes<'_>, sizes: Sizes) {
    let list = prefixes.v6;
    let first = laid.rows.len();
    laid.engine.v6.first = u32::try_from(first).unwrap_or(0);
    if list.is_empty() {
        return;
    }
    let (mut set_bits, mut wide_bits, mut shorter) = (0usize, 0usize, 0usize);
    let engine = &mut laid.engine.v6;
    for prefix in list {
        match prefix.length {
            BLOCK.. => set_bits += 3,
            SHORT.. => wide_bits += 3 << WIDE.saturating_sub(prefix.length),
            _ => shorter += 1,
        }
        match prefix.length {
            128.. => engine.has_128 = 1,
            length => engine.lengths[usize::from(length / 64)] |= 1 << (length % 64),
        }
    }
    engine.has_short = u32::from(shorter > 0);
    let bits = lines::bits_for(list.len(), LINE_BITS_V6);
    engine.line_shift = 64 - bits;
    engine.filter_bits = sizes.v6.bits(set_bits);
    if wide_bits > 0 {
        engine.wide_bits = filter::bits_for(wide_bits);
    }
    let engine = *engine;
    laid.set_v6 = set_bits;
    laid.filter_v6 = filter_v6(list, &engine);
    lay_wider(laid, list, &engine);
    lay_lines(laid, prefixes, &engine, bits);
}

/// The words of the filter that an engine has for these prefixes, but for the wide ones.
pub fn filter_v6(list: &[Prefix6], engine: &Engine6) -> Vec<u64> {
    filter::fill(engine.filter_bits, list.len(), |mark| {
        for prefix in list {
            mark_prefix(engine, *prefix, mark);
        }
    })
}

/// The filter of wide prefixes, and the bitmap of those that are shorter still.
fn lay_wider(laid: &mut Laid, list: &[Prefix6], engine: &Engine6) {
    if engine.wide_bits > 0 {
        laid.wide_v6 = filter::fill(engine.wide_bits, list.len(), |mark| {
            for prefix in list {
                mark_wide(engine, *prefix, mark);
            }
        });
    }
    if engine.has_short == 1 {
        laid.short_v6 = vec![0; (1 << SHORT_BITS) / 64];
        for prefix in list {
            for block in short_blocks(*prefix) {
                laid.short_v6[block / 64] |= 1 << (block % 64);
            }
        }
    }
}

/// What a prefix of 48 bits and more sets in the filter.
pub(super) fn mark_prefix(engine: &Engine6, prefix: Prefix6, mark: &mut dyn FnMut(u64, u64)) {
    let [high, _] = halves(prefix.address);
    match prefix.length {
        LONG.. => mark(engine.block_hash(high), engine.long_mask(high)),
        BLOCK.. => mark(engine.block_hash(high), engine.block_mask(high)),
        _ => {}
    }
}

/// What a prefix of 24 to 47 bits sets in the wide filter.
pub(super) fn mark_wide(engine: &Engine6, prefix: Prefix6, mark: &mut dyn FnMut(u64, u64)) {
    if !(SHORT..BLOCK).contains(&prefix.length) {
        return;
    }
    let [high, _] = halves(prefix.address);
    for block in 0..1u64 << WIDE.saturating_sub(prefix.length) {
        let high = high | block << (64 - WIDE);
        mark(engine.wide_hash(high), engine.wide_mask(high));
    }
}

/// The /16 that a prefix of fewer than 24 bits touches.
pub(super) fn short_blocks(prefix: Prefix6) -> std::ops::Range<usize> {
    if prefix.length >= SHORT {
        return 0..0;
    }
    let [high, _] = halves(prefix.address);
    let first = Engine6::short(high) as usize;
    first..first + (1 << 16u8.saturating_sub(prefix.length))
}

/// Where a prefix stands in the lines.
pub(super) const fn spot(engine: &Engine6, Prefix6 { address, length }: Prefix6) -> Spot {
    let [high, low] = halves(address);
    engine.prefix(high, low, length as u32)
}

/// The key of its row.
pub(super) const fn key(Prefix6 { address, length }: Prefix6) -> Key6 {
    let [high, low] = halves(address);
    [high, low, length as u64]
}

fn lay_lines(laid: &mut Laid, prefixes: &Prefixes<'_>, engine: &Engine6, bits: u32) {
    let list = prefixes.v6;
    let spot = |item: usize| Some(spot(engine, list[item]));
    laid.lines_v6 = vec![Line::default(); 1 << bits];
    let left = lines::fill(&mut laid.lines_v6, list.len(), spot);
    let first = engine.first;
    let next = lines::number(&mut laid.lines_v6, first);
    laid.rows.resize(next as usize, SetRow::NONE);
    laid.keys_v6 = vec![[0; 3]; (next - first) as usize];
    let before = prefixes.v4.len() + 1;
    let set = |item: usize| u32::try_from(before + item).unwrap_or(0);
    lines::write_rows(
        (&laid.lines_v6, &left),
        (first, &mut laid.rows[first as usize..]),
        list.len(),
        (spot, |item| prefixes.row(set(item))),
    );
    lines::write_rows(
        (&laid.lines_v6, &left),
        (first, &mut laid.keys_v6),
        list.len(),
        (spot, |item| key(list[item])),
    );
    for item in left {
        let row = laid.add_row(prefixes.row(set(item)));
        let Prefix6 { address, length } = list[item];
        laid.overflow.insert(overflow_v6(address, length), row);
    }
}
