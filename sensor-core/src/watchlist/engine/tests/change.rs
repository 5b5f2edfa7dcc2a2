//! Single prefixes under packets: after every store an address leads where it did or will.

use ipnet::IpNet;

use super::*;
use crate::watchlist::{Patch, engine::SPARE};

/// Makes a store where a packet finds it.
fn store(kernel: &mut Laid, after: &Laid, store: Store) {
    match store {
        Store::Overflow { key, row } => {
            let _before = match row {
                Some(row) => kernel.overflow.insert(key, row),
                None => kernel.overflow.remove(&key),
            };
        }
        Store::Word { table, at, word } => {
            let words = match table {
                Table::Engine => {
                    // One word has all that may change of IPv4; IPv6 has more lengths than one.
                    kernel.engine = after.engine;
                    return;
                }
                Table::Rows => {
                    kernel.rows.resize(after.rows.len(), SetRow::NONE);
                    let row = &after.rows[at];
                    assert_eq!(row.word(), word);
                    kernel.rows[at] = *row;
                    return;
                }
                Table::LinesV4 => &mut kernel.lines_v4[at / 8].0[at % 8],
                Table::LinesV6 => &mut kernel.lines_v6[at / 8].0[at % 8],
                Table::KeysV6 => &mut kernel.keys_v6[at / 3][at % 3],
                Table::FilterV4 => &mut kernel.filter_v4[at],
                Table::FilterV6 => &mut kernel.filter_v6[at],
                Table::WideV6 => &mut kernel.wide_v6[at],
                Table::ShortV4 => &mut kernel.short_v4[at],
                Table::ShortV6 => &mut kernel.short_v6[at],
            };
            *words = word;
        }
    }
}

/// What the kernel has, by prefix.
type Rows = BTreeMap<IpNet, u32>;

fn longest(rows: &Rows, address: IpNet) -> u32 {
    let covering = rows.iter().filter(|(prefix, _)| prefix.contains(&address));
    let longest = covering.max_by_key(|(prefix, _)| prefix.prefix_len());
    longest.map_or(0, |(_, set)| *set)
}

fn find(laid: &Laid, address: IpNet) -> u32 {
    let row = match address {
        IpNet::V4(address) => find_v4(laid, address.addr().to_bits()),
        IpNet::V6(address) => find_v6(laid, address.addr().to_bits()),
    };
    set(laid, row)
}

