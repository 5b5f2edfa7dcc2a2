#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers of prefixes, and words a filter has"
)]

mod change;

use std::collections::BTreeMap;

use proptest::prelude::*;
use sensor_common::{
    NO_MATCH_SET,
    engine::{Kinds, Line, NO_ROW, Spot},
};

use super::*;

/// As the program looks an IPv4 address up, but without its pair.
fn find_v4(laid: &Laid, address: u32) -> u32 {
    let engine = &laid.engine.v4;
    if engine.filter_bits == 0 {
        return NO_ROW;
    }
    let hash = engine.block_hash(address);
    let word = laid.filter_v4[(hash >> (64 - engine.filter_bits)) as usize];
    let passed = engine.test(word, address, hash);
    if passed.long & 1 == 1 {
        let found = in_lines(laid, &laid.lines_v4, engine.host(address), || {
            overflow_v4(address, 32)
        });
        if found != NO_ROW {
            return found;
        }
    }
    if passed.short & 1 == 1 {
        for length in (17..32u8).rev() {
            if engine.lengths >> length & 1 == 0 {
                continue;
            }
            let spot = engine.prefix(address, length.into());
            let key = || overflow_v4(Prefix4::around(address, length).address, length);
            let found = in_lines(laid, &laid.lines_v4, spot, key);
            if found != NO_ROW {
                return found;
            }
        }
    }
    let block = address >> 16;
    let word = laid.short_v4.get(block as usize / 2);
    word.map_or(NO_ROW, |word| {
        sensor_common::Engine4::short_row(*word, block)
    })
}

fn in_lines(laid: &Laid, lines: &[Line], spot: Spot, key: impl Fn() -> OverflowKey) -> u32 {
    let line = &lines[spot.line as usize].0;
    let found = Line::find(line, spot.tag);
    if found == NO_ROW && Line::overflows(line) {
        return in_overflow(laid, key());
    }
    found
}

fn in_overflow(laid: &Laid, wanted: OverflowKey) -> u32 {
    laid.overflow.get(&wanted).copied().unwrap_or(NO_ROW)
}

fn find_v6(laid: &Laid, address: u128) -> u32 {
    let engine = &laid.engine.v6;
    if engine.filter_bits == 0 {
        return NO_ROW;
    }
    let [high, low] = halves(address);
    let hash = engine.block_hash(high);
    let word = laid.filter_v6[(hash >> (64 - engine.filter_bits)) as usize];
    let passed = engine.test(word, high, hash);
    let wide = engine.wide_bits > 0 && {
        let hash = engine.wide_hash(high);
        let word = laid.wide_v6[(hash >> (64 - engine.wide_bits)) as usize];
        sensor_common::Engine6::test_wide(word, hash) & 1 == 1
    };
    let short = engine.has_short == 1 && {
        let block = sensor_common::Engine6::short(high) as usize;
        laid.short_v6[block / 64] >> (block % 64) & 1 == 1
    };
    let mut left = engine.lengths(Kinds {
        long: passed.long,
        block: passed.short,
        wide: wide.into(),
        short: short.into(),
    });
    while let Some(length) = left.longest() {
        let (high, low) = sensor_common::Engine6::masked(high, low, length);
        let spot = engine.prefix(high, low, length);
        let line = &laid.lines_v6[spot.line as usize].0;
        let found = Line::find(line, spot.tag);
        let key = [high, low, length.into()];
        if found != NO_ROW && laid.keys_v6[(found - engine.first) as usize] == key {
            return found;
        }
        if Line::overflows(line) {
            let found = in_overflow(laid, [high, low, u64::from(length) | 6 << 32]);
            if found != NO_ROW {
                return found;
            }
        }
    }
    NO_ROW
}

fn set(laid: &Laid, row: u32) -> u32 {
    if row == NO_ROW {
        return NO_MATCH_SET;
    }
    laid.rows[row as usize].set
}

/// The naive way: the longest of all lengths.
fn naive<A: Copy, P: Ord>(
    sets: &BTreeMap<P, u32>,
    address: A,
    bits: u8,
    around: fn(A, u8) -> P,
) -> u32 {
    let mut lengths = (0..=bits).rev();
    lengths
        .find_map(|length| sets.get(&around(address, length)).copied())
        .unwrap_or(NO_MATCH_SET)
}

