use std::{collections::BTreeSet, sync::Arc};

use ipnet::IpNet;
use proptest::prelude::*;
use sensor_common::{NO_MATCH_SET, Place, Slot, SlotMask};

use super::*;
use crate::{
    places::Flat,
    watchlist::{
        Approval, ApprovalId, Compiled, Limits, Moment, NoRoom, Prefixes, Scope, Validity, compile,
        in_order, tests::prefix,
    },
};

const TCP: PortRule = PortRule {
    protocol: 6,
    port: 443,
};
const UDP: PortRule = PortRule {
    protocol: 17,
    port: 443,
};

type Row = (IpNet, BTreeSet<PortRule>);

fn watchlist(feeds: &[Vec<Row>]) -> Watchlist {
    let mut watchlist = Watchlist::default();
    for feed in feeds {
        let mut prefixes = Prefixes::default();
        for (prefix, ports) in feed {
            let limits = Limits {
                validity: None,
                ports: ports.iter().copied().collect(),
            };
            prefixes.push_limited(*prefix, 1, &limits);
        }
        watchlist.share_feed(String::new(), prefixes.into());
    }
    watchlist
}

fn naming(scope: Scope) -> Approval {
    Approval {
        id: ApprovalId("some".into()),
        validity: Validity { begin: 0, end: 1 },
        scope,
        handling: Arc::default(),
        tunnels: Vec::new(),
        terms: Slot::default(),
    }
}

fn compiled(watchlist: &Watchlist, approvals: &[Approval]) -> Compiled {
    let places = Arc::new(Flat::everywhere(Place::Foreign));
    compile(
        watchlist,
        &in_order(approvals),
        places,
        1,
        Moment::default(),
    )
}

/// The set of the longest prefix around an address.
fn longest(compiled: &Compiled, probe: IpNet) -> u32 {
    let prefixes = compiled.tables.v4.len() + compiled.tables.v6.len();
    let sets = compiled.sets().take(prefixes);
    let around = sets.filter(|(_, set)| set.prefix.contains(&probe.addr()));
    let longest = around.max_by_key(|(_, set)| set.prefix.prefix_len());
    longest.map_or(NO_MATCH_SET, |(id, _)| id.0)
}

#[test]
fn an_indicator_counts_on_its_ports_only_and_those_around_it_on_theirs() {
    let row = |prefix: &str, ports: &[PortRule]| -> Row {
        (prefix.parse().unwrap(), ports.iter().copied().collect())
    };
    let list = watchlist(&[vec![
        row("10.0.0.0/8", &[]),
        row("10.1.0.0/16", &[TCP]),
        row("10.1.2.0/24", &[UDP]),
        row("10.1.2.0/24", &[]),
        row("192.0.2.0/24", &[TCP]),
    ]]);
    let compiled = compiled(&list, &[naming(Scope::All)]);
    let on = |address: &str, rule| -> Vec<u32> {
        let set = longest(&compiled, address.parse().unwrap());
        let set = SetId(compiled.tables.on_port(set, rule));
        compiled.covering(set).map(|id| id.0).collect()
    };
    let other = PortRule { port: 444, ..TCP };
    assert_eq!(on("10.1.2.3/32", None), [3, 0]);
    assert_eq!(on("10.1.2.3/32", Some(TCP)), [3, 1, 0]);
    assert_eq!(on("10.1.2.3/32", Some(UDP)), [2, 3, 0]);
    assert_eq!(on("10.1.9.9/32", Some(UDP)), [0]);
    assert_eq!(on("10.1.9.9/32", Some(TCP)), [1, 0]);
    assert_eq!(on("192.0.2.1/32", Some(TCP)), [4]);
    let host = longest(&compiled, "192.0.2.1/32".parse().unwrap());
    assert!(compiled.tables.has_ports(host));
    assert_eq!(compiled.tables.on_port(host, Some(other)), NO_MATCH_SET);
    assert_eq!(compiled.tables.on_port(host, None), NO_MATCH_SET);
    assert_eq!(compiled.tables.group_of_set[host as usize], 0);
    assert!(!compiled.tables.has_ports(1), "nothing around it has ports");
}

#[test]
fn more_port_rules_than_there_is_room_for_are_refused_with_the_numbers() {
    // 64 ports around 2^14 hosts, which is 2^20 sets.
    let ports = (0..64).map(|port| PortRule { port, ..TCP }).collect();
    let hosts = (0..1 << 14).map(|host: u32| {
        let address = std::net::Ipv4Addr::from(10 << 24 | host);
        (IpNet::new(address.into(), 32).unwrap(), BTreeSet::new())
    });
    let wide = ("10.0.0.0/8".parse().unwrap(), ports);
    let list = watchlist(&[[wide].into_iter().chain(hosts).collect()]);
    let compiled = compiled(&list, &[naming(Scope::All)]);
    let sets = compiled.tables.port_sets.len();
    assert!(
        sets <= (1 << 14) + 1,
        "{sets}: one for all ports of a prefix"
    );
    let Err(NoRoom { what, needed, room }) = compiled.tables.check_room() else {
        panic!("{} sets", compiled.tables.ports.len())
    };
    assert_eq!((what, room), ("port rules of match sets", 1_000_000));
    assert!(needed > room && needed <= room + 64, "{needed}");
}