fn laid_out(v4: &[Prefix4], v6: &[Prefix6], seed: u64) -> (Laid, Rows) {
    let (mut v4, mut v6) = (v4.to_vec(), v6.to_vec());
    v4.sort_unstable();
    v4.dedup();
    v6.sort_unstable();
    v6.dedup();
    let groups = vec![0; v4.len() + v6.len() + 1];
    let prefixes = Prefixes {
        v4: &v4,
        v6: &v6,
        ports: &[],
        group_of_set: &groups,
    };
    let laid = Laid::new(&prefixes, &Seeds::from_number(seed), Sizes::default());
    let nets = (v4.iter().map(|&prefix| prefix.into())).chain(v6.iter().map(|&p| p.into()));
    (laid, nets.zip(1..).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_store_leaves_what_was_or_what_will_be(
        v4 in v4_prefixes(),
        v6 in v6_prefixes(),
        more in (v4_prefixes(), v6_prefixes()),
        order in any::<u64>(),
        seed: u64,
    ) {
        let (mut laid, mut rows) = laid_out(&v4, &v6, seed);
        let mut kernel = laid.clone();
        let known = rows.keys().copied();
        let others = (more.0.iter().map(|&p| IpNet::from(p))).chain(more.1.iter().map(|&p| p.into()));
        let all: Vec<IpNet> = known.chain(others.take(40)).collect();
        let addresses: Vec<IpNet> = (all.iter())
            .flat_map(|prefix| [prefix.addr(), prefix.broadcast()])
            .map(IpNet::from)
            .collect();
        let mut random = numbers(order);
        let mut next_set = 10_000;
        for _ in 0..40 {
            let mut pick = |of: usize| (random.next().unwrap() >> 20) as usize % of.max(1);
            let Some(&prefix) = all.get(pick(all.len())) else { break };
            let mut after = rows.clone();
            // What becomes of it: added, removed, or another set.
            if rows.contains_key(&prefix) && pick(3) > 0 {
                after.remove(&prefix);
            } else {
                next_set += 1;
                after.insert(prefix, next_set);
            }
            let is_watched = after.contains_key(&prefix);
            let row = SetRow { set: longest(&after, prefix), ..SetRow::default() };
            let patch = [Patch { prefix, is_watched, row }];
            if laid.check_room(&patch).is_err() {
                continue;
            }
            let Stores { now, later } = laid.change(&patch);
            let near: Vec<IpNet> = (0..12)
                .map(|_| addresses[pick(addresses.len())])
                .chain([prefix.addr().into(), prefix.broadcast().into()])
                .collect();
            let near: Vec<(IpNet, [u32; 2])> = (near.into_iter())
                .map(|address| (address, [longest(&rows, address), longest(&after, address)]))
                .collect();
            // A short prefix stores thousands of words that are alike.
            let every = (now.len() / 100).max(1);
            for (at, part) in now.iter().chain(&later).enumerate() {
                store(&mut kernel, &laid, *part);
                for (address, either) in near.iter().filter(|_| at % every == 0) {
                    let found = find(&kernel, *address);
                    prop_assert!(either.contains(&found), "{prefix} {part:?} {address} {found}");
                }
            }
            rows = after;
            for (address, [_, after]) in &near {
                prop_assert_eq!(find(&kernel, *address), *after);
            }
        }
        for address in &addresses {
            prop_assert_eq!(find(&kernel, *address), longest(&rows, *address));
        }
        kernel.short_rows.clone_from(&laid.short_rows);
        kernel.added = laid.added;
        prop_assert!(kernel == laid, "what was stored is what is known");
    }
}

#[test]
fn what_is_taken_out_leaves_no_tag_and_no_key() {
    let host = Prefix4::around(0xc000_0201, 32);
    let beside = Prefix4::around(0xc000_0301, 32);
    let wide = Prefix6::around(0x2001_0db8 << 96 | 1, 128);
    let also = Prefix6::around(0x2001_0db8 << 96 | 1 << 64, 128);
    let (mut laid, _) = laid_out(&[host, beside], &[wide, also], 3);
    let (alone, _) = laid_out(&[beside], &[also], 3);
    let gone = |prefix: IpNet| Patch {
        prefix,
        is_watched: false,
        row: SetRow::default(),
    };
    let stores = laid.change(&[gone(host.into()), gone(wide.into())]);
    assert!(!stores.now.is_empty() && !stores.later.is_empty());
    let tags = |lines: &[Line]| -> Vec<u64> {
        let words = lines.iter().flat_map(|line| line.0[1..].to_vec());
        words.filter(|word| *word != 0).collect()
    };
    // The lane may be another one.
    let count = |lines: &[Line]| lines.iter().map(Line::len).sum::<u32>();
    assert_eq!(count(&laid.lines_v4), count(&alone.lines_v4));
    assert_eq!(count(&laid.lines_v6), count(&alone.lines_v6));
    assert_eq!(tags(&laid.lines_v4).len(), tags(&alone.lines_v4).len());
    assert_eq!(tags(&laid.lines_v6).len(), tags(&alone.lines_v6).len());
    let keys: Vec<_> = laid.keys_v6.iter().filter(|key| **key != [0; 3]).collect();
    assert_eq!(keys, alone.keys_v6.iter().collect::<Vec<_>>());
}

#[test]
fn there_is_room_for_some_and_not_for_more() {
    let first = Prefix4::around(0x0a00_0000, 32);
    let (mut laid, _) = laid_out(&[first], &[], 4);
    let row = SetRow {
        set: 1,
        ..SetRow::default()
    };
    let add = |prefix: IpNet| Patch {
        prefix,
        is_watched: true,
        row,
    };
    let hosts = (1..).map(|host| add(Prefix4::around(0x0a00_0000 + host, 32).into()));
    let some: Vec<_> = hosts.clone().take(SPARE - 1).collect();
    laid.check_room(&some).unwrap();
    let _stores = laid.change(&some);
    let next: Vec<_> = hosts.skip(SPARE - 1).take(2).collect();
    laid.check_room(&next[..1]).unwrap();
    let error = laid.check_room(&next).unwrap_err();
    assert_eq!((error.needed, error.room), (SPARE + 1, 1));
    // One that stands there already needs none.
    laid.check_room(&[some, vec![next[0]]].concat()).unwrap();
    // Without prefixes of a kind there are no tables for them.
    laid.check_room(&[add("10.0.0.0/8".parse().unwrap())])
        .unwrap_err();
    laid.check_room(&[add("2001:db8::1/128".parse().unwrap())])
        .unwrap_err();
}