/// Lays prefixes out and compares every given address, and those beside each prefix.
fn compare(v4: &[Prefix4], v6: &[Prefix6], others: (&[u32], &[u128]), seed: u64, sizes: Sizes) {
    let (mut v4, mut v6) = (v4.to_vec(), v6.to_vec());
    v4.sort_unstable();
    v4.dedup();
    v6.sort_unstable();
    v6.dedup();
    let groups: Vec<u32> = (0..=v4.len() + v6.len())
        .map(|set| set as u32 % 7)
        .collect();
    let prefixes = Prefixes {
        v4: &v4,
        v6: &v6,
        ports: &[],
        group_of_set: &groups,
    };
    let laid = Laid::new(&prefixes, &Seeds::from_number(seed), sizes);
    // Laid alone, a filter is the same.
    assert!(v4.is_empty() || laid.filter_v4 == filter_v4(&v4, &laid.engine.v4));
    assert!(v6.is_empty() || laid.filter_v6 == filter_v6(&v6, &laid.engine.v6));
    assert_eq!(
        laid.rows.len(),
        v4.len() + v6.len() + 1,
        "one row each and none lost"
    );
    for row in &laid.rows[1..] {
        assert_eq!((u32::from(row.group), row.flags), (row.set % 7, 0));
    }
    let sets4: BTreeMap<_, u32> = v4.iter().copied().zip(1..).collect();
    let sets6: BTreeMap<_, u32> = v6.iter().copied().zip(v4.len() as u32 + 1..).collect();
    let edges = v4.iter().flat_map(|prefix| {
        let last = prefix.address | u32::MAX.checked_shr(prefix.length.into()).unwrap_or(0);
        let first = prefix.address;
        [first, last, first.wrapping_sub(1), last.wrapping_add(1)]
    });
    for address in edges.chain(others.0.iter().copied()) {
        let expected = naive(&sets4, address, 32, Prefix4::around);
        assert_eq!(set(&laid, find_v4(&laid, address)), expected, "{address:x}");
    }
    let edges = v6.iter().flat_map(|prefix| {
        let last = prefix.address | u128::MAX.checked_shr(prefix.length.into()).unwrap_or(0);
        let first = prefix.address;
        [first, last, first.wrapping_sub(1), last.wrapping_add(1)]
    });
    for address in edges.chain(others.1.iter().copied()) {
        let expected = naive(&sets6, address, 128, Prefix6::around);
        assert_eq!(set(&laid, find_v6(&laid, address)), expected, "{address:x}");
    }
}

/// Prefixes that lie around and beside each other.
fn v4_prefixes() -> impl Strategy<Value = Vec<Prefix4>> {
    let near = (0..4u32, 0..3u32, any::<u8>(), 0..=32u8).prop_map(|(a, b, c, length)| {
        Prefix4::around(
            0x0a00_0000 | a << 22 | b << 14 | b << 8 | u32::from(c),
            length,
        )
    });
    let any = (any::<u32>(), 0..=32u8).prop_map(|(a, length)| Prefix4::around(a, length));
    prop::collection::vec(prop_oneof![4 => near, 1 => any], 0..200)
}

fn v6_prefixes() -> impl Strategy<Value = Vec<Prefix6>> {
    let near = (0..4u128, 0..3u128, any::<u8>(), 0..=128u8).prop_map(|(a, b, c, length)| {
        let address = 0x2a00 << 112 | a << 100 | b << 90 | b << 66 | a << 60 | u128::from(c);
        Prefix6::around(address, length)
    });
    let any = (any::<u128>(), 0..=128u8).prop_map(|(a, length)| Prefix6::around(a, length));
    prop::collection::vec(prop_oneof![4 => near, 1 => any], 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_address_leads_to_the_longest_prefix_around_it(
        v4 in v4_prefixes(),
        v6 in v6_prefixes(),
        others4 in prop::collection::vec(any::<u32>(), 50),
        others6 in prop::collection::vec(any::<u128>(), 50),
        seed: u64,
        chosen in (15u32..=18, 15u32..=18),
    ) {
        let mut sizes = Sizes::default();
        compare(&v4, &v6, (&others4, &others6), seed, sizes);
        sizes.v4.set(13, if chosen.0 == 16 { 13 } else { chosen.0 });
        sizes.v6.set(13, if chosen.1 == 16 { 13 } else { chosen.1 });
        compare(&v4, &v6, (&others4, &others6), seed, sizes);
    }
}

/// Numbers that look random, the same each time.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::from_fn(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Some(state ^ state >> 29)
    })
}