/// What one approval names: everything, or some numbers.
fn scope() -> impl Strategy<Value = Option<Vec<prop::sample::Index>>> {
    prop::option::of(prop::collection::vec(any::<prop::sample::Index>(), 0..30))
}

fn row() -> impl Strategy<Value = Row> {
    let rule = (0..2u8, 0..2u16).prop_map(|(protocol, port)| PortRule { protocol, port });
    let ports = prop_oneof![
        Just(BTreeSet::new()),
        prop::collection::btree_set(rule, 1..4)
    ];
    (prefix(), ports)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn on_every_port_exactly_the_indicators_that_count_there_are_named(
        feeds in prop::collection::vec(prop::collection::vec(row(), 0..15), 0..4),
        scopes in prop::collection::vec(scope(), 0..4),
        probes in prop::collection::vec(prefix(), 1..10),
    ) {
        let list = watchlist(&feeds);
        let rows: Vec<&Row> = feeds.iter().flatten().collect();
        let approvals: Vec<Approval> = scopes
            .iter()
            .map(|scope| naming(match scope {
                None => Scope::All,
                Some(picked) => Scope::Indicators(
                    (picked.iter().filter(|_| !rows.is_empty()))
                        .map(|index| IndicatorId(number(index.index(rows.len()))))
                        .collect(),
                ),
            }))
            .collect();
        let naming = |id: IndicatorId| {
            let naming = (0..).zip(&approvals).filter(|(_, approval)| approval.scope.names(id));
            naming.fold(SlotMask::EMPTY, |mask, (slot, _)| mask.union(&SlotMask::of(slot)))
        };
        let compiled = compiled(&list, &approvals);
        let tables = &compiled.tables;
        prop_assert!(tables.ports.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(
            tables.group_of_set.len(),
            tables.v4.len() + tables.v6.len() + tables.port_sets.len() + 1
        );
        prop_assert_eq!(compiled.sets().count() + 1, tables.group_of_set.len());
        let rules = (0..3).flat_map(|protocol| (0..3).map(move |port| PortRule { protocol, port }));
        let rules: Vec<Option<PortRule>> = rules.map(Some).chain([None]).collect();
        // Addresses as they come, and one in every prefix.
        let all = probes.iter().chain(rows.iter().map(|row| &row.0));
        for probe in all {
            let longest = longest(&compiled, *probe);
            for rule in &rules {
                let fits = |ports: &BTreeSet<PortRule>| {
                    ports.is_empty() || rule.is_some_and(|rule| ports.contains(&rule))
                };
                let mut expected: Vec<(u8, IndicatorId)> = (0..)
                    .map(IndicatorId)
                    .zip(&rows)
                    .filter(|(id, _)| !naming(*id).is_empty())
                    .filter(|(_, (prefix, ports))| prefix.contains(&probe.addr()) && fits(ports))
                    .map(|(id, (prefix, _))| (u8::MAX - prefix.prefix_len(), id))
                    .collect();
                expected.sort_unstable();
                let expected: Vec<IndicatorId> = expected.into_iter().map(|(_, id)| id).collect();
                let set = tables.on_port(longest, *rule);
                let covering: Vec<IndicatorId> = compiled.covering(SetId(set)).collect();
                prop_assert_eq!(set == NO_MATCH_SET, expected.is_empty());
                let mask = expected.iter().fold(SlotMask::EMPTY, |mask, id| mask.union(&naming(*id)));
                let group = tables.group_of_set[set as usize];
                prop_assert_eq!(tables.groups[group as usize], mask);
                prop_assert_eq!(covering, expected);
                prop_assert_eq!(tables.prefix(set).is_some(), set != NO_MATCH_SET);
                if set != NO_MATCH_SET {
                    prop_assert_eq!(tables.prefix(set), tables.prefix(longest));
                }
            }
        }
        // A rule for each prefix and each port of what covers it, and no other.
        let named: Vec<&&Row> = (0..)
            .zip(&rows)
            .filter(|(id, _)| !naming(IndicatorId(*id)).is_empty())
            .map(|(_, row)| row)
            .collect();
        let mut expected: BTreeSet<(u32, PortRule)> = BTreeSet::new();
        for (id, set) in compiled.sets().take(tables.v4.len() + tables.v6.len()) {
            let around = named.iter().filter(|(prefix, _)| prefix.contains(&set.prefix));
            let rules = around.flat_map(|(_, ports)| ports);
            expected.extend(rules.map(|&rule| (id.0, rule)));
        }
        let found: BTreeSet<_> = tables.ports.iter().map(|row| (row.set, row.rule)).collect();
        prop_assert_eq!(found, expected);
        // Ports that make no difference have one set.
        let all = (0..tables.group_of_set.len()).map(|set| SetId(number(set)));
        let of_ports = all.skip(1 + tables.v4.len() + tables.v6.len());
        let distinct: BTreeSet<_> = of_ports
            .map(|set| (tables.prefix(set.0), compiled.covering(set).collect::<Vec<_>>()))
            .collect();
        prop_assert_eq!(distinct.len(), tables.port_sets.len());
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap()
}