#[test]
fn no_prefix_is_lost_where_lines_are_full() {
    // IPv4 hosts and /24 that all choose one of a few lines; IPv6 twenty a line on average.
    let engine = Seeds::from_number(7).engine().v4;
    let engine = sensor_common::Engine4 {
        line_shift: 15,
        ..engine
    };
    let mut random = numbers(1);
    let mut next = || random.next().unwrap();
    let full = |spot: Spot| spot.line.is_multiple_of(1 << 12);
    let mut v4 = Vec::new();
    for _ in 0..5_000_000 {
        let address = (next() >> 32) as u32;
        if full(engine.host(address)) {
            v4.push(Prefix4::around(address, 32));
        } else if full(engine.prefix(address, 24)) {
            v4.push(Prefix4::around(address, 24));
        }
    }
    let v6: Vec<_> = (0..40_000)
        .map(|_| {
            let address = u128::from(next()) << 64 | u128::from(next());
            Prefix6::around(address, [128, 64, 48, 33][(next() % 4) as usize])
        })
        .collect();
    compare(&v4, &v6, (&[], &[]), 7, Sizes::default());
    v4.sort_unstable();
    v4.dedup();
    let groups = vec![0; v4.len() + 1];
    let prefixes = Prefixes {
        v4: &v4,
        v6: &[],
        ports: &[],
        group_of_set: &groups,
    };
    let laid = Laid::new(&prefixes, &Seeds::from_number(7), Sizes::default());
    assert!(laid.overflow.len() > 100, "{}", laid.overflow.len());
    let again = Laid::new(&prefixes, &Seeds::from_number(7), Sizes::default());
    assert!(laid == again, "the same input gives the same tables");
    let other = Laid::new(&prefixes, &Seeds::from_number(8), Sizes::default());
    assert!(laid.filter_v4 != other.filter_v4 && laid.lines_v4 != other.lines_v4);
}

#[test]
fn few_addresses_beside_the_prefixes_pass_the_filter() {
    let mut random = numbers(3);
    let mut next = || (random.next().unwrap() >> 32) as u32;
    let mut v4: Vec<_> = (0..100_000).map(|_| Prefix4::around(next(), 32)).collect();
    v4.sort_unstable();
    v4.dedup();
    let groups = vec![0; v4.len() + 1];
    let prefixes = Prefixes {
        v4: &v4,
        v6: &[],
        ports: &[],
        group_of_set: &groups,
    };
    let laid = Laid::new(&prefixes, &Seeds::from_number(9), Sizes::default());
    let engine = &laid.engine.v4;
    let passes = |address: u32| {
        let hash = engine.block_hash(address);
        let word = laid.filter_v4[(hash >> (64 - engine.filter_bits)) as usize];
        let passed = engine.test(word, address, hash);
        (passed.long | passed.short) & 1 == 1
    };
    let random = (0..100_000).filter(|_| passes(next())).count();
    assert!(random < 3_000, "{random} of 100,000 addresses pass");
    // Whoever knows the list cannot choose what passes: neighbours do not either.
    let beside = v4.iter().filter(|host| passes(host.address ^ 1)).count();
    assert!(beside < 8_000, "{beside} of 100,000 neighbours pass");
}

#[test]
fn what_was_chosen_stands_for_the_size_of_the_rule_alone() {
    let mut chosen = Chosen::default();
    // 300,000 bits of 2^21, and of 2^19.
    assert_eq!(chosen.bits(300_000), 15);
    chosen.set(15, 18);
    assert_eq!(chosen.bits(300_000), 18);
    assert_eq!(chosen.bits(30_000), 13);
    assert_eq!(chosen.bits(3_000_000), 19);
    chosen.set(16, 22);
    assert_eq!(chosen.bits(300_000), 18, "no filter has 2^16 words");
}

#[test]
fn candidates_are_the_size_of_the_rule_and_those_around_it() {
    let of = |set| candidates(set).collect::<Vec<_>>();
    assert_eq!(of(0), [13, 15]);
    // In 64 KiB more than a half of the bits would be set.
    assert_eq!(of(300_000), [15, 17]);
    // In 64 KiB less than a third, more than a sixth.
    assert_eq!(of(150_000), [13, 15, 17]);
    assert_eq!(of(3_000_000), [17, 18, 19, 20]);
    assert_eq!(of(30_000_000), [21, 22]);
    // More than a third even in the largest.
    assert_eq!(of(100_000_000), [22]);
    for set in (0..200_000_000).step_by(70_001) {
        assert!(of(set).contains(&bits_for(set)) && of(set).is_sorted());
    }
}
